"""The deploys of a source's services: what to ask next, what was answered, and the rows that come of it.

Only services whose last deploy is younger than a day, or that deploy now, cost a call here; what ended is never asked
for again. Answers that cannot be had (denied, unknown to this endpoint) are done without, in words, and tried again
every five minutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import msgspec

from oncall_tui import errors
from oncall_tui.domain.deploy import Deploy, TaskFailure
from oncall_tui.domain.reading import PartialFailure, SourceState
from oncall_tui.providers.aws.client import arn
from oncall_tui.providers.aws.client.client import AwsClients
from oncall_tui.providers.aws.client.errors import NOT_OFFERED, Gone
from oncall_tui.providers.aws.client.rate_limit import Priority
from oncall_tui.providers.aws.ecs import mapping as rows
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.ecs.poll import attention as care_of
from oncall_tui.providers.aws.ecs.poll.attention import MOVING_S, Attention, RolloutProgress
from oncall_tui.providers.aws.ecs.poll.codedeploy import CodeDeploys
from oncall_tui.providers.aws.ecs.poll.deploy_queue import Ask, DeployQueue
from oncall_tui.providers.aws.ecs.poll.fair_share import Purpose
from oncall_tui.providers.aws.ecs.poll.lacks import ListLacks
from oncall_tui.providers.aws.ecs.revision_cache import RevisionCache
from oncall_tui.providers.aws.ecs.rollback.history import goes_back, replaced, short, unlisted
from oncall_tui.providers.aws.ecs.rollback.snapshot import read_briefs
from oncall_tui.providers.lists import Damage
from oncall_tui.runtime.clock import Instant

DAY_S = 86_400.0
RETRY_DENIED_S = 300.0
RELIST_S = 10.0  # a deploy that ECS shows and does not list yet is looked for again
REMEMBERED_S = 90 * DAY_S  # ECS's own history of a service's deploys (API reference, ListServiceDeployments)
DEPLOYS_KEPT = 10  # rows a service
HISTORY = 20  # earlier successful deploys that are read, to know a rollback when one is seen
EXPLAIN_EVERY_S = 10.0
EXPLAIN_FOR_S = 3_600.0  # a stopped task stays visible at least an hour
FAILURES_KEPT = 5
ENDED = frozenset({"SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"})
CODE = "codedeploy"
_SCOPE = {
    CODE: "CodeDeploy deployments",
    "deploys": "deploys",
    "definitions": "task definitions",
    "tasks": "stopped tasks",
}

Place = tuple[str, str]  # (what is asked, cluster)


class DeployReader:
    """One source's deploys. Used by its poller's thread alone, but for ``RevisionCache``."""

    def __init__(self, source: str, clients: AwsClients, known: RevisionCache, can_act: bool) -> None:
        self._source, self._client, self._known, self._can_act = source, clients.ecs, known, can_act
        self._lacks = ListLacks()
        self._code = CodeDeploys(source, clients.code_deploy, known, self._lacks)
        self._briefs: dict[str, list[w.EcsBrief]] = {}
        self._details: dict[str, w.EcsServiceDeployment] = {}
        self._noticed: dict[str, tuple[str, ...]] = {}
        self._rows: dict[str, tuple[Deploy, ...]] = {}
        self._bakes: dict[str, rows.StageStart] = {}
        self._full: dict[str, rows.StageStart] = {}  # all traffic
        self._listed_at: dict[str, float] = {}  # monotonic
        self._explained: dict[str, Instant] = {}
        self._of_service: dict[str, dict[str, None]] = {}  # service -> its failed tasks' ARNs, oldest first
        self._off: dict[Place, tuple[float, PartialFailure]] = {}
        self._queue = DeployQueue(self._details, self._explained)
        self.dirty: set[str] = set()  # services whose rows are to be built anew

    # --- what to ask ---

    def notice(self, service: w.EcsService, now: Instant, care: Attention | None, focus: bool = False) -> None:
        """Queue a service that was just read, where it has a deploy to ask about."""
        key = rows.service_id(self._source, service)
        purpose, every = care_of.purpose(care, focus), care.every if care else 0.0
        first = rows.primary(service)
        print_ = (service.current_service_deployment, first.id if first else "", service.task_definition)
        if service.controller == "CODE_DEPLOY":
            self._code.notice(key, service, now, every, purpose)
            return
        if service.controller != "ECS" or service.task_sets:
            return
        young = first is not None and now.wall - first.created_at < DAY_S
        other = print_ != self._noticed.get(key) and (young or rows.deploying(service))
        if other or (young and self._is_late(key, service, now)):
            self._queue.to_list[key] = service
        self._noticed[key] = print_
        due = now.due if focus else now.due + max(0.0, every - MOVING_S) / 2
        cluster = arn.parse(service.cluster_arn).name
        undescribed = self._undescribed(key, now)
        again = [d.service_deployment_arn for d in self._details_of(key) if d.status not in ENDED]
        for name in (*again, *([undescribed.service_deployment_arn] if undescribed else [])):
            self._queue.describe(name, cluster, now.due, due, purpose)

    def rollout(self, key: str, service: w.EcsService, now: Instant) -> RolloutProgress:
        """Return the rollout of a service that deploys, for how often it is read."""
        details = [d for d in self._details_of(key) if d.status not in ENDED]
        return care_of.progress(service, details, self._code.marks(key), now)

    def _is_late(self, key: str, service: w.EcsService, now: Instant) -> bool:
        """Return whether ECS did not list the newest deploy, and is asked once more: less often as that grows old."""
        late = unlisted(service, self._briefs[key]) if key in self._briefs else None
        if late is None:
            return False
        return now.due - self._listed_at.get(key, 0.0) >= max(RELIST_S, (now.wall - late.created_at) / 4)

    def _undescribed(self, key: str, now: Instant) -> w.EcsBrief | None:
        """The newest deploy, where ECS lists it and did not describe it, as may be for a moment after it began."""
        newest = next(iter(self._briefs.get(key, ())), None)
        if newest is None or newest.service_deployment_arn in self._details or now.wall - newest.created_at >= DAY_S:
            return None
        return newest

    def again(self) -> None:
        """Want everything anew: try what was denied, list what is young."""
        self._off.clear()
        self._noticed.clear()
        self._queue.apart = False

    def forget(self, key: str) -> None:
        """Forget a service that is gone."""
        for detail in self._details_of(key):
            self._details.pop(detail.service_deployment_arn, None)
            self._bakes.pop(detail.service_deployment_arn, None)
            self._full.pop(detail.service_deployment_arn, None)
        for held in (
            self._listed_at,
            self._briefs,
            self._noticed,
            self._rows,
            self._of_service,
            self._explained,
        ):
            held.pop(key, None)
        for what in ("deploys", "stopped tasks", "CodeDeploy deployments"):
            self._lacks.clear(f"{what} of {key}")
        self._queue.forget(key)
        self._code.forget(key)

    def moving(self, key: str, service: w.EcsService) -> bool:
        """Return whether it deploys, by its own answer or by a known deploy that has not ended."""
        if self._code.known(key):
            return self._code.moving(key)
        if rows.deploying(service):
            return True
        return any(d.status not in ENDED for d in self._details_of(key))

    def unread(self, key: str, service: w.EcsService) -> bool:
        """Return whether its deploys were not all read once. Until then "no deploy" means nothing."""
        if service.controller == "CODE_DEPLOY":
            return key in self._code.pending and not self._code.known(key)
        if key in self._queue.to_list and key not in self._briefs:
            return True
        arns = (b.service_deployment_arn for b in self._briefs.get(key, ()))
        return any(a in self._queue.to_describe and a not in self._details for a in arns)

    def behind(self, services: Mapping[str, w.EcsService]) -> int:
        """Return how many services still have deploys or revisions to be read."""
        unread = {key for key, service in services.items() if self.unread(key, service)}
        return len(unread | {"/".join((self._source, *arn.parse(item).path[:2])) for item in self._queue.to_revise})

    @property
    def unexplained(self) -> int:
        """Return how many services have a deploy whose author or stopped tasks were never read."""
        found = {key for key in self._queue.to_explain if key not in self._explained}
        wanted = self._queue.to_define
        if wanted:
            found |= {
                key for key, made in self._rows.items() if any(n in wanted for d in made for n in _definitions(d))
            }
        return len(found)

    def _details_of(self, key: str) -> Iterator[w.EcsServiceDeployment]:
        arns = (b.service_deployment_arn for b in self._briefs.get(key, ()))
        return (self._details[a] for a in arns if a in self._details)

    # --- asking ---

    def waiting(self) -> dict[Purpose, float]:
        """Return since when, or from when, calls are due, by purpose."""
        return {purpose: min(dues.values()) for purpose, dues in self._queue.dues(self._code.purposes).items()}

    @property
    def pending(self) -> bool:
        """Return whether there is anything to ask."""
        return bool(self.waiting())

    def step(self, purpose: Purpose, now: Instant) -> None:
        """Make the call for *purpose* whose turn it is. Raises SourceError or RateLimited."""
        ask = self._queue.turn(purpose, now.due, self._code.purposes)
        if ask is None:
            return
        try:
            _ASKS[ask](self, purpose, now)
        except errors.SourceError:
            self._queue.failed(ask)
            raise
        self._queue.answered(ask)

    def drop_unavailable(self, now: Instant) -> None:
        """Forget calls that cannot be answered; notice anew what can be asked again."""
        for place in [p for p, (until, _) in self._off.items() if until <= now.due]:
            del self._off[place]
            self._noticed.clear()  # what could not be asked is noticed anew
            self._queue.apart = False
        for what, cluster in self._off:
            self._queue.drop(what, cluster)
            if what == CODE:
                self._code.drop(cluster)

    def _list(self, purpose: Purpose, now: Instant) -> None:
        moving = (key for key, service in self._queue.to_list.items() if rows.deploying(service))
        key, service = self._queue.next_to_list(moving)
        cluster = arn.parse(service.cluster_arn).name
        with _SkipUnavailable(self, "deploys", cluster, now):
            damage = Damage()
            found = read_briefs(self._client, service.cluster_arn, service.service_name, Priority.HOT, damage=damage)
            self._lacks.note(f"deploys of {key}", damage)
            self._briefs[key], self._listed_at[key] = list(found), now.due
            for brief in self._briefs[key][:DEPLOYS_KEPT]:
                known = self._details.get(brief.service_deployment_arn)
                young = now.wall - brief.created_at < DAY_S or brief.status not in ENDED
                if young and (known is None or known.status != brief.status or known.status not in ENDED):
                    self._queue.describe(brief.service_deployment_arn, cluster, now.due, now.due, Purpose.FIRST_DEPLOYS)
            earlier = [b for b in self._briefs[key] if b.status == "SUCCESSFUL"][:HISTORY]
            self._want_revisions((b.target_service_revision_arn for b in earlier), cluster, now)
        self._queue.to_list.pop(key, None)
        self.dirty.add(key)

    def _ask_code_deploy(self, purpose: Purpose, now: Instant) -> None:
        key = self._code.next_of(purpose)
        with _SkipUnavailable(self, CODE, arn.parse(self._code.pending[key].cluster_arn).name, now):
            self._code.ask(key, now)
        self._code.pending.pop(key, None)
        self.dirty.add(key)

    def _describe(self, purpose: Purpose, now: Instant) -> None:
        wanted = self._queue.next_to_describe(purpose)
        damage = Damage()
        try:
            ask = partial(self._client.read, w.DescribeServiceDeployments, "DescribeServiceDeployments", Priority.HOT)
            answer = ask(damage, serviceDeploymentArns=list(wanted))
        except NOT_OFFERED as error:
            clusters = set(wanted.values())
            if len(clusters) > 1:
                self._queue.apart = True  # which of them is denied is found out one by one
                return
            self.turn_off(("deploys", clusters.pop()), error, now)
        except Gone:
            pass
        else:
            for found in answer.service_deployments:
                of = arn.parse(found.service_deployment_arn).path[0]
                self._take(found, wanted.get(found.service_deployment_arn, of), now)
            came = {d.service_deployment_arn for d in answer.service_deployments}
            self._lacks.asked("deploys", list(wanted), came, damage)
        for item in wanted:
            self._queue.to_describe.pop(item, None)
            self.dirty.add("/".join((self._source, *arn.parse(item).path[:2])))

    def _take(self, found: w.EcsServiceDeployment, cluster: str, now: Instant) -> None:
        name = found.service_deployment_arn
        for held, there in ((self._bakes, rows.bakes(found)), (self._full, rows.has_all_traffic(found))):
            if there:
                held.setdefault(name, rows.stage_start(found, name in self._details, now.wall))
            else:
                held.pop(name, None)
        self._details[name] = found
        path = arn.parse(found.service_deployment_arn).path
        self.dirty.add("/".join((self._source, *path[:2])))
        wanted = [found.target_arn, *(s.arn for s in found.source_service_revisions)]
        wanted.append(found.rollback.service_revision_arn if found.rollback else "")
        self._want_revisions(iter(wanted), cluster, now)

    def _want_revisions(self, arns: Iterator[str], cluster: str, now: Instant) -> None:
        self._queue.revise((a for a in arns if a and a not in self._known.revisions), cluster, now.due)

    def _revise(self, purpose: Purpose, now: Instant) -> None:
        cluster, chunk = self._queue.next_to_revise()
        with _SkipUnavailable(self, "deploys", cluster, now):
            damage = Damage()
            self._known.read_revisions(chunk, Priority.HOT, damage)
            came = {one for one in chunk if one in self._known.revisions}
            self._lacks.asked("service revisions", chunk, came, damage)
        for item in chunk:
            self._queue.to_revise.pop(item, None)
            self.dirty.add("/".join((self._source, *arn.parse(item).path[:2])))

    def _define(self, purpose: Purpose, now: Instant) -> None:
        name, cluster = self._queue.next_to_define()
        with _SkipUnavailable(self, "definitions", cluster, now):
            try:
                self._known.read_definition(name, Priority.HOT)
            except Gone:  # what is deleted stays so: not asked again
                self._known.definitions.put(name, w.EcsTaskDefinition(task_definition_arn=name, status="DELETED"))
        self._queue.to_define.pop(name, None)
        self.dirty.update(key for key, found in self._rows.items() if any(name in _definitions(d) for d in found))

    def _explain(self, purpose: Purpose, now: Instant) -> None:
        key, service = self._queue.next_to_explain(purpose)
        cluster = arn.parse(service.cluster_arn).name
        with _SkipUnavailable(self, "tasks", cluster, now):
            damage = Damage()
            listed = self._client.read(
                w.ListTasks,
                "ListTasks",
                Priority.HOT,
                damage,
                cluster=service.cluster_arn,
                serviceName=service.service_name,
                desiredStatus="STOPPED",
                maxResults=100,
            )
            self._known.read_tasks(service.cluster_arn, listed.task_arns, Priority.ACT, damage)
            self._lacks.note(f"stopped tasks of {key}", damage)
            held = self._of_service.setdefault(key, {})
            held.update(dict.fromkeys(listed.task_arns))
            for old in list(held)[:-100]:
                del held[old]
        self._explained[key] = now
        self._queue.to_explain.pop(key, None)
        self.dirty.add(key)

    # --- rows ---

    def build(self, service: w.EcsService, now: Instant) -> tuple[Deploy, ...]:
        """The rows of one service from what is known now, newest first; those that did not change stay the same."""
        key = rows.service_id(self._source, service)
        cluster = arn.parse(service.cluster_arn).name
        if service.controller == "CODE_DEPLOY" and (CODE, cluster) not in self._off:
            made = self._code.build(key, service, now, self._can_act)
        elif service.controller != "ECS" or service.task_sets:
            made = rows.from_task_sets(self._source, service)
        elif ("deploys", cluster) in self._off:
            made = self._fallback(key, service, now)
        else:
            details = [d for d in self._details_of(key) if now.wall - d.created_at < DAY_S or d.status not in ENDED]
            made = tuple(self._row(key, service, d, now) for d in details)
            late = key in self._briefs and unlisted(service, self._briefs[key]) is not None
            newest = self._undescribed(key, now)
            if late or (newest is not None and newest.service_deployment_arn not in self._queue.to_describe):
                made = (*self._fallback(key, service, now), *made)
        before = {d.id: d for d in self._rows.get(key, ())}
        kept = tuple(before[d.id] if before.get(d.id) == d else d for d in made)
        self._rows[key] = kept
        self._want_definitions(kept, cluster)
        self._want_failures(key, service, kept, now)
        return kept

    def group(self, key: str) -> str:
        """Return CodeDeploy's deployment group of a service; empty: it has none, or none is known."""
        return self._code.group(key)

    def note(self, service: w.EcsService) -> str:
        """Return the part of this service's deploys that could not be read; empty: none."""
        if service.controller == "CODE_DEPLOY":
            gone = self._off.get((CODE, arn.parse(service.cluster_arn).name))
            return f"CodeDeploy: {gone[1].state.value.replace('_', ' ')}" if gone else ""
        if service.controller != "ECS":
            return f"controller {service.controller}"
        off = self._off.get(("deploys", arn.parse(service.cluster_arn).name))
        return f"deploys: {off[1].state.value.replace('_', ' ')}, from deployments[]" if off else ""

    def _row(self, key: str, service: w.EcsService, made: w.EcsServiceDeployment, now: Instant) -> Deploy:
        newest = self._briefs[key][0].service_deployment_arn == made.service_deployment_arn
        new = self._known.revision(made.target_arn, service.task_definition if newest else "")
        before = replaced(made, self._briefs[key], self._known.definition_of)
        old = self._known.revision(before) if self._known.definition_of(before) else None
        began, ended = made.started_at or made.created_at, made.finished_at or made.stopped_at
        failures = self._failures(key, new.task_definition, began, ended)
        return rows.from_service_deployment(
            self._source,
            service,
            made,
            new=new,
            old=old,
            first=_first(service, made, self._briefs[key], now.wall),
            rollback=goes_back(made, self._briefs[key], self._known.definition_of),
            rollback_to=short(self._known.definition_of(made.rollback.service_revision_arn)) if made.rollback else "",
            failures=failures[:FAILURES_KEPT],
            failed=max(len(failures), rows.failed_tasks(service, new.task_definition, made, self._briefs[key])),
            started_by=self._registered_by(new.task_definition),
            can_act=self._can_act,
            now=now.wall,
            bake=self._bakes.get(made.service_deployment_arn),
            full=self._full.get(made.service_deployment_arn),
        )

    def _fallback(self, key: str, service: w.EcsService, now: Instant) -> tuple[Deploy, ...]:
        first = rows.primary(service)
        if first is None or (now.wall - first.created_at >= DAY_S and not rows.deploying(service)):
            return ()
        names = [d.task_definition for d in service.deployments]
        revise = {name: self._known.revision(task_definition=name) for name in names}
        failures = self._failures(key, first.task_definition, first.created_at)[:FAILURES_KEPT]
        made = rows.from_deployments(
            self._source, service, revise, failures, self._registered_by(first.task_definition)
        )
        good = next((b for b in self._briefs.get(key, ()) if b.status == "SUCCESSFUL"), None)
        ran = self._known.definition_of(good.target_service_revision_arn) if good else ""
        if good is None or ran in ("", first.task_definition):
            return made
        old = self._known.revision(good.target_service_revision_arn)
        return tuple(d if d.old else msgspec.structs.replace(d, old=old) for d in made)

    def _registered_by(self, task_definition: str) -> str:
        """Return the person who registered it, because ECS does not say who deployed it."""
        found = self._known.definitions.get(task_definition)
        return arn.person(found.registered_by) if found else ""

    def _failures(
        self, key: str, task_definition: str, since: float, until: float | None = None
    ) -> tuple[TaskFailure, ...]:
        """Return that task definition's failures from *since* to *until*: of this deploy alone."""
        found = []
        for task in self._of_service.get(key, ()):
            of, began, why = self._known.tasks.get(task) or ("", 0.0, None)
            if why is None or of != task_definition or (until is not None and why.at > until):
                continue
            if min(began or why.at, why.at) >= since:
                found.append(why)
        return tuple(sorted(found, key=lambda f: f.at, reverse=True))

    def _want_definitions(self, made: tuple[Deploy, ...], cluster: str) -> None:
        if ("definitions", cluster) not in self._off:
            for name in (n for d in made for n in _definitions(d)):
                if name.startswith("arn:") and name not in self._known.definitions:
                    self._queue.to_define[name] = cluster

    def _want_failures(self, key: str, service: w.EcsService, made: tuple[Deploy, ...], now: Instant) -> None:
        newest = made[0] if made else None
        if newest is None or not newest.failed_tasks or ("tasks", arn.parse(service.cluster_arn).name) in self._off:
            return
        last, ended = self._explained.get(key), newest.finished
        if ended is None:
            due = last is None or now.due - last.due >= EXPLAIN_EVERY_S
        else:
            due = (last is None or last.wall < ended) and now.wall - ended < EXPLAIN_FOR_S
        if due:
            self._queue.to_explain[key] = service

    # --- what cannot be had ---

    def turn_off(self, place: Place, error: errors.SourceError, now: Instant) -> None:
        """Skip *place* for five minutes, and rebuild its services' rows without it."""
        what, cluster = place
        hint = error.hint or "what deployments[] shows is used instead"
        self._off[place] = (
            now.due + RETRY_DENIED_S,
            PartialFailure(SourceState(error.state), _SCOPE[what], error.message, hint),
        )
        self.dirty.update(k for k in self._noticed if k.split("/")[1] == cluster)

    def problems(self, clusters: int) -> tuple[PartialFailure, ...]:
        """Return the skipped places; one line where all clusters miss the same."""
        found: dict[str, list[tuple[str, PartialFailure]]] = {}
        for (what, cluster), (_, problem) in sorted(self._off.items()):
            found.setdefault(what, []).append((cluster, problem))
        told = []
        for places in found.values():
            whole = len(places) >= clusters
            for cluster, problem in places[:1] if whole else places:
                scope = problem.scope if whole else f"{problem.scope} of cluster {cluster}"
                told.append(PartialFailure(problem.state, scope, problem.message, problem.hint))
        return (*told, *self._lacks.problems())


_ASKS = {
    Ask.LIST: DeployReader._list,
    Ask.DESCRIBE: DeployReader._describe,
    Ask.CODE_DEPLOY: DeployReader._ask_code_deploy,
    Ask.REVISE: DeployReader._revise,
    Ask.EXPLAIN: DeployReader._explain,
    Ask.DEFINE: DeployReader._define,
}


class _SkipUnavailable:
    """Around a call: an answer that this endpoint does not give turns the place off; what is gone is passed over."""

    def __init__(self, deploys: DeployReader, what: str, cluster: str, now: Instant) -> None:
        self._deploys, self._place, self._now = deploys, (what, cluster), now

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, (*NOT_OFFERED, errors.Malformed)):
            self._deploys.turn_off(self._place, error, self._now)
            return True
        return isinstance(error, Gone)


def _first(service: w.EcsService, made: w.EcsServiceDeployment, briefs: list[w.EcsBrief], now: float) -> bool:
    """Return whether nothing is known to have run before it. ECS forgets: an old service may have had earlier ones."""
    earlier = made.source_service_revisions or any(b.created_at < made.created_at for b in briefs)
    return not earlier and bool(service.created_at) and now - service.created_at < REMEMBERED_S


def _definitions(deploy: Deploy) -> tuple[str, ...]:
    return tuple(r.task_definition for r in (deploy.new, deploy.old) if r is not None)
