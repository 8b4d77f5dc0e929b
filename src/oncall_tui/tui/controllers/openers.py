"""The keys that open something for a row: its log, its timeline, a shell, the handover. Screens are imported when their
keys are pressed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from oncall_tui.domain.deploy import Deploy
from oncall_tui.engine.engine import Engine
from oncall_tui.text.cells import clean
from oncall_tui.tui.controllers.dialogs import Dialogs
from oncall_tui.tui.controllers.offers import Offers
from oncall_tui.tui.controllers.planning import Planning
from oncall_tui.tui.session import RowRef, Session
from oncall_tui.tui.widgets.text_lines import Line

if TYPE_CHECKING:
    from oncall_tui.tui.screens.logs.screen import LogScreen


def log_screen(
    engine: Engine,
    tz: ZoneInfo,
    service_id: str,
    around: float | None = None,
    task_id: str | None = None,
    deploy: Deploy | None = None,
) -> LogScreen:
    """Make the screen of a service's log, of one task or of all: around an alert's start (seconds since the epoch), or
    live.

    *deploy* (the suspect, or the last one): where it began is marked among the lines, as the alert's start is.
    """
    from oncall_tui.tui.screens.logs.screen import LogScreen

    marks = [] if around is None else [(around, "the alert began")]
    if deploy is not None:
        marks.append((deploy.started, f"deploy {clean(deploy.arrow)} began"))
    return LogScreen(engine, tz, service_id, around, task_id or "", marks)


class Openers:
    """The keys that open something for a row."""

    def __init__(self, session: Session, dialogs: Dialogs, planning: Planning, offers: Offers) -> None:
        self._session, self._dialogs, self._planning, self._offers = session, dialogs, planning, offers

    def logs(self, row: RowRef) -> None:
        """Open the log of the row's service: from an alert around its start, else live."""
        session, alert_row = self._session, row.triaged_alert
        service_id = self._offers.service_id(row)
        if not service_id:
            why = self._offers.no_target(row) or "no known ECS service for this row"
            session.say(f"no log: {why}", "warning")
            return
        around = None if alert_row is None else alert_row.began or alert_row.alert.began
        deploy = alert_row.suspect if alert_row is not None else self._deploy_of(service_id)
        self._dialogs.show(log_screen(session.engine, session.tz, service_id, around, deploy=deploy))

    def _deploy_of(self, service_id: str) -> Deploy | None:
        board = self._session.latest.board
        service = board.services.get(service_id)
        return board.deploys.get(service.deploy_id) if service else None

    def shell(self, row: RowRef) -> None:
        """Read the tasks of the row's service, pick one, confirm the command, and leave the terminal to it."""
        service = self._offers.service(row)
        if self._session.engine.read_only:
            self._session.not_taken("read only: no shell is opened, since it can write")
        elif none := self._offers.no_target(row):
            self._session.not_taken(none)
        elif service is None:
            self._session.not_taken("no known ECS service for this row")
        elif not self._dialogs.active:
            from oncall_tui.tui.controllers.shell import OpenShell

            self._session.doing(f"reading the tasks of {service.title}")
            self._dialogs.begin(OpenShell(self._session, self._dialogs, self._planning, service).steps())

    def copy(self, row: RowRef) -> None:
        text = self._copied(row)
        self._session.say(f"{self._dialogs.copy(text)}: {text}" if text else "there is no row to copy", "dim")

    def _copied(self, row: RowRef) -> str:
        """Return the row's id, of an alert its title and link too, of a deploy the link that compares it."""
        if row.triaged_alert is not None:
            alert = row.triaged_alert.alert
            return f"{alert.id} {alert.title} {alert.url}".strip()
        deploy = self._session.latest.board.deploys.get(row.id or "") if row.pane == "deploys" else None
        if deploy is None:
            return row.id or ""
        from oncall_tui.domain.comparison import compare_deploy

        found = compare_deploy(deploy, self._session.latest.triaged.products.get(deploy.service_id))
        return f"{row.id or ''} {found.url if found else ''}".strip()

    def sources(self, _: RowRef) -> None:
        from oncall_tui.tui.screens.detail.pane import source_lines
        from oncall_tui.tui.screens.dialogs.modals import Text

        def lines() -> list[Line]:
            return source_lines(self._session.latest, self._session.engine.clock.now())

        self._dialogs.show(Text("Sources", lines(), indent=16, renew=lines))

    def on_call(self, _: RowRef) -> None:
        from oncall_tui.tui.screens.on_call import OnCallView

        self._dialogs.show(OnCallView(self._session.engine, self._session.tz))

    def statistics(self, _: RowRef) -> None:
        from oncall_tui.tui.screens.statistics.screen import StatisticsScreen

        self._dialogs.show(StatisticsScreen(self._session.engine, self._session.tz, self._session.me))

    def handover(self, _: RowRef) -> None:
        from oncall_tui.tui.screens.handover import HandoverView

        self._dialogs.show(HandoverView(self._session.engine, self._session.tz))
