"""Past revisions, and those worth a rollback. Pure.

ECS keeps 90 days of service deployments (API reference, ListServiceDeployments). Only those that succeeded made
anything run; a failed one that was rolled back left what ran before it running. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from oncall_tui.domain.remembered import AlertStart
from oncall_tui.domain.revision import Revision
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.text.time_format import span

LONG_ENOUGH_S = 3600.0
BLAMED_S = 3600.0  # an alert within this of a deploy's start may be that deploy's doing (as for a suspect)
GONE = ("INACTIVE", "DELETE_IN_PROGRESS", "DELETED")
ALERTS_TOLD = 3


class SuccessfulDeploy(msgspec.Struct, frozen=True, kw_only=True):
    """One deploy that succeeded: what it put there. Seconds since the epoch; *ended* None: still what runs."""

    deploy: str
    revision: Revision
    started: float
    finished: float


class RunPeriod(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which one task definition was what ran: *started* is its first deploy's start, *since* that one's end.

    *renewed* is when forced redeploys of it began; *back_to* names what a rollback put in its place; *by_rollback*: a
    rollback began it.
    """

    deploy: str
    revision: Revision
    started: float
    since: float
    until: float
    renewed: tuple[float, ...] = ()
    back_to: str = ""
    by_rollback: bool = False

    def holds(self, at: float, bad: Sequence[BadDeploy]) -> bool:
        """Return whether an alert that began *at* says something of this period's revision.

        Not where a deploy of another revision may have done it (*bad*), nor soon after a rollback: an alert that comes
        late is of what was rolled back.
        """
        if not self.started <= at < max(self.until, self.since):
            return False
        if self.by_rollback and at < self.started + BLAMED_S:
            return any(began <= at for began in self.renewed)
        return not any(b.may_have_done(at) for b in bad if b.task_definition != self.revision.task_definition)

    def blames(self, at: float) -> bool:
        """Return whether *at* is soon after a deploy of this period, also a forced one (it may pull another image)."""
        return any(began <= at < began + BLAMED_S for began in (self.started, *self.renewed))

    @property
    def length_s(self) -> float:
        return max(0.0, self.until - self.since)


class BadDeploy(msgspec.Struct, frozen=True, kw_only=True):
    """A deploy of *task_definition* that did not stand, from *began* to *ended*: alerts of that time are its own."""

    task_definition: str
    began: float
    ended: float

    def may_have_done(self, at: float) -> bool:
        """Return whether it is a suspect of an alert that began *at*: it was under way, or had just ended."""
        return self.began <= at < self.ended + BLAMED_S


class FailedDeploy(msgspec.Struct, frozen=True, kw_only=True):
    """A deploy that did not stand: *how* it ended, in words, and when; the tasks of it that failed, where ECS counted
    them; ECS's own reason."""

    deploy: str
    task_definition: str
    how: str
    at: float
    failed: int = 0
    reason: str = ""

    def summary(self, now: float) -> str:
        """``rolled back 6m ago, 128 tasks failed``."""
        return ", ".join(
            (f"{self.how} {span(now - self.at)} ago", *([tasks_failed(self.failed)] if self.failed else []))
        )


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One task definition that may be gone back to: when it ran, newest first, and the alerts that began meanwhile.

    *run_periods* empty: history does not show it running. *source*: ECS says that it ran before the newest deploy.
    *fell* holds the deploys of it that did not stand, newest first; *tasks* of it run just now.
    """

    revision: Revision
    run_periods: tuple[RunPeriod, ...] = ()
    alerts: tuple[AlertStart, ...] = ()
    blamed: tuple[AlertStart, ...] = ()
    source: bool = False
    fell: tuple[FailedDeploy, ...] = ()
    tasks: int = 0

    @property
    def fell_last(self) -> FailedDeploy | None:
        """The newest deploy of it, where that did not stand, or was rolled back after it had."""
        last, spell = (self.fell[0] if self.fell else None), (self.run_periods[0] if self.run_periods else None)
        if spell is not None and (last is None or last.at < spell.until):
            name = spell.revision.task_definition
            back = FailedDeploy(
                deploy=spell.deploy, task_definition=name, how=f"rolled back to {spell.back_to}", at=spell.until
            )
            return back if spell.back_to else None
        return last

    @property
    def ran(self) -> bool:
        return bool(self.run_periods) or self.source

    @property
    def startable(self) -> bool:
        """Return whether ECS would start it: not a deregistered task definition."""
        return self.revision.status not in GONE

    @property
    def doubts(self) -> tuple[str, ...]:
        """Return the known doubts about it, in words."""
        found = []
        if not self.startable:
            found.append(f"is {self.revision.status} (deregistered)")
        if not self.ran:
            found.append("was never seen running in the last 90 days")
        elif self.run_periods and max(s.length_s for s in self.run_periods) < LONG_ENOUGH_S:
            found.append(f"ran {span(max(s.length_s for s in self.run_periods))} only")
        if self.blamed:
            found.append(_alerts(self.blamed, "within an hour of its deploy"))
        return tuple(found)

    def cautions(self, now: float) -> tuple[str, ...]:
        """Return the cautions before a pick: its newest deploy did not stand, or a doubt."""
        fell = self.fell_last
        doubts = self.doubts if self.ran else ()
        return (*([fell.summary(now)] if fell is not None else []), *doubts)

    def summary(self, now: float) -> str:
        """``stable until 3m ago, for 6d``, what began in it, and how its newest deploy ended where it did not stand."""
        fell = self.fell_last
        runs = (
            f"; {self.tasks} task{'s' if self.tasks > 1 else ''} of it still run{'' if self.tasks > 1 else 's'}"
            if self.tasks
            else ""
        )
        if not self.run_periods:
            if fell is not None:
                return f"{fell.summary(now)}; never seen stable{runs}"
            return (
                f"ran before the newest deploy, since before what history covers{runs}"
                if self.ran
                else "never seen running in the last 90 days"
            )
        last = self.run_periods[0]
        ended = "until now" if last.until >= now - 1 else f"until {span(now - last.until)} ago"
        more = f" (and {_times(len(self.run_periods) - 1)} before)" if len(self.run_periods) > 1 else ""
        after = [a for a in self.alerts if a not in self.blamed]
        later = f"; {_alerts(after, 'in that time')}" if after else ""
        stable = "ran" if self.blamed or last.back_to else "stable"
        but = f"; {fell.summary(now)}" if fell is not None else ""
        return f"{stable} {ended}, for {span(last.length_s)}{more}{later}{but}{runs}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def tasks_failed(count: int) -> str:
    """``1 task failed``, ``128 tasks failed``."""
    return f"{count} task{'s' if count != 1 else ''} failed"


def _alerts(found: Sequence[AlertStart], when: str) -> str:
    names = ", ".join(dict.fromkeys(a.title for a in found[:ALERTS_TOLD]))
    more = f" and {len(found) - ALERTS_TOLD} more" if len(found) > ALERTS_TOLD else ""
    return f"{len(found)} alert{'s' if len(found) > 1 else ''} began {when}: {names}{more}"


def run_periods(puts: Sequence[SuccessfulDeploy], until: float) -> tuple[RunPeriod, ...]:
    """Return the run periods, newest first. *until* is the end of the last one (now, or the newest deploy's start).

    Deploys of the same task definition in a row are one period: a forced redeploy changes nothing that can be gone
    back to.
    """
    found: list[RunPeriod] = []
    for put in sorted(puts, key=lambda p: p.finished):
        last = found[-1] if found else None
        if last is not None and last.revision.task_definition == put.revision.task_definition:
            renewed = (*last.renewed, put.started)
            found[-1] = msgspec.structs.replace(last, revision=put.revision, deploy=put.deploy, renewed=renewed)
            continue
        back = False
        if last is not None:
            back = any(s.revision.task_definition == put.revision.task_definition for s in found) and not forward(
                last.revision.task_definition, put.revision.task_definition
            )
            found[-1] = msgspec.structs.replace(
                last, until=max(last.since, put.started), back_to=put.revision.short if back else ""
            )
        spell = RunPeriod(
            deploy=put.deploy,
            revision=put.revision,
            started=put.started,
            since=put.finished,
            until=max(put.finished, until),
            by_rollback=back,
        )
        found.append(spell)
    return tuple(reversed(found))


def candidates(
    ran: Sequence[RunPeriod],
    alerts: Sequence[AlertStart],
    away_from: Sequence[str],
    source: Revision | None,
    ended_by: float,
    bad: Sequence[BadDeploy] = (),
) -> tuple[Candidate, ...]:
    """Return the revisions before *ended_by*, newest first, each task definition once; none of *away_from*.

    *source* is what ECS says ran before the newest deploy: it goes first, and may be older than what history covers.
    *bad* holds the deploys that did not stand: the alerts of their time are of no period of another revision.
    """
    found: dict[str, Candidate] = {}
    if source is not None and source.task_definition not in away_from:
        found[source.task_definition] = Candidate(revision=source, source=True)
    for spell in ran:
        name = spell.revision.task_definition
        if name in away_from or spell.started >= ended_by:
            continue
        known = found.get(name) or Candidate(revision=spell.revision)
        began = tuple(a for a in alerts if spell.holds(a.at, bad))
        blamed = tuple(a for a in began if spell.blames(a.at))
        found[name] = msgspec.structs.replace(
            known,
            run_periods=(*known.run_periods, spell),
            alerts=(*known.alerts, *began),
            blamed=(*known.blamed, *blamed),
        )
    return tuple(found.values())


def best(found: Sequence[Candidate]) -> Candidate | None:
    """The newest with nothing against it; else the newest that ran and can be started at all."""
    able = [c for c in found if c.ran and c.startable]
    return next((c for c in able if not c.doubts), able[0] if able else None)


# --- lists that come late ---------------------------------------------------------------------------------------------

LATE_S = 600.0  # so long a deploy that is not listed yet holds up what would be planned without it
_BEFORE_S, _AFTER_S = 60.0, 5.0


def unlisted(service: w.EcsService, briefs: Sequence[w.EcsBrief]) -> w.EcsDeployment | None:
    """The deployment that ``deployments[]`` shows as PRIMARY, where no service deployment is it; None: one is.

    ECS's own rollback puts a deployment there within the time of the service deployment that it ends.
    """
    first = next((d for d in service.deployments if d.status == "PRIMARY"), None)
    if first is None or service.controller != "ECS" or any(b.created_at > first.created_at for b in briefs):
        return None
    for brief in briefs:
        ended = brief.finished_at if brief.finished_at is not None else float("inf")
        if brief.created_at - _BEFORE_S <= first.created_at <= ended + _AFTER_S:
            return None
    return first


def late_words(service: w.EcsService, briefs: Sequence[w.EcsBrief], now: float) -> str:
    """``the deploy of :42, which began 2m ago, is not listed yet``; empty: all are, or that is long ago."""
    late = unlisted(service, briefs)
    if late is None or now - late.created_at >= LATE_S:
        return ""
    ago = f"{span(now - late.created_at)} ago"
    return f"ECS does not list the deploy of {short(late.task_definition)} yet, which began {ago}"


# --- knowing a rollback when one is seen ------------------------------------------------------------------------------


def source_of(made: w.EcsServiceDeployment, briefs: Sequence[w.EcsBrief]) -> str:
    """The service revision that ran before *made*. Where several did (it overtook a deploy), one that succeeded."""
    found = [s for s in made.source_service_revisions if s.arn and s.arn != made.target_arn]
    good = {b.target_service_revision_arn for b in briefs if b.status == "SUCCESSFUL"}
    best_ = sorted(found, key=lambda s: (s.arn not in good, -s.running_task_count))
    return best_[0].arn if best_ else ""


def replaced(made: w.EcsServiceDeployment, briefs: Sequence[w.EcsBrief], definition_of: Callable[[str], str]) -> str:
    """The service revision that *made* replaces: the one whose tasks ran, unless that is of the same task definition.

    After a deploy that did not stand, tasks of the one before still run, or none do: what a rollback then replaces is
    the revision that was to run, which no source of it may name.
    """
    before, to = source_of(made, briefs), definition_of(made.target_arn)
    if before and definition_of(before) != to:
        return before
    others = (*left_behind(briefs, made.created_at), *(s.arn for s in made.source_service_revisions))
    return next((arn for arn in others if definition_of(arn) not in ("", to)), before)


def succeeded_last(made: w.EcsServiceDeployment, briefs: Sequence[w.EcsBrief]) -> str:
    """The service revision of the newest deploy before *made* that succeeded; empty: history shows none."""
    before = (b for b in briefs if b.status == "SUCCESSFUL" and b.created_at < made.created_at)
    newest = max(before, key=lambda b: b.created_at, default=None)
    return newest.target_service_revision_arn if newest else ""


def left_behind(briefs: Sequence[w.EcsBrief], before: float) -> tuple[str, ...]:
    """Service revisions whose tasks may have run when a deploy began at *before*: of the last deploy that succeeded,
    and of those since that were stopped (overtaken, that is) or whose rollback failed. ECS's own rollback clears them.
    """
    found: list[str] = []
    cleared = False
    for brief in sorted((b for b in briefs if b.created_at < before), key=lambda b: b.created_at, reverse=True):
        if brief.status == "SUCCESSFUL":
            return (*found, brief.target_service_revision_arn)
        cleared = cleared or brief.status == "ROLLBACK_SUCCESSFUL"
        if brief.status in ("STOPPED", "STOP_REQUESTED", "ROLLBACK_FAILED") and not cleared:
            found.append(brief.target_service_revision_arn)
    return tuple(found)


def goes_back(made: w.EcsServiceDeployment, briefs: Sequence[w.EcsBrief], definition_of: Callable[[str], str]) -> str:
    """Why *made* is itself a rollback; empty: it is none that can be known.

    It is one where ECS says so, or where it puts back a task definition that an older deploy had put there well, in
    place of another one: also of one that it overtook, or that was stopped midway. The same task definition as before
    is a forced redeploy, which goes back where the deploy did that it renews; a higher number of the same family is a
    way forward again. One whose rollback failed went nowhere.
    """
    if made.rollback is not None and made.status.startswith("ROLLBACK") and made.status != "ROLLBACK_FAILED":
        to = short(definition_of(made.rollback.service_revision_arn))
        return f"going back to {to}" if to else "going back"
    to, at = definition_of(made.target_arn), began_at(made, briefs, definition_of)
    sources = tuple(s.arn for s in made.source_service_revisions) if at == made.created_at else ()
    others = {definition_of(arn) for arn in (*sources, *left_behind(briefs, at))} - {"", to}
    if not to or all(forward(leaving, to) for leaving in others):
        return ""
    earlier = (b for b in briefs if b.status == "SUCCESSFUL" and b.created_at < at)
    ran = any(definition_of(b.target_service_revision_arn) == to for b in earlier)
    return f"going back to {short(to)}" if ran else ""


def began_at(made: w.EcsServiceDeployment, briefs: Sequence[w.EcsBrief], definition_of: Callable[[str], str]) -> float:
    """When the deploy began that put there what *made* does: an earlier one, where *made* only renews its tasks."""
    to, at = definition_of(made.target_arn), made.created_at
    replaced = (*(s.arn for s in made.source_service_revisions), *left_behind(briefs, at))
    if any(definition_of(arn) not in ("", to) for arn in replaced):
        return at
    good = sorted((b for b in briefs if b.status == "SUCCESSFUL" and b.created_at < at), key=lambda b: -b.created_at)
    for brief in good:
        if definition_of(brief.target_service_revision_arn) != to:
            break
        at = brief.created_at
    return at


def put_there(briefs: Sequence[w.EcsBrief], definition: str, definition_of: Callable[[str], str]) -> float:
    """When *definition* became what runs, and nothing else was to run since; 0: history does not tell.

    Forced redeploys of it go on with it; a deploy of another that did not stand ends it, also where tasks of it stayed.
    """
    since = 0.0
    for brief in sorted(briefs, key=lambda b: b.created_at, reverse=True):
        put = definition_of(brief.target_service_revision_arn)
        if put == definition and brief.status == "SUCCESSFUL":
            since = brief.finished_at or brief.started_at or brief.created_at
        elif put != definition:
            ended = brief.finished_at if brief.status == "ROLLBACK_SUCCESSFUL" else None
            return ended or since
    return since


def forward(leaving: str, to: str) -> bool:
    (family, _, old), (other, _, new) = leaving.rpartition(":"), to.rpartition(":")
    return family == other and old.isdigit() and new.isdigit() and int(new) > int(old)


def short(task_definition: str) -> str:
    """``:41``; empty for an empty name."""
    return Revision(task_definition=task_definition).short if task_definition else ""
