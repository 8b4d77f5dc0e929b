"""The part that acts: the action service with its guard, own commands and claims, and who is told of what was done.

The engine makes it when it starts, or when a part of it is first asked for: with it come two dozen modules, and no
first frame needs one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from datetime import tzinfo
from typing import TYPE_CHECKING

from oncall_tui.actions.command_programs import CommandSettings
from oncall_tui.actions.guard import Guard
from oncall_tui.actions.own_commands import OwnCommands
from oncall_tui.actions.past_actions import PastActions
from oncall_tui.actions.plan_enricher import PlanEnricher
from oncall_tui.actions.seen_marks import SeenMarks
from oncall_tui.actions.service import ActionService, SourceHandle
from oncall_tui.domain.guardrail import Guardrail
from oncall_tui.domain.plan import Actor
from oncall_tui.engine.team_link import MakeTeam, TeamLink
from oncall_tui.journal import Journal
from oncall_tui.notifications.destinations import Destinations, DestinationSpec
from oncall_tui.notifications.escalation import EscalateByNotification
from oncall_tui.notifications.handover_sender import send
from oncall_tui.notifications.notifier import Notifier
from oncall_tui.polling.poller import Poller
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.job_queue import JobQueue
from oncall_tui.runtime.worker import Worker
from oncall_tui.triage.triager import TriagedBoard

if TYPE_CHECKING:
    from oncall_tui.domain.comparison import CommitRange, Comparison


class Acting:
    """*triaged* returns the newest triaged board, *changed* asks for the next one, *merged* is called after entries of
    others came. *commits* reads the commits of a comparison (None: nobody can be asked).
    """

    def __init__(
        self,
        pollers: Mapping[str, Poller],
        journal: Journal,
        clock: Clock,
        actor: Actor,
        *,
        marks: SeenMarks,
        past: PastActions,
        triaged: Callable[[], TriagedBoard],
        changed: Callable[[], None],
        commits: Callable[[Comparison], CommitRange | None],
        merged: Callable[[], None],
        read_only: bool,
        steady_s: float,
        destinations: tuple[DestinationSpec, ...],
        guardrails: tuple[Guardrail, ...],
        zone: tzinfo,
        commands: CommandSettings | None,
        team: MakeTeam | None,
    ) -> None:
        self._journal, self._clock, self._actor, self._triaged = journal, clock, actor, triaged
        self.queues = {name: JobQueue(name, clock) for name in pollers}
        self.destinations = Destinations(destinations, clock)
        self.plan_enricher = PlanEnricher(
            triaged,
            journal,
            actor,
            self._others_say,
            commits,
            lambda service_of: Guard(guardrails, zone, triaged, service_of, actor, clock.now),
        )
        self.guard = self.plan_enricher.guard
        self.team = TeamLink(team, clock, merged, changed, self.plan_enricher.service_of)
        self.own_commands = OwnCommands(commands or CommandSettings(), triaged, clock, journal)
        self.service = ActionService(
            {name: SourceHandle(name, self.queues[name], p.ready, p.ask) for name, p in pollers.items()},
            journal,
            clock,
            self.plan_enricher.board_for,
            self.plan_enricher.enrich,
            changed,
            read_only,
            steady_s,
            self.plan_enricher.completion_note,
            self._escalate(),
            self.team.claim,
            self.guard.may,
            self.own_commands,
            marks,
        )
        self.notifier = Notifier(
            self.destinations,
            journal,
            clock,
            lambda: triaged().board,
            self.plan_enricher.recipients,
            self.service.run_silently,
            self.service.show,
        )
        self.service.observers += [self.team.heard, self.notifier.observe, past.heard]

    def stop(self) -> None:
        """Stop every queue, and the exchange with the team."""
        for queue in self.queues.values():
            queue.stop()
        self.own_commands.stop()
        self.destinations.stop()
        self.team.stop()

    @property
    def workers(self) -> Iterator[Worker]:
        """The threads, whose bugs are told."""
        own, told = self.own_commands, (destination.queue for destination in self.destinations)
        yield from (queue.worker for queue in (*self.queues.values(), *told, *own.queues))
        yield from (run.worker for _, run in own.runs)

    def send_handover(self, name: str, title: str, text: str) -> Future[str]:
        """Send a handover to a destination that only tells; what came of it in words. The future raises ActionError.

        Raises Refused where a guardrail holds.
        """
        self.guard.may_post(name)
        return send(self.destinations, self._journal, self._clock, self._actor, name, title, text)

    def _escalate(self) -> EscalateByNotification | None:
        """Return the handler for alerts whose source cannot escalate; None where there is no destination."""
        if not self.destinations:
            return None
        return EscalateByNotification(
            self.destinations,
            self._journal,
            self._clock,
            lambda: self._triaged().board,
            lambda row: self._triaged().find(row),
        )

    def _others_say(self, service_id: str, target: str) -> tuple[str, ...]:
        """Return what others do with the service, its deploy, or an alert of it; or that this is not known."""
        rows = (row.id for row in self._triaged().alerts if row.service and row.service.id == service_id)
        unknown = self.team.unknown()
        return (*self.team.words(service_id, target, *rows), *((unknown,) if unknown else ()))
