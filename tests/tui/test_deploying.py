"""The verbs that deploy, by keys: the right target, the whole plan on every screen, another revision, a refusal."""

from __future__ import annotations

import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.fakes import WORST_PLAN, Able, deploy, revision, service
from tests.support.screen import Rig, comes, on_screen
from textual.widgets import Input

from oncall_tui.config import Config
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import ServiceHint
from oncall_tui.domain.deploy import DeployState
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.product import Product
from oncall_tui.errors import Refused
from oncall_tui.tui.app import OncallApp
from oncall_tui.tui.commands import BY_ID
from oncall_tui.tui.screens.dialogs import modals
from oncall_tui.tui.screens.dialogs.choice import ChoiceDialog
from oncall_tui.tui.screens.dialogs.confirm import ConfirmPlan
from oncall_tui.tui.screens.dialogs.modals import RefusalDialog

API = "prod/main/api"
FAILING = {"failing": "2 tasks failed of :43, which is being deployed"}
EVERY = frozenset(Verb)


class Night(Rig):
    """A service whose newest deploy 42→43 did not help; 41→42 is suspected; the last hour's other alert has none."""

    def __init__(self, folder: Path, protected: bool = False) -> None:
        products = (Product(name="p", services=("prod/*",), protected=protected),)
        super().__init__(folder, Able("prod"), products=products)
        now = self.clock.now()
        self.provider.services[API] = service(API, deploy_id="prod/d43", revision=revision(43))
        self.provider.deploys["prod/d42"] = deploy(
            "prod/d42", API, state=DeployState.SUCCEEDED, started=now - 900, verbs=frozenset()
        )
        self.provider.deploys["prod/d43"] = deploy(
            "prod/d43", API, old=revision(42), new=revision(43), started=now - 300, verbs=EVERY - {Verb.CONTINUE}
        )
        hint = ServiceHint(service="api")
        self.provider.add("bad", began=now - 800, hint=hint, title="5xx")
        self.provider.add("old", began=now - 9000, hint=hint, title="old")
        self.handler().fields = FAILING

    def handler(self, verb: Verb = Verb.ROLL_BACK) -> Any:
        return self.provider.handlers()[verb]


@asynccontextmanager
async def night(folder: Path, size: tuple[int, int] = (120, 40), protected: bool = False) -> AsyncIterator[Any]:
    async with on_screen(Night(folder, protected), size) as rig:
        yield rig


@pytest.mark.parametrize(
    ("pane", "row", "meant", "seen"),
    [
        ("1", "prod/bad", "prod/d42", "prod/d42"),  # what ran before the suspect, whatever was deployed since
        ("1", "prod/old", API, "prod/d43"),  # no suspect: before what runs
        ("2", API, API, "prod/d43"),
        ("3", "prod/d43", "prod/d43", "prod/d43"),
    ],
)
async def test_each_row_has_its_target_as_it_was_seen(
    tmp_path: Path, pane: str, row: str, meant: str, seen: str
) -> None:
    async with night(tmp_path) as rig:
        await rig.press(pane)
        rig.board.session.tables[rig.board.session.list_pane].move_to(row)
        await rig.pilot.press("R")
        assert isinstance(await rig.modal(), ConfirmPlan)
        (ask,) = rig.handler().asked
        assert (ask.target, ask.version, ask.choice) == (meant, rig.provider.deploys[seen].version, "")
        await rig.press("y")
        assert [p.target for p in rig.handler().sent] == [meant]


async def test_a_deploy_that_is_over_and_was_followed_by_another_is_not_offered(tmp_path: Path) -> None:
    async with night(tmp_path) as rig:
        await rig.press("3", "j")
        assert rig.board.session.row_id == "prod/d42"
        assert not rig.board.actions.offers.offered(BY_ID["rollback"], rig.board.session.row())
        await rig.press("R")
        assert "cannot roll back prod/main/api: :42→:41" in rig.text()
        assert rig.handler().asked == []


async def test_another_revision_is_picked_from_what_is_known_of_each(tmp_path: Path) -> None:
    async with night(tmp_path, (80, 24)) as rig:
        await rig.press("2")
        await rig.pilot.press("R")
        await rig.modal()
        await rig.pilot.press("t")
        assert isinstance(await rig.modal(), ChoiceDialog)
        await rig.settle()
        text = rig.text()
        assert ":41  default  ran 6d, until 3m ago" in text
        assert "! ran under an hour, and 2 alerts began in it" in text
        assert "! never seen running: history covers 90 days" in text
        await rig.pilot.press("escape")
        assert isinstance(await rig.modal(), ConfirmPlan)  # back to the plan that was shown
        assert len(rig.handler().asked) == 1
        await rig.pilot.press("t")
        await rig.modal()
        await rig.settle()
        await rig.pilot.press("j", "j", "enter")
        await rig.settle()
        assert isinstance(await rig.modal(), ConfirmPlan)
        assert [a.choice for a in rig.handler().asked] == ["", "arn:40"]
        assert "to         arn:40" in rig.text()
        assert rig.handler().sent == []
        await rig.press("y")
        assert len(rig.handler().sent) == 1


async def test_revisions_that_take_long_to_read_hold_no_key(tmp_path: Path) -> None:
    async with night(tmp_path) as rig:
        release = threading.Event()
        picks = rig.handler().picks
        rig.handler().choices = lambda target, board: release.wait(10) and picks
        await rig.press("2")
        await rig.pilot.press("R")
        await rig.modal()
        await rig.pilot.press("t")
        for _ in range(5):
            await rig.pilot.pause()
        assert "reading…" in rig.text()
        await rig.pilot.press("enter")  # nothing to pick is on screen: nothing is picked
        picker = rig.pilot.app.screen
        assert isinstance(picker, ChoiceDialog)
        picker._painted_at = 0.0
        assert not picker.deaf
        release.set()
        await rig.settle()
        assert ":40" in rig.text()
        assert picker.deaf  # what is typed now was meant for what was there before
        await rig.pilot.press("escape")
        assert isinstance(await rig.modal(), ConfirmPlan)


async def test_a_refusal_says_why_and_what_to_do_and_plans_nothing_anew(tmp_path: Path) -> None:
    rig = Night(tmp_path)
    rig.handler().plan_raises = [Refused("this deploy is itself a rollback", "the palette undoes it")] * 9
    app = OncallApp(rig.engine, Config(timezone="UTC"))
    async with app.run_test(size=(80, 24)) as pilot:
        for _ in range(50):
            await pilot.pause(0.05)
            if app.board.session.row_id:
                break
        rig.clock.advance(1.0)  # where the cursor went was seen
        await pilot.press("2", "R", "R", "R", "y")
        for _ in range(50):
            await pilot.pause(0.02)
            if isinstance(app.screen, RefusalDialog):
                break
        rig.pilot = pilot
        text = rig.text()
        assert "refused: this deploy is itself a rollback" in text
        assert "→ the palette undoes it" in text
        app.screen._painted_at = 0.0  # type: ignore[attr-defined]
        await pilot.press("R", "y")
        await pilot.pause()
        assert isinstance(app.screen, RefusalDialog)
        assert len(rig.handler().asked) == 1
        await pilot.press("t")  # a key of its own: another revision may be possible where the usual one is not
        await pilot.pause(0.1)
        assert isinstance(app.screen, ChoiceDialog)
        assert len(rig.handler().asked) == 1
        app.screen._painted_at = 0.0
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is app.board
    rig.engine.stop()
    assert rig.handler().sent == []


@pytest.mark.parametrize("protected", [False, True])
async def test_the_longest_plan_can_be_read_to_its_end_at_80_by_24(tmp_path: Path, protected: bool) -> None:
    async with night(tmp_path, (80, 24), protected) as rig:
        rig.handler().fields = WORST_PLAN
        await rig.press("2")
        await rig.pilot.press("R")
        await rig.modal()
        confirm = "Protected. Type api to confirm the rollback:" if protected else "[Enter] cancel"
        seen: set[str] = set()
        for _ in range(30):
            text = rig.text()
            assert confirm in text
            assert re.search(r"⚠ \d+ warnings", text)
            assert "Roll back prod/payments-api: :42→:41" in text
            seen |= {line.strip("│ ▁▂▃▄▅▆▇█") for line in text.splitlines()}
            if "more below" not in text:
                break
            await rig.pilot.press("down")
            await rig.pilot.pause()
        else:
            raise AssertionError("it never ends")
        everything = " ".join(seen)
        for part in (*(t for _, t in WORST_PLAN["lines"]), *WORST_PLAN["warnings"]):
            assert all(word in everything for word in part.split()), part
        if protected:
            await rig.pilot.press(*"api", "enter")
        else:
            await rig.pilot.press("y")
        await rig.settle()
        assert len(rig.handler().sent) == 1


async def test_what_is_out_of_sight_is_counted_and_warnings_are_named(tmp_path: Path) -> None:
    async with night(tmp_path, (80, 24), protected=True) as rig:
        rig.handler().fields = WORST_PLAN
        await rig.press("2")
        await rig.pilot.press("R")
        await rig.modal()
        await rig.pilot.pause()
        below = re.search(r"▼ (\d+) more below, \d of them (a )?warning", rig.text())
        assert below
        await rig.pilot.press("pagedown", "pagedown")
        await rig.pilot.pause()
        assert f"▲ {below[1]} above" in rig.text()


@pytest.mark.parametrize("protected", [False, True])
async def test_all_of_it_is_there_at_once_at_120_by_40(tmp_path: Path, protected: bool) -> None:
    async with night(tmp_path, protected=protected) as rig:
        rig.handler().fields = WORST_PLAN
        await rig.press("2")
        await rig.pilot.press("R")
        await rig.modal()
        text = rig.text()
        assert "more below" not in text
        for part in (*WORST_PLAN["warnings"], *(t for _, t in WORST_PLAN["lines"])):
            assert all(word in text for word in part.split()), part


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_the_question_stays_whole_however_long_the_name_is(tmp_path: Path, size: tuple[int, int]) -> None:
    rig = Night(tmp_path, protected=True)
    name = "payments-" + "very-" * 14 + "long"
    rig.provider.services[f"prod/main/{name}"] = service(f"prod/main/{name}", deploy_id="prod/d43")
    rig.handler().fields = WORST_PLAN
    async with on_screen(rig, size) as rig:
        await rig.press("2")
        rig.board.session.tables["services"].move_to(f"prod/main/{name}")
        await rig.pilot.press("R")
        await rig.modal()
        await rig.pilot.pause()
        said = "".join(line.strip("│ ") for line in rig.text().splitlines()).replace(" ", "")
        assert f"Protected.Type{name}toconfirmtherollback:" in said
        assert "Esccancels" in said
        assert "morebelow" in said


async def test_a_name_that_has_a_t_in_it_can_be_typed_and_another_revision_be_picked(tmp_path: Path) -> None:
    async with night(tmp_path, protected=True) as rig:
        await rig.press("2")
        await rig.pilot.press("R")
        modal = await rig.modal()
        await rig.pilot.press(*"tapcy")
        assert modal.query_one(Input).value == "tapcy"
        await rig.pilot.press("ctrl+t")
        assert isinstance(await rig.modal(), ChoiceDialog)


async def test_c_goes_on_where_something_waits_and_asks_first(tmp_path: Path) -> None:
    async with night(tmp_path) as rig:
        assert "C continue" not in rig.text()
        await rig.press("C")
        assert "nothing is paused in prod/main/api: its newest deploy :42→:43 is in progress" in rig.text()
        waits = deploy("prod/d43", API, verbs=EVERY, waits="paused at its hook before production traffic")
        rig.provider.deploys["prod/d43"] = waits
        rig.refresh()
        for pane, row in (("1", "prod/bad"), ("2", API), ("3", "prod/d43")):
            await rig.press(pane)
            rig.board.session.tables[rig.board.session.list_pane].move_to(row)
            await rig.settle()
            assert "C continue" in rig.text().splitlines()[-1]
            await rig.pilot.press("C")
            assert isinstance(await rig.modal(), ConfirmPlan)
            assert rig.handler(Verb.CONTINUE).asked[-1].target == "prod/d43"
            await rig.press("escape")
        assert rig.handler(Verb.CONTINUE).sent == []
        await rig.pilot.press("C")
        await rig.modal()
        await rig.press("y", "enter")
        assert rig.handler(Verb.CONTINUE).sent == []  # it takes a deploy further: its name is typed
        await rig.press("backspace", *"api", "enter")
        assert [p.target for p in rig.handler(Verb.CONTINUE).sent] == ["prod/d43"]
        await rig.press("escape", "j")
        assert rig.board.session.row_id == "prod/d42"
        await rig.press("C")
        assert ":41→:42 is not the newest deploy of prod/main/api any more" in rig.text()


async def test_a_wait_that_no_key_ends_says_what_it_is(tmp_path: Path) -> None:
    async with night(tmp_path) as rig:
        waits = "the old tasks stop at 17:41 JST"
        rig.provider.deploys["prod/d43"] = deploy("prod/d43", API, verbs=EVERY - {Verb.CONTINUE}, waits=waits)
        rig.refresh()
        await rig.press("C")
        assert "waits: the old tasks stop at 17:41 JST; it cannot be continued from here" in rig.text()
        assert rig.handler(Verb.CONTINUE).asked == []


async def test_the_palette_does_not_open_over_a_question(tmp_path: Path) -> None:
    rig = Night(tmp_path)
    app = OncallApp(rig.engine, Config(timezone="UTC"))
    async with app.run_test(size=(80, 24)) as pilot:
        for _ in range(50):
            await pilot.pause(0.05)
            if app.board.session.row_id:
                break
        rig.clock.advance(1.0)  # where the cursor went was seen
        await pilot.press("question_mark")
        await pilot.pause()
        app.screen._painted_at = 0.0  # type: ignore[attr-defined]
        over = app.screen
        await pilot.press("ctrl+p")
        await pilot.pause()
        assert app.screen is over
        await pilot.press("escape", "colon")
        await pilot.pause()
        assert app.screen is not app.board
    rig.engine.stop()


async def test_a_verb_that_deploys_asks_even_where_its_plan_would_not(tmp_path: Path) -> None:
    from oncall_tui.domain.plan import Confirm

    async with night(tmp_path) as rig:
        rig.handler().fields = {"confirm": Confirm.NONE}
        await rig.press("2")
        await rig.pilot.press("R")
        assert isinstance(await rig.modal(), ConfirmPlan)
        assert rig.handler().sent == []


async def test_the_same_is_not_asked_twice_from_another_row(tmp_path: Path) -> None:
    async with night(tmp_path) as rig:
        await rig.press("2")
        await rig.pilot.press("R")
        await rig.modal()
        await rig.press("y")
        assert len(rig.handler().sent) == 1
        await rig.press("3", "R")
        assert "already in progress" in rig.text()
        assert len(rig.handler().asked) == 1


async def test_esc_gives_up_what_is_being_read(tmp_path: Path) -> None:
    async with night(tmp_path) as rig:
        release = threading.Event()
        plan = rig.handler().plan
        rig.handler().plan = lambda ask, board: release.wait(10) and plan(ask, board)
        await rig.press("2")
        await rig.pilot.press("R")
        assert rig.board.dialogs.active
        await rig.pilot.press("escape")
        assert "cancelled, nothing was sent" in rig.text()
        assert not rig.board.dialogs.active
        release.set()
        await rig.settle()
        assert rig.pilot.app.screen is rig.board


async def test_what_came_of_it_stays_until_it_is_dismissed(tmp_path: Path) -> None:
    async with night(tmp_path, (80, 24)) as rig:
        rig.engine.actions.steady_s = 0.0
        rig.handler().verdicts = [Check(OutcomeState.DONE, "rolled back from :43 to :42, 4/4 running")]
        await rig.press("3")
        await rig.pilot.press("R")
        await rig.modal()
        await rig.press("y")
        rig.clock.advance(3600)
        rig.board.tick()
        await rig.settle()
        assert "✓ roll back: done: prod/main/api" in rig.text()
        assert "rolled back from :43 to :42, 4/4 running" in rig.text()
        await rig.press("escape")
        assert "rolled back" not in rig.text()


def titles(rig: Any) -> list[str]:
    return [title for title, _, _ in rig.board.actions.without_keys(rig.board.session.row())]


async def test_the_palette_offers_what_has_no_key_only_where_it_is_possible(tmp_path: Path) -> None:
    async with night(tmp_path) as rig:
        await rig.press("2")
        assert titles(rig) == ["undo the last rollback prod/main/api: :43→:42"]
        rig.provider.services[API] = service(API, deploy_id="prod/d43", verbs=EVERY)
        rig.provider.deploys["prod/d43"] = deploy("prod/d43", API, verbs=frozenset())
        rig.refresh()
        assert titles(rig) == ["restart (force a new deploy) prod/main/api"]
        (_, _, call), *_ = rig.board.actions.without_keys(rig.board.session.row())
        call()
        assert isinstance(await rig.modal(), ConfirmPlan)
        await rig.press("y", "enter")
        assert rig.handler(Verb.RESTART).sent == []  # :43 runs, and the suspect is :42
        await rig.press("backspace", *"api", "enter")
        assert [p.target for p in rig.handler(Verb.RESTART).sent] == [API]


async def test_what_the_palette_listed_is_what_it_does(tmp_path: Path) -> None:
    """The row may move on while the palette is open: its entry is for what it named."""
    async with night(tmp_path) as rig:
        await rig.press("2")
        version = rig.provider.deploys["prod/d43"].version
        ((_, _, call),) = rig.board.actions.without_keys(rig.board.session.row())
        rig.provider.deploys["prod/d43"] = deploy("prod/d43", API, state=DeployState.SUCCEEDED, verbs=EVERY)
        rig.refresh()
        call()
        await rig.modal()
        (ask,) = rig.handler(Verb.UNDO_ROLLBACK).asked
        assert (ask.target, ask.version) == ("prod/d43", version)


async def test_what_became_of_several_rows_never_covers_a_question(tmp_path: Path) -> None:
    async with night(tmp_path) as rig:
        release = threading.Event()
        send = rig.provider.acknowledge.send
        rig.provider.acknowledge.send = lambda plan: (release.wait(10), send(plan))[1]
        rig.provider.acknowledge.check_raises = [Refused("acknowledged by bob, 20s ago"), None]
        await rig.pilot.press("space", "j", "space")
        await rig.pilot.press("a")
        await rig.modal()
        await rig.pilot.press("y")
        await rig.pilot.pause()
        rig.board.action_help()
        await rig.pilot.pause()
        shown = rig.pilot.app.screen
        release.set()
        await rig.settle()
        assert rig.pilot.app.screen is shown
        await rig.pilot.press("escape")
        await rig.settle()
        assert "1 of 2 done; not done:" in rig.text()
        assert "acknowledged by bob, 20s ago" in rig.text()


async def test_an_alerts_detail_says_what_its_services_deploy_waits_for(tmp_path: Path) -> None:
    async with night(tmp_path) as rig:
        waits = deploy("prod/d43", API, verbs=EVERY, waits="paused at its hook, else rollback at 17:41 JST")
        rig.provider.deploys["prod/d43"] = waits
        rig.refresh()
        await rig.settle()
        assert "paused at its hook, else rollback at 17:41 JST    C continues the deploy" in rig.text()


async def test_nothing_is_painted_under_a_modal(tmp_path: Path) -> None:
    """What changes there would cost the whole screen each time over a slow line; it is there once the modal goes."""
    async with night(tmp_path) as rig:
        await rig.press("2")
        await rig.pilot.press("R")
        await rig.modal()
        rig.provider.add("new", title="came under the modal", began=rig.clock.now())
        rig.refresh()
        await rig.pilot.pause()
        assert "came under the modal" not in rig.text()
        await rig.press("escape")
        assert "came under the modal" in rig.text()


async def test_between_two_modals_of_a_question_no_key_acts(tmp_path: Path) -> None:
    """The board is on top for a moment there: what is typed in a hurry must neither acknowledge nor ask anew."""
    rig = Night(tmp_path)
    release = threading.Event()
    app = OncallApp(rig.engine, Config(timezone="UTC"))
    async with app.run_test(size=(80, 24)) as pilot:
        for _ in range(50):
            await pilot.pause(0.05)
            if app.board.session.row_id:
                break
        rig.clock.advance(1.0)  # where the cursor went was seen
        await pilot.press("R")
        await opened(pilot, app, ConfirmPlan)
        await pilot.press("t")
        await opened(pilot, app, ChoiceDialog)
        plan = rig.handler().plan
        rig.handler().plan = lambda ask, board: release.wait(10) and plan(ask, board)
        await pilot.press("enter", "a", "R", "E", "n", "x")
        assert app.screen is app.board
        assert app.board.dialogs.active
        release.set()
        await opened(pilot, app, ConfirmPlan)
        await pilot.press("escape")
        await pilot.pause(0.1)
        assert app.screen is app.board
        assert not app.board.dialogs.active
        assert len(rig.handler().asked) == 2
        assert rig.provider.acknowledge.sent == []
    rig.engine.stop()


async def opened(pilot: Any, app: OncallApp, kind: type) -> None:
    """Wait for a modal of this kind, and until it listens to keys."""
    for _ in range(500):
        await pilot.pause(0.02)
        if isinstance(app.screen, kind) and not app.screen.deaf:  # type: ignore[attr-defined]
            return
    raise AssertionError(app.screen)


async def test_esc_twice_in_a_hurry_ends_a_question_once(tmp_path: Path) -> None:
    async with night(tmp_path) as rig:
        await rig.press("2")
        await rig.pilot.press("R")
        modal = await rig.modal()
        modal.action_cancel()
        rig.board.action_back()
        await rig.settle()
        assert "cancelled, nothing was sent" in rig.text()
        assert not rig.board.dialogs.active
        assert rig.handler().sent == []


@pytest.mark.parametrize("protected", [False, True])
async def test_a_yes_to_an_old_plan_plans_anew_and_asks_again(tmp_path: Path, protected: bool) -> None:
    async with night(tmp_path, (80, 24), protected) as rig:
        yes = [*"api", "enter"] if protected else ["y"]
        await rig.press("2")
        await rig.pilot.press("R")
        modal = await rig.modal()
        assert "planned" not in rig.text()
        for seconds, words in ((31, "planned 30s ago"), (30, "planned 1m ago: a yes plans anew first")):
            rig.clock.advance(seconds)
            modal._show_age()
            await rig.pilot.pause()
            assert words in rig.text()
        await rig.pilot.press(*yes)
        again = await rig.modal()
        assert again is not modal
        assert isinstance(again, ConfirmPlan)
        assert len(rig.handler().asked) == 2
        assert rig.handler().sent == []
        assert again.plan.made_at == rig.clock.now()
        await rig.press(*yes)
        assert [plan.id for plan in rig.handler().sent] == [again.plan.id]


async def test_the_key_of_an_open_plan_plans_anew(tmp_path: Path) -> None:
    async with night(tmp_path) as rig:
        await rig.press("2")
        await rig.pilot.press("R")
        modal = await rig.modal()
        rig.clock.advance(30)
        await rig.pilot.press("R")
        again = await rig.modal()
        assert again is not modal
        assert (len(rig.handler().asked), rig.handler().sent) == (2, [])


async def test_esc_cancels_at_once_whatever_was_just_painted_and_no_other_key_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modals, "DEAF_S", 60.0)  # however slow this machine is
    rig = Night(tmp_path)
    app = OncallApp(rig.engine, Config(timezone="UTC"))
    async with app.run_test(size=(80, 24)) as pilot:
        for _ in range(50):
            await pilot.pause(0.05)
            if app.board.session.row_id:
                break
        rig.clock.advance(1.0)
        await pilot.press("2")
        for opens in ("R", "question_mark", "i", "p", "greater_than_sign"):
            await pilot.press(opens)
            await comes(lambda: app.screen is not app.board, pilot.pause)
            modal = app.screen
            assert modal.deaf, opens  # type: ignore[attr-defined]
            if not modal.keeps_early:  # type: ignore[attr-defined]
                await pilot.press("y", "enter")
                assert app.screen is modal, opens
            if opens == "R":
                modal._painted_at = 0.0  # type: ignore[attr-defined]
                await pilot.resize_terminal(100, 30)
                await pilot.pause()
                assert modal.deaf  # type: ignore[attr-defined]
            await pilot.press("escape")
            await pilot.pause()
            assert app.screen is app.board, opens
            await pilot.pause(0.05)
    rig.engine.stop()
    assert rig.handler().sent == []
