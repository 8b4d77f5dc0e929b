"""The key that opens a service's log. Its screen is imported when it is pressed."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from textual.app import App

from oncall_tui.domain.deploy import Deploy
from oncall_tui.engine.engine import Engine
from oncall_tui.text.cells import clean
from oncall_tui.triage.triager import TriagedAlert
from oncall_tui.tui.base import Base


def open_logs(
    app: App[Any],
    engine: Engine,
    tz: ZoneInfo,
    service_id: str,
    around: float | None = None,
    task_id: str | None = None,
    deploy: Deploy | None = None,
) -> None:
    """Show the log of a service: around an alert's start (seconds since the epoch), or live; of one task, or of all.

    *deploy* (the suspect, or the last one): where it began is marked among the lines, as the alert's start is.
    """
    from oncall_tui.tui.screens.logs.screen import LogScreen

    marks = [] if around is None else [(around, "the alert began")]
    if deploy is not None:
        marks.append((deploy.started, f"deploy {clean(deploy.arrow)} began"))
    app.push_screen(LogScreen(engine, tz, service_id, around, task_id or "", marks))


class LogKeys(Base):
    """The log of the service that the row under the cursor names."""

    def action_logs(self) -> None:
        """The log of the row's service: from an alert around its start, else live."""
        look = self.alert_look(self.row_id) if self.list_pane == "alerts" else None
        service_id = self._service_of_row(look)
        if not service_id:
            why = "there is no row under the cursor" if self.row_id is None else "no known ECS service for this row"
            self.say(f"{why}: no log", "warning")
            return
        around = None if look is None else look.began or look.alert.began
        deploy = look.suspect if look is not None else self._deploy_of(service_id)
        open_logs(self.app, self.engine, self.tz, service_id, around, deploy=deploy)

    def _deploy_of(self, service_id: str) -> Deploy | None:
        board = self.latest.board
        service = board.services.get(service_id)
        return board.deploys.get(service.deploy_id) if service else None

    def _service_of_row(self, look: TriagedAlert | None) -> str:
        if look is not None:
            return look.service.id if look.service else ""
        if self.list_pane == "services":
            return self.row_id or ""
        deploy = self.latest.board.deploys.get(self.row_id or "")
        return deploy.service_id if deploy and self.list_pane == "deploys" else ""
