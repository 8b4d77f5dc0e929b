"""The verbs that a row can have now, and their targets: the palette, the key bar and every action ask here."""

from __future__ import annotations

from collections.abc import Callable

from oncall_tui.domain.action import Verb, unsupported
from oncall_tui.domain.alert import OURS, Alert, AlertState
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.service import Service
from oncall_tui.text.cells import count, fit_middle
from oncall_tui.triage.routing import route_all, route_verb
from oncall_tui.tui.commands import BY_ID, BY_VERB, Command, label, named, of
from oncall_tui.tui.presenters.renewal import renewing
from oncall_tui.tui.presenters.targets import ActionTarget, spot, target
from oncall_tui.tui.session import NO_ROW, RowRef, Session
from oncall_tui.tui.widgets.footer import KeyItem

TARGET_CELLS = 16  # of a name in the key bar


class Offers:
    """Answers for one row at a time; nothing is changed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        # A command that is not a verb on an alert or a deploy -> where it can do something to a row. One that is not
        # here is always offered.
        self._where: dict[str, Callable[[RowRef], bool]] = {
            "copy": lambda row: row.id is not None,
            "verdict": lambda row: row.triaged_alert is not None and not self._session.engine.read_only,
            "logs": lambda row: bool(self.service_id(row)),
            "shell": lambda row: self.service(row) is not None and not self._session.engine.read_only,
        }

    def alert_target(self, verb: Verb, row: RowRef) -> Alert | None:
        """Return the alert that *verb* on the row goes to: the pager's incident first."""
        found = (
            route_verb(row.triaged_alert, self._session.latest.board, verb) if row.triaged_alert is not None else None
        )
        return found[1] if found else None

    def alert_targets(self, verb: Verb, row: RowRef) -> tuple[Alert, ...]:
        """Return every alert that *verb* on the row goes to: of two incidents of one problem both are acknowledged."""
        return () if row.triaged_alert is None else route_all(row.triaged_alert, self._session.latest.board, verb)

    def no_target(self, row: RowRef) -> str:
        """Say why the cursor is on nothing that a key is for: no row, or the line about an unread source; empty: it is
        on a row.
        """
        if row.id is None:
            table = self._session.tables.get(row.pane)
            return NO_ROW if table is None or table.rows else "no row is listed here"
        source = self._session.latest.board.sources.get(row.id.removeprefix("source:"))
        if source is None or not row.id.startswith("source:"):
            return ""
        hint = renewing(source.hint, [source]) or f"{named('sources')} shows every source"
        return f"that line is about {source.name}, which cannot be read now ({source.state.label}): {hint}"

    def service_id(self, row: RowRef) -> str:
        """Return the id of the row's ECS service; empty: none is known."""
        if row.triaged_alert is not None:
            return row.triaged_alert.service.id if row.triaged_alert.service else ""
        row_id, board = row.id or "", self._session.latest.board
        if row.pane == "deploys":
            return board.deploys[row_id].service_id if row_id in board.deploys else ""
        return row_id if row.pane == "services" and row_id in board.services else ""

    def service(self, row: RowRef) -> Service | None:
        """Return the row's ECS service."""
        if row.triaged_alert is not None:
            return row.triaged_alert.service
        return self._session.latest.board.services.get(self.service_id(row))

    def marked_targets(self, verb: Verb, row: RowRef) -> list[Alert]:
        """Return the alerts that *verb* on the marked rows goes to; a row that does not allow it has none."""
        rows = (RowRef("alerts", row_id, self._session.drawn(row_id)) for row_id in row.marked)
        found = {alert.id: alert for one in rows for alert in self.alert_targets(verb, one)}
        return list(found.values())

    def deploy_target(self, verb: Verb, row: RowRef) -> ActionTarget | str:
        """Return the target of *verb* from the row, or why there is none."""
        return target(verb, spot(row.pane, row.id or "", row.triaged_alert, self._session.latest.board))

    def offered(self, command: Command, row: RowRef) -> bool:
        """Tell whether the command can do something to the row, or to any of the marked rows where it acts on those."""
        verb, where = command.verb, self._where.get(command.id)
        if where is not None:
            return where(row)
        if verb is None or command.acts_on == "row":
            return True
        if row.marked and command.on_marked:
            return not self._session.engine.read_only and self.verb(command, row) is not None
        return self.possible(verb, row) or (verb is Verb.SILENCE and self.possible(Verb.SNOOZE, row))

    def verb(self, command: Command, row: RowRef) -> Verb | None:
        """Return the verb of a command for the row or the marked rows: where nothing can be silenced but
        something can be snoozed, ``S`` snoozes. None: it can do nothing.
        """
        verbs = [] if command.verb is None else [command.verb]
        verbs += [Verb.SNOOZE] if command.verb is Verb.SILENCE else []
        if row.marked:
            return next((verb for verb in verbs if self.marked_targets(verb, row)), None)
        return next((verb for verb in verbs if self.alert_target(verb, row) is not None), None)

    def word(self, command: Command, row: RowRef) -> str:
        """Return the command's word as it is for this row: ``mark seen`` where acknowledging is done on this machine
        only, ``snooze`` where ``S`` snoozes.
        """
        if command.verb is Verb.SILENCE and self.verb(command, row) is Verb.SNOOZE:
            return "snooze"
        if command.verb is not Verb.ACKNOWLEDGE:
            return command.word
        one = self.alert_target(Verb.ACKNOWLEDGE, row)
        found = self.marked_targets(Verb.ACKNOWLEDGE, row) if row.marked else [one] if one is not None else []
        here = {Verb.ACKNOWLEDGE in alert.here for alert in found}
        return "mark seen" if here == {True} else f"{command.word}/mark seen" if True in here else command.word

    def possible(self, verb: Verb, row: RowRef) -> bool:
        """Tell whether *verb* can be done to the row."""
        if self._session.engine.read_only or row.id is None:
            return False
        if BY_VERB[verb].acts_on == "deploy":
            return isinstance(self.deploy_target(verb, row), ActionTarget)
        return self.alert_target(verb, row) is not None

    def on_its_way(self, verb: Verb, to: ActionTarget) -> bool:
        """Tell whether the same is being done to this service, by way of whichever row."""
        deploys = self._session.latest.board.deploys
        services = [deploys[i].service_id if i in deploys else i for i in (to.id, *self._pending(verb))]
        return services[0] in services[1:]

    def _pending(self, verb: Verb) -> list[str]:
        outcomes = self._session.engine.actions.outcomes
        return [o.target for o in outcomes if o.verb is verb and o.state is OutcomeState.PENDING]

    def title(self, command: Command, row: RowRef) -> str:
        """Title the row as a person knows it, for the palette: never its id."""
        verb, row_id, alert_row = command.verb, row.id or "", row.triaged_alert
        if row.marked and command.on_marked:
            return count(len(row.marked), "row")
        if verb and command.acts_on == "deploy":
            found = self.deploy_target(verb, row)
            if isinstance(found, ActionTarget):
                return found.name
        if row.pane == "alerts":
            return alert_row.alert.title if alert_row is not None else ""
        board = self._session.latest.board
        deploy = board.deploys.get(row_id)
        service = board.services.get(deploy.service_id if deploy is not None else row_id)
        return service.title if service is not None else ""

    def why_not(self, verb: Verb, row: RowRef) -> str:
        """Say why *verb* cannot be done to the row."""
        alert_row = row.triaged_alert
        if self._session.engine.read_only:
            return "read only: nothing is written"
        if none := self.no_target(row):
            return none
        if row.pane != "alerts":
            return f"{verb} works on alerts: {named('alerts')} shows them"
        if alert_row and alert_row.alert.state is AlertState.RESOLVED:
            return "this alert has resolved: there is nothing to do"
        if alert_row and alert_row.incident not in ("", alert_row.alert.id) and verb is Verb.ACKNOWLEDGE:
            return (
                f"its PagerDuty incident is acknowledged already, or could not be read: {named('detail')} shows which"
            )
        if alert_row is None:
            return f"{verb} does not apply to this row"
        if alert_row.alert.source == OURS:
            return "oncall-tui made this alert: it ends when the heartbeat fires again"
        if verb is Verb.UNACKNOWLEDGE and alert_row.alert.provider == "pagerduty":
            return f"{unsupported(verb, alert_row.alert.provider)}, {named('detail')} shows when"
        if verb is Verb.ACKNOWLEDGE and alert_row.alert.state is AlertState.ACKNOWLEDGED:
            return f"acknowledged already, by {', '.join(alert_row.alert.by) or 'somebody'}"
        if (
            verb in (Verb.SILENCE, Verb.SNOOZE)
            and alert_row.alert.provider == "pagerduty"
            and alert_row.alert.state is AlertState.FIRING
        ):
            first, then = named("ack"), named("silence")
            return f"PagerDuty snoozes what is acknowledged: acknowledge it first ({first}), then {then}"
        if verb is Verb.SILENCE and self.alert_target(Verb.SNOOZE, row) is not None:
            return f"{alert_row.alert.system} snoozes instead: {named('silence')} on this row alone"
        if verb is Verb.ESCALATE and alert_row.alert.provider != "pagerduty" and not self._session.engine.destinations:
            return f"{alert_row.alert.source} cannot escalate: a destination under escalation: in the configuration can"
        if verb is Verb.ACKNOWLEDGE and not alert_row.alert.state.asks:
            return f"cannot be acknowledged: already {alert_row.alert.state}"
        return f"{unsupported(verb, alert_row.alert.provider)}: the alert is {alert_row.alert.state}"

    # --- the key bar --------------------------------------------------------------------------------------------------

    def bar_items(self, row: RowRef) -> list[KeyItem]:
        """Return the key bar: the keys that can do something now, and their targets. ``u`` takes the place of ``a``
        where the row is acknowledged. Where rows are marked, the keys that act on them stand first.
        """
        items: list[KeyItem] = []
        for command in sorted(of("board"), key=lambda one: not (row.marked and one.on_marked)):
            if command.acts_on not in ("alert", "deploy"):
                items += [(label(command), command.word, True)] if command.bar and self.offered(command, row) else []
            elif self._in_bar(command, row):
                items.append((label(command), f"{self.word(command, row)}{self._named(command, row)}", True))
        return items

    def _in_bar(self, command: Command, row: RowRef) -> bool:
        """Tell whether this key that acts can do something now, and is one of those that the bar shows."""
        if command.verb is Verb.UNACKNOWLEDGE and self.offered(BY_ID["ack"], row):
            return False
        shown = command.bar or command.rare or (bool(row.marked) and command.on_marked)
        return shown and self.offered(command, row)

    def _named(self, command: Command, row: RowRef) -> str:
        """Name the target of a key that acts on the row at once, or on another thing than the row."""
        if row.marked and command.on_marked:
            return f" {count(len(row.marked), 'row')}"
        at_once = command.verb in (Verb.ACKNOWLEDGE, Verb.UNACKNOWLEDGE)
        if at_once or (row.marked and command.verb is Verb.ESCALATE):
            name = self._session.name(row)
        elif command.verb and command.acts_on == "deploy":
            found = self.deploy_target(command.verb, row)
            name = found.service if isinstance(found, ActionTarget) else ""
        else:
            return ""
        return f" {fit_middle(name, TARGET_CELLS).rstrip()}" if name else ""
