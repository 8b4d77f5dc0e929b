"""The one table of keys: it makes the bindings, the help screen, the key bar and the table of docs/keys.md.

Lower case reads, UPPER CASE writes what is hard to undo; ``a``, ``u`` and ``n`` are the exceptions that fingers expect,
and ``s``, which only hands over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from oncall_tui.domain.action import Verb

Group = Literal["act", "look", "move", "program"]


class Key(msgspec.Struct, frozen=True):
    """*id* is the name for the configuration's ``screen.keys``; *word* stands in the key bar, *what* in help."""

    id: str
    key: str
    label: str
    action: str
    word: str
    what: str
    group: Group
    bar: bool = False


KEYS: tuple[Key, ...] = (
    Key(
        "ack",
        "a",
        "a",
        "act('ack')",
        "ack",
        "acknowledge the row, or the marked rows; no prompt for one row",
        "act",
        True,
    ),
    Key("unack", "u", "u", "act('unack')", "unack", "take back your acknowledgement, or your mark as seen", "act"),
    Key(
        "escalate",
        "E",
        "E",
        "act('escalate')",
        "escalate",
        "escalate: shows who is on call at each level first",
        "act",
        True,
    ),
    Key(
        "rollback",
        "R",
        "R",
        "act('rollback')",
        "roll back",
        "roll the row's service back; shows the plan first",
        "act",
        True,
    ),
    Key(
        "continue",
        "C",
        "C",
        "act('continue')",
        "continue",
        "continue a paused deploy (at a hook, at a CodeDeploy wait); always asks first",
        "act",
    ),
    Key(
        "silence",
        "S",
        "S",
        "act('silence')",
        "silence",
        "silence for a time, with a reason; shows which alerts it hides",
        "act",
        True,
    ),
    Key("note", "n", "n", "act('note')", "note", "add a note", "act"),
    Key("mark", "space", "space", "mark", "mark", "mark the row for a, S or n on several", "act"),
    Key("mark_all", "asterisk", "*", "mark_all", "mark all", "mark every row that is shown, or none", "act"),
    Key(
        "shell",
        "s",
        "s",
        "act('shell')",
        "shell",
        "a shell in a container of the row's service (ECS Exec); shows the command first",
        "act",
    ),
    Key(
        "login", "L", "L", "act('login')", "log in", "renew an expired login: asks, runs its command, comes back", "act"
    ),
    Key(
        "detail",
        "enter",
        "Enter",
        "detail",
        "detail",
        "the row on a screen of its own: suspect, tasks, metrics, timeline",
        "look",
        True,
    ),
    Key("describe", "d", "d", "detail", "detail", "the same", "look"),
    Key(
        "timeline",
        "t",
        "t",
        "act('timeline')",
        "timeline",
        "the alert's timeline: its pager's log, and the actions",
        "look",
        True,
    ),
    Key("logs", "l", "l", "act('logs')", "logs", "the service's log around the alert's start, or live", "look", True),
    Key("filter", "slash", "/", "filter", "filter", "filter: words, key:value, !inverse, ~regex", "look", True),
    Key("faults", "f", "f", "faults", "faults", "faults only, on and off", "look"),
    Key("product", "p", "p", "look_at", "product", "product filter: one product, a configured view, or clear", "look"),
    Key("sort", "greater_than_sign", ">", "sort", "sort", "sort the pane by a column; picked again: reversed", "look"),
    Key("hidden", "H", "H", "hidden", "hidden", "show the rows hidden by default (target tracking alarms)", "look"),
    Key("refresh", "r", "r", "refresh", "refresh", "read every source again now", "look"),
    Key("copy", "c", "c", "act('copy')", "copy", "copy the row's id and title (OSC 52)", "look"),
    Key(
        "sources",
        "i",
        "i",
        "act('sources')",
        "sources",
        "every source: its state, its age, how to mend it",
        "look",
        True,
    ),
    Key(
        "handover",
        "h",
        "h",
        "act('handover')",
        "handover",
        "the handover, to copy or to send",
        "look",
        True,
    ),
    Key("oncall", "o", "o", "act('oncall')", "on call", "who is on call, now and next", "look", True),
    Key("alerts", "1", "1", "pane('alerts')", "alerts", "the alerts pane", "move"),
    Key("services", "2", "2", "pane('services')", "services", "the services pane", "move"),
    Key("deploys", "3", "3", "pane('deploys')", "deploys", "the deploys pane", "move"),
    Key("details", "4", "4", "pane('detail')", "detail", "the detail pane", "move"),
    Key("next", "tab", "Tab", "next_pane(1)", "next pane", "the next pane", "move"),
    Key("previous", "shift+tab", "Shift+Tab", "next_pane(-1)", "pane before", "the pane before", "move"),
    Key("zoom", "z", "z", "zoom", "zoom", "the pane alone, and back", "move"),
    Key("back", "escape", "Esc", "back", "back", "back: dismiss a message, a zoom, then the filters", "move"),
    Key("quiet", "m", "m", "quiet", "bell off", "bell off and on", "program"),
    Key(
        "commands",
        "colon",
        ":",
        "app.command_palette",
        "commands",
        "every action by name, also those without a key",
        "program",
        True,
    ),
    Key("help", "question_mark", "?", "help", "help", "this help", "program", True),
    Key("quit", "q", "q", "app.leave", "quit", "quit", "program"),
)

MOVES: tuple[tuple[str, str], ...] = (
    ("j k, ↓ ↑", "down and up"),
    ("g G", "first and last row"),
    ("Ctrl+F Ctrl+B", "a page down and up"),
)
# The keys that act on a row by a verb.
VERBS: dict[str, Verb] = {
    "ack": Verb.ACKNOWLEDGE,
    "unack": Verb.UNACKNOWLEDGE,
    "silence": Verb.SILENCE,
    "note": Verb.NOTE,
    "escalate": Verb.ESCALATE,
    "rollback": Verb.ROLL_BACK,
    "continue": Verb.CONTINUE,
}
# A key of these waits until the cursor has stood still.
STEADY = frozenset({*VERBS, "shell"})
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
# Verbs that have no key: in the palette under this name, where the row can. What a handler offers is reached by a key
# or by one of these.
BY_NAME: dict[Verb, tuple[str, str]] = {
    Verb.RESTART: ("restart", "force a new deploy of what runs: every task is replaced; shows the plan first"),
    Verb.UNDO_ROLLBACK: ("undo", "undo the last rollback: redeploy the rolled-back version; asks for the name"),
    Verb.RESOLVE: ("resolve", "close it at its source (PagerDuty, Sentry, Mackerel)"),
    Verb.SNOOZE: ("snooze", "quiet for a time, with a reason, also by S; PagerDuty wants it acknowledged first"),
    Verb.REASSIGN: ("reassign", "give the incident to somebody else: pick whom (PagerDuty)"),
    Verb.MERGE: ("merge", "merge into another incident: pick which (PagerDuty)"),
}
NAMED = "By name (: lists them)"
HEADINGS: dict[Group, str] = {"act": "Act", "look": "Look", "move": "Move", "program": "Program"}


_configured: dict[str, str] = {}  # an action's id -> the key that the configuration gave it


def configure(keys: Mapping[str, str]) -> None:
    """Take up the configured keys: from here on they are shown instead of the usual ones."""
    _configured.clear()
    _configured.update(keys)


def label(key: Key) -> str:
    """The key as it is shown: the configured one, else the usual one."""
    return _configured.get(key.id, key.label)


def named(key_id: str) -> str:
    """The key of the action *key_id* as it is shown, for a hint that names it."""
    return next(label(key) for key in KEYS if key.id == key_id)


def by_group() -> dict[str, list[tuple[str, str]]]:
    """Heading → (key, what it does), for help and for the documentation."""
    found: dict[str, list[tuple[str, str]]] = {heading: [] for heading in HEADINGS.values()}
    for key in KEYS:
        found[HEADINGS[key.group]].append((label(key), key.what))
    found["Move"] += MOVES
    found[NAMED] = [(f": {name}", what) for name, what in BY_NAME.values()]
    return found
