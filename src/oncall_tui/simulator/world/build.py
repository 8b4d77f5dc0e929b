"""Lays out a world as a scenario describes it."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from oncall_tui.simulator.scenarios.reader import ScenarioError, Table
from oncall_tui.simulator.services.alertmanager.api import SimulatedAlertmanager
from oncall_tui.simulator.services.alertmanager.model import InhibitRule, SimulatedAlertmanagerMatcher
from oncall_tui.simulator.services.aws.autoscaling import AutoScaling
from oncall_tui.simulator.services.aws.cloudtrail import LATE_S, CloudTrail
from oncall_tui.simulator.services.aws.cloudwatch import Alarm, CloudWatch
from oncall_tui.simulator.services.aws.cloudwatch_metrics import MetricsApi
from oncall_tui.simulator.services.aws.codedeploy.api import CodeDeployApi
from oncall_tui.simulator.services.aws.codedeploy.deployments import CodeDeploy
from oncall_tui.simulator.services.aws.codedeploy.layout import lay_group
from oncall_tui.simulator.services.aws.ecs.api import EcsApi
from oncall_tui.simulator.services.aws.ecs.layout import lay_service
from oncall_tui.simulator.services.aws.ecs.model import SimulatedEcsAccount
from oncall_tui.simulator.services.aws.ecs.rollout import Mover
from oncall_tui.simulator.services.aws.ecs_metrics import Gauges
from oncall_tui.simulator.services.aws.elb import TargetGroups
from oncall_tui.simulator.services.aws.endpoint import AwsEndpoint, SimulatedAwsApi
from oncall_tui.simulator.services.aws.eventbridge import EventRule
from oncall_tui.simulator.services.aws.logs import LogsApi
from oncall_tui.simulator.services.aws.rds import Databases
from oncall_tui.simulator.services.aws.sqs import SimulatedQueue
from oncall_tui.simulator.world import destinations
from oncall_tui.simulator.world.events import ScenarioRunner
from oncall_tui.simulator.world.past import lay_past
from oncall_tui.simulator.world.world import World


def build(scenario: Table, world: World, port: int = 0) -> ScenarioRunner:
    """Fill `world` with the scenario's sources; those listen from `port` on (0: wherever there is room).

    Raises ValueError.
    """
    story = ScenarioRunner(world)
    world.timeline.rewind(float(scenario.get("ahead_s", 0.0)))
    for source in scenario["sources"]:
        if source["provider"] == "ecs":
            _account(source, story)
    for index, source in enumerate(scenario["sources"]):
        with _at(scenario, source, "sources"):
            if source["name"] in world.peers:
                raise ValueError(f"the name {source['name']!r} is here twice")
            peer = _MAKERS[source["provider"]](source, scenario, story)
        world.listen(source["name"], peer, port + index if port else 0)
    for index, spec in enumerate(scenario.get("escalation", []), start=len(scenario["sources"])):
        with _at(scenario, spec, "escalation"):
            destinations.lay(spec, story, port + index if port else 0)
    if "github" in scenario:
        from oncall_tui.simulator.services.github import SimulatedGithub

        taken = len(scenario["sources"]) + len(scenario.get("escalation", []))
        github = SimulatedGithub(world.timeline.now, scenario["github"])
        world.listen("github", github, port + taken if port else 0)
    for spec in scenario.get("services", []):
        with _at(scenario, spec, "services"):
            _service(spec, story)
    if isinstance(story.alarms, CloudWatch):
        _alarms(scenario, story, story.alarms)
    for rule in story.rules.values():
        rule.begin()
        for databases, _ in story.databases.values():
            databases.hears.append(rule.database)
    for entry in sorted(scenario.get("past", []), key=lambda it: -float(it["days"])):
        with _at(scenario, entry, "past"):
            lay_past(entry, story)
    for event in scenario.get("events", []):
        with _at(scenario, event, "events"):
            story.check(event)
    story.schedule(scenario.get("events", []))
    world.advance()
    return story


@contextlib.contextmanager
def _at(scenario: Table, spec: object, what: str) -> Iterator[None]:
    """A ValueError becomes one that tells the file and the line."""
    try:
        yield
    except ValueError as error:
        file, line = getattr(scenario, "file", scenario["name"]), getattr(spec, "line", 1)
        raise ScenarioError(f"{file}:{line}: {what}: {error}") from None


def _account(source: Table, story: ScenarioRunner) -> None:
    number, region = source.get("account", "111111111111"), source.get("region", "ap-northeast-1")
    account = SimulatedEcsAccount(number, region, story.world.rng)
    for name in source.get("clusters", ["default"]):
        account.cluster(name)
    mover = Mover(account, story.world.timeline, story.changed)
    story.accounts[source["name"]] = account, mover
    story.codedeploys[source["name"]] = CodeDeploy(account, mover)
    now, late_s = story.world.timeline.now, mover.scaled(float(source.get("trail_late_s", LATE_S)))
    story.autoscaling[source["name"]] = AutoScaling(account, now, mover.scaled)
    story.trails[source["name"]] = CloudTrail(account, now, late_s)


def _ecs(source: Table, scenario: Table, story: ScenarioRunner) -> AwsEndpoint:
    account, mover = story.accounts[source["name"]]
    now = story.world.timeline.now
    apis: list[SimulatedAwsApi] = [EcsApi(account, mover), CodeDeployApi(story.codedeploys[source["name"]])]
    apis.append(LogsApi(account, now))
    watched = story.watched.setdefault(source["name"], [])
    gauges = Gauges(account, now, mover.scaled)
    apis.append(MetricsApi(gauges, lambda: [alarm for held in watched for alarm in held.metric_alarms()], now))
    targets, trail = TargetGroups(account, now, mover.scaled), story.trails[source["name"]]
    apis += [story.autoscaling[source["name"]], trail]
    return AwsEndpoint(account.number, account.region, apis, (targets,), trail)


def _of(source: Table, story: ScenarioRunner) -> str:
    """The ecs source whose account a source is of. Raises ValueError."""
    of = str(source.get("of", next(iter(story.accounts), "")))
    if of not in story.accounts:
        raise ValueError(f"of: expected the name of an ecs source, got {of!r}")
    return of


def _rds(source: Table, scenario: Table, story: ScenarioRunner) -> AwsEndpoint:
    of = _of(source, story)
    account, _ = story.accounts[of]
    source.setdefault("region", account.region)
    databases = Databases(account.number, account.region, story.world.timeline.now)
    story.databases[source["name"]] = databases, story.trails[of]
    return AwsEndpoint(account.number, account.region, [story.trails[of]], (databases,))


def _eventbridge(source: Table, scenario: Table, story: ScenarioRunner) -> AwsEndpoint:
    account, _ = story.accounts[_of(source, story)]
    source["region"], source["account"] = account.region, account.number
    queue = SimulatedQueue(
        account.number, account.region, source.setdefault("queue", "oncall-events"), story.world.timeline.now
    )
    story.rules[source["name"]] = EventRule(account, queue, story.world.timeline)
    return AwsEndpoint(account.number, account.region, [queue])


def _cloudwatch(source: Table, scenario: Table, story: ScenarioRunner) -> AwsEndpoint:
    of = _of(source, story)
    account, mover = story.accounts[of]
    source.setdefault("region", account.region)
    now = story.world.timeline.now
    alarms = CloudWatch(account.number, account.region, now, Gauges(account, now, mover.scaled))
    story.watched.setdefault(of, []).append(alarms)
    if story.alarms is None:
        story.alarms, story.edited = alarms, (alarms, story.trails[of])
    apis: list[SimulatedAwsApi] = [alarms, story.trails[of]]
    return AwsEndpoint(account.number, account.region, apis, (), story.trails[of])


def _alertmanager(source: Table, scenario: Table, story: ScenarioRunner) -> SimulatedAlertmanager:
    peer = SimulatedAlertmanager(story.world.timeline.now, inhibit=[_inhibit(it) for it in scenario.get("inhibit", [])])
    if story.alerts is None:
        story.alerts = peer
    return peer


def _inhibit(spec: Table) -> InhibitRule:
    source, target = (
        tuple(SimulatedAlertmanagerMatcher(k, str(v)) for k, v in spec[key].items()) for key in ("source", "target")
    )
    return InhibitRule(source, target, tuple(spec.get("equal", [])))


def _pagerduty(source: Table, scenario: Table, story: ScenarioRunner) -> Any:
    from oncall_tui.simulator.services.pagerduty.api import SimulatedPagerDuty

    spec = scenario.get("pagerduty", {})
    peer = SimulatedPagerDuty(story.world.timeline.now, story.world.timeline.speed, spec)
    if story.pager is None:
        story.pager = peer
    story.world.on_advance.append(peer.advance)
    return peer


def _sentry(source: Table, scenario: Table, story: ScenarioRunner) -> Any:
    from oncall_tui.simulator.services.sentry.api import SimulatedSentry

    peer = SimulatedSentry(story.world.timeline.now, scenario.get("sentry", {}))
    if story.issues is None:
        story.issues = peer
    return peer


def _datadog(source: Table, scenario: Table, story: ScenarioRunner) -> Any:
    from oncall_tui.simulator.services.datadog.api import SimulatedDatadog

    peer = SimulatedDatadog(story.world.timeline.now)
    for spec in scenario.get("datadog", {}).get("monitors", []):
        with _at(scenario, spec, "datadog.monitors"):
            peer.add(spec)
    if story.datadog is None:
        story.datadog = peer
    return peer


def _mackerel(source: Table, scenario: Table, story: ScenarioRunner) -> Any:
    from oncall_tui.simulator.services.mackerel import SimulatedMackerel

    peer = SimulatedMackerel(story.world.timeline.now, scenario.get("mackerel", {}))
    if story.mackerel is None:
        story.mackerel = peer
    return peer


_MAKERS: dict[str, Callable[[Table, Table, ScenarioRunner], Any]] = {
    "ecs": _ecs,
    "cloudwatch": _cloudwatch,
    "rds": _rds,
    "eventbridge": _eventbridge,
    "alertmanager": _alertmanager,
    "pagerduty": _pagerduty,
    "sentry": _sentry,
    "mackerel": _mackerel,
    "datadog": _datadog,
}


def _service(spec: Table, story: ScenarioRunner) -> None:
    parts = spec["at"].split("/")
    if len(parts) != 3 or parts[0] not in story.accounts:
        names = ", ".join(story.accounts)
        raise ValueError(f"at: expected source/cluster/service with a source of {names}, got {spec['at']!r}")
    account, mover = story.accounts[parts[0]]
    service, past = lay_service(spec, parts[1], parts[2], account, mover)
    if service.controller == "CODE_DEPLOY":
        lay_group(spec, service, past, story.codedeploys[parts[0]])


def _alarms(scenario: Table, story: ScenarioRunner, alarms: CloudWatch) -> None:
    for spec in scenario.get("alarms", []):
        with _at(scenario, spec, "alarms"):
            _alarm(spec, story, alarms)


def _alarm(spec: Table, story: ScenarioRunner, alarms: CloudWatch) -> None:
    alarm = Alarm(spec["name"], spec.get("about", ""))
    alarm.metric, alarm.namespace = spec.get("metric", "5XXError"), spec.get("namespace", "AWS/ECS")
    alarm.threshold, alarm.below = float(spec.get("threshold", 1.0)), bool(spec.get("below", False))
    alarm.any_of, alarm.query = list(spec.get("any_of", [])), spec.get("query", "")
    alarm.actions = list(spec.get("actions", []))
    if "service" in spec:
        service = story.service(spec["service"])[0]
        alarm.dimensions = {"ClusterName": service.cluster.name, "ServiceName": service.name}
    since = story.world.timeline.now() - 60 * float(spec.get("minutes", 60.0))
    alarms.add(alarm, spec.get("state", "OK"), since)
