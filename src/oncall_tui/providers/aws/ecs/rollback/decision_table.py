"""The table of rolling back: its lines, what is decided upon, and what a decision is.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from oncall_tui.domain.revision import Revision
from oncall_tui.domain.service_history import cause_of
from oncall_tui.errors import WayOut
from oncall_tui.providers.aws.ecs.rollback.history import Candidate
from oncall_tui.text.history_words import by


class Call(StrEnum):
    """The call that does it."""

    STOP = "StopServiceDeployment"
    HOOK = "ContinueServiceDeployment"
    UPDATE = "UpdateService"
    CD_STOP = "StopDeployment"
    CD_CREATE = "CreateDeployment"


class Rule(StrEnum):
    """The lines of the table: one for each controller and state (``TABLE``). Every decision names its own."""

    PROGRESS = "in progress"
    BAKING = "baking"
    PAUSED = "paused at a hook"
    CLEAN_UP = "removing the old tasks"
    ELSEWHERE = "in progress, to another revision"
    GOING_BACK = "rolling back"
    STOPPING = "stopping"
    IS_ROLLBACK = "is itself a rollback"
    FINISHED = "finished"
    FIRST = "first deploy"
    NOWHERE = "nothing to go back to"
    UNREADABLE = "not readable"
    INACTIVE = "service not active"
    CD_PROGRESS = "CodeDeploy, in progress or waiting"
    CD_FINISHED = "CodeDeploy, finished"
    CD_ROLLBACK = "CodeDeploy, is itself a rollback"
    EXTERNAL = "external"


# The same as the documentation's table: (controller and strategy, state, what R does)
TABLE: dict[Rule, tuple[str, str, str]] = {
    Rule.PROGRESS: (
        "ECS, any strategy",
        "PENDING, IN_PROGRESS",
        "StopServiceDeployment(ROLLBACK): ECS goes back to what ran before",
    ),
    Rule.BAKING: (
        "ECS: blue/green, linear, canary",
        "IN_PROGRESS, BAKE_TIME",
        "StopServiceDeployment(ROLLBACK): traffic goes back to tasks that still run",
    ),
    Rule.PAUSED: (
        "ECS, any strategy",
        "IN_PROGRESS, a hook AWAITING_ACTION",
        "ContinueServiceDeployment(that hook, ROLLBACK)",
    ),
    Rule.CLEAN_UP: (
        "ECS: blue/green, linear, canary",
        "IN_PROGRESS, CLEAN_UP",
        "refused: the old tasks are being removed; finished in a moment",
    ),
    Rule.ELSEWHERE: (
        "ECS, rolling",
        "PENDING, IN_PROGRESS; the revision wanted is not what ran before, or that never succeeded",
        "UpdateService(that task definition): a new deploy takes over. Other strategies: refused",
    ),
    Rule.GOING_BACK: (
        "ECS, any strategy",
        "ROLLBACK_REQUESTED, ROLLBACK_IN_PROGRESS",
        "refused: it is under way, and followed",
    ),
    Rule.STOPPING: ("ECS, any strategy", "STOP_REQUESTED", "refused: act on the newer deploy"),
    Rule.IS_ROLLBACK: (
        "ECS, any strategy",
        "any; the deploy is itself a rollback",
        "refused: followed, never reversed; undoing it is a verb of its own",
    ),
    Rule.FINISHED: (
        "ECS, any strategy",
        "SUCCESSFUL, STOPPED, ROLLBACK_FAILED",
        "UpdateService(the best earlier task definition): a new deploy",
    ),
    Rule.FIRST: ("ECS, any strategy", "any; nothing ran before", "refused: nothing to go back to"),
    Rule.NOWHERE: (
        "ECS, any strategy",
        "any; no earlier revision that can be started",
        "refused: pick a task definition by name",
    ),
    Rule.UNREADABLE: ("any", "cannot be read, or a word that is not known", "refused: says what is missing"),
    Rule.INACTIVE: ("any", "the service is DRAINING or INACTIVE", "refused"),
    Rule.CD_PROGRESS: (
        "CODE_DEPLOY",
        "Created, Queued, InProgress, Baking, Ready",
        "codedeploy StopDeployment(autoRollbackEnabled)",
    ),
    Rule.CD_FINISHED: (
        "CODE_DEPLOY",
        "Succeeded, Failed, Stopped",
        "codedeploy CreateDeployment(the earlier revision's AppSpec)",
    ),
    Rule.CD_ROLLBACK: ("CODE_DEPLOY", "any; the deployment is itself a rollback", "refused: followed, never reversed"),
    Rule.EXTERNAL: ("EXTERNAL", "any", "refused: says which calls do it by hand"),
}


class RollbackInputs(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of a service, read just now. *candidates*: the revisions to roll back to, newest first.

    *deploy* is the newest deploy's ARN or id, *status* its API word, *source* what ran before it (None: a first
    deploy), *target* what it puts there, *going_back* why it is itself a rollback (*left*: of which task definition),
    *choice* the id that a person picked (a task definition's ARN; for CodeDeploy a deployment's id), *picked* the
    older deploy that it was asked for, *unsure* that *source* never succeeded, so that ECS may go back to another.
    *began* is when the newest deploy did, *since* when what runs became that (0: not told), *went_back_at* when the
    rollback to it began, and *undo* what it went back from.
    """

    now: float
    controller: str = "ECS"
    strategy: str = "ROLLING"
    service_status: str = "ACTIVE"
    deploy: str = ""
    status: str = ""
    stage: str = ""
    hook: str = ""
    reason: str = ""
    source: Revision | None = None
    target: Revision | None = None
    went_back_to: Revision | None = None
    began: float = 0.0
    since: float = 0.0
    went_back_at: float = 0.0
    undo: Candidate | None = None
    by: str = ""
    going_back: str = ""
    left: str = ""
    candidates: tuple[Candidate, ...] = ()
    choice: str = ""
    picked: str = ""
    undone: str = ""  # the task definition that CodeDeploy's last rollback went back from
    unsure: bool = False
    unreadable: str = ""

    @property
    def doer(self) -> str:
        """Name who went back: whom this machine knows, or what ECS says; ``by unknown``."""
        return by(self.by or (cause_of(self.reason) if self.status.startswith("ROLLBACK") else ""))


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """*call* None: refused, *why* says the reason, *hint* and *ways* what to do. Else go *to*, away from *leaving*.

    *warnings* are to be read first; *passed_over* says which newer revisions were not taken, and why.
    """

    line: Rule
    call: Call | None
    why: str = ""
    hint: str = ""
    ways: tuple[WayOut, ...] = ()
    leaving: Revision | None = None
    to: Candidate | None = None
    warnings: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
