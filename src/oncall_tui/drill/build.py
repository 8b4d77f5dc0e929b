"""Lays out a world as a scenario describes it."""

from collections.abc import Callable
from typing import Any

from oncall_tui.drill.alertmanager import Alertmanager
from oncall_tui.drill.aws import Api, AwsEndpoint
from oncall_tui.drill.cloudwatch import Alarm, CloudWatch
from oncall_tui.drill.ecs.api import EcsApi
from oncall_tui.drill.ecs.layout import lay_service
from oncall_tui.drill.ecs.model import Account
from oncall_tui.drill.ecs.rollout import Mover
from oncall_tui.drill.scenario import ScenarioError, Table
from oncall_tui.drill.story import Story
from oncall_tui.drill.world import World


def build(scenario: Table, world: World, port: int = 0) -> Story:
    """Fill `world` with the scenario's sources; those listen from `port` on (0: wherever there is room)."""
    story = Story(world)
    for source in scenario["sources"]:
        if source["provider"] == "ecs":
            _account(source, story)
    for index, source in enumerate(scenario["sources"]):
        make: Callable[[Table, Table, Story], Any] = _MAKERS[source["provider"]]
        world.listen(source["name"], make(source, scenario, story), port + index if port else 0)
    for spec in scenario.get("services", []):
        _service(spec, story)
    if isinstance(story.alarms, CloudWatch):
        _alarms(scenario, story, story.alarms)
    try:
        for event in scenario.get("events", []):
            _name_check(event, story)
        story.schedule(scenario.get("events", []))
        world.advance()
    except ValueError as error:
        raise ScenarioError(f"{scenario['name']}: events: {error}") from None
    return story


def _account(source: Table, story: Story) -> None:
    number, region = source.get("account", "111111111111"), source.get("region", "ap-northeast-1")
    account = Account(number, region, story.world.rng)
    for name in source.get("clusters", ["default"]):
        account.cluster(name)
    story.accounts[source["name"]] = account, Mover(account, story.world.timeline, story.changed)


def _ecs(source: Table, scenario: Table, story: Story) -> AwsEndpoint:
    account, mover = story.accounts[source["name"]]
    return AwsEndpoint(account.number, account.region, [EcsApi(account, mover)])


def _cloudwatch(source: Table, scenario: Table, story: Story) -> AwsEndpoint:
    of = source.get("of", next(iter(story.accounts), ""))
    if of not in story.accounts:
        line = f"{scenario['name']}: source {source['name']!r}: of: expected the name of an ecs source"
        raise ScenarioError(line)
    account = story.accounts[of][0]
    source.setdefault("region", account.region)
    alarms = CloudWatch(account.number, account.region, story.world.timeline.now)
    if story.alarms is None:
        story.alarms = alarms
    apis: list[Api] = [alarms]
    return AwsEndpoint(account.number, account.region, apis)


def _alertmanager(source: Table, scenario: Table, story: Story) -> Alertmanager:
    peer = Alertmanager(story.world.timeline.now)
    if story.alerts is None:
        story.alerts = peer
    return peer


def _pagerduty(source: Table, scenario: Table, story: Story) -> Any:
    from oncall_tui.drill.pagerduty import PagerDuty

    spec = scenario.get("pagerduty", {})
    peer = PagerDuty(story.world.timeline.now, story.world.timeline.speed, spec)
    if story.pager is None:
        story.pager = peer
    story.world.on_advance.append(peer.advance)
    return peer


_MAKERS: dict[str, Callable[[Table, Table, Story], Any]] = {
    "ecs": _ecs,
    "cloudwatch": _cloudwatch,
    "alertmanager": _alertmanager,
    "pagerduty": _pagerduty,
}


def _service(spec: Table, story: Story) -> None:
    parts = spec["at"].split("/")
    if len(parts) != 3 or parts[0] not in story.accounts:
        names = ", ".join(story.accounts)
        line = getattr(spec, "line", 1)
        raise ScenarioError(
            f"line {line}: services: at: expected source/cluster/service with a source of {names}, got {spec['at']!r}"
        )
    account, mover = story.accounts[parts[0]]
    lay_service(spec, parts[1], parts[2], account, mover)


def _alarms(scenario: Table, story: Story, alarms: CloudWatch) -> None:
    for spec in scenario.get("alarms", []):
        alarm = Alarm(spec["name"], spec.get("about", ""))
        alarm.metric, alarm.namespace = spec.get("metric", "5XXError"), spec.get("namespace", "AWS/ECS")
        alarm.threshold = float(spec.get("threshold", 1.0))
        alarm.any_of = list(spec.get("any_of", []))
        alarm.actions = list(spec.get("actions", []))
        if "service" in spec:
            _, cluster, service = spec["service"].split("/")
            alarm.dimensions = {"ClusterName": cluster, "ServiceName": service}
        since = story.world.timeline.now() - 60 * float(spec.get("minutes", 60.0))
        alarms.add(alarm, spec.get("state", "OK"), since)


def _name_check(event: Table, story: Story) -> None:
    """ValueError where an event names a service that is not there."""
    for given in event.values():
        if isinstance(given, dict):
            if "/" in str(given.get("service", "")):
                story.service(given["service"])
            for inner in (*given.get("do", []), *given.get("undo", [])):
                _name_check(inner, story)


def truth(story: Story) -> Table:
    """What is so, whatever the sources answer: for tests."""
    services, deployments = {}, {}
    for source, (account, _) in story.accounts.items():
        for cluster in account.clusters.values():
            for it in cluster.services.values():
                path = f"{source}/{cluster.name}/{it.name}"
                services[path] = {
                    "running": it.running(),
                    "pending": it.pending(),
                    "desired": it.desired,
                    "task_definition": it.primary.revision.definition.arn,
                    "healthy": it.healthy(),
                    "deployment": it.deployments[0].arn if it.deployments else None,
                }
                deployments[path] = [
                    {"arn": d.arn, "status": d.status, "task_definition": d.target.definition.arn}
                    for d in it.deployments
                ]
    peers: dict[str, Callable[[], object]] = {
        "alerts": getattr(story.alerts, "state", _nothing),
        "incidents": getattr(story.pager, "state", _nothing),
        "alarms": getattr(story.alarms, "state", _nothing),
    }
    told: Table = {name: state() for name, state in peers.items()}
    return {"now": story.world.timeline.now(), "services": services, "deployments": deployments, **told}


def _nothing() -> object:
    return {}
