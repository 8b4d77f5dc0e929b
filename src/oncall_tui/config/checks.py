"""Checks beyond a value's type: a time zone that exists, a URL that can be asked, a glob that can match."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from oncall_tui.config.diagnostic import nearest, show
from oncall_tui.config.validator import Check, Complaint
from oncall_tui.domain.alert import OURS, AlertState, Severity
from oncall_tui.text.spelling import misspelt

URGENCIES = ("high", "low")
GLOBS = (
    "sources[].clusters[]",
    "sources[].severity.",
    "products[].alerts.",
    "pages[].",
    "expected[].",
    "guardrails[].products[]",
    "guardrails[].accounts[]",
    "guardrails[].sources[]",
    "guardrails[].who[]",
)
WORDS = ("screen.keys.",)


def check_for(providers: Mapping[str, object]) -> Callable[[str], Check | None]:
    """The check for a key's path (without indexes), given the providers that there are."""
    checks: dict[str, Check] = {
        "timezone": timezone,
        "steady_s": positive,
        "look_back_s": positive,
        "journal.keep_days": positive,
        "journal.dynamodb.table": table_name,
        "sources[].name": source_name,
        "sources[].interval_s": positive,
        "sources[].severity": severities,
        "sources[].urgencies[]": one_of(URGENCIES),
        "escalation[].name": source_name,
        "products[].services[]": service_glob,
        "commands[].name": command_name,
        "commands[].timeout_s": positive,
        "commands[].services[]": service_glob,
        "commands[].argv": program,
        "commands[].argv[]": argument,
        "commands[].rows": some,
        "commands[].env{}": variable,
        "commands[].secrets[]": variable,
        "products[].compare": comparison,
        "guardrails[].services[]": service_glob,
        "guardrails[].actions[]": action_glob,
        "guardrails[].hours[]": hours,
        "guardrails[].freeze.from": moment,
        "guardrails[].freeze.until": moment,
        "pages[]": page_rule,
        "pages[]{}": rule_field,
        "pages[].severity": one_of(tuple(Severity), globs=True),
        "pages[].state": one_of(tuple(AlertState), globs=True),
        "pages[].urgency": one_of(URGENCIES, globs=True),
        "pages[].provider": provider_word(providers),
    }
    checks |= {key.replace("pages", "expected", 1): check for key, check in checks.items() if key.startswith("pages")}

    def find(pattern: str) -> Check | None:
        if pattern in checks:
            return checks[pattern]
        if pattern.startswith(GLOBS):
            return glob
        if pattern.startswith("screen.views."):
            return view
        if pattern.startswith(WORDS):
            return entry
        name = pattern.rsplit(".", 1)[-1]
        if name == "url" or name.endswith("_url"):
            return url
        return entry if name.endswith("[]") else None

    return find


def timezone(name: str) -> Complaint | None:
    """A name of the time zone database; UTC needs none."""
    import zoneinfo

    from oncall_tui.text.time_format import named_zone

    try:
        named_zone(name)
    except (KeyError, ValueError, OSError):
        known = zoneinfo.available_timezones()
        if not known:
            wanted = "a machine with time zone data (install the package tzdata, or use the bundle, which has it)"
            return Complaint(wanted, "none")
        cities = {zone.rsplit("/", 1)[-1]: zone for zone in sorted(known)}
        near = nearest(name, known) or cities.get(nearest(name, cities), "")
        return Complaint("a time zone like Asia/Tokyo or UTC", show(name), near)
    return None


def positive(number: float | None) -> Complaint | None:
    """Check that a given number is above 0."""
    return None if number is None or number > 0 else Complaint("a number above 0", f"{number:g}")


def url(text: str) -> Complaint | None:
    """``http(s)://HOST…`` without a password in it. It is never quoted back: it may hold one all the same."""
    if not text:
        return None  # the key's default: not configured
    wanted = "a URL like https://host.example.com:9093"
    try:
        parts = urlsplit(text)
        port_ok = parts.port is None or parts.port > 0
    except ValueError:
        return Complaint(wanted, "something that is not a URL")
    if parts.username is not None or parts.password is not None:
        return Complaint("a URL without a name and password in it", "a URL with them: use a secret")
    if parts.scheme not in ("http", "https"):
        return Complaint(wanted, "another scheme" if "://" in text else "no http:// or https:// in front")
    if not parts.hostname or not port_ok or any(c.isspace() or not c.isprintable() for c in text):
        return Complaint(wanted, "something that is not a URL")
    return None


def source_name(name: str) -> Complaint | None:
    """Ids are ``SOURCE/NATIVE_ID`` and globs ``SOURCE/CLUSTER/SERVICE``: the name has to be told from the rest."""
    if any(c.isspace() or c in "/*?[]," or not c.isprintable() for c in name):
        return Complaint("a name without spaces, /, comma, *, ?, [ or ]", show(name))
    if name == OURS:
        return Complaint("another name", f"{OURS!r}, which is reserved for missing heartbeats (expected:)")
    return None


def entry(value: object) -> Complaint | None:
    """A list's or a mapping's entry: a string that is not blank."""
    return Complaint("a string", "an empty one") if isinstance(value, str) and not value.strip() else None


def view(text: object) -> Complaint | None:
    """A filter that can be one: where a regular expression is none, the view would show what it should not."""
    from oncall_tui.triage.filters import FilterError, parse  # only where there are views

    if not isinstance(text, str) or not text.strip():
        return entry(text)
    try:
        parse(text)
    except FilterError as error:
        return Complaint("a filter (words, key:value, !inverse, ~regex)", error.message)
    return None


def severities(globs: object) -> Complaint | None:
    """Severity -> globs: any other word would never be looked up."""
    wrong = [word for word in globs if word not in tuple(Severity)] if isinstance(globs, Mapping) else []
    return one_of(tuple(Severity))(wrong[0]) if wrong else None


def glob(text: object) -> Complaint | None:
    """A shell glob. An open bracket without its end would match nothing but itself."""
    if not isinstance(text, str):
        return None  # the list of globs: its entries come one by one
    rest = text
    while "[" in rest:
        rest = rest[rest.index("[") + 1 :]
        if "]" not in rest[1:]:
            return Complaint("a glob with each [ closed by ]", show(text))
        rest = rest[rest.index("]", 1) + 1 :]
    return entry(text)


def service_glob(text: str) -> Complaint | None:
    """``SOURCE/CLUSTER/SERVICE``, each a glob."""
    if (parts := text.split("/")) and len(parts) == 3 and all(part.strip() for part in parts):
        return glob(text)
    return Complaint("SOURCE/CLUSTER/SERVICE, each a name or a glob", show(text))


def action_glob(text: str) -> Complaint | None:
    """An action's name, or a glob that one of them matches; which programs there are (``command:``), others know."""
    from oncall_tui.domain.guardrail import ACTIONS, COMMAND, ONLY_TELL  # only where there is one

    if text.startswith(COMMAND) or text in ACTIONS or glob(text):
        return glob(text)
    if any(fnmatchcase(action, text) for action in (*ACTIONS, COMMAND) if action not in ONLY_TELL):
        return None
    told = next((action for action in ACTIONS if fnmatchcase(action, text)), "")
    if told:
        return Complaint("the whole name of an action that only tells people", show(text), told)
    near = _MEANT.get(text.casefold().replace("-", " ").replace("_", " "), "") or nearest(text, ACTIONS)
    return Complaint(f"one of the actions {', '.join(ACTIONS)}, {COMMAND}NAME, or a glob", show(text), near)


# An action by its command's name, or as others call it.
_MEANT = {
    "ack": "acknowledge",
    "unack": "un-acknowledge",
    "rollback": "roll back",
    "stop deploy": "roll back",
    "undo": "undo rollback",
    "continue": "continue the deploy",
    "end silence": "end the silence",
    "exec": "shell",
    "handover": "post",
}


def hours(text: str) -> Complaint | None:
    """``Mon-Fri 09:00-18:00 Asia/Tokyo``."""
    from oncall_tui.domain import guardrail

    try:
        guardrail.hours(text)
    except ValueError as error:
        return Complaint(str(error), show(text))
    return _zone_of(text)


def moment(text: str) -> Complaint | None:
    """``2026-12-28 18:00``, with a zone or without."""
    from datetime import UTC

    from oncall_tui.domain import guardrail

    if not text:
        return None  # the key's default: no beginning, or no end
    if wrong := _zone_of(text):
        return wrong
    try:
        guardrail.moment(text, UTC)
    except ValueError as error:
        return Complaint(str(error), show(text))
    return None


def _zone_of(text: str) -> Complaint | None:
    from oncall_tui.domain.guardrail import zone_of

    return timezone(zone) if (zone := zone_of(text)) else None


def comparison(template: str) -> Complaint | None:
    """A link's template: a URL with fields that there are; ``{repository}`` may stand for its beginning."""
    from oncall_tui.domain.comparison import FIELDS, unknown_field  # only where there is one

    if (name := unknown_field(template)) is not None:
        wanted = "fields of " + ", ".join(f"{{{field}}}" for field in FIELDS)
        return Complaint(wanted, show(f"{{{name}}}"), (near := nearest(name, FIELDS)) and f"{{{near}}}")
    if template.count("{") != template.count("}") or any(c.isspace() for c in template):
        return Complaint("a link's template, with each { closed by }, and no blank", "another")
    if not template or template.startswith("{repository}/"):
        return None
    return url(template)


def command_name(name: str) -> Complaint | None:
    """A name that is one word of a command line, and no option."""
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,39}", name):
        return None
    return Complaint("a name of letters, digits, _ . and -", show(name))


def program(argv: Sequence[str]) -> Complaint | None:
    """A program and its arguments; no row decides which program is run."""
    if not argv:
        return Complaint("a program and its arguments", "an empty list")
    return Complaint("a program whose name no row decides", show(argv[0])) if "{" in argv[0] else None


def some(entries: Sequence[object]) -> Complaint | None:
    """A list that is not empty."""
    return None if entries else Complaint("at least one", "none")


def argument(text: str) -> Complaint | None:
    """An argument, with fields of a row that there are. Any other brace is the argument's own."""
    from oncall_tui.domain.own_command import FIELDS, unknown_field  # only where there are commands

    if not text.isprintable():
        return Complaint("one argument", "one with a line break")
    if (name := unknown_field(text)) is not None:
        wanted = "fields of " + ", ".join(f"{{{field}}}" for field in FIELDS)
        return Complaint(wanted, show(f"{{{name}}}"), (near := nearest(name, FIELDS)) and f"{{{near}}}")
    return None


def variable(name: str) -> Complaint | None:
    """The name of a variable of the environment, but none that every command is given."""
    if name.startswith("ONCALL_"):
        return Complaint("a name without ONCALL_, which a row's own fields have", show(name))
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,127}", name):
        return None
    return Complaint("the name of an environment variable", show(name))


def table_name(name: str) -> Complaint | None:
    """A DynamoDB table's name, or its ARN where it is another account's (API reference, TableName)."""
    if re.fullmatch(
        r"[A-Za-z0-9_.-]{3,255}|arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:\d{12}:table/[A-Za-z0-9_.-]{3,255}", name
    ):
        return None
    return Complaint("a table's name (letters, digits, _ . -) or its ARN", show(name))


def page_rule(rule: Mapping[str, str]) -> Complaint | None:
    """An empty rule would page for everything."""
    return None if rule else Complaint("at least one field or label", "none")


def rule_field(name: str) -> Complaint | None:
    """A rule's field or a label. Labels are open: only what is certainly a misspelt field is a mistake."""
    from oncall_tui.triage.ranking import FIELDS  # only where there are rules

    near = "" if name in FIELDS else misspelt(name, FIELDS)
    found = f"the key {show(name)}"
    return Complaint(f"one of the fields {', '.join(FIELDS)}, or a label", found, near) if near else None


def provider_word(providers: Mapping[str, object]) -> Check:
    """A provider's name, or a glob over the names of those built in; another distribution's is known by its name."""
    built_in = one_of(tuple(providers), globs=True)
    return lambda word: None if word in providers else built_in(word)


def one_of(choices: tuple[str, ...], globs: bool = False) -> Check:
    """One of few words; with *globs* also a glob that one of them matches."""

    def check(word: str) -> Complaint | None:
        if word in choices or (globs and any(fnmatchcase(choice, word) for choice in choices)):
            return None
        return Complaint("one of " + ", ".join(choices), show(word), nearest(word, choices))

    return check
