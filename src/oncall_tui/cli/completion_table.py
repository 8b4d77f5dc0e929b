"""The commands and their options, as a shell's completion wants them: without importing a command's module.

Generated from the commands, and kept: at a TAB somebody waits. To import one command's module costs three times the CPU
of the whole answer without it (242 ms beside 65 ms), and a table that only the build makes is missing in a checkout.
`python -m tests.support.completion_table` writes it; `tests/unit/test_completion.py` holds it to the commands.
"""

from __future__ import annotations

from typing import NamedTuple


class CompletionRow(NamedTuple):
    """An option or an argument. *names*: ``--json``, or an argument's name (with ``*``: many). *value*: ``flag``,
    ``file``, ``=a|b`` (words to choose from), kinds of kept names parted by blanks, or empty. *about* is its help.
    """

    names: str
    value: str
    about: str = ""


Row = CompletionRow

GLOBAL = (
    Row("--config", "file", "The configuration file."),
    Row("--read-only", "flag", "Switch every write off."),
    Row("--version", "flag", "Show the version and exit."),
    Row("-h --help", "flag", "Show this message and exit."),
)

SUBCOMMANDS: dict[str, tuple[tuple[str, str], ...]] = {
    "follow-up": (
        ("list", "Print the follow-ups that are not done, the oldest first."),
        ("add", "Open a follow-up with this TITLE; its id is printed."),
        ("set", "Change the follow-up whose id is ID, or begins so."),
        ("close", "Close the follow-up whose id is ID, or begins so."),
    ),
    "incident": (
        ("list", "Print the incidents that are open, the newest first."),
        ("new", "Open an incident with this TITLE; its id is printed."),
        ("add", "Add to the incident whose id is ID, or begins so."),
        ("close", "Close the incident whose id is ID, or begins so."),
    ),
}

TABLE: dict[str, tuple[CompletionRow, ...]] = {
    "board": (),
    "demo": (
        Row("--scenario", "", "A scenario's name, or your file."),
        Row("--speed", "", "How much faster things happen."),
        Row("--seed", "", "The same seed gives the same night."),
    ),
    "init": (
        Row("path", "file"),
        Row("--yes", "flag", "Look for sources without asking; a file that is there stays as it is."),
    ),
    "check": (Row("--json", "flag", "One JSON object; times are RFC 3339 UTC."),),
    "status": (Row("--json", "flag", "One JSON object; times are RFC 3339 UTC."),),
    "ack": (
        Row("alert", "alerts"),
        Row("--yes", "flag", "Do not ask for confirmation."),
        Row("--confirm", "", "The name that a guardrail wants typed."),
        Row("--override", "", "Do it though a guardrail refuses it, and why."),
    ),
    "unack": (
        Row("alert", "alerts"),
        Row("--yes", "flag", "Do not ask for confirmation."),
        Row("--confirm", "", "The name that a guardrail wants typed."),
        Row("--override", "", "Do it though a guardrail refuses it, and why."),
    ),
    "silence": (
        Row("alert", "alerts"),
        Row("--for", "", "How long: 90m, 2h, 1d."),
        Row("--reason", "", "Why."),
        Row("--yes", "flag", "Do not ask for confirmation."),
        Row("--confirm", "", "The name that a guardrail wants typed."),
        Row("--override", "", "Do it though a guardrail refuses it, and why."),
    ),
    "note": (
        Row("alert", "alerts"),
        Row("text", ""),
        Row("--confirm", "", "The name that a guardrail wants typed."),
        Row("--override", "", "Do it though a guardrail refuses it, and why."),
    ),
    "mark": (
        Row("word", "=actionable|noise|neither"),
        Row("alerts*", "alerts"),
    ),
    "follow-up": (),
    "follow-up list": (
        Row("--all", "flag", "Also those that are done."),
        Row("--json", "flag", "One JSON object; times are RFC 3339 UTC."),
    ),
    "follow-up add": (
        Row("title", ""),
        Row("--owner", "", "Who looks into it."),
        Row("--alert", "alerts", "Its alert: an id as `status` prints it."),
    ),
    "follow-up set": (
        Row("follow_up_id", "follow_ups"),
        Row("--state", "=open|looking", "How far it is."),
        Row("--owner", "", "Who looks into it."),
        Row("--title", "", "Another title."),
        Row("--alert", "alerts", "One more alert of it."),
        Row("--note", "", "What was found."),
    ),
    "follow-up close": (
        Row("follow_up_id", "follow_ups"),
        Row("--note", "", "What came of it."),
    ),
    "incident": (),
    "incident list": (
        Row("--all", "flag", "Also those that are closed."),
        Row("--json", "flag", "One JSON object; times are RFC 3339 UTC."),
    ),
    "incident new": (
        Row("title", ""),
        Row("--lead", "", "Who leads it."),
        Row("--alert", "alerts", "An alert's newest episode, or an episode."),
        Row("--deploy", "services", "A deploy, or a service's newest one."),
        Row("--entry", "", "An entry of the journal, by its id."),
    ),
    "incident add": (
        Row("incident_id", "incidents"),
        Row("--alert", "alerts", "An alert's newest episode, or an episode."),
        Row("--deploy", "services", "A deploy, or a service's newest one."),
        Row("--entry", "", "An entry of the journal, by its id."),
        Row("--lead", "", "Who leads it."),
        Row("--title", "", "Another title."),
        Row("--note", "", "A word on it."),
    ),
    "incident close": (
        Row("incident_id", "incidents"),
        Row("--note", "", "A word on it."),
    ),
    "postmortem": (
        Row("incident", "incidents"),
        Row("--json", "flag", "One JSON object; times are RFC 3339 UTC."),
        Row("--out", "file", "Into this new file, readable by you alone."),
    ),
    "bundle": (
        Row("subject", "incidents alerts"),
        Row("--out", "file", "The new folder. [default: bundle-ID]"),
    ),
    "escalate": (
        Row("alert", "alerts"),
        Row("--to", "", "As printed without this option: level:2, user/ID, policy/ID, send:NAME."),
        Row("--reason", "", "Why."),
        Row("--yes", "flag", "Do not ask for confirmation."),
        Row("--confirm", "", "The name that a guardrail wants typed."),
        Row("--override", "", "Do it though a guardrail refuses it, and why."),
    ),
    "oncall": (Row("--json", "flag", "One JSON object; times are RFC 3339 UTC."),),
    "deploys": (
        Row("service", "services"),
        Row("--watch", "flag", "Print each change; with SERVICE until its deploy has ended."),
        Row("--within", "", "How long a deploy may take to begin (--watch)."),
        Row("--json", "flag", "JSON: one array, or with --watch one object a line."),
    ),
    "changes": (
        Row("--since", "", "How far back: 90m, 12h."),
        Row("--product", "products", "Of this product alone."),
        Row("--service", "services", "Of this service alone: its name, or its id."),
        Row("--who", "flag", "Also ask the audit log of AWS who changed the --service."),
        Row("--json", "flag", "One JSON object; times are RFC 3339 UTC."),
    ),
    "rollback": (
        Row("service", "services"),
        Row("--to", "", "The revision to go back to: :41, or a task definition."),
        Row("--dry-run", "flag", "Show the plan; send nothing."),
        Row("--yes", "flag", "Do not ask for confirmation."),
        Row("--confirm", "", "The service's name: required where no deploy is suspected, or the service is protected."),
        Row("--override", "", "Do it though a guardrail refuses it, and why."),
        Row("--expect", "services", "Refuse unless this is the service's newest deploy."),
        Row("--wait", "flag", "Follow it until it is done."),
        Row("--steady", "", "How long it must stay healthy: 60, 90s, 2m."),
        Row("--json", "flag", "One JSON object."),
    ),
    "run": (
        Row("name", "own_commands"),
        Row("row", "alerts services"),
        Row("--dry-run", "flag", "Show the plan; run nothing."),
        Row("--yes", "flag", "Do not ask for confirmation."),
        Row("--confirm", "", "The service's name: required where it is protected."),
        Row("--override", "", "Do it though a guardrail refuses it, and why."),
        Row("--json", "flag", "One JSON object, with what it printed."),
    ),
    "handover": (
        Row("--since", "", "How far back: 90m, 12h, 1d."),
        Row("--json", "flag", "One JSON object; times are RFC 3339 UTC."),
        Row("--to", "destinations", "Send it to a notification destination."),
        Row("--yes", "flag", "Do not ask for confirmation."),
    ),
    "stats": (
        Row("--since", "", "How far back: 12h, 7d, 90d. [default: 30d]"),
        Row("--month", "", "A calendar month, 2026-10; without one, this month so far."),
        Row("--by", "=product|hour|alert|service|person", "One table instead: a line a product, hour, …"),
        Row("--json", "flag", "One JSON object; times are RFC 3339 UTC."),
        Row("--csv", "flag", "Comma-separated values."),
    ),
    "journal": (
        Row("--last", "", "How many entries."),
        Row("--actions", "flag", "Actions only."),
        Row("--json", "flag", "One JSON object a line."),
    ),
    "record": (),
    "import": (
        Row("--since", "", "How far back: 12h, 30d."),
        Row("--source", "sources", "This source alone; may be given again."),
        Row("--json", "flag", "One JSON object; times are RFC 3339 UTC."),
    ),
    "mcp": (),
    "drill": (),
    "completion": (Row("shell", "=bash|zsh|fish"),),
    "schema": (
        Row(
            "name",
            "=config|status|check|oncall|deploys|deploys-watch|changes|rollback|run|command-input|handover|stats|journal|postmortem|import|follow-up|incident",
        ),
    ),
    "man": (
        Row("command", "commands"),
        Row("--into", "file", "Write every page into this folder instead."),
    ),
}
