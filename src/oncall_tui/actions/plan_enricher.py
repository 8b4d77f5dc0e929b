"""Facts for a plan that need the whole board, the journal and the configuration: consent, cautions, recipients."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from oncall_tui.actions.guard import Guard, Guarded, unguarded
from oncall_tui.domain.action import FOLLOWED, Verb
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.plan import Actor, Confirm, Plan
from oncall_tui.domain.remembered import AlertStart
from oncall_tui.errors import SourceError
from oncall_tui.journal import Journal
from oncall_tui.journal.service_history import read_service_history
from oncall_tui.notifications.notifier import Recipients
from oncall_tui.triage.cautions import against_continuing, against_resolving, cautions, stays_open
from oncall_tui.triage.consent import (
    BESIDE,
    change_instead,
    deploys_unread,
    is_suspected,
    nothing_wrong,
    quiet,
    reason_missing,
)
from oncall_tui.triage.grouping import PAGER_PROVIDERS
from oncall_tui.triage.triager import TriagedAlert, TriagedBoard

if TYPE_CHECKING:
    from oncall_tui.domain.comparison import CommitRange, Comparison

NAMED = frozenset({Verb.UNDO_ROLLBACK, Verb.CONTINUE})  # what no alert ever asks for
_CHANGE = "A change is suspected first"
_NOTHING = "Nothing suggests it"
_BESIDE = "No alert of its own suggests it"
NOTED = 3  # incidents that get a note: more than a few are a sign that the join is too wide


class PlanEnricher:
    """*triaged* returns the newest triaged board; *others* says what other engineers do with a service or a row.

    *commits* reads the commits of a comparison within some seconds (None: nobody can be asked); it raises SourceError.
    *guard* makes the guard from how a plan's service is found; without it only protected products are guarded.
    """

    def __init__(
        self,
        triaged: Callable[[], TriagedBoard],
        journal: Journal,
        actor: Actor,
        others: Callable[[str, str], tuple[str, ...]] = lambda service_id, target: (),
        commits: Callable[[Comparison], CommitRange | None] = lambda compared: None,
        guard: Callable[[Callable[[Plan], str]], Guard] | None = None,
    ) -> None:
        self._triaged, self._journal, self._actor = triaged, journal, actor
        self._others, self._commits = others, commits
        self.guard = guard(self.service_of) if guard else unguarded(triaged, self.service_of, actor)

    def enrich(self, plan: Plan) -> Plan:
        """The plan with what a provider cannot know. Raises Refused where a guardrail refuses it."""
        guarded = self.guard.held(plan)
        return guarded.dress(self._told(plan, guarded))

    def _told(self, plan: Plan, guarded: Guarded) -> Plan:
        warnings = list(plan.warnings)
        changed: dict[str, object] = {}
        if plan.verb in FOLLOWED:
            warnings, changed = self._followed(plan, guarded)
        elif plan.verb is Verb.RUN:
            warnings, changed = self._own_command(plan)
        elif plan.verb is Verb.RESOLVE:
            warnings += against_resolving(self._triaged(), plan.target)
        elif plan.verb is Verb.SILENCE:
            warnings += stays_open(self._triaged(), plan.target)
        if self._actor.guessed:
            warnings.append(f"acting as {self._actor.name}, taken from the Unix account: set me: in the configuration")
        if self._journal.failure:
            warnings.append(f"acting without a journal: {self._journal.failure}")
            if plan.confirm is Confirm.NONE:
                changed["confirm"] = Confirm.YES
        return msgspec.structs.replace(plan, warnings=tuple(warnings), **changed)

    def _followed(self, plan: Plan, guarded: Guarded) -> tuple[list[str], dict[str, object]]:
        """Return the plan of a write that changes a service, with all its warnings and its confirmation."""
        triaged, service_id = self._triaged(), self.service_of(plan)
        product = triaged.products.get(service_id)
        instead = self._change_instead(plan, triaged, service_id)
        unasked = instead or self._unasked(plan, triaged, service_id)
        unread = self._deploy_unread(plan, triaged, service_id) if instead else ""
        reasons = [words for words in (unasked, unread) if words]
        warnings = [*(reasons or self._quiet(plan, triaged, service_id)), *plan.warnings]
        if product and product.rollback_note and plan.verb is not Verb.CONTINUE:
            warnings.insert(0, product.rollback_note)
        if plan.verb is Verb.CONTINUE:
            warnings += against_continuing(triaged, service_id)
        warnings += cautions(triaged, service_id, self._deploy_of(plan) if plan.verb is Verb.ROLL_BACK else None)
        warnings = [*self._others(service_id, plan.target), *warnings]
        changed: dict[str, object] = {}
        nothing = _BESIDE if BESIDE in unasked else _NOTHING
        why = guarded.why or (_CHANGE if instead else nothing if unasked else "")
        if why or plan.verb in NAMED:
            name = service_id.rsplit("/", 1)[-1]
            changed = {"confirm": Confirm.NAME, "confirm_name": name, "confirm_why": why or plan.confirm_why}
        names = [name for name, _ in plan.lines]
        at = names.index("changes") + 1 if "changes" in names else len(names)
        lines = [*plan.lines[:at], *self._contents(plan, triaged, service_id), *plan.lines[at:]]
        lines += [("notifies", hears)] if (hears := self.recipients(plan).summary) else []
        return warnings, {**changed, "lines": tuple(lines)}

    def _own_command(self, plan: Plan) -> tuple[list[str], dict[str, object]]:
        """Return the warnings of a command of the configuration, and its confirmation. Where it writes to a service,
        those of any write to one: with nothing wrong there, a wrong row is likelier, and the name is typed.
        """
        if not plan.writes:
            return list(plan.warnings), {}
        triaged, service_id = self._triaged(), self.service_of(plan)
        product = triaged.products.get(service_id)
        note = [product.rollback_note] if product is not None and product.rollback_note else []
        unasked = nothing_wrong(triaged, service_id) if plan.request.get("service") else ""
        warnings = [*self._others(service_id, plan.target), *note, *([unasked] if unasked else []), *plan.warnings]
        if not unasked:
            return warnings, {}
        name = service_id.rpartition("/")[2]
        return warnings, {"confirm": Confirm.NAME, "confirm_name": name, "confirm_why": _NOTHING}

    def _contents(self, plan: Plan, triaged: TriagedBoard, service_id: str) -> list[tuple[str, str]]:
        """Return what a rollback takes back (or its undoing brings again): the commits, and the link to them."""
        if plan.verb not in (Verb.ROLL_BACK, Verb.UNDO_ROLLBACK):
            return []
        from oncall_tui.domain.comparison import compare  # only where something is rolled back

        known = {
            revision.task_definition: revision
            for deploy in triaged.board.deploys.values()
            if deploy.service_id == service_id
            for revision in (deploy.old, deploy.new)
            if revision is not None
        }
        leaving, to = (known.get(str(plan.request.get(end, ""))) for end in ("from", "to"))
        back = plan.verb is Verb.ROLL_BACK and not plan.request.get("forward")
        old, new = (to, leaving) if back else (leaving, to)
        product = triaged.products.get(service_id)
        template, name = product.compare if product else "", service_id.rpartition("/")[2]
        compared = compare(old, new, template, name) if new is not None else None
        if compared is None or compared.not_known:
            return [("compare", f"no link: {compared.not_known}")] if compared is not None else []
        lines = [("compare", compared.url)]
        try:
            found = self._commits(compared)
        except SourceError as error:
            return [("taken back" if back else "brought", f"commits not known: {error.message}"), *lines]
        return [("taken back" if back else "brought", found.words), *lines] if found is not None else lines

    @staticmethod
    def _change_instead(plan: Plan, triaged: TriagedBoard, service_id: str) -> str:
        """Say that a change is the likelier cause, also where tasks fail: without their database they do."""
        if plan.verb is not Verb.ROLL_BACK:
            return ""
        return change_instead(triaged, service_id, str(plan.request.get("from", "")), plan.target)

    @staticmethod
    def _deploy_unread(plan: Plan, triaged: TriagedBoard, service_id: str) -> str:
        """Say, beside a likelier change, that a deploy may be suspected after all, since not all of them were read."""
        if is_suspected(triaged, service_id, str(plan.request.get("from", "")), plan.target):
            return ""
        return deploys_unread(triaged, service_id)

    @staticmethod
    def _unasked(plan: Plan, triaged: TriagedBoard, service_id: str) -> str:
        """Say that neither an alert nor the service's state asks for the action; empty where one of them does."""
        if plan.verb not in (Verb.ROLL_BACK, Verb.RESTART) or plan.failing:
            return ""
        why = reason_missing(triaged, service_id, str(plan.request.get("from", "")), plan.target)
        return f"{why}{'; ' if ': ' in why else ': '}{plan.stands}" if why and plan.stands else why

    @staticmethod
    def _quiet(plan: Plan, triaged: TriagedBoard, service_id: str) -> list[str]:
        """Warn that the alert which asks for it does not fire just now."""
        away_from = str(plan.request.get("from", ""))
        if plan.verb is not Verb.ROLL_BACK or is_suspected(triaged, service_id, away_from, plan.target):
            return []
        words, _ = quiet(triaged, service_id, away_from, plan.target)
        return [words] if words else []

    def recipients(self, plan: Plan) -> Recipients:
        """The product's destinations, and the open incidents that are joined to the service's alerts."""
        triaged, service_id = self._triaged(), self.service_of(plan)
        product = triaged.products.get(service_id)
        incidents: dict[str, None] = {}
        for row in triaged.alerts:
            if row.service is None or row.service.id != service_id or row.alert.state is AlertState.RESOLVED:
                continue
            leading = triaged.board.alerts.get(row.incident)
            beside = (m for m in row.members if m.provider in PAGER_PROVIDERS and m.state is not AlertState.RESOLVED)
            for alert in (leading, *beside):  # each of them escalates to somebody else
                if alert is not None and Verb.NOTE in alert.verbs:
                    incidents[alert.id] = None
        return Recipients(product.tell if product else (), tuple(incidents)[:NOTED], service_id)

    def completion_note(self, plan: Plan) -> str:
        """Apart from whether a rollback is done: does an alert of the service still fire?"""
        if plan.verb not in (Verb.ROLL_BACK, Verb.RESTART):
            return ""
        firing = self.still_firing(self.service_of(plan))
        if not firing and not any(s.provider != "ecs" and s.whole for s in self._triaged().board.sources.values()):
            return ""  # no source of alerts is read: nothing can be said
        return f"still firing: {', '.join(firing)}" if firing else "no alerts for it"

    def board_for(self, verb: Verb, target: str) -> Board:
        """The board that a plan is made from; for what is followed, with what the journal remembers. Blocks."""
        triaged = self._triaged()
        if verb not in FOLLOWED:
            return triaged.board
        deploy = triaged.board.deploys.get(target)
        service_id = deploy.service_id if deploy else target
        on_board = [
            AlertStart(m.began, m.title)
            for a in triaged.alerts
            if a.service and a.service.id == service_id
            for m in a.members
        ]
        return msgspec.structs.replace(triaged.board, recall=read_service_history(self._journal, service_id, on_board))

    def service_of(self, plan: Plan) -> str:
        """The id of the service that is acted on: as its provider named it, since a deploy's row may be gone by now."""
        cluster, service = plan.request.get("cluster"), plan.request.get("service")
        if cluster and service:
            return f"{plan.source}/{cluster}/{service}"
        deploy = self._triaged().board.deploys.get(plan.target)
        return deploy.service_id if deploy else plan.target

    def still_firing(self, service_id: str) -> list[str]:
        """Titles of alerts of this service that fire now: said apart from whether a rollback is done."""
        rows = [a for a in self._triaged().alerts if a.service and a.service.id == service_id]
        return [a.alert.title for a in rows if _fires(a)]

    def _deploy_of(self, plan: Plan) -> Deploy | None:
        """The deploy that a rollback goes away from: the one that was picked, or the service's last."""
        board = self._triaged().board
        service = board.services.get(plan.target)
        return board.deploys.get(service.deploy_id if service else plan.target)


def _fires(row: TriagedAlert) -> bool:
    """Return whether any source says so. An acknowledged or silenced alert still fires.

    A pager's incident lasts longer than what it is for: it tells only where nothing else does.
    """
    told = [m for m in row.members if m.provider not in PAGER_PROVIDERS] or [row.alert]
    return any(m.state not in (AlertState.RESOLVED, AlertState.NO_DATA) for m in told)
