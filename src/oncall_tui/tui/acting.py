"""The keys that write: from the row under the cursor to the action service. What is asked for runs in workers of
this loop, which only wait for futures; the work itself is done on the source's own queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import OURS, AlertState
from oncall_tui.domain.plan import ActionRequest, Plan
from oncall_tui.domain.reading import SourceState, SourceStatus
from oncall_tui.errors import OncallError
from oncall_tui.text.cells import fit_middle
from oncall_tui.tui.deploying import Deploying
from oncall_tui.tui.keys import KEYS, Key, label
from oncall_tui.tui.picking import Picking
from oncall_tui.tui.presenters.targets import ActionTarget
from oncall_tui.tui.shelling import Shelling
from oncall_tui.tui.widgets.footer import KeyItem

VERBS = {
    "ack": Verb.ACKNOWLEDGE,
    "unack": Verb.UNACKNOWLEDGE,
    "silence": Verb.SILENCE,
    "note": Verb.NOTE,
    "escalate": Verb.ESCALATE,
    "rollback": Verb.ROLL_BACK,
    "continue": Verb.CONTINUE,
}
DEPLOYS = (Verb.ROLL_BACK, Verb.CONTINUE, Verb.RESTART, Verb.UNDO_ROLLBACK)
# What has no key of its own: in the palette, where it is possible now.
PALETTE = {
    Verb.RESTART: ("restart (force a new deploy)", "a new deploy of what runs: every task is replaced"),
    Verb.UNDO_ROLLBACK: ("undo the last rollback", "redeploy the rolled-back version; asks for the name"),
    Verb.RESOLVE: ("resolve", "close it at its source"),
    Verb.SNOOZE: ("snooze", "quiet for a time, with a reason"),
    Verb.REASSIGN: ("reassign", "give it to somebody else: pick whom"),
    Verb.MERGE: ("merge", "into another incident: pick which"),
}


RARE = frozenset({"continue", "unack"})  # in the bar only where they can do something
TARGET_CELLS = 16  # of a name in the key bar


class ActionKeys(Deploying, Picking, Shelling):
    """The board's actions on rows. Every request carries the id and the version that were on screen."""

    # --- what is offered ----------------------------------------------------------------------------------------------

    def offered(self, key_id: str) -> bool:
        """Return whether the key applies to the row under the cursor."""
        verb = VERBS.get(key_id)
        if verb is None:
            return True
        return self.possible(verb) or (verb is Verb.SILENCE and self.possible(Verb.SNOOZE))

    def word(self, key: Key) -> str:
        """The word of the key bar: ``mark seen`` where acknowledging is done on this machine only."""
        if key.id != "ack" or self.row_id is None:
            return key.word
        alert = self.alert_target(Verb.ACKNOWLEDGE)
        return "mark seen" if alert is not None and Verb.ACKNOWLEDGE in alert.here else key.word

    def bar_items(self) -> list[KeyItem]:
        """The key bar: what can be done now, and to what; ``u`` stands in the place of ``a`` where that is done."""
        items: list[KeyItem] = []
        for key in KEYS:
            if key.id not in VERBS:
                items += [(label(key), key.word, True)] if key.bar else []
            elif self._in_bar(key):
                items.append((label(key), f"{self.word(key)}{self._named(key.id)}", True))
        return items

    def _in_bar(self, key: Key) -> bool:
        """Return whether this action key applies now and belongs in the bar."""
        if key.id == "ack" and self.marked():
            return True
        if key.id == "unack" and self.offered("ack"):
            return False
        return (key.bar or key.id in RARE) and self.offered(key.id)

    def _named(self, key_id: str) -> str:
        """The target of a key that acts on the row at once, or on another thing than the row."""
        if key_id in ("ack", "unack"):
            name = f"{len(marked)} rows" if (marked := self.marked()) and key_id == "ack" else self.row_name()
        elif key_id in ("rollback", "continue"):
            found = self.deploy_target(VERBS[key_id])
            name = found.name.partition(": ")[0].rpartition("/")[2] if isinstance(found, ActionTarget) else ""
        else:
            return ""
        return f" {fit_middle(name, TARGET_CELLS).rstrip()}" if name else ""

    def possible(self, verb: Verb) -> bool:
        """Return whether *verb* applies to the row under the cursor."""
        if self.engine.actions.read_only or self.row_id is None:
            return False
        if verb in DEPLOYS:
            return isinstance(self.deploy_target(verb), ActionTarget)
        return self.alert_target(verb) is not None

    def without_keys(self) -> Iterator[tuple[str, str, Callable[[], None]]]:
        """Yield the palette's commands without keys: (title, help, callable). Each is for the listed row."""
        for verb, (title, what) in PALETTE.items():
            if not self.possible(verb):
                continue
            if verb in DEPLOYS:
                target = self.deploy_target(verb)
                if isinstance(target, ActionTarget):
                    yield f"{title} {target.name}", what, partial(self.deploy_verb, verb, target)
            elif alert := self.alert_target(verb):
                yield f"{title} {alert.title}", what, partial(self.alert_verb, verb, alert)

    def not_now(self) -> Iterator[tuple[str, str, Callable[[], None]]]:
        """The verbs without a key that the row cannot have now, and why: who looks for one by name learns that."""
        for verb, (title, _) in PALETTE.items():
            if not self.possible(verb):
                found = self.deploy_target(verb) if verb in DEPLOYS and self.row_id is not None else ""
                why = found if isinstance(found, str) and found else self.why_not(verb)
                yield f"{title}: not now", why, partial(self.say, f"{verb}: {why}", "warning")

    def row_title(self, key_id: str) -> str:
        """The row under the cursor as a person knows it, for the palette: never its id."""
        verb, row_id = VERBS.get(key_id), self.row_id or ""
        if verb in DEPLOYS and isinstance(target := self.deploy_target(verb), ActionTarget):
            return target.name
        if self.list_pane == "alerts":
            look = self.alert_look(row_id)
            return look.alert.title if look is not None else ""
        board = self.latest.board
        deploy = board.deploys.get(row_id)
        service = board.services.get(deploy.service_id if deploy is not None else row_id)
        return service.title if service is not None else ""

    def why_not(self, verb: Verb) -> str:
        if self.engine.actions.read_only:
            return "read only: nothing is written"
        if self.row_id is None:
            return "there is no row under the cursor: move it to one first"
        if self.list_pane != "alerts":
            return f"{verb} works on alerts: 1 shows them"
        look = self.alert_look(self.row_id)
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
        if verb is Verb.ESCALATE and look.alert.provider != "pagerduty" and not self.engine.destinations:
            return f"{look.alert.source} cannot escalate: a destination under escalation: in the configuration can"
        if verb is Verb.ACKNOWLEDGE:
            return f"cannot be acknowledged: already {look.alert.state}"
        return f"{look.alert.source} does not support {verb} here: the alert is {look.alert.state}"

    # --- the keys -----------------------------------------------------------------------------------------------------

    def action_ack(self) -> None:
        if not self.steady():
            return
        if marked := self.marked():
            self.begin(self.bulk(Verb.ACKNOWLEDGE, {}, marked))
        else:
            self._quick(Verb.ACKNOWLEDGE)

    def action_unack(self) -> None:
        if self.steady():
            self._quick(Verb.UNACKNOWLEDGE)

    def action_login(self) -> None:
        """Ask, then run the command that renews the first expired login on the bare terminal, and come back."""
        lost = (SourceState.EXPIRED, SourceState.NO_CREDENTIALS)
        source = next((s for s in self.latest.board.sources.values() if s.state in lost), None)
        if source is None:
            self.say("no source's login is expired", "dim")
            return
        if not source.login:
            self.say(f"{source.name}: {source.hint or 'renew its secret where it comes from'}", "warning")
            self.engine.renew(source.name)
            return
        self.begin(self._log_in(source))

    async def _log_in(self, source: SourceStatus) -> None:
        """The command first: it has the terminal while it runs."""
        from oncall_tui.tui.screens.dialogs.confirm import ConfirmMany
        from oncall_tui.tui.terminal import foreground

        rows = [" ".join(source.login), "It has the terminal until it ends; the board stands still and does not ring."]
        if not await self.ask_modal(ConfirmMany(f"Log in to {source.name}?", rows, "run it")):
            self.say("login: cancelled, nothing was run", "dim")
            return
        self.asked()
        with self.app.suspend():
            code = foreground.run(source.login)
        self.engine.renew(source.name)
        command = " ".join(source.login[:3])
        self.say(f"{command}… ended with status {code}; reading {source.name} again", "" if code == 0 else "warning")

    # --- one row, one key ---------------------------------------------------------------------------------------------

    def _quick(self, verb: Verb) -> None:
        alert = self.alert_target(verb)
        if alert is None:
            self.say(self.why_not(verb), "warning")
            return
        self.notice = None
        try:
            future = self.engine.actions.quick(ask := self.ask(verb, alert))
        except OncallError as error:
            self.say(str(error), "critical")
            return
        self.begin(self._confirm_if_asked(future, ask, alert.title), asks=False)

    async def _confirm_if_asked(self, future: Future[Plan | None], ask: ActionRequest, name: str) -> None:
        try:
            plan = await asyncio.wrap_future(future)
        except OncallError:
            return  # the action service tells it as an outcome
        except Exception as error:  # noqa: BLE001 - a bug in a provider ends as words, not as the program
            self.say(f"bug: {error.__class__.__name__}: {error}", "critical")
            return
        if plan is not None:
            decided, said = await self.decided(plan, ask, name)
            if isinstance(decided, Plan):
                self.act(decided, said)
