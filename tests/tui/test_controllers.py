"""The controllers on a session without a screen: an action goes to the row that is handed to it, as it was drawn."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.support.fakes import ALICE, alert

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Severity
from oncall_tui.domain.board import Board
from oncall_tui.domain.plan import ActionRequest
from oncall_tui.triage.triager import TriagedAlert
from oncall_tui.tui.controllers.actions import Actions
from oncall_tui.tui.controllers.offers import Offers
from oncall_tui.tui.session import RowRef

NO_ROW = "no row is under the cursor: j and k choose one, where any is listed"


class Service:
    """Stands in for the action service: keeps the requests."""

    def __init__(self) -> None:
        self.outcomes = ()
        self.asked: list[ActionRequest] = []

    def quick(self, request: ActionRequest) -> Future[None]:
        self.asked.append(request)
        done: Future[None] = Future()
        done.set_result(None)
        return done


class FakeSession:
    """As much of a session as an action asks for."""

    def __init__(self) -> None:
        self.service = Service()
        self.engine = SimpleNamespace(
            actions=self.service, actor=ALICE, destinations=(), own_commands=None, read_only=False
        )
        self.latest = SimpleNamespace(board=Board(version=1, at=0.0))
        self.notice: Any = None
        self.tables: dict[str, Any] = {}
        self.said: list[str] = []

    def drawn(self, alert_id: str) -> TriagedAlert | None:
        return row().triaged_alert if alert_id == "fake/a" else None

    def say(self, text: str, style: str = "") -> None:
        self.said.append(text)

    def not_taken(self, why: str, then: str = "") -> None:
        self.said.append(f"{why}: {then}" if then else why)

    def name(self, row: RowRef) -> str:
        return row.triaged_alert.alert.title if row.triaged_alert else row.id or ""


class FakeDialogs:
    """Runs steps at once; what opens a dialog fails the test."""

    active = False

    def __init__(self) -> None:
        self.copied: list[str] = []

    def copy(self, text: str) -> str:
        self.copied.append(text)
        return "copied"

    def begin(self, steps: Coroutine[Any, Any, None], asks: bool = True) -> None:
        asyncio.get_running_loop().create_task(steps)


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
def dialogs() -> FakeDialogs:
    return FakeDialogs()


@pytest.fixture
def actions(session: FakeSession, dialogs: FakeDialogs) -> Actions:
    return Actions(cast(Any, session), cast(Any, dialogs), Offers(cast(Any, session)))


def row(**fields: Any) -> RowRef:
    known = alert("fake/a", **fields)
    return RowRef("alerts", known.id, TriagedAlert(id=known.id, alert=known, rank=cast(Any, ())))


async def test_an_action_has_the_id_and_the_version_of_its_row(session: FakeSession, actions: Actions) -> None:
    drawn, newer = row(), alert("fake/a", severity=Severity.CRITICAL, began=1_799_999_900.0)
    assert drawn.triaged_alert is not None
    seen = drawn.triaged_alert.alert.version
    assert newer.version != seen
    actions.do("ack", drawn)
    session.latest.board = Board(version=2, at=1.0, alerts={"fake/a": newer})
    actions.do("ack", drawn)
    assert [(r.verb, r.target, r.version) for r in session.service.asked] == [(Verb.ACKNOWLEDGE, "fake/a", seen)] * 2


async def test_a_row_that_cannot_have_the_verb_is_told_why_and_nothing_is_asked(
    session: FakeSession, actions: Actions
) -> None:
    actions.do("ack", row(verbs=frozenset()))
    actions.do("ack", RowRef("alerts", None))
    actions.do("rollback", RowRef("services", None))
    actions.do("ack", RowRef("deploys", "prod/d"))
    assert session.service.asked == []
    assert session.said == [
        "fake alerts cannot be acknowledged here: the alert is firing",
        NO_ROW,
        NO_ROW,
        "acknowledge works on alerts: 1 shows them",
    ]


async def test_read_only_says_so_for_every_key_that_writes(session: FakeSession, actions: Actions) -> None:
    session.engine.read_only = True
    for key in ("unack", "escalate", "silence", "note", "rollback", "continue", "shell"):
        actions.do(key, row(verbs=frozenset()))
    assert session.service.asked == []
    assert len(session.said) == 7
    assert all(words.startswith("read only: n") for words in session.said)


def test_the_key_bar_names_the_row_that_it_is_made_for(session: FakeSession, actions: Actions) -> None:
    assert ("a", "ack title of a", True) in actions.offers.bar_items(row())
    assert not any(word.startswith("ack") for _, word, _ in actions.offers.bar_items(row(verbs=frozenset())))
    marked = RowRef("alerts", "fake/a", None, ("fake/a", "fake/b"))
    assert ("a", "ack 2 rows", True) in actions.offers.bar_items(marked)


def test_a_copy_is_the_id_the_title_and_the_link_of_the_row_as_it_was_drawn(
    session: FakeSession, actions: Actions, dialogs: FakeDialogs
) -> None:
    drawn = row(title="5xx", url="https://example.com/a")
    actions.do("copy", drawn)
    assert dialogs.copied == ["fake/a 5xx https://example.com/a"]
    assert session.said == ["copied: fake/a 5xx https://example.com/a"]
    actions.do("copy", RowRef("alerts", None))
    assert session.said[1:] == ["there is no row to copy"]
    assert len(dialogs.copied) == 1
