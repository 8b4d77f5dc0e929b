"""A plan: what an action will do, pinned to ids and versions, in words that a person can check.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Any, TypedDict, Unpack

import msgspec

from oncall_tui.domain.action import Verb

SENDS_AGAIN = "; this sends it again"  # how the warning of what was sent before ends


class Confirm(StrEnum):
    """The confirmation that a plan needs before it is sent."""

    NONE = "none"  # one key, no prompt
    YES = "yes"  # a modal that names the target
    NAME = "name"  # a modal, and the target's name typed


class Actor(msgspec.Struct, frozen=True):
    """The acting person. *guessed*: the configuration has no ``me``, so the Unix account was taken."""

    name: str
    email: str = ""
    guessed: bool = False

    def known_as(self, told: str) -> str:
        """Return this person's name where *told* is their e-mail, or an IAM user or session with it; else *told*."""
        mine = self.email and told.rpartition("/")[2].casefold() == self.email.casefold()
        return self.name if mine else told


class Choice(msgspec.Struct, frozen=True):
    """One way to do it that a person may pick: an escalation level, a revision to go back to.

    *warning* says why it may be a bad pick; empty: nothing is known against it.
    """

    id: str
    label: str
    detail: str = ""
    default: bool = False
    warning: str = ""


class ActionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An engineer's request. *version* is the row's as it was drawn on screen.

    *for_s* seconds and *reason* go with a silence, *text* with a note, *choice* with an escalation or a rollback.
    *matchers* are (label, value) for a silence that is wider than the alert's own labels. *override* is the reason for
    which it is done though a guardrail refuses it.
    """

    verb: Verb
    target: str
    version: str
    actor: Actor
    reason: str = ""
    text: str = ""
    for_s: float = 0.0
    choice: str = ""
    matchers: tuple[tuple[str, str], ...] = ()
    override: str = ""

    def plan(self, *, source: str, made_at: float, title: str, **more: Unpack[PlanFields]) -> Plan:
        """Make a plan of what is asked for. *more* is used where the request does not say it, or says it otherwise."""
        more.setdefault("id", uuid.uuid4().hex)
        more.setdefault("target", self.target)
        more.setdefault("version", self.version)
        return Plan(verb=self.verb, actor=self.actor, source=source, made_at=made_at, title=title, **more)


class PlanFields(TypedDict, total=False):
    """The fields of a Plan that a handler may set, for type checking."""

    id: str
    does: str
    did: str
    target: str
    version: str
    lines: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    affects: tuple[str, ...]
    confirm: Confirm
    confirm_name: str
    confirm_why: str
    stands: str
    failing: str
    request: dict[str, Any]
    commands: tuple[str, ...]
    writes: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """An action before it is sent. *request* is the provider's payload as plain data, because it is journalled.

    *lines* are (name, text) for the modal; *affects* lists what else it touches (alerts that a silence would hide);
    *commands* are equivalent commands to copy, without secrets; *confirm_name* is what has to be typed, and
    *confirm_why* why. Of a service: *stands* is how it stands, as just read (":33 has run for 2d and its tasks are
    healthy"); *failing* says what of that asks for the action (empty: nothing does).

    *does* and *did* are the words for what really happens where the verb says more than that: an alert that its source
    cannot acknowledge is ``marked as seen on this machine only``. Empty: the verb's own words.

    *overrides* are the names of the guardrails that refuse it, and *override* is the reason that was typed for it all
    the same.
    """

    id: str
    verb: Verb
    does: str = ""
    did: str = ""
    source: str
    target: str
    version: str
    actor: Actor
    made_at: float
    title: str
    lines: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    affects: tuple[str, ...] = ()
    confirm: Confirm = Confirm.YES
    confirm_name: str = ""
    confirm_why: str = ""
    stands: str = ""
    failing: str = ""
    request: dict[str, Any] = {}
    commands: tuple[str, ...] = ()
    writes: int = 1
    override: str = ""
    overrides: tuple[str, ...] = ()

    @property
    def overridden(self) -> str:
        """``overrode guardrail year-end: the checkout is down``; empty: it overrode none."""
        if not self.overrides:
            return ""
        rules = f"guardrail{'s' if len(self.overrides) > 1 else ''} {', '.join(self.overrides)}"
        return f"overrode {rules}: {self.override}"

    @property
    def sent_before(self) -> bool:
        """Return whether a warning says that the same was sent before, and may still take effect."""
        return any(warning.endswith(SENDS_AGAIN) for warning in self.warnings)

    @property
    def others(self) -> tuple[str, ...]:
        """Return the rest of what it affects, beside its own target."""
        return tuple(each for each in self.affects if each != self.target)
