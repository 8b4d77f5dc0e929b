"""The CodeDeploy deployments of a source's services, as the poller keeps them: what to ask next, and the rows of it."""

from __future__ import annotations

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.deploy import BAKE_STAGE, Deploy, DeployState
from oncall_tui.domain.revision import Revision
from oncall_tui.providers.aws.client import arn
from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.rate_limit import Priority
from oncall_tui.providers.aws.ecs import codedeploy as cd
from oncall_tui.providers.aws.ecs import mapping as rows
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.ecs.poll.fair_share import Purpose
from oncall_tui.providers.aws.ecs.poll.lacks import ListLacks
from oncall_tui.providers.aws.ecs.revision_cache import RevisionCache
from oncall_tui.providers.lists import Damage
from oncall_tui.runtime.clock import Instant

OPEN_EVERY_S = 3.0
WAITING_EVERY_S = 15.0  # while blue waits to be removed, for an hour often, nothing else moves
YOUNG_S = 86_400.0

STATES = {
    "Created": DeployState.PENDING,
    "Queued": DeployState.PENDING,
    "InProgress": DeployState.IN_PROGRESS,
    "Baking": DeployState.IN_PROGRESS,
    "Ready": DeployState.IN_PROGRESS,
    "Succeeded": DeployState.SUCCEEDED,
    "Failed": DeployState.FAILED,
    "Stopped": DeployState.STOPPED,
}


class KnownDeployments(msgspec.Struct):
    """One service's deployments as read: by id, and the ECS target of the newest open one."""

    found: dict[str, cd.CodeDeployDeployment]
    known: set[str]  # the ids that were asked for, whether CodeDeploy knew them or not
    definitions: dict[str, str]  # deployment -> its task definition, as its task set showed it while it was there
    target: cd.CodeDeployEcsTarget | None = None
    waits_for: str = ""  # the wait that the newest is in, or its bake time
    waits_since: float | None = None  # when that began (seconds since the epoch)
    asked_at: float = float("-inf")  # monotonic
    listed: bool = False  # were older deployments, and what they put there, looked up?


class CodeDeploys:
    """Used by its source's poller alone."""

    def __init__(self, source: str, client: AwsClient, known: RevisionCache, lacks: ListLacks) -> None:
        self._source, self._client, self._known, self._lacks = source, client, known, lacks
        self._held: dict[str, KnownDeployments] = {}
        self._todo: dict[str, w.EcsService] = {}
        self._purposes: dict[str, Purpose] = {}

    # --- what to ask ---

    def notice(self, key: str, service: w.EcsService, now: Instant, every_s: float, purpose: Purpose) -> None:
        """Queue a service that is read every *every_s* seconds, where its deployments may have news for *purpose*."""
        held = self._held.setdefault(key, KnownDeployments({}, set(), {}))
        self._purposes[key] = purpose
        ids = {t.external_id for t in service.task_sets if t.external_id}
        young = any(now.wall - t.created_at < YOUNG_S for t in service.task_sets)
        unknown = (ids | self._rollbacks(held)) - held.known
        every = max(every_s, OPEN_EVERY_S if self.moving(key) else WAITING_EVERY_S)
        if not held.listed and young:
            self._todo[key] = service
        is_open = any(d.open for d in held.found.values()) and now.due - held.asked_at >= every - 0.5
        if (unknown and (young or rows.deploying(service))) or is_open:
            self._todo[key] = service

    @staticmethod
    def _rollbacks(held: KnownDeployments) -> set[str]:
        return {d.rolled_back_by for d in held.found.values() if d.rolled_back_by}

    @property
    def pending(self) -> dict[str, w.EcsService]:
        """Return the services to ask about now, by id."""
        return self._todo

    def moving(self, key: str) -> bool:
        """Return whether a deployment of it does more than wait to remove the old tasks."""
        held = self._held.get(key)
        return held is not None and any(d.open and cd.wait_of(d) != "TERMINATION_WAIT" for d in held.found.values())

    def known(self, key: str) -> bool:
        """Return whether anything of it was read."""
        held = self._held.get(key)
        return bool(held and held.found)

    def group(self, key: str) -> str:
        """Return the deployment group that deploys it, as its newest deployment tells; empty: none was read."""
        held = self._held.get(key)
        newest = next(iter(held.found.values()), None) if held is not None else None
        return f"{newest.application_name}/{newest.deployment_group_name}" if newest is not None else ""

    def marks(self, key: str) -> tuple[object, ...]:
        """Return what differs where a deployment of it moved."""
        held = self._held.get(key)
        if held is None:
            return ()
        target = held.target
        events = tuple((e.lifecycle_event_name, e.status) for e in target.lifecycle_events) if target else ()
        return (*((i, d.status) for i, d in held.found.items()), events)

    def forget(self, key: str) -> None:
        self._held.pop(key, None)
        self._todo.pop(key, None)
        self._purposes.pop(key, None)

    # --- asking ---

    @property
    def purposes(self) -> set[Purpose]:
        """Return the purposes for which there is something to ask."""
        return {self._purpose(key) for key in self._todo}

    def next_of(self, purpose: Purpose) -> str:
        """Return a service to ask about; where that fails, others go first the next time."""
        key = next(key for key in self._todo if self._purpose(key) is purpose)
        self._todo[key] = self._todo.pop(key)
        return key

    def drop(self, cluster: str) -> None:
        """Ask nothing about a cluster's services."""
        for key in [k for k, s in self._todo.items() if arn.parse(s.cluster_arn).name == cluster]:
            del self._todo[key]

    def _purpose(self, key: str) -> Purpose:
        return self._purposes[key] if self.known(key) else Purpose.FIRST_DEPLOYS

    def ask(self, key: str, now: Instant) -> None:
        """Two calls for one service, a few more the first time and after an end. Raises SourceError or RateLimited."""
        service = self._todo[key]
        held = self._held.setdefault(key, KnownDeployments({}, set(), {}))
        shown = [t.external_id for t in service.task_sets if t.external_id]
        ids = list(dict.fromkeys((*shown, *self._rollbacks(held), *held.found)))[: cd.LISTED]
        held.known |= set(ids)
        damage = Damage()
        found = cd.read(self._client, ids, Priority.HOT, damage)
        if (
            not held.listed and found
        ):  # what was begun is ended: broken off for want of calls, it would begin anew each time
            of = (found[0].application_name, found[0].deployment_group_name)
            found = cd.read_history(self._client, *of, damage=damage)
            recent = sum(d.open or now.wall - d.create_time < YOUNG_S for d in found)  # and one more: what the oldest
            found = [d for at, d in enumerate(found) if at <= recent or d.deployment_id in shown]  # took over from
            cd.with_specs(self._client, found, self._known.specs)
            held.definitions.update((d.deployment_id, d.definition) for d in found if d.definition)
            held.listed = True
        was_open = {i for i, d in held.found.items() if d.open}
        if any(d.deployment_id in was_open and not d.open for d in found):
            held.listed = False  # what came after it (a rollback) is looked up once more
        held.found = {d.deployment_id: d for d in sorted(found, key=lambda d: d.create_time, reverse=True)}
        held.asked_at = now.due
        self._lacks.note(f"CodeDeploy deployments of {key}", damage)
        self._learn(held, service)
        self._todo.pop(key, None)
        self._ask_target(held, service)

    def _ask_target(self, held: KnownDeployments, service: w.EcsService) -> None:
        """Read the newest deployment's target: each time while it moves, once when its last wait has begun."""
        newest = next(iter(held.found.values()), None)
        if newest is None or not newest.open:
            held.target, held.waits_since = None, None
            return
        wait = cd.wait_of(newest) or (cd.BAKING if newest.status == cd.BAKING else "")
        if wait and wait == held.waits_for and held.waits_since is not None:
            return
        held.target = cd.read_target(self._client, newest.deployment_id, service, Priority.ACT)
        ended = [e.end_time for e in held.target.lifecycle_events if e.end_time] if held.target else []
        held.waits_for = wait
        held.waits_since = max(ended, default=newest.start_time or newest.create_time) if wait else None

    @staticmethod
    def _learn(held: KnownDeployments, service: w.EcsService) -> None:
        """Learn each deployment's task definition from its task sets, because those go when it is over."""
        held.definitions.update((t.external_id, t.task_definition) for t in service.task_sets if t.external_id)
        for made in held.found.values():
            info = made.rollback_info
            bad = held.definitions.get(info.rollback_triggering_deployment_id, "") if info else ""
            to = next((t.task_definition for t in service.task_sets if t.task_definition != bad), "")
            if made.is_rollback and bad and to:
                held.definitions.setdefault(made.deployment_id, to)

    # --- rows ---

    def build(self, key: str, service: w.EcsService, now: Instant, can_act: bool) -> tuple[Deploy, ...]:
        """The rows of one service, newest first; from its task sets alone where its deployments are not known."""
        held = self._held.get(key)
        if held is None or not held.found:
            return rows.from_task_sets(self._source, service)
        made = list(held.found.values())
        found = [
            self._row(service, d, made[at + 1 :], held, newest=at == 0, now=now.wall)
            for at, d in enumerate(made)
            if d.open or now.wall - d.create_time < YOUNG_S
        ]
        return tuple(d if can_act else msgspec.structs.replace(d, verbs=rows.NO_VERBS) for d in found)

    def _row(
        self,
        service: w.EcsService,
        made: cd.CodeDeployDeployment,
        older: list[cd.CodeDeployDeployment],
        held: KnownDeployments,
        newest: bool,
        now: float,
    ) -> Deploy:
        new = held.definitions.get(made.deployment_id, "") or rows.running_definition(service)
        new_set = next((t for t in service.task_sets if t.external_id == made.deployment_id), None)
        others = [t for t in service.task_sets if t.task_definition != new] if newest else []
        told = (held.definitions.get(d.deployment_id, "") for d in older)
        before = others[0].task_definition if others else next((d for d in told if d and d != new), "")
        own = next((t for t in service.task_sets if t.task_definition == new), None) if newest else new_set
        return Deploy(
            id=row_id(self._source, service, made.deployment_id),
            source=self._source,
            native_id=made.deployment_id,
            service_id=rows.service_id(self._source, service),
            state=self._state(made, held),
            new=self._known.revision("", new),
            old=self._revision(before),
            started=made.start_time or made.create_time,
            status=made.status,
            strategy="code-deploy",
            stage=BAKE_STAGE if made.status == cd.BAKING else _stage(held.target) if newest else "",
            finished=made.complete_time,
            desired=own.computed_desired_count if own else 0,
            running=own.running_count if own else 0,
            pending=own.pending_count if own else 0,
            old_running=sum(t.running_count for t in others) if newest else 0,
            traffic=_traffic(service, held.target, new) if newest and made.open else None,
            waits=_waits(made, held.waits_since if newest else None, now),
            bake_until=_gone_at(made, held.waits_since) if newest else None,
            all_traffic_since=held.waits_since
            if newest and held.waits_for in (cd.BAKING, "TERMINATION_WAIT")
            else None,
            reason=made.reason,
            started_by=made.creator if made.creator not in ("", "user") else "",
            rollback=f"going back to {rows.revision(new).short}" if made.is_rollback and new else "",
            verbs=_verbs(made, bool(before)),
            read_from="CodeDeploy",
        )

    def _revision(self, name: str) -> Revision | None:
        return self._known.revision("", name) if name else None

    @staticmethod
    def _state(made: cd.CodeDeployDeployment, held: KnownDeployments) -> DeployState:
        state = STATES.get(made.status, DeployState.UNKNOWN)
        back = held.found.get(made.rolled_back_by) if made.rolled_back_by else None
        if made.rolled_back_by and state in (DeployState.STOPPED, DeployState.FAILED):
            if back is not None and back.status == "Succeeded":
                return DeployState.ROLLED_BACK
            return DeployState.ROLLBACK_FAILED if back is not None and not back.open else DeployState.ROLLING_BACK
        return state


def row_id(source: str, service: w.EcsService, deployment: str) -> str:
    """``SOURCE/CLUSTER/SERVICE/d-…``."""
    return f"{rows.service_id(source, service)}/{deployment}"


def _verbs(made: cd.CodeDeployDeployment, has_old: bool) -> frozenset[Verb]:
    if made.is_rollback:
        return rows.NO_VERBS
    wanted = {Verb.ROLL_BACK} if has_old else set()
    if cd.wait_of(made) == "READY_WAIT":
        wanted.add(Verb.CONTINUE)
    return frozenset(wanted)


def _stage(target: cd.CodeDeployEcsTarget | None) -> str:
    """The lifecycle event under way, in words: ``allow traffic``."""
    events = target.lifecycle_events if target else []
    name = next((e.lifecycle_event_name for e in events if e.status == "InProgress"), "")
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()


def _traffic(service: w.EcsService, target: cd.CodeDeployEcsTarget | None, new: str) -> float | None:
    ids = {t.id for t in service.task_sets if t.task_definition == new}
    infos = target.task_sets_info if target else []
    return next((t.traffic_weight for t in infos if t.identifer in ids or t.task_set_label == "Green"), None)


def _waits(made: cd.CodeDeployDeployment, since: float | None, now: float) -> str:
    """Return the deployment's wait, and its end where the start is known."""
    how = made.blue_green_deployment_configuration or cd.CodeDeployBlueGreen()
    wait = cd.wait_of(made)
    if wait == "READY_WAIT":
        ready = how.deployment_ready_option or cd.CodeDeployReady()
        end = "it stops" if ready.action_on_timeout == "STOP_DEPLOYMENT" else "it goes on"
        until = f", else {end} {rows.when(since + ready.wait_time_in_minutes * 60, now)}" if since else ""
        return f"waits before production traffic{until if ready.wait_time_in_minutes else ''}"
    if wait == "TERMINATION_WAIT":
        gone = _gone_at(made, since)
        return "the old tasks are kept" if gone is None else f"the old tasks stop {rows.when(gone, now)}"
    return ""


def _gone_at(made: cd.CodeDeployDeployment, since: float | None) -> float | None:
    """When the old tasks are removed, and with them the way back; None: not told, or they are kept."""
    how = made.blue_green_deployment_configuration or cd.CodeDeployBlueGreen()
    end = how.terminate_blue_instances_on_deployment_success
    if cd.wait_of(made) != "TERMINATION_WAIT" or since is None or end is None or end.action == "KEEP_ALIVE":
        return None
    return since + end.termination_wait_time_in_minutes * 60
