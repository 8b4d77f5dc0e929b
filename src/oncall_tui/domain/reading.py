"""A reading: what one poll of one source returned, and the problems that it met.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from oncall_tui.domain.alert import Alert
from oncall_tui.domain.change import Change
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.service import DeployGroup, Service, ServiceKey


class SourceState(StrEnum):
    """How a source is. The value is the word in ``status --json``; ``label`` the one on screen."""

    OK = "ok"
    STALE = "stale"
    EXPIRED = "expired"
    DENIED = "denied"
    THROTTLED = "throttled"
    OFFLINE = "offline"
    NO_CREDENTIALS = "no_credentials"
    MALFORMED = "malformed"
    WAITING = "waiting"  # not answered yet, and not yet late

    @property
    def label(self) -> str:
        return self.value.upper().replace("_", "-")


class PartialFailure(msgspec.Struct, frozen=True, gc=False):
    """One thing that a reading lacks: *scope* says where (``cluster prod-main``, ``deploys``), *hint* what to do."""

    state: SourceState
    scope: str
    message: str
    hint: str = ""


class Reading(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Everything that is known of one source after a poll, true *at* that time.

    Rows of a scope with a problem may be older: the provider keeps its last good ones. *next_in_s* is when the
    provider wants to be asked again (None: the source's own interval). *calls* is how many calls this poll made.
    *complete* is False while the first list is still coming: what is not there yet may still come. *behind* is of
    how many services the deploys are not read completely yet; of which none is known, its note says so. *clock_off_s*
    is the server's clock minus this machine's, in whole minutes; 0: they agree, or the server tells no time.

    *moved* are services of which an event came with this poll: whoever reads them should read them now; *moved_groups*
    the same of CodeDeploy's, whose events name a deployment group. *tells_of* are the (account, region) of which this
    source tells such events in time; empty: of none, or not in time.
    """

    source: str
    at: float
    alerts: tuple[Alert, ...] = ()
    services: tuple[Service, ...] = ()
    deploys: tuple[Deploy, ...] = ()
    changes: tuple[Change, ...] = ()
    problems: tuple[PartialFailure, ...] = ()
    next_in_s: float | None = None
    calls: int = 0
    complete: bool = True
    behind: int = 0
    clock_off_s: float = 0.0
    pace: str = ""  # in words, where its rows are read more seldom than the documentation says
    unexplained: int = 0  # services with deploys whose author, or why their tasks stopped, is not read yet
    moved: tuple[ServiceKey, ...] = ()
    moved_groups: tuple[DeployGroup, ...] = ()
    tells_of: tuple[tuple[str, str], ...] = ()


def with_former(part: Reading, former: Reading | None) -> Reading:
    """Return a *part* of a first list, with the rows of a *former* part that it does not have: a list that is read anew
    after a failure begins again with few rows, and those that it does not have yet are not gone.
    """
    if former is None or part.complete:
        return part
    alerts = {one.id: one for one in (*former.alerts, *part.alerts)}
    return msgspec.structs.replace(part, alerts=tuple(alerts.values()))


class SourceStatus(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One source's status on the board. *read_at* is the time of its last good reading (None: never)."""

    name: str
    provider: str
    state: SourceState
    read_at: float | None = None
    message: str = ""
    hint: str = ""
    login: tuple[str, ...] = ()  # the command that renews an expired login; empty: none known
    problems: tuple[PartialFailure, ...] = ()
    calls_per_s: float = 0.0
    partial: bool = False  # it was read just now, but for what *problems* name
    complete: bool = True  # False: of its first list only a part was read so far
    behind: int = 0  # services whose deploys are not read completely yet
    unexplained: int = 0  # as of a reading
    clock_off_s: float = 0.0  # as of a reading
    waits: str = ""  # "waiting for credential_process of profile prod (5 s)": not for the source itself
    banner: str = ""  # "endpoint http://127.0.0.1:4566" where the source is not the real service

    @property
    def live(self) -> bool:
        return self.state is SourceState.OK

    @property
    def current(self) -> bool:
        """Return whether its rows are current, except those that a problem names."""
        return self.live or self.partial

    @property
    def whole(self) -> bool:
        """Return whether it was read just now to the end of its list: what is not among its rows is not there."""
        return self.current and self.complete

    @property
    def coming(self) -> bool:
        """Return whether its first list is still being read, page after page."""
        return not self.complete and self.state is SourceState.WAITING

    def lacks(self, cluster: str) -> bool:
        """Return whether this cluster's services could not be read just now, while others were."""
        return any(p.scope in (f"cluster {cluster}", "clusters", "services") for p in self.problems)

    def age_s(self, now: float) -> float | None:
        """Seconds since it was last read well; None: never."""
        return None if self.read_at is None else max(0.0, now - self.read_at)
