"""The controllers of what is shown, what is new, what is told and what is saved, on a session without a screen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from tests.support.fakes import alert, deploy, service

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Severity
from oncall_tui.domain.board import merge
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.product import Product
from oncall_tui.domain.reading import Reading, SourceState, SourceStatus
from oncall_tui.engine.engine import Update
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.triage.triager import Rules, Triager
from oncall_tui.tui import saved_view
from oncall_tui.tui.controllers.filters import Filters
from oncall_tui.tui.controllers.messages import DONE_SHOWN_S, NOTICE_S, Messages
from oncall_tui.tui.controllers.new_rows import NewRows
from oncall_tui.tui.controllers.view_memory import KEY_SAVED_S, ViewMemory
from oncall_tui.tui.presenters.last_seen import IDLE_S
from oncall_tui.tui.presenters.row_builder import ViewFilter
from oncall_tui.tui.presenters.sorting import Sort
from oncall_tui.tui.screens.dialogs.pickers import ALL, PRODUCT, VIEW
from oncall_tui.tui.session import Session

TZ = ZoneInfo("Asia/Tokyo")
PRODUCTS = (Product(name="ledger", services=("prod/main/l*",), alerts={"team": "ledger"}),)


class Actions:
    """Stands in for the action service: keeps what was dismissed."""

    read_only = False

    def __init__(self) -> None:
        self.dismissed: list[str] = []

    def dismiss(self, plan_id: str) -> None:
        self.dismissed.append(plan_id)


class Rows:
    """Stands in for a table: rows by id, a cursor, signs, and what it was told to do."""

    def __init__(self, *ids: str) -> None:
        self.rows = [SimpleNamespace(id=one) for one in ids]
        self.cursor_id: str | None = ids[0] if ids else None
        self.new: frozenset[str] = frozenset()
        self.went: list[str] = []

    def follow_first(self) -> None:
        self.went.append("first")

    def move_to(self, row_id: str) -> bool:
        self.went.append(row_id)
        return True

    def show_new(self, ids: frozenset[str]) -> None:
        self.new = ids


class Dialogs:
    """Answers each dialog with *answer*."""

    active = False

    def __init__(self) -> None:
        self.answer: str | None = None
        self.opened: list[str] = []
        self.steps: list[asyncio.Task[None]] = []

    def open(self, modal: object) -> asyncio.Future[str | None]:
        self.opened.append(type(modal).__name__)
        said: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        said.set_result(self.answer)
        return said

    def begin(self, steps: Coroutine[Any, Any, None], asks: bool = True) -> None:
        self.steps.append(asyncio.get_running_loop().create_task(steps))

    def asked(self) -> None: ...

    async def done(self) -> None:
        await asyncio.gather(*self.steps)


def update_of(*alerts: Any, state: SourceState = SourceState.OK, outcomes: Sequence[Outcome] = ()) -> Update:
    services = (service("prod/main/ledger"), service("prod/main/other"))
    reading = Reading(source="prod", at=1.0, alerts=alerts, services=services, deploys=(deploy("prod/d1"),))
    board = merge(1, 1.0, (SourceStatus(name="prod", provider="ecs", state=state),), (reading,))
    triaged = Triager(Rules(pages=({"severity": "critical"},), products=PRODUCTS)).triage(board)
    return Update(triaged=triaged, outcomes=tuple(outcomes))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def session(clock: FakeClock, tmp_path: Path) -> Session:
    engine = SimpleNamespace(
        update=update_of(alert("prod/a"), alert("prod/b", severity=Severity.CRITICAL)),
        clock=clock,
        rules=SimpleNamespace(products=PRODUCTS),
        actions=Actions(),
        journal=SimpleNamespace(path=tmp_path / "journal.db"),
        watched=[],
    )
    made = Session(cast(Any, engine), TZ, "Alice")
    made.tables = cast(Any, {"alerts": Rows("prod/a", "prod/b"), "services": Rows(), "deploys": Rows("prod/d1")})
    made.views = {"slow": "slow"}
    return made


@pytest.fixture
def dialogs() -> Dialogs:
    return Dialogs()


@pytest.fixture
def changed() -> list[ViewFilter]:
    return []


@pytest.fixture
def filters(session: Session, dialogs: Dialogs, changed: list[ViewFilter]) -> Filters:
    return Filters(session, cast(Any, dialogs), lambda: changed.append(session.view_filter))


def table(session: Session, pane: str) -> Rows:
    return cast(Any, session.tables[pane])


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_a_change_is_drawn_before_the_cursor_goes_to_what_is_shown_and_then_saved(
    session: Session, filters: Filters, changed: list[ViewFilter]
) -> None:
    alerts = table(session, "alerts")
    alerts.cursor_id = None
    order: list[str] = []
    session.redraw = lambda *_: order.append(f"drawn, {alerts.went}")
    filters.faults()
    assert order == ["drawn, []"]
    assert (alerts.went, table(session, "services").went, table(session, "deploys").went) == (["first"], [], [])
    assert changed == [ViewFilter(faults=True)]
    filters.faults()
    assert session.view_filter == ViewFilter()


def test_all_of_it_again_keeps_the_order(session: Session, filters: Filters) -> None:
    session.view_filter = ViewFilter("x", True, (Sort("alerts", "age"),), "ledger", "slow")
    filters.everything()
    assert session.view_filter == ViewFilter(sorts=(Sort("alerts", "age"),))


def test_what_is_under_way_takes_only_its_own_word_away(session: Session) -> None:
    for word in (("the login of prod has expired", "warning"), ("reading every source again", "dim")):
        session.doing("login: asking aws for its version")
        session.say(*word)  # from elsewhere, meanwhile
        session.unsay()
        assert session.notice == word
    session.doing("login: asking aws for its version")
    session.unsay()
    assert session.notice is None
    session.unsay()
    session.doing("planning")
    session.clear()
    assert session.notice is None


def test_a_typed_filter_that_can_be_none_hides_nothing_and_the_word_goes_with_the_mistake(
    session: Session, filters: Filters
) -> None:
    filters.typed("is:acked")
    assert session.view_filter.filter == ""
    assert session.notice is not None
    assert "did you mean" in session.notice[0]
    assert not filters.accepts("is:acked")
    filters.typed("ledger")
    assert (session.view_filter.filter, session.notice) == ("ledger", None)
    session.say("something else", "warning")
    filters.typed("ledge")
    assert session.notice == ("something else", "warning"), "a word of another is not its to take away"
    assert filters.accepts("ledge")
    filters.clear_text()
    assert session.view_filter.filter == ""


async def test_a_picked_product_keeps_what_was_typed_and_replaces_a_view(
    session: Session, filters: Filters, dialogs: Dialogs
) -> None:
    filters.typed("api")
    dialogs.answer = f"{PRODUCT}ledger"
    filters.pick_product()
    await dialogs.done()
    assert session.view_filter == ViewFilter(filter="api", product="ledger")
    dialogs.answer = f"{VIEW}slow"
    filters.pick_product()
    await dialogs.done()
    assert session.view_filter == ViewFilter(filter="slow", view="slow")
    for answer, shown in ((None, session.view_filter), (ALL, ViewFilter())):
        dialogs.answer = answer
        filters.pick_product()
        await dialogs.done()
        assert session.view_filter == shown
    assert set(dialogs.opened) == {"LookAt"}


async def test_a_picked_column_sorts_its_pane_and_the_cursor_is_seen_where_its_row_went(
    session: Session, filters: Filters, dialogs: Dialogs
) -> None:
    dialogs.answer = "age"
    filters.pick_sort()
    await dialogs.done()
    assert session.view_filter.sorts == (Sort("alerts", "age"),)
    assert table(session, "alerts").went == ["prod/a"]
    dialogs.active = True
    filters.pick_sort()
    filters.pick_product()
    assert dialogs.opened == ["Columns"], "one question at a time"


def test_no_page_is_out_of_sight_without_a_sign(session: Session, filters: Filters) -> None:
    assert filters.line(titled=True) is None
    session.view_filter = ViewFilter(filter="a")
    session.tables["alerts"] = cast(Any, Rows("prod/a", "source:prod"))
    assert filters.words("alerts") == ("filter 'a': 1 shown", "", "")
    line = filters.line(titled=True)
    assert line is not None
    assert "1 page, 1! not shown" in line[1][0][0]


def test_where_nothing_is_shown_the_words_tell_a_filter_from_a_quiet_night(session: Session, filters: Filters) -> None:
    assert filters.none("service") == ["No service."]
    session.view_filter = ViewFilter(filter="zzz")
    assert filters.none("service") == ["No service matches."]
    assert filters.no_alert(1.0)[0] == "Nothing matches the filter."
    session.latest = update_of(alert("prod/a"), state=SourceState.EXPIRED)
    unread = ("Not known, because these are not read: prod.", "warning")
    assert filters.no_alert(1.0)[-1] == unread
    assert filters.none("service")[-1] == unread


# --- what is new ------------------------------------------------------------------------------------------------------


def test_after_a_pause_what_began_in_it_is_new_until_the_cursor_left_it(session: Session, clock: FakeClock) -> None:
    new = NewRows(session)
    new.pressed()
    assert new.signs() == {"alerts": frozenset(), "deploys": frozenset()}
    clock.advance(IDLE_S + 1)
    session.latest = update_of(alert("prod/a"), alert("prod/b", began=clock.now() - 60))
    assert new.signs()["alerts"] == frozenset(), "asking changes nothing: the time is told by an event"
    new.passed()
    signs = new.signs()["alerts"]
    assert signs == {"prod/b"}
    table(session, "alerts").new = signs
    assert new.words("alerts").startswith("1 new since ")
    assert not new.left("alerts", "prod/a")
    assert new.left("alerts", "prod/b")
    assert (table(session, "alerts").new, new.signs()["alerts"]) == (frozenset(), frozenset())


def test_a_page_that_comes_elsewhere_is_told_until_the_cursor_is_on_it(session: Session) -> None:
    new = NewRows(session)
    new.came(session.latest, elsewhere=False)
    assert new.page_words() == "", "the cursor goes to what is new by itself"
    session.latest = update_of(*session.latest.board.alerts.values(), alert("prod/c", severity=Severity.CRITICAL))
    new.came(session.latest, elsewhere=True)
    page = new.page()
    assert page is not None
    assert page.id == "prod/c"
    assert "NEW PAGE" in new.page_words()
    assert not new.looked_at("prod/a")
    assert new.looked_at("prod/c")
    assert new.page_words() == ""


# --- what is told above the key bar -----------------------------------------------------------------------------------


def outcome(plan_id: str, state: OutcomeState, at: float) -> Outcome:
    return Outcome(plan_id=plan_id, verb=Verb.ACKNOWLEDGE, target="prod/a", state=state, message="", at=at)


def test_what_succeeded_goes_by_itself_and_what_failed_stays(session: Session, clock: FakeClock) -> None:
    messages, at = Messages(session), clock.now()
    states = (OutcomeState.DONE, OutcomeState.SENT, OutcomeState.FAILED, OutcomeState.UNKNOWN, OutcomeState.PENDING)
    session.latest = update_of(outcomes=[outcome(str(state), state, at) for state in states])
    session.say("cancelled", "dim")
    messages.expire()
    assert session.notice is not None
    clock.advance(NOTICE_S + 1)
    messages.expire()
    assert (session.notice, cast(Any, session.engine.actions).dismissed) == (None, [])
    session.say("look here", "warning")
    clock.advance(DONE_SHOWN_S)
    messages.expire()
    assert cast(Any, session.engine.actions).dismissed == ["done", "sent"]
    assert session.notice is not None, "what is more than dim waits for Esc"


def test_what_succeeded_goes_though_the_wall_clock_was_set_back(session: Session, clock: FakeClock) -> None:
    messages = Messages(session)
    session.latest = update_of(outcomes=[outcome("done", OutcomeState.DONE, clock.now())])
    session.say("cancelled", "dim")
    messages.expire()
    clock.step(-3 * 3600.0)
    clock.advance(DONE_SHOWN_S + 1)
    messages.expire()
    assert (session.notice, cast(Any, session.engine.actions).dismissed) == (None, ["done"])


def test_esc_takes_one_thing_at_a_time_away(session: Session, clock: FakeClock) -> None:
    messages = Messages(session)
    dismissed = cast(Any, session.engine.actions).dismissed
    assert not messages.dismiss()
    session.latest = update_of(outcomes=[outcome("p", OutcomeState.FAILED, clock.now())])
    session.say("a word", "warning")
    assert messages.dismiss()
    assert (session.notice, dismissed) == (None, [])
    session.say("a word", "dim")
    assert messages.dismiss(), "a dim word goes with the outcome"
    assert (session.notice, dismissed) == (None, ["p"])
    session.latest = update_of(outcomes=[outcome("p", OutcomeState.PENDING, clock.now())])
    assert not messages.dismiss(), "what is under way stays"


# --- what is saved ----------------------------------------------------------------------------------------------------


def test_the_view_is_saved_where_it_changed_and_a_mere_key_once_a_minute(
    session: Session, clock: FakeClock, tmp_path: Path
) -> None:
    new = NewRows(session)
    memory = ViewMemory(session, new.seen)
    memory.save()
    memory.close()
    assert list(tmp_path.iterdir()) == [], "before it was taken up nothing is saved"
    assert memory.take_up(True) == ""
    written: list[saved_view.SavedView] = []
    put: Callable[[saved_view.SavedView], None] = written.append
    memory._writer.put = put  # type: ignore[union-attr,method-assign]
    new.pressed()
    memory.save()
    memory.save()
    assert len(written) == 1
    session.bell_on = False
    memory.save()
    assert [one.bell for one in written] == [None, False]
    clock.advance(KEY_SAVED_S - 1)
    new.pressed()
    memory.save()
    assert len(written) == 2
    clock.advance(1)
    new.pressed()
    memory.save()
    assert len(written) == 3


def test_a_session_goes_on_as_the_last_one_ended(session: Session, clock: FakeClock) -> None:
    path = saved_view.beside(session.engine.journal.path)
    saved_view.write(path, saved_view.of(ViewFilter("slow", view="slow"), False, clock.now() - 500))
    new = NewRows(session)
    memory = ViewMemory(session, new.seen)
    assert memory.take_up(True) == ""
    assert (session.view_filter, session.bell_on) == (ViewFilter("slow", view="slow"), False)
    assert new.seen.since == clock.now() - 500
    session.view_filter = ViewFilter(faults=True)
    memory.close()
    found, _ = saved_view.read(path)
    assert found is not None
    assert found.shown == ViewFilter(faults=True)
