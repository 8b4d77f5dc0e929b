"""The reason for a write that changes a service: a suspected deploy of it, for an alert that fires. Pure.

What nothing asks for is not forbidden: it is said, and wants the service's name typed.
"""

from __future__ import annotations

from collections.abc import Iterable

from oncall_tui.domain.alert import QUIET_S, AlertState
from oncall_tui.domain.deploy import Deploy, DeployState
from oncall_tui.text.time_format import span
from oncall_tui.triage.grouping import PAGER_PROVIDERS
from oncall_tui.triage.suspects import Suspect, SuspectChange
from oncall_tui.triage.triager import TriagedAlert, TriagedBoard
from oncall_tui.triage.unread_scope import SERVICE_PROVIDERS, blind

RECENT_S = 300.0  # what has been quiet for so long after one firing asks for nothing any more
NO_SUSPECT = "no deploy is suspected"
BESIDE = "its deploy is suspected of"  # another service's alert
_FIRES = frozenset({AlertState.FIRING, AlertState.ACKNOWLEDGED, AlertState.SEEN, AlertState.SNOOZED})
_GONE = frozenset({DeployState.ROLLING_BACK, DeployState.ROLLED_BACK})


def fires(triaged: TriagedBoard, row: TriagedAlert) -> bool:
    """Return whether a currently read source says that it fires. An acknowledged alert still fires.

    A pager's incident lasts longer than what it is for: it tells only where nothing else does.
    """
    told = [m for m in row.members if m.provider not in PAGER_PROVIDERS] or [row.alert]
    sources = triaged.board.sources
    return any(m.state in _FIRES and (m.source not in sources or sources[m.source].current) for m in told)


def suspected_deploys(triaged: TriagedBoard, service_id: str) -> tuple[tuple[TriagedAlert, Deploy], ...]:
    """The deploys of *service_id* that are suspected of an alert of it that fires now, each with that alert's row.

    What is part of something wide accuses no one deploy; what was rolled back is gone, and a rollback is no culprit.
    What is possibly the suspect asks for nothing either.
    """
    return tuple(
        (row, suspect.deploy)
        for row in triaged.alerts
        if row.service is not None and row.service.id == service_id and not row.suspicion.wide and fires(triaged, row)
        for suspect in row.suspicion.deploys
        if suspect.own and not suspect.possible and suspect.deploy.state not in _GONE and not suspect.deploy.rollback
    )


def is_suspected(triaged: TriagedBoard, service_id: str, away_from: str, target: str) -> bool:
    """Return whether the deploy that a rollback leaves is suspected of an alert that fires now."""
    return any(_is(d, away_from, target) for _, d in suspected_deploys(triaged, service_id))


def quiet(triaged: TriagedBoard, service_id: str, away_from: str, target: str) -> tuple[str, bool]:
    """Return words for an alert that is silent now, whose episode is not over, and that suspects this deploy.

    ``5xx: quiet for 3s, flapping; :37 is its suspect``, and whether that asks for the action: an alert that comes and
    goes does so until thirty minutes are quiet, one that fired once for a few minutes only. Both empty: there is none.
    """
    now, found = triaged.board.at, []
    for one, suspicion in triaged.quiet:
        seconds = now - one.since
        if one.service != service_id or seconds >= QUIET_S:
            continue
        for suspect in suspicion.deploys:
            deploy, sure = suspect.deploy, suspect.own and not suspect.possible
            if sure and _is(deploy, away_from, target) and deploy.state not in _GONE and not deploy.rollback:
                how = ", flapping" if one.flapping else ""
                words = f"{one.title}: quiet for {span(seconds)}{how}; {deploy.new.short} is its suspect"
                found.append((words, one.flapping or seconds < RECENT_S))
    return max(found, key=lambda one: one[1], default=("", False))


def change_instead(triaged: TriagedBoard, service_id: str, away_from: str, target: str) -> str:
    """Say that a change is the likelier cause of what fires, which no rollback takes back; empty: none is.

    Weak evidence (a scale-out, a release) says nothing of the kind. A deploy that stands first for one of the
    service's alerts is reason enough.
    """
    rows = [a for a in triaged.alerts if a.service is not None and a.service.id == service_id and fires(triaged, a)]
    firsts = [first for row in rows if (first := row.suspicion.first) is not None]
    sure = (one for one in firsts if isinstance(one, Suspect) and one.own and not one.possible)
    if any(_is(one.deploy, away_from, target) for one in sure):
        return ""
    changes = [one for one in firsts if isinstance(one, SuspectChange) and one.strong]
    return f"a change is the likelier cause, and no rollback takes it back: {changes[0].words}" if changes else ""


def _is(deploy: Deploy, away_from: str, target: str) -> bool:
    return deploy.new.task_definition == away_from or deploy.id == target


def reason_missing(triaged: TriagedBoard, service_id: str, away_from: str, target: str) -> str:
    """Why nothing asks for going away from the task definition *away_from*; empty: its deploy is suspected.

    *target* is the row that the action was asked for on: the suspect's own row will do too.
    """
    if is_suspected(triaged, service_id, away_from, target):
        return ""
    words, asks = quiet(triaged, service_id, away_from, target)
    if asks:
        return ""
    rows = [a for a in triaged.alerts if a.service is not None and a.service.id == service_id and fires(triaged, a)]
    if unread := deploys_unread(triaged, service_id):
        return "; ".join((unread, *_weak(rows)))
    if possibly := _possibly(rows, away_from, target):
        return possibly
    others = [s.deploy for a in rows for s in a.suspicion.deploys if not s.own]
    if others and not any(s.own for a in rows for s in a.suspicion.deploys):
        return f"no deploy of this service is suspected, but one of {others[0].service_id}"
    if rows:
        return NO_SUSPECT
    if beside := _suspected_beside(triaged, away_from, target):
        return f"no alerts for it; {beside}"
    lost = [s.name for s in triaged.board.sources.values() if s.provider not in SERVICE_PROVIDERS and not s.whole]
    if lost:
        return words or f"{NO_SUSPECT}, and whether an alert fires is not known: {', '.join(lost)} cannot be read now"
    return words or f"{NO_SUSPECT}, no alerts for it"


def nothing_wrong(triaged: TriagedBoard, service_id: str) -> str:
    """Say that nothing on the board is wrong with a service, so that a write to it may be meant for another row; empty:
    an alert of it fires or did a moment ago, or its tasks are not as they should be.
    """
    service, now = triaged.board.services.get(service_id), triaged.board.at
    if service is not None and service.health.is_fault:
        return ""
    if any(a.service is not None and a.service.id == service_id and fires(triaged, a) for a in triaged.alerts):
        return ""
    quiet_ones = [one for one, _ in triaged.quiet if one.service == service_id]
    if any(now - one.since < (QUIET_S if one.flapping else RECENT_S) for one in quiet_ones):
        return ""
    is_so = f", and it is {service.health}" if service is not None else ""
    lost = [s.name for s in triaged.board.sources.values() if s.provider not in SERVICE_PROVIDERS and not s.whole]
    if lost:
        return f"whether an alert of it fires is not known: {', '.join(lost)} cannot be read now{is_so}"
    return f"no alerts for it{is_so}"


def _suspected_beside(triaged: TriagedBoard, away_from: str, target: str) -> str:
    """Say of which alert of another service the deploy is suspected, and behind what; empty: of none that fires."""
    for row in triaged.alerts:
        if row.service is None or row.suspicion.wide or not fires(triaged, row):
            continue
        if any(_is(one.deploy, away_from, target) and one.deploy.state not in _GONE for one in row.suspicion.deploys):
            change = row.suspicion.change_first
            behind = f", behind {row.suspicion.first.words}" if change is not None and row.suspicion.first else ""
            title = row.alert.title
            return f"{BESIDE} {title} of {row.service.id}, which shares its product{behind}"
    return ""


def _possibly(rows: Iterable[TriagedAlert], away_from: str, target: str) -> str:
    """Name the alert that the deploy is only possibly the suspect of; empty: of none. The cautions say why."""
    for row in rows:
        for one in row.suspicion.deploys:
            if one.own and one.possible and _is(one.deploy, away_from, target) and one.deploy.state not in _GONE:
                return f"{one.deploy.new.short} is only possibly the suspect of {row.alert.title}"
    return ""


def _weak(rows: Iterable[TriagedAlert]) -> tuple[str, ...]:
    """Name the change that stands first of what was read, where it is weak evidence; empty: none does."""
    firsts = (row.suspicion.first for row in rows)
    found = next((one for one in firsts if isinstance(one, SuspectChange) and not one.strong), None)
    return (f"what was read has weak evidence alone: {found.words}",) if found is not None else ()


def deploys_unread(triaged: TriagedBoard, service_id: str) -> str:
    """Say that a deploy may be suspected that was not read, and why it was not; empty: all were."""
    rows = [a for a in triaged.alerts if a.service is not None and a.service.id == service_id and fires(triaged, a)]
    unread = next((a.suspicion.unread for a in rows if a.suspicion.unread), "") or _services_unread(triaged, service_id)
    return f"whether a deploy is suspected is not known: {unread}" if unread else ""


def _services_unread(triaged: TriagedBoard, service_id: str) -> str:
    service = triaged.board.services.get(service_id)
    if service is None:
        return f"{service_id} is not on the board"
    return blind(triaged.board.sources).about(service)
