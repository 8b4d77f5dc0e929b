"""An ECS service. Times are seconds since the epoch, UTC."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.revision import Revision


class ServiceKey(msgspec.Struct, frozen=True, gc=False, order=True):
    """An ECS service's identity across sources."""

    account: str
    region: str
    cluster: str
    name: str


class NamedService(Protocol):
    """A service's names, whatever else is known of it: *id* is ``SOURCE/CLUSTER/NAME``."""

    @property
    def id(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def key(self) -> ServiceKey: ...


class Health(StrEnum):
    """How a service is, from its tasks. The value is the word in ``--json``."""

    HEALTHY = "healthy"
    DEPLOYING = "deploying"
    DEGRADED = "degraded"  # fewer tasks run than are wanted, or a deploy has failed tasks
    DOWN = "down"  # none runs and some are wanted
    STOPPED = "stopped"  # none is wanted
    UNKNOWN = "unknown"

    @property
    def is_fault(self) -> bool:
        """Return whether the service needs a person."""
        return self in (Health.DEGRADED, Health.DOWN, Health.UNKNOWN)


DEPLOYS_UNREAD = "its deploys are not read yet"  # a note: that none is known says nothing


class DeployGroup(msgspec.Struct, frozen=True, gc=False, order=True):
    """A deployment group of CodeDeploy's: its events name that, and no service."""

    account: str
    region: str
    application: str
    name: str

    @property
    def path(self) -> str:
        """``APPLICATION/GROUP``: as the service that it deploys has it."""
        return f"{self.application}/{self.name}"


class Service(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One service as last read. *id* is ``SOURCE/CLUSTER/NAME``: what the commands take.

    *revision* is what most of its tasks run; *meant* is another one that ECS is to run, of which *meant_running* tasks
    run (None: the same). *deploy_id* is the deploy under way or the last one; *last_deploy* is when that began, and
    *went_back_at* when ECS rolled it back. *note* says what could not be read (``deploys: denied``). *read_at* is when
    this row was true. *deploy_group* is ``APPLICATION/GROUP`` of CodeDeploy, as its last deployment told (empty: none
    did).
    """

    id: str
    source: str
    key: ServiceKey
    health: Health
    desired: int
    running: int
    pending: int
    revision: Revision
    read_at: float
    controller: str = "ECS"
    mode: str = ""  # "Express Mode", where ECS also manages its load balancer, scaling and network
    status: str = "ACTIVE"
    deploy_id: str = ""
    last_deploy: float | None = None
    went_back_at: float | None = None
    meant: Revision | None = None
    meant_running: int = 0
    targets: str = ""  # "3/4 healthy", where load balancer targets are readable
    events: tuple[tuple[float, str], ...] = ()  # newest first, a few
    note: str = ""
    deploy_group: str = ""
    verbs: frozenset[Verb] = frozenset()

    def says_the_same(self, other: Service) -> bool:
        """Tell whether both are equal but for when they were read."""
        return msgspec.structs.replace(self, read_at=other.read_at) == other

    @property
    def name(self) -> str:
        return self.key.name

    @property
    def since(self) -> float | None:
        """When what runs, or is to run, was put there; None: not known."""
        return self.went_back_at or self.last_deploy

    @property
    def to_run(self) -> Revision:
        """The revision that ECS is to run, whether its tasks run or not."""
        return self.meant or self.revision

    @property
    def revisions(self) -> str:
        """``:41``; ``:41 (:42 0/4)`` where :42 is to run, and most tasks are of :41."""
        if self.meant is None:
            return self.revision.short
        return f"{self.revision.short} ({self.meant.short} {self.meant_running}/{self.desired})"

    @property
    def deployed_by(self) -> str:
        """``ECS``, ``CODE_DEPLOY``, ``ECS, Express Mode``: the controller, and the mode where it has one."""
        return f"{self.controller}, {self.mode}" if self.mode else self.controller

    @property
    def title(self) -> str:
        """``prod/payments-api``: source and name, for a row."""
        return f"{self.source}/{self.key.name}"
