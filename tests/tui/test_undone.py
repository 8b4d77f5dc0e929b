"""A success stands on screen only as long as it is true: it goes once its undo has succeeded."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tests.support.fakes import Able, deploy, service
from tests.support.screen import Rig

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.tui.controllers.messages import Messages

API = "prod/main/api"
DONE = OutcomeState.DONE


class Said:
    """The outcomes of one engine, and what expires of them."""

    def __init__(self, folder: Path) -> None:
        self.rig = Rig(folder, Able("prod"))
        for name in "ab":
            self.rig.provider.add(name)
        self.rig.provider.services[API] = service(API)
        for name in ("old", "new"):
            self.rig.provider.deploys[f"prod/{name}"] = deploy(f"prod/{name}", API)
        self.messages = Messages(self.rig.board.session)

    def be(self, name: str, state: AlertState) -> None:
        alerts = self.rig.provider.alerts
        alerts[f"prod/{name}"] = msgspec.structs.replace(alerts[f"prod/{name}"], state=state)

    def put(self, verb: Verb, target: str, state: OutcomeState = DONE) -> None:
        self.rig.clock.advance(1)
        one = Outcome(
            plan_id=f"{verb} {target}", verb=verb, target=target, state=state, message="", at=self.rig.clock.now()
        )
        self.rig.engine.actions.show(one)

    def stand(self) -> list[str]:
        """Return the verbs of what still stands."""
        for _ in range(2):
            self.rig.poll()
            self.rig.board.session.latest = self.rig.engine.update
            self.messages.expire()
        return [str(one.verb) for one in self.rig.engine.actions.outcomes]


@pytest.fixture
def said(tmp_path: Path) -> Said:
    return Said(tmp_path)


@pytest.mark.parametrize(
    ("did", "undo", "to", "by"),
    [
        (Verb.ACKNOWLEDGE, Verb.UNACKNOWLEDGE, "prod/a", "prod/a"),
        (Verb.UNACKNOWLEDGE, Verb.ACKNOWLEDGE, "prod/a", "prod/a"),
        (Verb.SILENCE, Verb.UNACKNOWLEDGE, "prod/a", "prod/a"),
        (Verb.SNOOZE, Verb.UNACKNOWLEDGE, "prod/a", "prod/a"),
        (Verb.ROLL_BACK, Verb.UNDO_ROLLBACK, "prod/old", "prod/new"),
        (Verb.ROLL_BACK, Verb.UNDO_ROLLBACK, API, "prod/new"),
    ],
)
def test_a_success_goes_once_its_undo_has_succeeded(said: Said, did: Verb, undo: Verb, to: str, by: str) -> None:
    said.put(did, to)
    said.put(did, "prod/b")
    said.put(undo, by, OutcomeState.PENDING)
    assert said.stand() == [did, did, undo]
    said.put(undo, by, OutcomeState.FAILED)
    assert said.stand() == [did, did, undo]
    said.put(undo, by)
    assert said.stand() == [did, undo], "what was done to another stands"
    said.put(did, to)
    assert did in said.stand(), "and what is done again"
    said.rig.engine.stop()


def test_a_silence_that_was_ended_by_its_own_id_is_no_success_any_more(said: Said) -> None:
    said.be("a", AlertState.SILENCED)
    said.put(Verb.SILENCE, "prod/a")
    assert said.stand() == ["silence"]
    said.put(Verb.END_SILENCE, "prod/silence/s9")
    assert said.stand() == ["silence", "end the silence"], "another silence may keep it quiet still"
    said.rig.engine.actions.dismiss("end the silence prod/silence/s9")  # as Esc does
    said.be("a", AlertState.FIRING)
    assert said.stand() == []
    said.rig.engine.stop()


def test_a_silence_that_was_made_a_moment_ago_and_is_not_seen_yet_stands(said: Said) -> None:
    said.put(Verb.END_SILENCE, "prod/silence/s1")
    said.put(Verb.SILENCE, "prod/a")
    assert said.stand() == ["end the silence", "silence"]
    said.rig.engine.stop()
