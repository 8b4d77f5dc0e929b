"""The verbs that a row can have now, and their targets: the palette, the key bar and every action ask here."""

from __future__ import annotations

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import OURS, Alert, AlertState
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.triage.routing import route_verb
from oncall_tui.tui.keys import DEPLOYS, VERBS
from oncall_tui.tui.presenters.targets import ActionTarget, spot, target
from oncall_tui.tui.session import NO_ROW, RowRef, Session


class Offers:
    """Answers for one row at a time; nothing is changed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def alert_target(self, verb: Verb, row: RowRef) -> Alert | None:
        """Return the alert that *verb* on the row goes to: the pager's incident first."""
        found = route_verb(row.look, self._session.latest.board, verb) if row.look is not None else None
        return found[1] if found else None

    def deploy_target(self, verb: Verb, row: RowRef) -> ActionTarget | str:
        """Return the target of *verb* from the row, or why there is none."""
        return target(verb, spot(row.pane, row.id or "", row.look, self._session.latest.board))

    def offered(self, key_id: str, row: RowRef) -> bool:
        """Tell whether the key can do something to the row."""
        verb = VERBS.get(key_id)
        if verb is None:
            return True
        return self.possible(verb, row) or (verb is Verb.SILENCE and self.possible(Verb.SNOOZE, row))

    def possible(self, verb: Verb, row: RowRef) -> bool:
        """Tell whether *verb* can be done to the row."""
        if self._session.engine.actions.read_only or row.id is None:
            return False
        if verb in DEPLOYS:
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

    def title(self, key_id: str, row: RowRef) -> str:
        """Title the row as a person knows it, for the palette: never its id."""
        verb, row_id, look = VERBS.get(key_id), row.id or "", row.look
        if verb in DEPLOYS and isinstance(found := self.deploy_target(verb, row), ActionTarget):
            return found.name
        if row.pane == "alerts":
            return look.alert.title if look is not None else ""
        board = self._session.latest.board
        deploy = board.deploys.get(row_id)
        service = board.services.get(deploy.service_id if deploy is not None else row_id)
        return service.title if service is not None else ""

    def why_not(self, verb: Verb, row: RowRef) -> str:
        """Say why *verb* cannot be done to the row."""
        look = row.look
        if self._session.engine.actions.read_only:
            return "read only: nothing is written"
        if row.id is None:
            return NO_ROW
        if row.pane != "alerts":
            return f"{verb} works on alerts: 1 shows them"
        if look and look.alert.state is AlertState.RESOLVED:
            return "it is resolved: there is nothing to do"
        if look and look.incident not in ("", look.alert.id) and verb is Verb.ACKNOWLEDGE:
            return "its PagerDuty incident is acknowledged already, or could not be read: Enter shows which"
        if look is None:
            return f"{verb} does not apply to this row"
        if look.alert.source == OURS:
            return "oncall-tui made this alert: it ends when the heartbeat fires again"
        if verb is Verb.UNACKNOWLEDGE and look.alert.provider == "pagerduty":
            return "PagerDuty cannot take back an acknowledgement: it lapses on its own, Enter shows when"
        if verb is Verb.ACKNOWLEDGE and look.alert.state is AlertState.ACKNOWLEDGED:
            return f"acknowledged already, by {', '.join(look.alert.by) or 'somebody'}"
        if (
            verb in (Verb.SILENCE, Verb.SNOOZE)
            and look.alert.provider == "pagerduty"
            and look.alert.state is AlertState.FIRING
        ):
            return "PagerDuty snoozes what is acknowledged: acknowledge it first (a), then S"
        if verb is Verb.ESCALATE and look.alert.provider != "pagerduty" and not self._session.engine.destinations:
            return f"{look.alert.source} cannot escalate: a destination under escalation: in the configuration can"
        if verb is Verb.ACKNOWLEDGE:
            return f"cannot be acknowledged: already {look.alert.state}"
        return f"{look.alert.source} does not support {verb} here: the alert is {look.alert.state}"
