"""The confirms: a plan in words, whole, before anything is sent. Enter cancels; what is protected wants its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from oncall_tui.domain.action import Verb
from oncall_tui.domain.plan import Confirm, Plan
from oncall_tui.text.cells import clean, fit, width
from oncall_tui.text.time_format import age
from oncall_tui.tui.screens.dialogs.answers import ANEW, ANOTHER
from oncall_tui.tui.screens.dialogs.modals import Modal, content
from oncall_tui.tui.widgets.clean_input import CleanInput
from oncall_tui.tui.widgets.clean_text import copy
from oncall_tui.tui.widgets.text_lines import Line, Lines

CONTINUE = "go on"
AFFECTS_SHOWN = 8
_NOUNS = {
    Verb.ROLL_BACK: "rollback",
    Verb.UNDO_ROLLBACK: "undo of the rollback",
    Verb.CONTINUE: "next stage of the deploy",
}
NAME_CELLS = 14
PLAN_OLD_S = 60.0  # what a plan says of tasks and deploys may be over by then
PLAN_TOLD_S = 10.0  # from then on the plan says how old it is
ROWS_TO_READ = 20  # of a long list; how many there are stands in its title


class ConfirmPlan(Modal[str]):
    """A plan in words. ``y`` goes on; Enter, ``n`` and Esc cancel. What is protected wants its name typed.

    Says CONTINUE, ANOTHER (only where *another* target can be picked: ``t``, or Ctrl+T while a name is typed), or None.
    Where there is a *clock*, it says ANEW instead of CONTINUE once the plan is ``PLAN_OLD_S`` old, and for ``R``.
    """

    DEFAULT_CSS = """
    ConfirmPlan > .box { border-subtitle-color: $text-warning; border-subtitle-style: bold; }
    ConfirmPlan Input { margin: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "go_on", "Go on", show=False),
        Binding("n,enter", "cancel", "Cancel", show=False),
        Binding("c", "copy", "Copy", show=False),
        Binding("t,ctrl+t", "another", "Another", show=False),
        Binding("R", "anew", "Plan anew", show=False, id="rollback"),
        # While a name is typed, the lines have no focus: these scroll them then.
        Binding("down", "by(1)", show=False),
        Binding("up", "by(-1)", show=False),
        Binding("pagedown", "by(10)", show=False),
        Binding("pageup", "by(-10)", show=False),
    ]
    box_width = 110

    def __init__(
        self,
        plan: Plan,
        tz: tzinfo,
        now: float,
        another: bool = False,
        clock: Callable[[], float] | None = None,
    ) -> None:
        super().__init__(plan.title)
        self.plan, self._tz, self._now, self._another, self._clock = plan, tz, now, another, clock

    def compose(self) -> ComposeResult:
        named = self.plan.confirm is Confirm.NAME
        with Vertical(classes="box"):
            head, rest = plan_parts(self.plan, self._tz, self._now)
            yield from self.body([*head, *rest], _names(self.plan) + 1, self._question(), must=len(head))
            if named:
                self.beside, self.hides = 2, 1
                yield CleanInput(id="name")
                yield Static(content([self._hint()]), id="hint", classes="aside")

    def _question(self) -> Line:
        """Return the line that says which key or name confirms."""
        if self.plan.confirm is Confirm.NAME:
            why = f"{self.plan.confirm_why}. " if self.plan.confirm_why else ""
            return (
                (f"{why}Type ", ""),
                (self.plan.confirm_name, "bold"),
                (f" to confirm the {_NOUNS.get(self.plan.verb, self.plan.verb)}:", ""),
            )
        verb = str(self.plan.verb)
        keys = [(" [Enter] cancel ", "bold"), ("     y ", "key"), (verb, ""), ("     c ", "key"), ("copy", "")]
        return (*keys, *((("     t ", "key"), ("another revision", "")) if self._another else ()))

    def _hint(self) -> Line:
        words: list[tuple[str, str]] = [("Esc cancels", "dim")]
        if self._another:
            words += [("     Ctrl+T ", "key"), ("another revision", "")]
        return tuple(words)

    def on_mount(self) -> None:
        super().on_mount()
        self._show_age()
        self.set_interval(1.0, self._show_age)
        if self.plan.confirm is Confirm.NAME:
            self.query_one(Input).focus()

    def _show_age(self) -> None:
        """On the frame: how many warnings there are, and how old the plan is."""
        count = len(self.plan.warnings)
        words = [f"⚠ {count} warning{'s' if count > 1 else ''}"] if count else []
        self.foot(" · ".join(part for part in (*words, planned(self._age_s)) if part))

    @property
    def _age_s(self) -> float:
        return self._clock() - self.plan.made_at if self._clock is not None else 0.0

    @property
    def _old(self) -> bool:
        return self._age_s >= PLAN_OLD_S

    def _yes(self) -> None:
        self.dismiss(ANEW if self._old else CONTINUE)

    def action_anew(self) -> None:
        """Plan anew: whoever presses the key of the plan again wants the state of now."""
        if self._clock is not None and self.plan.verb is Verb.ROLL_BACK:
            self.dismiss(ANEW)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if not self.was_read():
            return
        if event.value.strip() == clean(self.plan.confirm_name).strip():
            self._yes()
        else:
            wrong: Line = (("Name does not match.  ", "critical"), *self._hint())
            self.query_one("#hint", Static).update(content([wrong]))

    def action_go_on(self) -> None:
        if self.plan.confirm is not Confirm.NAME and self.was_read():
            self._yes()

    def action_another(self) -> None:
        if self._another:
            self.dismiss(ANOTHER)

    def action_by(self, lines: int) -> None:
        self.query_one("#body", Lines).action_by(lines)

    def action_copy(self) -> None:
        self.notify(f"the command: {copy(self.app, chr(10).join(self.plan.commands))}", markup=False)


def plan_parts(plan: Plan, tz: tzinfo, now: float) -> tuple[list[Line], list[Line]]:
    """Everything that a person has to know: where from and to and the warnings, which have to be read before a yes, and
    the rest.
    """
    cells = _names(plan)
    facts: list[Line] = [((fit(name, cells) + " ", "dim"), (text, "")) for name, text in plan.lines]
    names = [name for name, _ in plan.lines]
    head = names.index("to") + 1 if "to" in names else len(facts)
    return [*facts[:head], *_warnings(plan, tz, now)], facts[head:]


def _names(plan: Plan) -> int:
    """The cells of the facts' names."""
    return max(10, min(NAME_CELLS, max((width(name) for name, _ in plan.lines), default=0)))


def _warnings(plan: Plan, tz: tzinfo, now: float) -> list[Line]:
    lines: list[Line] = [(("⚠ ", "warning"), (text, "warning")) for text in plan.warnings]
    if others := plan.others:
        lines.append(((f"also       {len(others)} more:", "warning"),))
        lines += [(("           ", ""), (text, "")) for text in others[:AFFECTS_SHOWN]]
        if len(others) > AFFECTS_SHOWN:
            lines.append(((f"           and {len(others) - AFFECTS_SHOWN} more", "dim"),))
    return lines


def planned(seconds: float) -> str:
    """Say how old a plan is: what it says of tasks and deploys was so then. One that is too old is not carried out as
    it stands.
    """
    if seconds >= PLAN_OLD_S:
        return f"planned {age(seconds)} ago: a yes plans anew first"
    return f"planned {age(seconds)} ago" if seconds >= PLAN_TOLD_S else ""


class ConfirmMany(Modal[str]):
    """One confirm for several rows, which lists them; *verb* says what ``y`` does. *warnings* stand first.

    Says CONTINUE or None. Where there is a *clock*, it says ANEW instead once ``PLAN_OLD_S`` went by since it was made.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "go_on", "Go on", show=False),
        Binding("n,enter", "cancel", "Cancel", show=False),
    ]

    def __init__(
        self,
        title: str,
        rows: Sequence[str],
        verb: str,
        warnings: Sequence[str] = (),
        clock: Callable[[], float] | None = None,
    ) -> None:
        super().__init__(title)
        self._clock, self._made_at = clock, clock() if clock is not None else 0.0
        self._rows, self._verb = [*warnings, *rows], verb
        self._must_read = len(warnings) + min(ROWS_TO_READ, len(rows))

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            question: Line = ((" [Enter] cancel ", "bold"), ("     y ", "key"), (self._verb, ""))
            yield from self.body([((r, ""),) for r in self._rows], indent=2, question=question, must=self._must_read)

    def action_go_on(self) -> None:
        if self.was_read():
            self.dismiss(ANEW if self._age_s >= PLAN_OLD_S else CONTINUE)

    def on_mount(self) -> None:
        super().on_mount()
        if self._clock is not None:
            self.set_interval(1.0, self._show_age)

    @property
    def _age_s(self) -> float:
        return self._clock() - self._made_at if self._clock is not None else 0.0

    def _show_age(self) -> None:
        """On the frame: how old the plans are."""
        self.foot(planned(self._age_s))
