"""Who is on call: the view, and the word in the status line."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.support.fakes import FakeProvider
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.on_call import OnCallShift, Roster
from oncall_tui.domain.product import Product
from oncall_tui.errors import Denied, Offline
from oncall_tui.tui.screens.on_call import lines

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = 1_800_000_000.0  # Fri 15 Jan 2027, 17:00 in Tokyo


def at(day: int, hour: int) -> float:
    return datetime(2027, 1, day, hour, tzinfo=TOKYO).timestamp()


ALICE = OnCallShift(
    policy="Payments",
    level=1,
    person="Alice",
    email="alice@example.com",
    until=at(15, 21),
    services=("payments-pd",),
    next_person="Carol",
    next_at=at(15, 21),
)
BOB = OnCallShift(policy="Payments", level=2, person="Bob", email="bob@example.com", services=("payments-pd",))
NOBODY = OnCallShift(policy="Search", level=1, services=("search",), next_person="Dave", next_at=at(18, 9))
TWIN = OnCallShift(policy="Payments", policy_id="P2", level=1, person="Carol", until=at(15, 21) + 400 * 86_400)
CARD = Product(name="card", alerts={"pagerduty_service": "payments-*"})
SHOP = Product(name="shop")


class Pager(FakeProvider):
    """Tells who is on call."""

    on_call_lacks = ""

    def __init__(self, source: str = "pager") -> None:
        super().__init__(source)
        self.told: Any = (ALICE, BOB, NOBODY)
        self.mine: Any = True
        self.asked = 0

    def on_call(self) -> Any:
        self.asked += 1
        if isinstance(self.told, Exception):
            raise self.told
        return self.told

    def on_call_now(self) -> Any:
        return self.mine


async def opened(rig: Rig) -> str:
    """What the view says once everything was read."""
    await rig.pilot.press("o")
    await rig.modal()
    await rig.settle()
    return rig.text()


def line(text: str, start: str) -> str:
    return next(one.strip("│ ") for one in text.splitlines() if start in one)


async def test_o_shows_who_is_on_call_by_product_and_policy(tmp_path: Path) -> None:
    async with on_screen(Rig(tmp_path, Pager(), products=(CARD, SHOP)), (80, 24)) as rig:
        text = await opened(rig)
        assert "You are on call at level 1." in text
        assert "read just now · times are JST" in text
        assert line(text, "card").startswith("card  policy Payments")
        assert line(text, "L1   Alice").split() == ["L1", "Alice", "until", "21:00", "then", "Carol"]
        assert line(text, "Bob").split() == ["L2", "Bob", "always"]
        assert line(text, "Search").startswith("Search  policy · pages for search")
        assert line(text, "nobody").split() == ["L1", "nobody", "then", "Dave", "from", "Mon", "09:00"]
        assert line(text, "No on-call known for").endswith("shop")
        assert all(len(one) <= 80 for one in text.splitlines())


async def test_it_is_there_before_the_source_answers(tmp_path: Path) -> None:
    async with on_screen(Rig(tmp_path, Pager())) as rig:
        jobs: list[Any] = []
        rig.engine.on_call._run = lambda source, job: jobs.append(job)  # type: ignore[method-assign]
        await rig.pilot.press("o")
        await rig.pilot.pause()
        assert "pager: reading…" in rig.text()
        assert "It is not known whether you are on call." in rig.text()
        while jobs:
            jobs.pop(0)()
        await rig.pilot.pause()
        await rig.pilot.pause()
        assert "You are on call at level 1." in rig.text()


async def test_a_source_that_fails_says_why_and_what_to_do(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Pager())
    rig.provider.told = Denied("this token may not read on-calls", "use a key that may")  # type: ignore[attr-defined]
    async with on_screen(rig) as rig:
        text = await opened(rig)
        assert "pager: ? never read: this token may not read on-calls" in text
        assert "→ use a key that may" in text


async def test_a_source_that_fails_keeps_what_was_known_with_its_age(tmp_path: Path) -> None:
    async with on_screen(Rig(tmp_path, Pager())) as rig:
        await opened(rig)
        await rig.press("escape")
        rig.provider.told = Offline("no answer")  # type: ignore[attr-defined]
        rig.clock.advance(41 * 60)
        text = await opened(rig)
        assert "pager: ? as of 17:00, 41m ago: no answer" in text
        assert "Alice" in text
        assert "It is not known whether you are on call." in text


async def test_a_duty_that_ended_since_is_marked(tmp_path: Path) -> None:
    async with on_screen(Rig(tmp_path, Pager())) as rig:
        await opened(rig)
        await rig.press("escape")
        rig.provider.told = Offline("no answer")  # type: ignore[attr-defined]
        rig.clock.advance(5 * 3600)
        assert "until 21:00: over, 1h ago; then Carol" in await opened(rig)


async def test_opening_it_again_makes_no_call(tmp_path: Path) -> None:
    async with on_screen(Rig(tmp_path, Pager())) as rig:
        for _ in range(3):
            await opened(rig)
            await rig.press("escape")
        assert rig.provider.asked == 1  # type: ignore[attr-defined]


async def test_what_a_source_that_is_not_read_now_told_is_not_said_to_be_so_now(tmp_path: Path) -> None:
    async with on_screen(Rig(tmp_path, Pager()), (120, 40)) as rig:
        await opened(rig)
        await rig.press("escape")
        rig.clock.advance(60)
        rig.provider.read_raises = [Offline("refused") for _ in range(9)]
        rig.refresh()
        await rig.settle()
        assert " Alice  ? on call L1 " in rig.text().splitlines()[0]
        text = await opened(rig)
        assert "? You were on call at level 1 when it was read last." in text
        assert "You are on call" not in text
        assert "pager: ? OFFLINE now, as of 17:00, 1m ago · times are JST" in text


async def test_where_no_source_tells_it_that_is_said(tmp_path: Path) -> None:
    async with on_screen(Rig(tmp_path, FakeProvider())) as rig:
        text = await opened(rig)
        assert "No source reads on-call schedules." in text
        assert "configure a pagerduty source" in text


async def test_an_account_without_policies_is_not_blank(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Pager())
    rig.provider.told = ()  # type: ignore[attr-defined]
    async with on_screen(rig) as rig:
        assert "It names no policy, and nobody who is on call." in await opened(rig)


async def test_nothing_of_it_is_markup_or_control(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Pager())
    rig.provider.told = (OnCallShift(policy="[/red]\x1b[31m", level=1, person="[bold]Eve\x07"),)  # type: ignore[attr-defined]
    async with on_screen(rig) as rig:
        text = await opened(rig)
        assert "[/red]␛[31m" in text
        assert "[bold]Eve␇" in text


async def test_many_policies_scroll(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Pager())
    rig.provider.told = tuple(OnCallShift(policy=f"policy {n}", level=1, person=f"P{n}") for n in range(30))  # type: ignore[attr-defined]
    async with on_screen(rig, (80, 24)) as rig:
        assert "more below" in await opened(rig)
        await rig.pilot.press("G")
        await rig.pilot.pause()
        assert "P29" in rig.text()


async def test_the_status_line_says_that_i_am(tmp_path: Path) -> None:
    async with on_screen(Rig(tmp_path, Pager()), (80, 24)) as rig:
        assert "on call" not in rig.text().splitlines()[0]
        rig.engine.on_call.ask("pager")
        await rig.settle()
        assert " Alice  on call L1 " in rig.text().splitlines()[0]


async def test_that_i_am_not_is_said_only_where_it_is_known(tmp_path: Path) -> None:
    async with on_screen(Rig(tmp_path, Pager()), (80, 24)) as rig:
        for mine, words in ((None, False), (False, True)):
            rig.provider.mine = mine  # type: ignore[attr-defined]
            rig.engine.on_call.ask("pager")
            await rig.settle()
            assert ("not on call" in rig.text().splitlines()[0]) is words
            assert ("on call" in rig.text().splitlines()[0]) is words


def test_two_policies_of_one_name_are_two_and_a_date_of_another_year_has_it() -> None:
    found = Roster(source="pager", shifts=(ALICE, TWIN), read_at=NOW)
    text = ["".join(part for part, _ in line) for line in lines([found], [], "", NOW, TOKYO)]
    assert [line.partition("  ")[0] for line in text if "policy" in line] == ["Payments (Payments)", "Payments (P2)"]
    assert any("until 19 Feb 2028 21:00" in line for line in text)
