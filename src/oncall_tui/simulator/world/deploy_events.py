"""Events of services: those of a scenario that deploy, stop, hold, scale or kill."""

import math

from oncall_tui.simulator.scenarios.reader import Table
from oncall_tui.simulator.services.aws.cloudtrail import CloudTrail
from oncall_tui.simulator.services.aws.codedeploy.deployments import CodeDeploy
from oncall_tui.simulator.services.aws.codedeploy.model import CodeDeployment
from oncall_tui.simulator.services.aws.ecs.model import Says, SimulatedEcsAccount, SimulatedEcsService, TaskDefinition
from oncall_tui.simulator.services.aws.ecs.rollout import Mover
from oncall_tui.simulator.world.world import World

OF_A_SERVICE = frozenset(
    ["scale", "capacity", "kill", "delete", "while_unhealthy", "stop", "complete", "race", "hold", "release", "trip"],
) | {"log", "log_no_more", "targets"}
"""The verbs that name a service, and no task definition of it."""


class SimulatedDeploys:
    """The doer of services' events."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.accounts: dict[str, tuple[SimulatedEcsAccount, Mover]] = {}
        """By the name of the source."""
        self.codedeploys: dict[str, CodeDeploy] = {}
        """By the name of the source."""
        self.trails: dict[str, CloudTrail] = {}
        """By the name of the source."""

    def service(self, path: str) -> tuple[SimulatedEcsService, Mover, SimulatedEcsAccount]:
        """Find a service by `source/cluster/service`. Raises ValueError."""
        source, _, rest = path.partition("/")
        cluster, _, name = rest.partition("/")
        if source in self.accounts:
            account, mover = self.accounts[source]
            if cluster in account.clusters and name in account.clusters[cluster].services:
                return account.clusters[cluster].services[name], mover, account
        raise ValueError(f"no service is {path!r}: expected source/cluster/service")

    def _deploy(self, given: Table) -> None:
        service, mover, account = self.service(given["service"])
        now, definition = self.world.timeline.now(), self._definition(given)
        if service.controller == "CODE_DEPLOY":
            self._codedeploy(given).deploy(service, definition)
            return
        if service.controller == "EXTERNAL":
            raise ValueError(f"{given['service']} is deployed by an EXTERNAL controller")
        role = definition.registered_by.partition(":assumed-role/")[2]
        asked = {"cluster": service.cluster.name, "service": service.name, "taskDefinition": definition.arn}
        self.trails[given["service"].partition("/")[0]].tell("UpdateService", role, asked)
        settings = given.get("settings")
        mover.deploy(service, account.revise(service, definition, now, settings, given.get("push", "")))

    def _stop(self, given: Table) -> None:
        service, mover, _ = self.service(given["service"])
        if service.controller == "CODE_DEPLOY":
            self._codedeploy(given).stop(self._under_way(given), given.get("rollback", True))
        elif service.deployments and service.deployments[0].status in ("PENDING", "IN_PROGRESS") and service.good:
            mover.request_rollback(service, service.deployments[0])
        else:
            raise ValueError(f"no deploy of {given['service']} is under way that could be stopped")

    def _complete(self, given: Table) -> None:
        service, mover, _ = self.service(given["service"])
        if service.controller == "CODE_DEPLOY":
            self._codedeploy(given).complete_now(self._under_way(given))
        else:
            mover.complete_now(service)

    def _codedeploy(self, given: Table) -> CodeDeploy:
        return self.codedeploys[given["service"].partition("/")[0]]

    def _under_way(self, given: Table) -> CodeDeployment:
        held = self._codedeploy(given)
        found = held.active(held.group_of(self.service(given["service"])[0]))
        if found is None:
            raise ValueError(f"no deploy of {given['service']} is under way")
        return found

    def _log(self, given: Table) -> None:
        service, _, _ = self.service(given["service"])
        share, now = float(given.get("share", 0.3)), self.world.timeline.now()
        service.log_says.append(Says(given.get("level", "ERROR"), given["text"], share, now))

    def _targets(self, given: Table) -> None:
        service, _, _ = self.service(given["service"])
        service.targets = given.get("state", ""), given.get("reason", "")

    def _log_no_more(self, given: Table) -> None:
        for says in self.service(given["service"])[0].log_says:
            says.end = min(says.end, self.world.timeline.now())

    def _race(self, given: Table) -> None:
        service, _, _ = self.service(given["service"])
        service.ends = given["ends"], float(given.get("after_s", 2.0))

    def _hold(self, given: Table) -> None:
        service, _, _ = self.service(given["service"])
        service.hold = {key: float(value) if value else math.inf for key, value in given["at"].items()}

    def _release(self, given: Table) -> None:
        service, mover, _ = self.service(given["service"])
        mover.release(service)

    def _trip(self, given: Table) -> None:
        service, _, _ = self.service(given["service"])
        self._tripped(service, given["service"].partition("/")[0], given["alarm"])

    def _tripped(self, service: SimulatedEcsService, source: str, alarm: str) -> None:
        if service.controller == "CODE_DEPLOY":
            self.codedeploys[source].alarm(service, alarm)
        else:
            self.accounts[source][1].alarm(service, alarm)

    def _deregister(self, given: Table) -> None:
        self._definition(given).active = False

    def _definition(self, given: Table) -> TaskDefinition:
        service, _, account = self.service(given["service"])
        current = service.primary.revision.definition
        number = given.get("revision", current.number)
        held = account.families[current.family]
        if number not in held:
            raise ValueError(f"{given['service']} has no task definition {number}: expected one of {sorted(held)}")
        return held[number]

    def _capacity(self, given: Table) -> None:
        service, mover, _ = self.service(given["service"])
        service.room = given.get("tasks")
        mover.step(service)

    def _delete(self, given: Table) -> None:
        service, mover, _ = self.service(given["service"])
        mover.delete(service)

    def _kill(self, given: Table) -> None:
        service, mover, _ = self.service(given["service"])
        mover.kill(service, given.get("count", 1), given.get("exit", 1))
