"""A deploy: one rollout of a service, from one revision to another. Times are seconds since the epoch, UTC."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.revision import Revision


class DeployState(StrEnum):
    """A deploy's state; the value is the word on screen and in ``--json``."""

    PENDING = "pending"
    IN_PROGRESS = "in progress"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ROLLING_BACK = "rolling back"
    ROLLED_BACK = "rolled back"
    ROLLBACK_FAILED = "rollback failed"
    UNKNOWN = "unknown"

    @property
    def running(self) -> bool:
        """Return whether the deploy is still under way."""
        return self in (DeployState.PENDING, DeployState.IN_PROGRESS, DeployState.STOPPING, DeployState.ROLLING_BACK)

    @property
    def bad(self) -> bool:
        """Return whether the deploy ended, or is ending, otherwise than meant."""
        return self in (
            DeployState.FAILED,
            DeployState.ROLLING_BACK,
            DeployState.ROLLED_BACK,
            DeployState.ROLLBACK_FAILED,
        )

    @property
    def status_class(self) -> str:
        """Return the class that a re-check compares: pending and in progress are the same; an ended deploy differs."""
        return "open" if self in (DeployState.PENDING, DeployState.IN_PROGRESS) else self.value


NOT_KNOWN = "not known"
BAKE_STAGE = "bake time"  # the stage in which all traffic is on the new tasks, and the old ones are still there
WENT_BACK = frozenset({DeployState.ROLLING_BACK, DeployState.ROLLED_BACK, DeployState.ROLLBACK_FAILED})


class TaskFailure(msgspec.Struct, frozen=True, gc=False):
    """Why a task stopped; *exit_code* is None where no container had one."""

    task: str
    at: float
    reason: str
    exit_code: int | None = None

    @property
    def summary(self) -> str:
        return f"exit {self.exit_code} {self.reason}" if self.exit_code is not None else self.reason


class DeployRollback(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How a deploy was rolled back. *state* is ROLLING_BACK, ROLLED_BACK or ROLLBACK_FAILED.

    *to* is the revision (``:41``), *by* a person, ``the circuit breaker`` or ``an alarm`` (empty: nobody tells).
    *deploy* is the id of the later deploy that did it (empty: ECS went back within the same deploy). *again_at* and
    *again_by*: when, and by whom, it was deployed again after that.
    """

    state: DeployState
    to: str = ""
    by: str = ""
    began: float | None = None
    ended: float | None = None
    deploy: str = ""
    again_at: float | None = None
    again_by: str = ""


class Deploy(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One deploy as last read. *id* is ``SOURCE/`` and ECS's own id; *native_id* the ARN or id alone.

    *old* is None for what is known to be a *first* deploy, and where nobody tells what ran before. *rollback* says
    why this deploy is itself a rollback, or went back (empty: neither, as far as anybody knows). *read_from* is
    ``service deployment`` or, where those calls are denied, ``deployments[]``. *taken_back* and *verb* (what was asked
    for from this machine) are filled in by the service's history, which also corrects *started_by* and *old* where this
    machine's journal knows better.
    """

    id: str
    source: str
    native_id: str
    service_id: str
    state: DeployState
    new: Revision
    started: float
    old: Revision | None = None
    first: bool = False
    status: str = ""  # the API's own word
    strategy: str = "rolling"
    stage: str = ""
    finished: float | None = None
    desired: int = 0
    running: int = 0  # tasks of the new revision that run
    pending: int = 0
    old_running: int = 0
    failed_tasks: int = 0
    failures: tuple[TaskFailure, ...] = ()
    breaker: str = ""  # "2/3", where a circuit breaker counts
    traffic: float | None = None  # percent of production traffic that the new revision gets, where it is told
    bake_until: float | None = None  # when a bake time ends, or the old tasks of a deploy that is over are removed
    bake_about: bool = False  # that time, and the next one, is about so: nobody saw it begin
    all_traffic_since: float | None = (
        None  # all traffic is on the new revision since then, and the old tasks still there
    )
    steps: str = ""  # how traffic is shifted, where that is told: "10% every 6m"
    waits: str = ""  # what holds it up, in words: "paused at its hook before production traffic, until 02:41"
    alarms: tuple[str, ...] = ()  # names of the alarms that would make ECS roll it back
    reason: str = ""
    started_by: str = ""
    rollback: str = ""
    rollback_to: str = ""  # the revision that ECS goes back to within this deploy, ``:41``
    taken_back: DeployRollback | None = None
    verb: Verb | None = None
    read_from: str = "service deployment"
    verbs: frozenset[Verb] = frozenset()

    @property
    def version(self) -> str:
        """Return the part that a rollback's re-check compares: the deploy, its status class and its target."""
        return f"{self.id}|{self.state.status_class}|{self.new.task_definition}"

    @property
    def arrow(self) -> str:
        """``:41→:42``: from old to new, whatever came of it."""
        return f"{self.before}→{self.new.short}"

    @property
    def before(self) -> str:
        """``:41``, what ran before it; ``first`` only where it is known that nothing did."""
        return self.old.short if self.old else "first" if self.first else NOT_KNOWN

    @property
    def goes_back(self) -> bool:
        """Tell whether it is itself a rollback: a later deploy that puts back what ran before."""
        return bool(self.rollback) and self.state not in WENT_BACK

    @property
    def forward(self) -> bool:
        """Tell whether it brings a later revision of the same family."""
        old, new = (r.family_revision.rpartition(":") for r in (self.old or self.new, self.new))
        numbers = old[2].isdigit() and new[2].isdigit() and int(new[2]) > int(old[2])
        return old[0] == new[0] and numbers

    @property
    def keeps_old_tasks(self) -> bool:
        """Tell whether the time left is that of its old tasks: it is over, or CodeDeploy only waits to remove them."""
        return not self.state.running or (self.read_from == "CodeDeploy" and self.stage != BAKE_STAGE)

    @property
    def progress(self) -> str:
        """``2/4``: tasks of the new revision that run, of those wanted."""
        return f"{self.running}/{self.desired}"
