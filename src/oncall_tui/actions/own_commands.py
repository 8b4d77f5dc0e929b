"""A team's own commands (``commands:``) as an action: plan -> check -> journalled intent -> one start -> its end.

The other side is a process of this program's. Its exit code is the outcome: 0 is done, any other failed. Nobody here
knows what it changed before it failed, or before it was ended, and the words say so.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from oncall_tui.actions.command_programs import CommandSettings
from oncall_tui.actions.other_runs import OtherRuns, same_run
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.own_command import OwnCommand, filled, variables
from oncall_tui.domain.plan import ActionRequest, Confirm, Plan
from oncall_tui.errors import ActionFailed, Refused
from oncall_tui.journal import Journal
from oncall_tui.providers.base import ActionHandler, Receipt
from oncall_tui.runtime import programs
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.job_queue import JobQueue
from oncall_tui.runtime.once import Once
from oncall_tui.runtime.secret import keep_secret
from oncall_tui.text.time_format import ago, span
from oncall_tui.triage.command_rows import CommandRow, row_of, why_not
from oncall_tui.triage.triager import TriagedBoard

if TYPE_CHECKING:
    from oncall_tui.runtime.program_run import ProgramRun

KEPT_RUNS = 10  # whose output can still be looked at
END_S = 2.0  # for what runs when this program ends: then it is killed


class OwnCommands(ActionHandler):
    """The handler of ``Verb.RUN``, and the runs of this session. *triaged* returns the newest triaged board."""

    def __init__(
        self,
        settings: CommandSettings,
        triaged: Callable[[], TriagedBoard],
        clock: Clock,
        journal: Journal,
    ) -> None:
        self.commands: Mapping[str, OwnCommand] = {one.name: one for one in settings.commands}
        self._settings = settings
        self._triaged, self._clock = triaged, clock
        self._others = OtherRuns(journal, clock)
        self._lock = threading.Lock()
        self._queue = Once(lambda: JobQueue("commands", clock))
        self._runs: dict[str, tuple[Plan, ProgramRun]] = {}

    @property
    def queue(self) -> JobQueue:
        """Return the queue of plans and of looks at what runs: made when it is first needed."""
        return self._queue()

    @property
    def queues(self) -> tuple[JobQueue, ...]:
        """The queue, where there is one already."""
        return (queue,) if (queue := self._queue.made) is not None else ()

    def reads(self, name: str) -> bool:
        """Tell whether it is a command that its configuration says not to write."""
        command = self.commands.get(name)
        return command is not None and not command.writes

    # --- the action ---------------------------------------------------------------------------------------------------

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Plan the run, with the arguments as they would be now. Raises Refused."""
        command = self.commands.get(ask.choice)
        if command is None:
            raise Refused(f"no command {ask.choice!r} is in the configuration")
        row = self._row(command, ask.target, ask.version)
        argv = self._argv(command, row)
        plan = self._plan(ask, command, row, argv)
        self._alone(plan)
        if not plan.writes:
            return plan
        return msgspec.structs.replace(plan, warnings=(*plan.warnings, *self._others.left_open(plan)))

    def _plan(self, ask: ActionRequest, command: OwnCommand, row: CommandRow, argv: tuple[str, ...]) -> Plan:
        import shlex  # rarely needed

        words, folder = shlex.join(argv), str(self._settings.folder_of(command))
        source, _, place = row.service_id.partition("/")
        cluster, _, service = place.partition("/")
        request: dict[str, Any] = {"command_name": command.name, "argv": list(argv), "folder": folder, "row": row.kind}
        request["timeout_s"] = command.timeout_s
        of_service = {"cluster": cluster, "service": service} if service else {}
        return ask.plan(
            id=uuid.uuid4().hex,
            does=f"run {command.name}",
            did=f"ran {command.name}",
            source=source or row.source,
            target=row.target,
            version=row.version,
            made_at=self._clock.now(),
            title=f"Run {command.name}: {row.title}",
            lines=(
                (str(row.kind), row.title),
                *((("service", row.service_id),) if row.service_id not in ("", row.title) else ()),
                ("runs", words),
                ("in", folder),
                *((("does", command.what),) if command.what else ()),
                ("ends", f"within {command.timeout_s:g} s, or it is ended"),
            ),
            warnings=self._old(row),
            confirm=Confirm.YES if command.writes else Confirm.NONE,
            request={**request, **of_service},
            commands=(words,),
            writes=int(command.writes),
        )

    def check(self, plan: Plan) -> None:
        """Look at the row and the program again. Raises Refused."""
        command = self.commands[plan.request["command_name"]]
        row = self._row(command, plan.target, plan.version)
        if list(self._argv(command, row)) != plan.request["argv"]:
            raise Refused("moved: its arguments would be others now")
        self._alone(plan)

    def send(self, plan: Plan) -> Receipt:
        """Start it, once. Raises ActionFailed where it cannot be started, and Refused where another session was first:
        both may have looked before the other's intent was on disk.
        """
        from oncall_tui.reports.command_input import command_input  # only where something is run
        from oncall_tui.runtime.program_run import ProgramRun

        self._others.begin(plan)
        self._alone(plan)
        command, triaged = self.commands[plan.request["command_name"]], self._triaged()
        row = self._row(command, plan.target, plan.version)
        secrets = {name: os.environ[name] for name in command.secrets if name in os.environ}
        for value in secrets.values():
            keep_secret(value.strip())  # before it can print it: nobody else may have read it yet
        own = {"ONCALL_COMMAND": command.name, "ONCALL_ACTOR": plan.actor.name, **variables(row.fields)}
        run = ProgramRun(
            (self._settings.program_of(command), *plan.request["argv"][1:]),
            self._clock,
            folder=plan.request["folder"],
            given=command_input(command.name, plan.actor, row, triaged, self._clock.now()),
            more={**command.env, **secrets, **own},
            timeout_s=command.timeout_s,
        )
        try:
            number = run.start()
        except programs.NotRun as error:
            raise ActionFailed(f"{command.name} {error}") from None
        with self._lock:
            self._runs[plan.id] = (plan, run)
            for old in [one for one, (_, ran) in self._runs.items() if ran.end is not None][: -KEPT_RUNS or None]:
                del self._runs[old]
        return Receipt({"pid": number})

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        run, name = self.run_of(plan.id), plan.request["command_name"]
        if run is None:
            state = OutcomeState.UNKNOWN if plan.writes else OutcomeState.FAILED
            words = f"{name}: the session that ran it has ended, and how it ended is not known"
            return Check(state, words, hint=_LOOK)
        end = run.end
        if end is None:
            words = f"being ended: {run.ending}" if run.ending else "running"
            return Check(OutcomeState.PENDING, f"{name}: {words}", 0.25 if run.seconds < 5 else 1.0)
        data = {
            "exit_code": end.status,
            "seconds": round(end.seconds, 1),
            "lines": run.lines_seen,
            "output": list(run.first_lines),
        }
        words = f"{name}: {end.words} after {span(end.seconds)}"
        if end.status == 0 and not end.why:
            return Check(OutcomeState.DONE, words, data=data)
        if not plan.writes:
            return Check(OutcomeState.FAILED, words, data=data)
        changed = "what it changed until then is not known here: its output may say"
        state = OutcomeState.UNKNOWN if end.why or end.status < 0 else OutcomeState.FAILED
        return Check(state, words, hint=changed, data=data)

    # --- runs ---------------------------------------------------------------------------------------------------------

    def run_of(self, plan_id: str) -> ProgramRun | None:
        """Return the run of a plan; None: it was not started here, or is not kept any more."""
        with self._lock:
            found = self._runs.get(plan_id)
        return found[1] if found is not None else None

    @property
    def runs(self) -> tuple[tuple[Plan, ProgramRun], ...]:
        """The runs that are kept, the newest first."""
        with self._lock:
            return tuple(reversed(self._runs.values()))

    @property
    def running(self) -> tuple[tuple[Plan, ProgramRun], ...]:
        """The runs that have not ended."""
        return tuple((plan, run) for plan, run in self.runs if run.end is None)

    def end_all(self, why: str) -> None:
        """End what still runs: SIGTERM, and after two seconds SIGKILL. Blocks for as long at the most."""
        running = self.running
        for _, run in running:
            run.stop(why)
        end_at = self._clock.monotonic() + END_S
        for _, run in running:
            if not run.wait(max(0.0, end_at - self._clock.monotonic())):
                run.stop(why)
                run.wait(0.5)

    def stop(self) -> None:
        """Stop the queue."""
        for queue in self.queues:
            queue.stop()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _row(self, command: OwnCommand, target: str, version: str) -> CommandRow:
        row = row_of(self._triaged(), target)
        if row is None:
            raise Refused("the row is not on the board any more")
        if why := why_not(command, row):
            raise Refused(why)
        if command.writes and row.version != version:
            raise Refused(f"moved: it is {row.state} now" if row.state else "moved: it is another one now")
        return row

    def _argv(self, command: OwnCommand, row: CommandRow) -> tuple[str, ...]:
        """The arguments as they would be now. Raises Refused where it cannot be run so."""
        if why := self._settings.problem(command):
            raise Refused(f"{command.name} cannot be run: {why}")
        try:
            return filled(command.argv, row.fields)
        except ValueError as error:
            raise Refused(f"{command.name} cannot be run: {error}") from None

    def _alone(self, plan: Plan) -> None:
        """Raise Refused where the same is being run already, by way of whichever row, here or by another session."""
        if not plan.writes:
            return
        for other, _ in self.running:
            if other.id != plan.id and same_run(other, plan):
                raise Refused(
                    f"{other.request['command_name']} is already running here", "see its output, or end it there"
                )
        self._others.refuse(plan)

    def _old(self, row: CommandRow) -> tuple[str, ...]:
        """Warn of a row that is not as it is now."""
        status = self._triaged().board.sources.get(row.source)
        if status is None or status.live:
            return ()
        read = ago(status.age_s(self._clock.now()))
        return (f"{status.name} was last read {read}: {status.message or status.state.label}",)


_LOOK = "check what it works on before it is run again"
