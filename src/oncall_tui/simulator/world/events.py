"""A scenario's events, each a mapping with one verb, and the rules that watch services' health.

Times are seconds since the epoch, UTC.
"""

import contextlib
from collections.abc import Callable
from typing import Any, Protocol

from oncall_tui.simulator.scenarios.reader import Table
from oncall_tui.simulator.services.aws.ecs.model import SimulatedEcsService
from oncall_tui.simulator.services.aws.eventbridge import EventRule
from oncall_tui.simulator.timeline import SimulatedTimeline
from oncall_tui.simulator.world.changes import SimulatedChanges
from oncall_tui.simulator.world.deploy_events import OF_A_SERVICE
from oncall_tui.simulator.world.world import World


class SimulatedAlerts(Protocol):
    """This module's view of the simulated Alertmanager."""

    def fire(self, labels: dict[str, str], annotations: dict[str, str], began: float | None = None) -> None:
        """Begin, or go on."""

    def resolve(self, labels: dict[str, str]) -> None:
        """End."""

    def silence(self, labels: dict[str, str], seconds: float, by: str, comment: str) -> object:
        """Silence these labels as a person does."""


class SimulatedPager(Protocol):
    """This module's view of the simulated PagerDuty."""

    def trigger(
        self,
        key: str,
        title: str,
        service: str,
        urgency: str = "high",
        details: dict[str, object] | None = None,
        alert_key: str = "",
        began: float | None = None,
        priority: str = "",
    ) -> str:
        """A new incident."""
        ...

    def change(self, service: str, summary: str, source: str = "") -> None:
        """A change event."""

    def edit_schedule(self, schedule: str, by: str, action: str = "update") -> None:
        """Edit an on-call schedule."""

    def resolve(self, key: str, by: str | None = None) -> object:
        """Resolve it."""

    def acknowledge(self, key: str, by: str) -> object:
        """Acknowledge it as a person does."""

    def check(self, who: str) -> None:
        """ValueError where nobody is called this."""


class SimulatedAlarms(Protocol):
    """This module's view of the simulated CloudWatch."""

    def set_state(self, name: str, state: str, reason: str) -> None:
        """Move an alarm."""

    def check(self, name: str) -> None:
        """ValueError where there is none of this name."""


class SimulatedIssues(Protocol):
    """This module's view of the simulated Sentry."""

    def report(self, key: str, title: str, project: str, level: str = "error", **more: Any) -> str:
        """Events of an issue."""
        ...

    def release(self, version: str, projects: list[str], author: str = "", environment: str = "") -> None:
        """Tell of a release, as a pipeline does."""

    def resolve(self, key: str) -> None:
        """Resolve it as a person does."""

    def assign(self, key: str, who: str) -> None:
        """Assign it as a person does."""

    def check(self, who: str) -> None:
        """ValueError where nobody is called this."""


class SimulatedMonitors(Protocol):
    """This module's view of the simulated Mackerel."""

    def open(self, key: str, monitor: str, status: str = "CRITICAL", **more: Any) -> str:
        """Open an alert, or change it."""
        ...

    def close(self, key: str) -> None:
        """Resolve it."""


class SimulatedGroups(Protocol):
    """This module's view of the simulated Datadog."""

    def set_state(self, name: str, group: str, state: str) -> None:
        """Move one group of a monitor."""

    def event(self, title: str, tags: list[str]) -> None:
        """Post an event, as a pipeline does."""

    def silence(self, name: str, group: str, seconds: float, by: str, comment: str) -> None:
        """Make a downtime as a person does."""

    def check(self, name: str) -> None:
        """ValueError where no monitor has this name."""


class HealthRule:
    """A rule: do this when a service was unhealthy for a while, undo it when it was healthy for a while."""

    def __init__(
        self,
        rule: Table,
        service: SimulatedEcsService,
        timeline: SimulatedTimeline,
        tell: Callable[[list[Table]], None],
    ) -> None:
        self.service = service
        self._rule = rule
        self._timeline = timeline
        self._tell = tell
        self._on = False
        self._was_healthy = True
        self._turn = 0

    def service_changed(self) -> None:
        """Follow the service, which changed: start or stop the wait."""
        healthy = self.service.healthy()
        if healthy == self._was_healthy:
            return
        self._was_healthy = healthy
        self._turn += 1
        turn = self._turn
        wait = self._rule["healthy_s"] if healthy else self._rule["after_s"]
        self._timeline.after(wait, lambda: self._held(turn, healthy))

    def _held(self, turn: int, healthy: bool) -> None:
        if turn != self._turn or self._on != healthy:
            return
        self._on = not healthy
        self._tell(self._rule["undo" if healthy else "do"])


class ScenarioRunner(SimulatedChanges):
    """The doer of events."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.alerts: SimulatedAlerts | None = None
        self.issues: SimulatedIssues | None = None
        self.mackerel: SimulatedMonitors | None = None
        self.pager: SimulatedPager | None = None
        self.alarms: SimulatedAlarms | None = None
        self.datadog: SimulatedGroups | None = None
        self.watches: list[HealthRule] = []
        self.rules: dict[str, EventRule] = {}
        """By the name of the eventbridge source."""
        self.watched: dict[str, list[Any]] = {}
        """The CloudWatch sources of each ecs source, by its name."""

    def schedule(self, events: list[Table]) -> None:
        """Schedule events, each after its `after_s`, and again every `every_s`."""
        for event in events:
            self.world.timeline.after(float(event.get("after_s", 0.0)), self._happening(event))

    def _happening(self, event: Table) -> Callable[[], None]:
        def happen() -> None:
            with contextlib.suppress(ValueError):  # checked before, and nobody is there to be told
                self.do(event)
            if "every_s" in event:
                self.world.timeline.after(float(event["every_s"]), happen)

        return happen

    def do(self, event: Table) -> None:
        """Run one event now. Raises ValueError where it names something unknown."""
        for verb, given in event.items():
            if verb not in ("after_s", "every_s"):
                getattr(self, f"_{verb}")(given)

    def check(self, event: Table) -> None:
        """ValueError where an event names a service, a task definition, an alarm or a source that is not there."""
        for verb, given in event.items():
            if verb in ("fire", "resolve", "flap", "silence"):
                self._alerts()
            elif verb in ("page", "change"):
                self._pager()
            elif verb in ("resolve_page", "acknowledge_page", "edit_schedule"):
                pager = self._pager()
                if "by" in given:
                    pager.check(given["by"])
            elif verb == "sentry_release":
                self._issues()
            elif verb == "datadog_event":
                self._datadog()
            elif verb in ("issue", "resolve_issue", "assign_issue"):
                issues = self._issues()
                if who := given.get("assigned") or given.get("to"):
                    issues.check(who)
            elif verb in ("open_alert", "close_alert"):
                self._monitors()
            elif verb in ("monitor", "downtime"):
                self._datadog().check(given["name"])
            elif verb in ("send", "rule"):
                self._rule_of(given)
            elif verb == "alarm":
                self._alarms().check(given["name"])
            elif verb in ("rds", "edit_alarm", "cloudtrail"):
                self.check_change(verb, given)
            elif verb in ("deploy", "deregister"):
                self._definition(given)
            elif verb in OF_A_SERVICE:
                self.service(given["service"])
            if verb == "while_unhealthy":
                for inner in (*given["do"], *given["undo"]):
                    self.check(inner)

    def changed(self, service: SimulatedEcsService) -> None:
        """Hear of a service that changed."""
        for rule in self.rules.values():
            rule.changed(service)
        for watch in self.watches:
            if watch.service is service:
                watch.service_changed()

    # -- the verbs

    def _fire(self, given: Table) -> None:
        began = self.world.timeline.now() - 60 * float(given.get("minutes_ago", 0.0))
        self._alerts().fire(_texts(given["labels"]), _texts(given.get("annotations", {})), began)

    def _resolve(self, given: Table) -> None:
        self._alerts().resolve(_texts(given["labels"]))

    def _flap(self, given: Table) -> None:
        def on() -> None:
            self._fire(given)
            self.world.timeline.after(float(given["on_s"]), off)

        def off() -> None:
            self._resolve(given)
            self.world.timeline.after(float(given["off_s"]), on)

        on()

    def _silence(self, given: Table) -> None:
        seconds = float(given["for_s"]) / self.world.timeline.speed
        self._alerts().silence(_texts(given["labels"]), seconds, given["by"], given.get("comment", "drill"))

    def _alarm(self, given: Table) -> None:
        self._alarms().set_state(given["name"], given["state"], given.get("reason", ""))
        if given["state"] == "ALARM":
            for source, (account, _) in self.accounts.items():
                for cluster in account.clusters.values():
                    for service in cluster.services.values():
                        self._tripped(service, source, given["name"])

    def _send(self, given: Table) -> None:
        rule, now = self._rule_of(given), self.world.timeline.now()
        sent_at = now - 60 * float(given.get("minutes_ago", 0.0))
        if "event" in given:
            event = given["event"]
            rule.tell(event["source"], event["type"], event.get("detail", {}), event.get("resources", []))
        else:
            rule.queue.send(given.get("body", ""), sent_at, given.get("count", 1))

    def _rule(self, given: Table) -> None:
        self._rule_of(given).enabled = given["enabled"]

    def _rule_of(self, given: Table) -> EventRule:
        name = given.get("to", next(iter(self.rules), ""))
        if name not in self.rules:
            raise ValueError(f"to: expected the name of an eventbridge source, got {name!r}")
        return self.rules[name]

    def _monitor(self, given: Table) -> None:
        self._datadog().set_state(given["name"], given.get("group", "*"), given["state"])

    def _downtime(self, given: Table) -> None:
        seconds = float(given["for_s"]) / self.world.timeline.speed
        self._datadog().silence(given["name"], given.get("group", "*"), seconds, given["by"], given.get("comment", ""))

    def _page(self, given: Table) -> None:
        key, urgency = given["key"], given["urgency"]
        details: dict[str, object] = dict(given.get("details", {}))
        alert_key = str(given.get("alert_key", key))
        began = self.world.timeline.now() - 60 * float(given.get("minutes_ago", 0.0))
        priority = str(given.get("priority", ""))
        self._pager().trigger(key, given["title"], given["service"], urgency, details, alert_key, began, priority)

    def _change(self, given: Table) -> None:
        self._pager().change(given["service"], given["summary"], str(given.get("source", "")))

    def _edit_schedule(self, given: Table) -> None:
        self._pager().edit_schedule(given["schedule"], given["by"], str(given.get("action", "update")))

    def _sentry_release(self, given: Table) -> None:
        self._issues().release(**given)

    def _datadog_event(self, given: Table) -> None:
        self._datadog().event(given["title"], list(given.get("tags", [])))

    def _resolve_page(self, given: Table) -> None:
        self._pager().resolve(given["key"], given.get("by"))

    def _acknowledge_page(self, given: Table) -> None:
        self._pager().acknowledge(given["key"], given["by"])

    def _issue(self, given: Table) -> None:
        self._issues().report(**self._began(given))

    def _resolve_issue(self, given: Table) -> None:
        self._issues().resolve(given["key"])

    def _assign_issue(self, given: Table) -> None:
        self._issues().assign(given["key"], given["to"])

    def _open_alert(self, given: Table) -> None:
        self._monitors().open(**self._began(given))

    def _close_alert(self, given: Table) -> None:
        self._monitors().close(given["key"])

    def _began(self, given: Table) -> dict[str, Any]:
        """Return the given mapping, with `began` instead of `minutes_ago`."""
        rest = {key: value for key, value in given.items() if key != "minutes_ago"}
        return {**rest, "began": self.world.timeline.now() - 60 * float(given.get("minutes_ago", 0.0))}

    def _fault(self, given: Table) -> None:
        self.world.faults.add(dict(given), list(self.world.peers))
        self.world.refresh_ports()

    def _clear_faults(self, given: bool) -> None:
        self.world.faults.remove()
        self.world.refresh_ports()

    def _while_unhealthy(self, given: Table) -> None:
        service, _, _ = self.service(given["service"])
        watch = HealthRule(given, service, self.world.timeline, self.schedule)
        self.watches.append(watch)
        watch.service_changed()

    def _alarms(self) -> SimulatedAlarms:
        if self.alarms is None:
            raise ValueError("no source is a cloudwatch")
        return self.alarms

    def _alerts(self) -> SimulatedAlerts:
        if self.alerts is None:
            raise ValueError("no source is an alertmanager")
        return self.alerts

    def _issues(self) -> SimulatedIssues:
        if self.issues is None:
            raise ValueError("no source is a sentry")
        return self.issues

    def _monitors(self) -> SimulatedMonitors:
        if self.mackerel is None:
            raise ValueError("no source is a mackerel")
        return self.mackerel

    def _datadog(self) -> SimulatedGroups:
        if self.datadog is None:
            raise ValueError("no source is a datadog")
        return self.datadog

    def _pager(self) -> SimulatedPager:
        if self.pager is None:
            raise ValueError("no source is a pagerduty")
        return self.pager


def _texts(given: Table) -> dict[str, str]:
    return {key: str(value) for key, value in given.items()}
