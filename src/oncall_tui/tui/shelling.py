"""``s``: a shell in a container of the row's service. What it takes is imported when the key is pressed."""

from __future__ import annotations

from oncall_tui.domain.service import Service
from oncall_tui.tui.base import Base


class Shelling(Base):
    """From an alert's, a service's or a deploy's row to its service."""

    def service_of_row(self) -> Service | None:
        """The service that the row under the cursor speaks of."""
        services, row_id = self.latest.board.services, self.row_id or ""
        if self.list_pane == "alerts":
            look = self.alert_look(row_id)
            return look.service if look else None
        if self.list_pane == "deploys":
            deploy = self.latest.board.deploys.get(row_id)
            return services.get(deploy.service_id) if deploy else None
        return services.get(row_id)

    def action_shell(self) -> None:
        """Read the tasks, pick one, confirm the command, hand the terminal over."""
        if not self.steady():
            return
        service = self.service_of_row()
        if self.engine.actions.read_only:
            self.say("read only: no shell is opened, since it can write", "warning")
        elif self.row_id is None:
            self.say("there is no row under the cursor: move it to one first", "warning")
        elif service is None:
            self.say("no known ECS service for this row", "warning")
        elif not self.coming:
            from oncall_tui.tui.shell import OpenShell

            self.say(f"reading the tasks of {service.title}", "dim")
            self.begin(OpenShell(self, service).steps())
