"""The hand is never led astray: where the cursor is, what it follows, and which key counts."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec
import pytest
from tests.support.fakes import Able, FakeProvider, deploy, revision, service
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, ServiceHint, Severity
from oncall_tui.domain.deploy import DeployState
from oncall_tui.domain.service import Health
from oncall_tui.errors import Expired
from oncall_tui.runtime import login_program
from oncall_tui.tui.screens.dialogs.confirm import ConfirmMany, ConfirmPlan
from oncall_tui.tui.screens.dialogs.modals import Form, RefusalDialog
from oncall_tui.tui.terminal import foreground
from oncall_tui.tui.widgets.footer import KeyBar, StatusLine


def arrives(rig: Rig) -> None:
    """A newer reading is drawn, and nobody has looked yet."""
    rig.poll()
    rig.board.show(rig.engine.update)


def bar(rig: Rig) -> list[str]:
    return [f"{key} {word}" for key, word, _ in rig.board.query_one("#keys", KeyBar)._items]


def quiet_night(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path, Able("prod"))
    rig.provider.services["prod/main/search-index"] = service("prod/main/search-index")
    rig.provider.services["prod/main/payments-api"] = service("prod/main/payments-api")
    rig.provider.add("w", title="disk fills", hint=ServiceHint(service="search-index"))
    return rig


def page(rig: Rig) -> None:
    hint = ServiceHint(service="payments-api")
    rig.provider.add("p", title="5xx rate 12 %", severity=Severity.CRITICAL, began=rig.clock.now(), hint=hint)


async def test_untouched_the_cursor_is_on_the_page_and_the_key_waits_until_it_was_seen(tmp_path: Path) -> None:
    rig = quiet_night(tmp_path)
    async with on_screen(rig) as rig:
        assert rig.board.session.row_id == "prod/w"
        page(rig)
        arrives(rig)
        assert rig.board.session.row_id == "prod/p"
        await rig.pilot.press("a")
        rig.drain()
        assert rig.provider.acknowledge.sent == []
        assert "the cursor just moved to payments-api: press again" in rig.text()
        rig.clock.advance(0.8)
        await rig.press("a")
        assert [plan.target for plan in rig.provider.acknowledge.sent] == ["prod/p"]
        await rig.pilot.press("R")
        await rig.modal()
        (ask,) = rig.provider.handlers()[Verb.ROLL_BACK].asked
        assert ask.target == "prod/main/payments-api"


@pytest.mark.parametrize("key", ["a", "u", "S", "n", "E", "R", "C", "s"])
async def test_no_key_that_acts_counts_right_after_the_cursor_moved_by_itself(tmp_path: Path, key: str) -> None:
    rig = quiet_night(tmp_path)
    async with on_screen(rig) as rig:
        page(rig)
        arrives(rig)
        await rig.pilot.press(key)
        await rig.pilot.pause()
        assert rig.pilot.app.screen is rig.board
        assert "the cursor just moved to payments-api" in rig.text()
        assert rig.engine.actions.outcomes == ()


async def test_a_row_that_was_chosen_keeps_the_cursor_and_the_page_is_told_above(tmp_path: Path) -> None:
    rig = quiet_night(tmp_path)
    rig.provider.add("x", title="other", began=5.0)
    async with on_screen(rig, (80, 24)) as rig:
        await rig.press("j")
        was = rig.board.session.row_id
        page(rig)
        rig.clock.advance(20)
        arrives(rig)
        await rig.pilot.pause()
        assert rig.board.session.row_id == was
        assert "NEW PAGE (g) now payments-api: 5xx rate 12 %" in rig.text()
        rig.clock.advance(20)
        rig.board.tick()
        await rig.pilot.pause()
        assert "NEW PAGE (g) 20s payments-api" in rig.text()
        await rig.press("2", "g")
        assert (rig.board.session.pane, rig.board.session.row_id) == ("alerts", "prod/p")
        assert "NEW PAGE" not in rig.text()
        await rig.press("a")
        assert [plan.target for plan in rig.provider.acknowledge.sent] == ["prod/p"]


async def test_a_new_page_that_a_filter_hides_is_gone_to_all_the_same(tmp_path: Path) -> None:
    rig = quiet_night(tmp_path)
    async with on_screen(rig) as rig:
        await rig.pilot.press("slash", *"disk", "enter")
        await rig.settle()
        await rig.press("g")
        page(rig)
        rig.refresh()
        await rig.press("g")
        assert rig.board.session.row_id == "prod/p"


async def test_once_the_list_was_empty_the_cursor_follows_the_first_row_again(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.provider.add("a", began=2.0)
    rig.provider.add("b", began=1.0)
    async with on_screen(rig) as rig:
        await rig.press("j")
        rig.provider.alerts.clear()
        rig.refresh()
        await rig.press("g")  # off the row that is gone
        rig.refresh()
        rig.provider.add("c", began=2.0)
        arrives(rig)
        assert rig.board.session.row_id == "fake/c"
        await rig.pilot.press("a")
        rig.drain()
        assert rig.provider.acknowledge.sent == []


async def test_a_pane_opens_on_what_is_worst(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able("prod"))
    rig.provider.services["prod/main/media"] = service("prod/main/media")
    rig.provider.services["prod/main/pay"] = service("prod/main/pay")
    async with on_screen(rig, (80, 24)) as rig:
        pay = service("prod/main/pay", health=Health.DEGRADED, running=0)
        rig.provider.services["prod/main/pay"] = pay
        rig.refresh()
        await rig.press("2")
        assert rig.board.session.row_id == "prod/main/pay"
        await rig.pilot.press("R")
        assert isinstance(await rig.modal(), ConfirmPlan)
        assert "prod/main/pay" in rig.text()


async def test_deploys_follow_their_first_row_too(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able("prod"))
    rig.provider.services["prod/main/api"] = service(deploy_id="prod/d1")
    rig.provider.deploys["prod/d1"] = deploy(state=DeployState.SUCCEEDED, started=1_799_990_000.0)
    async with on_screen(rig) as rig:
        await rig.press("3")
        newer = deploy("prod/d2", old=revision(42), new=revision(43), verbs=frozenset(Verb))
        rig.provider.deploys["prod/d2"] = newer
        arrives(rig)
        assert rig.board.session.row_id == "prod/d2"
        await rig.pilot.press("R")
        await rig.pilot.pause()
        assert "the cursor just moved to" in rig.text()


async def test_a_filter_that_takes_the_row_away_moves_the_cursor_and_says_so(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.provider.add("a", title="one", began=2.0)
    rig.provider.add("b", title="two", began=1.0)
    async with on_screen(rig) as rig:
        await rig.press("g")
        await rig.pilot.press("slash", *"two", "enter", "a")
        rig.drain()
        assert rig.board.session.row_id == "fake/b"
        assert rig.provider.acknowledge.sent == []
        assert "the cursor just moved to title" not in rig.text()
        assert "the cursor just moved to two: press again" in rig.text()


async def test_what_is_open_on_a_screen_of_its_own_keeps_its_row(tmp_path: Path) -> None:
    rig = quiet_night(tmp_path)
    async with on_screen(rig) as rig:
        await rig.press("enter")
        page(rig)
        rig.refresh()
        await rig.settle()
        assert rig.board.session.row_id == "prod/w"
        await rig.press("a")
        assert [plan.target for plan in rig.provider.acknowledge.sent] == ["prod/w"]


# --- marks, forms, the key bar ------------------------------------------------------------------------------------


async def test_right_after_marked_rows_vanished_a_key_for_one_row_says_so(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able())
    for number, name in enumerate("abc"):
        rig.provider.add(name, began=100.0 - number)
    async with on_screen(rig) as rig:
        await rig.press("j", "j", "space", "k", "space", "k")
        del rig.provider.alerts["fake/b"], rig.provider.alerts["fake/c"]
        rig.refresh()
        await rig.settle()
        await rig.press("a")
        assert rig.provider.acknowledge.sent == []
        assert "marked rows are gone: this would act on title of a alone: press again" in rig.text()
        await rig.press("a")
        assert [plan.target for plan in rig.provider.acknowledge.sent] == ["fake/a"]


async def test_a_refused_form_is_back_with_its_text(tmp_path: Path) -> None:
    from oncall_tui.errors import Refused

    rig = Rig(tmp_path, Able())
    rig.provider.add("a", provider="alertmanager", labels=(("hosts", "a,b"),))
    async with on_screen(rig) as rig:
        silence = rig.provider.handlers()[Verb.SILENCE]
        silence.plan_raises = [Refused("too wide", "fewer")]
        await rig.pilot.press("S")
        await rig.modal()
        await rig.pilot.press(*"deploying", "enter", "enter")
        assert isinstance(await rig.modal(), RefusalDialog)
        await rig.pilot.press("enter")
        form = await rig.modal()
        assert isinstance(form, Form)
        assert form.query_one("#reason").value == "deploying"  # type: ignore[attr-defined]
        form.query_one("#matchers").focus()
        await rig.pilot.press("enter")
        assert isinstance(await rig.modal(), ConfirmPlan)
        assert [ask.matchers for ask in silence.asked] == [(("hosts", "a,b"),)] * 2


@pytest.mark.parametrize(
    ("provider", "said"), [("pagerduty", "kept in the journal, not sent"), ("x", "others read it")]
)
async def test_a_form_says_who_reads_the_reason(tmp_path: Path, provider: str, said: str) -> None:
    rig = Rig(tmp_path, Able())
    rig.provider.add("a", provider=provider)
    async with on_screen(rig) as rig:
        await rig.pilot.press("E")
        await rig.modal()
        await rig.pilot.press("enter")
        assert isinstance(await rig.modal(), Form)
        assert said in rig.text()


async def test_the_key_bar_names_the_target_and_offers_nothing_that_cannot_be(tmp_path: Path) -> None:
    rig = quiet_night(tmp_path)
    page(rig)
    async with on_screen(rig) as rig:
        assert "a ack payments-api" in bar(rig)
        assert "R roll back payments-api" in bar(rig)
        assert not any(item.startswith("u ") for item in bar(rig))
        hint, done = ServiceHint(service="payments-api"), frozenset({Verb.UNACKNOWLEDGE})
        rig.provider.add("p", severity=Severity.CRITICAL, state=AlertState.ACKNOWLEDGED, verbs=done, hint=hint)
        rig.refresh()
        await rig.press("j", "g")
        rig.board.session.tables["alerts"].move_to("prod/p")
        rig.board.draw()
        assert "u unack payments-api" in bar(rig)
        assert not any(item.startswith(("a ", "S ", "E ")) for item in bar(rig))
        assert "(" not in rig.text().splitlines()[-1]


async def test_read_only_the_bar_has_no_key_that_acts(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider(), read_only=True)
    rig.provider.add("a")
    async with on_screen(rig) as rig:
        assert not any(item[0] in "aERSuC" and item[1] == " " for item in bar(rig))


async def test_log_in_shows_its_command_and_asks_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(login_program, "fitted", lambda command: (command, ""))
    monkeypatch.setattr(foreground, "run", lambda command: ran.append(tuple(command)) or 0)
    provider = FakeProvider("prod")
    provider.login = ("aws", "sso", "login", "--profile", "prod")
    provider.read_raises = [Expired("the login has run out")]
    rig = Rig(tmp_path, provider)
    async with on_screen(rig) as rig:
        monkeypatch.setattr(rig.pilot.app, "suspend", contextlib.nullcontext)
        await rig.pilot.press("L")
        assert isinstance(await rig.modal(), ConfirmMany)
        assert "aws sso login --profile prod" in rig.text()
        await rig.press("enter")
        assert ran == []
        await rig.pilot.press("L")
        await rig.modal()
        await rig.press("y")
        assert ran == [provider.login]


@pytest.mark.parametrize("size", [(120, 40), (120, 24), (80, 24)])
async def test_zoomed_the_first_line_is_whole(tmp_path: Path, size: tuple[int, int]) -> None:
    rig = Rig(tmp_path)
    rig.provider.add("a")
    async with on_screen(rig, size) as rig:
        await rig.press("z")
        first = rig.text().splitlines()[0]
        assert "…" not in first
        assert first.rstrip().endswith("17:00 JST")


async def test_of_unacknowledged_pages_the_one_that_escalates_soonest_stands_first(tmp_path: Path) -> None:
    rig = quiet_night(tmp_path)
    now = rig.clock.now()
    rig.provider.add("later", severity=Severity.CRITICAL, began=now - 10, escalates_at=now + 600)
    rig.provider.add("never", severity=Severity.CRITICAL, began=now - 5)
    rig.provider.add("soon", severity=Severity.CRITICAL, began=now - 900, escalates_at=now + 60)
    async with on_screen(rig) as rig:
        rows = [row.id for row in rig.board.session.tables["alerts"].rows]
        assert rows == ["prod/soon", "prod/later", "prod/never", "prod/w"]
        assert "escalates soonest first" in rig.engine.update.triaged.alerts[0].why
        assert "escalates" not in rig.engine.update.triaged.alerts[2].why


async def test_an_unmoved_cursor_stays_on_a_page_while_another_arrives_above_it(tmp_path: Path) -> None:
    rig = quiet_night(tmp_path)
    now = rig.clock.now()
    rig.provider.add("first", title="5xx", severity=Severity.CRITICAL, began=now)
    async with on_screen(rig, (80, 24)) as rig:
        assert rig.board.session.row_id == "prod/first"
        rig.provider.add("second", title="other", severity=Severity.CRITICAL, began=now + 5, escalates_at=now + 60)
        arrives(rig)
        await rig.pilot.pause()
        assert [row.id for row in rig.board.session.tables["alerts"].rows][:2] == ["prod/second", "prod/first"]
        assert rig.board.session.row_id == "prod/first"
        assert "NEW PAGE (g) now other" in rig.text()
        await rig.press("a")
        assert [plan.target for plan in rig.provider.acknowledge.sent] == ["prod/first"]


@pytest.mark.parametrize("opens", ["question_mark", "i", "enter", "R"])
async def test_a_page_that_begins_under_a_dialog_is_told_there_and_the_clock_goes_on(
    tmp_path: Path, opens: str
) -> None:
    rig = quiet_night(tmp_path)
    async with on_screen(rig, (80, 24)) as rig:
        await rig.pilot.press(opens)
        await rig.settle()
        assert rig.pilot.app.screen is not rig.board
        page(rig)
        arrives(rig)
        rig.clock.advance(120)
        rig.board.tick()
        rig.pilot.app.screen.follow() if opens == "enter" else None  # type: ignore[attr-defined]
        await rig.pilot.pause()
        text = rig.text()
        assert "NEW PAGE 2m payments-api: 5xx rate 12 %" in text
        assert rig.board.query_one("#clock", StatusLine)._sides[1][-1][0].startswith("17:02")
        if opens != "i":
            return
        rig.pilot.app.screen.renew()  # type: ignore[attr-defined]
        await rig.pilot.pause()
        assert "read 2m ago" in rig.text() or "STALE" in rig.text()


async def test_the_cursor_goes_with_its_problem_into_the_row_that_it_is_part_of_now(tmp_path: Path) -> None:
    prom, pager = Able("prom"), FakeProvider("pager")
    rig = Rig(tmp_path, prom, pager)
    hint = ServiceHint(service="api")
    prom.services["prom/main/api"] = service("prom/main/api")
    prom.add("a", severity=Severity.CRITICAL, hint=hint)
    prom.add("b", began=1.0)
    async with on_screen(rig) as rig:
        await rig.press("j", "k")
        known = rig.board.session.drawn(rig.board.session.row_id)
        assert known is not None
        assert known.id == "prom/a"
        table, view = rig.board.session.tables["alerts"], rig.board.session.rows
        joined = msgspec.structs.replace(known, id="pager/i")
        triaged = msgspec.structs.replace(rig.engine.update.triaged, alerts=(joined,))
        assert view.successor("prom/a", triaged) == "pager/i"
        assert view.successor("prom/b", triaged) is None
        rig.board.show(msgspec.structs.replace(rig.engine.update, triaged=triaged))
        assert (table.cursor_id, table.gone) == ("pager/i", None)
