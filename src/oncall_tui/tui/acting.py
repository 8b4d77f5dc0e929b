"""The keys that write: from the row under the cursor to the desk. What is asked for runs in workers of this loop, which
only wait for futures; the work itself is done on the source's own lane.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from textual.screen import Screen

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.plan import Ask, Confirm, Plan
from oncall_tui.domain.reading import SourceState
from oncall_tui.domain.service import Service
from oncall_tui.durations import seconds
from oncall_tui.errors import OncallError
from oncall_tui.text import clean
from oncall_tui.triage.target import can
from oncall_tui.tui.modals import ConfirmMany, ConfirmPlan, Form, Modal, Pick, Text

if TYPE_CHECKING:
    from oncall_tui.tui.board import BoardScreen

    Base = Screen[None]
else:
    Base = object

T = TypeVar("T")
VERBS = {
    "ack": Verb.ACKNOWLEDGE,
    "unack": Verb.UNACKNOWLEDGE,
    "silence": Verb.SILENCE,
    "note": Verb.NOTE,
    "escalate": Verb.ESCALATE,
    "rollback": Verb.ROLL_BACK,
}


class Acting(Base):
    """What the board can do to rows. Every ask carries the id and the version that were on screen."""

    # --- what is offered ----------------------------------------------------------------------------------------------

    def offered(self: BoardScreen, key_id: str) -> bool:  # type: ignore[misc]
        """Can the key do something to the row under the cursor?"""
        verb = VERBS.get(key_id)
        if verb is None:
            return True
        if self.engine.desk.read_only:
            return False
        if verb is Verb.ROLL_BACK:
            service = self._service_here()
            return service is not None and Verb.ROLL_BACK in service.verbs
        return self._target(verb) is not None

    def _target(self: BoardScreen, verb: Verb) -> Alert | None:  # type: ignore[misc]
        if self.list_pane != "alerts":
            return None
        look = self.alert_look(self.row_id)
        found = can(look, self.update_.board, verb) if look else None
        return found[1] if found else None

    def _service_here(self: BoardScreen) -> Service | None:  # type: ignore[misc]
        """The service that the row under the cursor speaks of."""
        board, row_id = self.update_.board, self.row_id or ""
        if self.list_pane == "alerts":
            look = self.alert_look(row_id)
            if look is None or look.alert.state is AlertState.RESOLVED:
                return None
            return look.service
        if self.list_pane == "deploys":
            deploy = board.deploys.get(row_id)
            return board.services.get(deploy.service_id) if deploy else None
        return board.services.get(row_id)

    def _why_not(self: BoardScreen, verb: Verb) -> str:  # type: ignore[misc]
        if self.engine.desk.read_only:
            return "read only: nothing is written"
        if self.row_id is None:
            return "there is no row under the cursor: move it to one first"
        if verb is Verb.ROLL_BACK:
            service = self._service_here()
            return (
                "this row names no service that is known" if service is None else f"{service.id} cannot be rolled back"
            )
        if self.list_pane != "alerts":
            return f"{verb} works on alerts: 1 shows them"
        look = self.alert_look(self.row_id)
        if look and look.alert.state is AlertState.RESOLVED:
            return "it is resolved: there is nothing to do"
        if look and look.incident and verb is Verb.ACKNOWLEDGE:
            return "its incident at the pager is acknowledged already, or not readable: see the detail"
        if look is None:
            return f"this row cannot be: {verb}"
        if verb is Verb.UNACKNOWLEDGE and look.alert.provider == "pagerduty":
            return "PagerDuty has no un-acknowledge: it lapses by itself, see the detail"
        if verb is Verb.ACKNOWLEDGE and look.alert.state is AlertState.ACKNOWLEDGED:
            return f"acknowledged already, by {', '.join(look.alert.by) or 'somebody'}"
        return f"{look.alert.source} offers no {verb} for it ({look.alert.state})"

    def _ask(self: BoardScreen, verb: Verb, alert: Alert, **more: Any) -> Ask:  # type: ignore[misc]
        return Ask(verb=verb, target=alert.id, version=alert.version, actor=self.engine.actor, **more)

    # --- the keys -----------------------------------------------------------------------------------------------------

    def action_ack(self: BoardScreen) -> None:  # type: ignore[misc]
        if self._marked():
            self._several(Verb.ACKNOWLEDGE, {}, self._marked())
        else:
            self._quick(Verb.ACKNOWLEDGE)

    def action_unack(self: BoardScreen) -> None:  # type: ignore[misc]
        self._quick(Verb.UNACKNOWLEDGE)

    def action_note(self: BoardScreen) -> None:  # type: ignore[misc]
        self._with_form(Verb.NOTE, "Note", (("text", "the note", ""),))

    def action_silence(self: BoardScreen) -> None:  # type: ignore[misc]
        fields = [("for_s", "for how long: 90m, 2h, 1d", "1h"), ("reason", "why (others read it)", "")]
        alert = self._target(Verb.SILENCE)
        if alert is not None and not self._marked() and alert.provider == "alertmanager":
            matchers = ", ".join(f"{k}={v}" for k, v in alert.labels)
            fields.append(("matchers", "what it matches: fewer labels hide more (the plan shows what)", matchers))
        self._with_form(Verb.SILENCE, "Silence", fields)

    def action_escalate(self: BoardScreen) -> None:  # type: ignore[misc]
        alert = self._target(Verb.ESCALATE)
        if alert is None:
            self.say(self._why_not(Verb.ESCALATE), "warning")
            return
        self.coming = True
        self.run_worker(self._escalate(alert), exit_on_error=False)

    def action_rollback(self: BoardScreen) -> None:  # type: ignore[misc]
        service = self._service_here()
        if service is None or Verb.ROLL_BACK not in service.verbs:
            self.say(self._why_not(Verb.ROLL_BACK), "warning")
            return
        deploy = self.update_.board.deploys.get(service.deploy_id)
        version = deploy.version if deploy else service.deploy_id
        ask = Ask(verb=Verb.ROLL_BACK, target=service.id, version=version, actor=self.engine.actor)
        self.say(f"reading what {service.id} ran before", "dim")
        self.coming = True
        self.run_worker(self._planned(ask), exit_on_error=False)

    def action_login(self: BoardScreen) -> None:  # type: ignore[misc]
        """Run the command that renews the first expired login on the bare terminal, then come back."""
        lost = (SourceState.EXPIRED, SourceState.NO_CREDENTIALS)
        source = next((s for s in self.update_.board.sources.values() if s.state in lost), None)
        if source is None:
            self.say("no source's login is expired", "dim")
            return
        if not source.login:
            self.say(f"{source.name}: {source.hint or 'renew its secret where it comes from'}", "warning")
            self.engine.renew(source.name)
            return
        with self.app.suspend():
            code = _run(source.login)
        self.engine.renew(source.name)
        command = " ".join(source.login[:3])
        self.say(f"{command}… ended with status {code}; reading {source.name} again", "" if code == 0 else "warning")

    # --- one row ------------------------------------------------------------------------------------------------------

    def _quick(self: BoardScreen, verb: Verb) -> None:  # type: ignore[misc]
        alert = self._target(verb)
        if alert is None:
            self.say(self._why_not(verb), "warning")
            return
        self.notice = None
        try:
            future = self.engine.desk.quick(self._ask(verb, alert))
        except OncallError as error:
            self.say(str(error), "critical")
            return
        self.run_worker(self._confirm_if_asked(future), exit_on_error=False)

    async def _confirm_if_asked(self: BoardScreen, future: Future[Plan | None]) -> None:  # type: ignore[misc]
        plan = await self._answer(future, told=True)
        if plan is not None:
            await self._confirmed(plan)

    async def _planned(self: BoardScreen, ask: Ask) -> None:  # type: ignore[misc]
        plan = await self._answer(self.engine.desk.plan(ask))
        if plan is not None:
            self.coming = False
            self.notice = None
            await self._confirmed(plan)

    async def _confirmed(self: BoardScreen, plan: Plan) -> None:  # type: ignore[misc]
        if plan.confirm is Confirm.NONE or await self.ask_modal(ConfirmPlan(plan, self.tz, self.engine.clock.now())):
            self.engine.desk.execute(plan, without_journal=bool(self.update_.journal_failure))
        else:
            self.say(f"{plan.verb}: cancelled, nothing was sent", "dim")

    async def _escalate(self: BoardScreen, alert: Alert) -> None:  # type: ignore[misc]
        self.say("reading who is on call", "dim")
        choices = await self._answer(self.engine.desk.choices(Verb.ESCALATE, alert.id))
        if choices is None:
            return
        self.notice = None
        self.coming = False
        if not choices:
            self.say("there is no level above this one", "warning")
            return
        picked = await self.ask_modal(Pick(f"Escalate {alert.title}", choices))
        if picked:
            self.coming = True
            await self._planned(self._ask(Verb.ESCALATE, alert, choice=picked))

    def _with_form(self: BoardScreen, verb: Verb, title: str, fields: Sequence[tuple[str, str, str]]) -> None:  # type: ignore[misc]
        alert = self._target(verb)
        if alert is None and not self._marked():
            self.say(self._why_not(verb), "warning")
            return
        marked = self._marked()
        name = f"{len(marked)} rows" if marked else alert.title if alert else ""
        answer = self.open_modal(Form(f"{title}: {name}", fields, _more))
        self.run_worker(self._filled(verb, alert, marked, answer), exit_on_error=False)

    async def _filled(  # type: ignore[misc]
        self: BoardScreen,
        verb: Verb,
        alert: Alert | None,
        marked: list[str],
        answer: asyncio.Future[dict[str, Any] | None],
    ) -> None:
        more = await answer
        if more is None:
            return
        if marked:
            self._several(verb, more, marked)
        elif alert is not None:
            self.coming = True
            await self._planned(self._ask(verb, alert, **more))

    # --- several rows -------------------------------------------------------------------------------------------------

    def _marked(self: BoardScreen) -> list[str]:  # type: ignore[misc]
        table = self.tables["alerts"]
        return [row.id for row in table.rows if row.id in table.marked] if self.list_pane == "alerts" else []

    def _several(self: BoardScreen, verb: Verb, more: dict[str, Any], marked: list[str]) -> None:  # type: ignore[misc]
        self.coming = True
        self.run_worker(self._bulk(verb, more, marked), exit_on_error=False)

    async def _bulk(self: BoardScreen, verb: Verb, more: dict[str, Any], marked: list[str]) -> None:  # type: ignore[misc]
        """Plan each, one confirm that lists them, carry out what could be planned, then N of M with reasons."""
        not_done: list[str] = []
        plans: dict[str, tuple[str, Plan]] = {}
        self.say(f"planning {verb} for {len(marked)} rows", "dim")
        for row_id in marked:
            look = self.alert_look(row_id)
            found = can(look, self.update_.board, verb) if look else None
            title = look.alert.title if look else row_id
            if found is None:
                not_done.append(f"{title}: it cannot be done to this row now")
                continue
            try:
                plan = await asyncio.wrap_future(self.engine.desk.plan(self._ask(verb, found[1], **more)))
                plans.setdefault(plan.target, (title, plan))
            except OncallError as error:
                not_done.append(f"{title}: {error}")
        rows = [_listed(title, plan) for title, plan in plans.values()]
        rows += [f"not possible: {line}" for line in not_done]
        self.coming = False
        if not plans or not await self.ask_modal(
            ConfirmMany(f"{verb} {len(plans)} of {len(marked)} rows", rows, str(verb))
        ):
            self.say("\n".join(not_done[:2]) or f"{verb}: cancelled, nothing was sent", "dim")
            return
        futures = [(title, self.engine.desk.execute(plan)) for title, plan in plans.values()]
        done = 0
        for title, future in futures:
            outcome: Outcome = await asyncio.wrap_future(future)
            done += outcome.state is OutcomeState.DONE
            if outcome.state is not OutcomeState.DONE:
                not_done.append(f"{title}: {outcome.state}: {outcome.message}")
        self.tables["alerts"].clear_marks()
        seen = sum("kind" in plan.request for _, plan in plans.values())
        only = f", {seen} of them only here (their sources have no such action)" if seen else ""
        self.say(f"{verb}: {done} of {len(marked)} done{only}", "ok" if done == len(marked) else "warning")
        if not_done:
            lines = [((row, "warning"),) for row in not_done]
            self.app.push_screen(Text(f"{verb}: {done} of {len(marked)} done; not done:", lines))

    # --- waiting without holding keys ---------------------------------------------------------------------------------

    async def _answer(self: BoardScreen, future: Future[T], told: bool = False) -> T | None:  # type: ignore[misc]
        """The future's value; an error is said (unless the desk tells it as an outcome) and gives None."""
        try:
            return await asyncio.wrap_future(future)
        except OncallError as error:
            self.coming = False
            if not told:
                self.say(str(error), "critical")
        except Exception as error:  # noqa: BLE001 - a bug in a provider ends as words, not as the program
            self.coming = False
            self.say(f"bug: {error.__class__.__name__}: {error}", "critical")
        return None

    async def ask_modal(self: BoardScreen, modal: Modal[T]) -> T | None:  # type: ignore[misc]
        """Show a modal and wait for what it says; None: cancelled."""
        return await self.open_modal(modal)

    def open_modal(self: BoardScreen, modal: Modal[T]) -> asyncio.Future[T | None]:  # type: ignore[misc]
        """Show a modal now: keys that come from here on are its own."""
        answer: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
        self.coming = False
        self.app.push_screen(modal, answer.set_result)
        return answer


def _listed(title: str, plan: Plan) -> str:
    """One line of a confirm for several: what is done to this row."""
    also = f"  (also {len(plan.affects)} more)" if plan.affects else ""
    here = "  (only marked here: its source has no such action)" if "kind" in plan.request else ""
    return f"{title}{also}{here}"


def _more(values: dict[str, str]) -> dict[str, Any]:
    """A form's texts as an ask's fields. Raises ValueError with what is wrong."""
    more: dict[str, Any] = {}
    for name, value in values.items():
        value = value.strip()
        if name == "for_s":
            more[name] = seconds(value)
        elif name == "matchers":
            more[name] = _matchers(value)
        elif not value:
            raise ValueError(f"the {name} is missing: nothing was sent")
        else:
            more[name] = value
    return more


def _matchers(text: str) -> tuple[tuple[str, str], ...]:
    """``label=value, label=value``. Raises ValueError for what is none: a wrong matcher hides the wrong alerts."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    for key, equals, value in pairs:
        if not equals or not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", key.strip()) or value.startswith("~"):
            raise ValueError(f"{(key + equals + value).strip()!r} is not label=value (!=, =~ and !~ are not offered)")
    if not pairs:
        raise ValueError("at least one label=value, or it would hide everything")
    return tuple((key.strip(), value.strip()) for key, _, value in pairs)


def _run(command: tuple[str, ...]) -> int:
    """The login command on the bare terminal; Ctrl+C ends it, not this program."""
    print(f"\n  running: {clean(' '.join(command))}\n", flush=True)  # noqa: T201 - the screen is suspended
    try:
        return subprocess.run(command, check=False).returncode
    except OSError as error:
        print(f"  it cannot be run: {error}", flush=True)  # noqa: T201
        return 127
    except KeyboardInterrupt:
        return 130
