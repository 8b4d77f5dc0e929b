"""An ECS service."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.revision import Revision


class ServiceKey(msgspec.Struct, frozen=True, gc=False, order=True):
    """What an ECS service is known by, across sources."""

    account: str
    region: str
    cluster: str
    name: str


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
        """Does a person have to look?"""
        return self in (Health.DEGRADED, Health.DOWN, Health.UNKNOWN)


DEPLOYS_UNREAD = "its deploys are not read yet"  # a note: that none is known says nothing


class Service(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One service as last read. *id* is ``SOURCE/CLUSTER/NAME``: what the commands take.

    *deploy_id* is the deploy under way or the last one; *last_deploy* is when that began. *note* says what could not
    be read (``deploys: denied``). *read_at* is when this row was true.
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
    status: str = "ACTIVE"
    deploy_id: str = ""
    last_deploy: float | None = None
    targets: str = ""  # "3/4 healthy", where load balancer targets are readable
    events: tuple[tuple[float, str], ...] = ()  # newest first, a few
    note: str = ""
    verbs: frozenset[Verb] = frozenset()

    @property
    def name(self) -> str:
        return self.key.name

    @property
    def title(self) -> str:
        """``prod/payments-api``: source and name, for a row."""
        return f"{self.source}/{self.key.name}"
