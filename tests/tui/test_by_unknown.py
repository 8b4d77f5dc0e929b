"""Who deployed is a decisive word: where nobody is known, every surface says ``by unknown``."""

from __future__ import annotations

from datetime import UTC

from tests.support.fakes import deploy

from oncall_tui.cli import deploys as deploys_command
from oncall_tui.cli import text_board
from oncall_tui.domain.board import Board
from oncall_tui.domain.deploy import DeployRollback, DeployState
from oncall_tui.engine.engine import Update
from oncall_tui.inspection.timeline import merge_timeline
from oncall_tui.providers.aws.ecs.rollback.decision_table import RollbackInputs
from oncall_tui.reports import handover_text
from oncall_tui.reports.handover import Handover, HandoverDeploy
from oncall_tui.text.history_words import rollback_status
from oncall_tui.triage.triager import Rules, Triager
from oncall_tui.tui.presenters.filter_fields import deploy_fields
from oncall_tui.tui.presenters.row_builder import RowBuilder
from oncall_tui.tui.screens.detail import deploy_part, pane
from oncall_tui.tui.screens.detail.parts import Part
from oncall_tui.tui.screens.detail.subject import Subject
from oncall_tui.tui.screens.detail.words import Scene
from oncall_tui.tui.widgets.text_lines import Line

NOW = 1_800_000_000.0


def text(lines: list[Line] | tuple[Line, ...]) -> str:
    return "\n".join("".join(part for part, _ in line) for line in lines)


def test_a_deploy_whose_beginner_is_not_known_says_so_in_the_same_words_on_every_surface() -> None:
    """A name that is left out in silence reads as if there were nobody to ask."""
    one, other = deploy("prod/d1", started=NOW - 600), deploy("prod/d2", started=NOW - 60)
    triaged = Triager(Rules()).triage(Board(version=1, at=NOW))
    update = Update(triaged=triaged)
    scene = Scene(update, NOW, UTC, 80)
    of = Subject(pane="deploys", row_id=one.id, deploys=(one, other))
    done = HandoverDeploy(at=NOW, service="api", arrow=one.arrow, state="succeeded")
    report = Handover(since=0.0, now=NOW, deploys=(done,))
    back = DeployRollback(state=DeployState.ROLLED_BACK, to=":41")
    (cell, _) = RowBuilder(UTC)._deploy_row(one, NOW, True).cells[-1]
    said = {
        "row": f"by {cell}",
        "under the row": text(RowBuilder(UTC)._deploy_row(one, NOW, True).under),
        "filter": f"by {deploy_fields(one, triaged)['by']}",
        "pane": text(pane.deploy_lines(one, update, NOW, UTC)),
        "detail": text(deploy_part.deploy_lines(one, scene)),
        "detail, others": text(deploy_part.deploy_section(of, Part(), scene, "").lines),
        "timeline": " ".join(entry.text for entry in merge_timeline(deploys=(one,))),
        "deploys": deploys_command.line(one, NOW, UTC),
        "status": f"by {text_board._deploy(one, update, NOW)[5]}",
        "handover": handover_text._deployed(done, report, UTC),
        "plan": RollbackInputs(now=NOW).doer,
        "a rollback": rollback_status(back),
        "deployed again": rollback_status(DeployRollback(state=back.state, to=":41", by="Bob", again_at=NOW), UTC, NOW),
    }
    assert one.started_by == ""
    assert {name: words for name, words in said.items() if "by unknown" not in words} == {}
