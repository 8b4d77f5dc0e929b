"""How a service is deployed: its strategy, lifecycle hooks and alarms, and what a deploy by it goes through.

The names are those of ECS's API model: DeploymentConfiguration, DeploymentLifecycleHook and
ServiceDeploymentLifecycleStage.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Table = dict[str, Any]
MINUTE = 60.0  # seconds


@dataclass(frozen=True)
class Hook:
    """A lifecycle hook. `takes_s` and `fails` are what a Lambda function does."""

    stages: tuple[str, ...]
    target: str = "PAUSE"
    timeout_minutes: int = 1440
    on_timeout: str = "ROLLBACK"
    takes_s: float = 2.0
    fails: bool = False


@dataclass
class HookDetail:
    """One run of a hook: a member of lifecycleHookDetails[]. Times are seconds since the epoch, UTC."""

    id: str
    hook: Hook
    status: str
    expires_at: float


@dataclass(frozen=True)
class SimulatedEcsAlarms:
    """deploymentConfiguration.alarms."""

    names: tuple[str, ...] = ()
    rollback: bool = False
    enable: bool = False


class Step(NamedTuple):
    """One step of a deploy that keeps two revisions."""

    stage: str
    weight: float | None = None
    """The share of production traffic that the new revision gets in this step, in percent."""
    wait_s: float = 0.0
    before: tuple[str, ...] = ()
    """Hook stages that come before the traffic moves. PRE_PRODUCTION_TRAFFIC_SHIFT is only ever a hook's."""


@dataclass(frozen=True)
class Strategy:
    """deploymentConfiguration's strategy. `stage_s` is how long a stage takes that has no time of its own."""

    name: str = "ROLLING"
    bake_minutes: int = 0
    step_percent: float = 10.0
    step_bake_minutes: int = 6
    canary_percent: float = 5.0
    canary_bake_minutes: int = 10
    stage_s: float = 2.0
    hooks: tuple[Hook, ...] = ()
    alarms: SimulatedEcsAlarms = field(default_factory=SimulatedEcsAlarms)
    rollout_state: bool = True
    """Whether DescribeServices tells a rolloutState: the model promises it for rolling updates alone."""
    clean_up_stop: str = "accepted"
    """The answer to StopServiceDeployment in CLEAN_UP: accepted or refused."""

    @property
    def shifts(self) -> bool:
        """Return whether a deploy keeps two revisions and moves traffic between them."""
        return self.name != "ROLLING"

    def steps(self, reconcile: bool) -> list[Step]:
        """Return a deploy's steps, in order."""
        first = ["RECONCILE_SERVICE"] if reconcile else []
        stages = [*first, "PRE_SCALE_UP", "SCALE_UP", "POST_SCALE_UP", "TEST_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT"]
        found = [Step(stage, wait_s=self.stage_s) for stage in stages]
        found += [
            Step("PRODUCTION_TRAFFIC_SHIFT", weight, wait, ("PRE_PRODUCTION_TRAFFIC_SHIFT",))
            for weight, wait in self._weights()
        ]
        found.append(Step("POST_PRODUCTION_TRAFFIC_SHIFT", wait_s=self.stage_s))
        if self.bake_minutes:
            found.append(Step("BAKE_TIME", wait_s=self.bake_minutes * MINUTE))
        return [*found, Step("CLEAN_UP", wait_s=self.stage_s)]

    def _weights(self) -> Iterator[tuple[float, float]]:
        if self.name == "CANARY":
            yield self.canary_percent, self.canary_bake_minutes * MINUTE
        elif self.name == "LINEAR":
            weight = self.step_percent
            while weight < 100.0:
                yield round(weight, 1), self.step_bake_minutes * MINUTE
                weight += self.step_percent
        yield 100.0, self.stage_s  # "This bake time is not applied after reaching 100 percent traffic."


def strategy(spec: Table) -> Strategy:
    """Read the strategy of a scenario's service."""
    given = spec.get("strategy", {})
    name = given.get("name", "ROLLING")
    watched = spec.get("deploy_alarms", {})
    names = tuple(watched.get("names", ()))
    return Strategy(
        name,
        int(given.get("bake_minutes", 5 if name == "BLUE_GREEN" else 0)),
        float(given.get("step_percent", 10.0)),
        int(given.get("step_bake_minutes", 6)),
        float(given.get("canary_percent", 5.0)),
        int(given.get("canary_bake_minutes", 10)),
        float(given.get("stage_s", 2.0)),
        tuple(_hook(it) for it in spec.get("hooks", ())),
        SimulatedEcsAlarms(names, bool(watched.get("rollback", True)), bool(names)),
        bool(given.get("rollout_state", name == "ROLLING")),
        given.get("clean_up_stop", "accepted"),
    )


def _hook(given: Table) -> Hook:
    return Hook(
        tuple(given["stages"]),
        given.get("type", "PAUSE"),
        int(given.get("timeout_minutes", 1440)),
        given.get("on_timeout", "ROLLBACK"),
        float(given.get("takes_s", 2.0)),
        bool(given.get("fails", False)),
    )
