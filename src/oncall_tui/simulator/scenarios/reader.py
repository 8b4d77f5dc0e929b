"""Reads a scenario: YAML, checked against one description of its format, each mistake with its line."""

from pathlib import Path
from typing import Any

import yaml

_HERE = Path(__file__).parent
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Table = dict[str, Any]


class ScenarioError(Exception):
    """A mistake in a scenario, in one line: the file, the line and the expected value."""


class _Lined(dict[str, Any]):
    """A mapping that knows the line it starts on, and that of each key (from 1)."""

    line: int
    lines: dict[str, int]
    file: str


class _LinedLoader(_Loader):  # type: ignore[misc]
    """Safe YAML with lines on mappings, and no key twice."""


def _mapping(loader: Any, node: Any) -> _Lined:
    table = _Lined()
    table.line, table.lines = node.start_mark.line + 1, {}
    for key_node, value_node in node.value:
        key = str(loader.construct_object(key_node, deep=True))
        line = key_node.start_mark.line + 1
        if key in table:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is here twice", key_node.start_mark)
        table.lines[key] = line
        table[key] = loader.construct_object(value_node, deep=True)
    return table


_LinedLoader.add_constructor("tag:yaml.org,2002:map", _mapping)

# -- the format: a key that ends in ? may be left out; (a, b) is either; [x] is a list; {"*": x} has any keys

_TEXTS = {"*": (str, int, float, bool)}
_EVENT: Table = {"after_s?": float, "every_s?": float}
_TARGETS = ("healthy", "unhealthy", "initial", "draining", "unused", "unavailable")
_DEFINITION: Table = {
    "image?": str,
    "memory?": int,
    "cpu?": int,
    "environment?": _TEXTS,
    "secrets?": _TEXTS,
    "labels?": _TEXTS,
    "build?": str,
    "port?": int,
    "by?": str,
    "days?": float,
    "fails?": ("oom", "exit", "pull", "health", "elb", {"like": str, "after_s?": float}),
    "targets?": _TARGETS,
    "inactive?": bool,
    "log?": {"driver": str, "options?": _TEXTS},
}
_GROUP_STATES = ("OK", "Warn", "Alert", "No Data")
_EVENTS: Table = {
    "deploy?": {"service": str, "revision?": int, "settings?": {"*": object}, "push?": str},
    "stop?": {"service": str, "rollback?": bool},
    "complete?": {"service": str},
    "race?": {"service": str, "ends": ("SUCCESSFUL", "STOPPED", "ROLLBACK_FAILED"), "after_s?": float},
    "hold?": {"service": str, "at": {"*": float}},
    "release?": {"service": str},
    "trip?": {"service": str, "alarm": str},
    "deregister?": {"service": str, "revision": int},
    "log?": {"service": str, "text": str, "level?": ("INFO", "WARN", "ERROR"), "share?": float},
    "log_no_more?": {"service": str},
    "targets?": {"service": str, "state?": _TARGETS, "reason?": str},
    "scale?": {"service": str, "desired": int, "by?": str},
    "rds?": {
        "name": str,
        "what": ("failover", "restart", "failure", "recovery", "maintenance", "configuration", "storage"),
        "cluster?": bool,
        "takes_s?": float,
        "by?": str,
        "minutes_ago?": float,
        "source?": str,
    },
    "edit_alarm?": {"name": str, "threshold?": float, "delete?": bool, "by?": str, "minutes_ago?": float},
    "cloudtrail?": {
        "event": str,
        "by": str,
        "request?": {"*": object},
        "api?": str,
        "error?": str,
        "minutes_ago?": float,
        "source?": str,
    },
    "capacity?": {"service": str, "tasks?": int},
    "delete?": {"service": str},
    "kill?": {"service": str, "count?": int, "exit?": int},
    "fire?": {"labels": _TEXTS, "annotations?": _TEXTS, "minutes_ago?": float},
    "resolve?": {"labels": _TEXTS},
    "flap?": {"labels": _TEXTS, "annotations?": _TEXTS, "on_s": float, "off_s": float},
    "silence?": {"labels": _TEXTS, "for_s": float, "by": str, "comment?": str},
    "alarm?": {"name": str, "state": ("OK", "ALARM", "INSUFFICIENT_DATA"), "reason?": str},
    "monitor?": {"name": str, "group?": str, "state": _GROUP_STATES},
    "downtime?": {"name": str, "group?": str, "for_s": float, "by": str, "comment?": str},
    "page?": {
        "key": str,
        "title": str,
        "service": str,
        "urgency": ("high", "low"),
        "details?": _TEXTS,
        "alert_key?": str,
        "minutes_ago?": float,
        "priority?": str,
    },
    "change?": {"service": str, "summary": str, "source?": str},
    "edit_schedule?": {"schedule": str, "by": str, "action?": ("create", "update", "delete")},
    "sentry_release?": {"version": str, "projects": [str], "author?": str, "environment?": str},
    "datadog_event?": {"title": str, "tags?": [str]},
    "resolve_page?": {"key": str, "by?": str},
    "acknowledge_page?": {"key": str, "by": str},
    "issue?": {
        "key": str,
        "title": str,
        "project": str,
        "level?": ("fatal", "error", "warning", "info", "debug"),
        "count?": int,
        "users?": int,
        "culprit?": str,
        "environment?": str,
        "substatus?": str,
        "assigned?": str,
        "minutes_ago?": float,
    },
    "resolve_issue?": {"key": str},
    "assign_issue?": {"key": str, "to": str},
    "open_alert?": {
        "key": str,
        "monitor": str,
        "status?": ("CRITICAL", "WARNING", "UNKNOWN"),
        "type?": str,
        "message?": str,
        "host?": str,
        "minutes_ago?": float,
    },
    "close_alert?": {"key": str},
    "send?": {
        "to?": str,
        "body?": str,
        "count?": int,
        "minutes_ago?": float,
        "event?": {"source": str, "type": str, "detail?": {"*": object}, "resources?": [str]},
    },
    "rule?": {"to?": str, "enabled": bool},
    "fault?": {"*": (str, int, float, bool)},
    "clear_faults?": bool,
    "while_unhealthy?": {"service": str, "after_s": float, "healthy_s": float, "do": [_EVENT], "undo": [_EVENT]},
}
_EVENT.update(_EVENTS)

_ALARM: Table = {
    "name": str,
    "state?": ("OK", "ALARM", "INSUFFICIENT_DATA"),
    "about?": str,
    "service?": str,
    "metric?": str,
    "namespace?": str,
    "threshold?": float,
    "below?": bool,
    "actions?": [str],
    "any_of?": [str],
    "query?": str,
    "minutes?": float,
}
_MONITOR: Table = {
    "name": str,
    "id?": int,
    "priority?": int,
    "type?": str,
    "query?": str,
    "message?": str,
    "tags?": [str],
    "state?": _GROUP_STATES,
    "groups?": {"*": _GROUP_STATES},
    "minutes?": float,
}
_STAGES = (
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
)
_HOOK: Table = {
    "stages": [_STAGES],
    "type?": ("PAUSE", "AWS_LAMBDA"),
    "timeout_minutes?": int,
    "on_timeout?": ("ROLLBACK", "CONTINUE"),
    "takes_s?": float,
    "fails?": bool,
}
_PAST: Table = {
    "revision": int,
    "days": float,
    "minutes?": float,
    "status?": ("SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"),
    "reason?": str,
    "settings?": {"*": object},
    "push?": str,
    "breaker?": bool,
    "alarm?": str,
}
_OVER: Table = {
    "days": float,
    "minutes?": float,
    "page?": _EVENTS["page?"],
    "alarm?": {"name": str},
    "issue?": _EVENTS["issue?"],
    "open_alert?": _EVENTS["open_alert?"],
    "acknowledged?": {"by": str, "after_minutes?": float},
    "resolved_by?": str,
}
_FORMAT: Table = {
    "name": str,
    "about?": str,
    "ahead_s?": float,
    "timezone?": str,
    "me?": {"name": str, "email": str},
    "sources": [
        {
            "name": str,
            "provider": (
                "ecs",
                "cloudwatch",
                "rds",
                "eventbridge",
                "alertmanager",
                "pagerduty",
                "sentry",
                "mackerel",
                "datadog",
            ),
            "account?": str,
            "region?": str,
            "clusters?": [str],
            "of?": str,
            "queue?": str,
            "trail_late_s?": float,
            "severity?": {"*": [str]},
            "services?": {"*": str},
            "change_events?": bool,
            "schedule_edits?": bool,
            "releases?": bool,
            "events?": str,
        }
    ],
    "escalation?": [
        {
            "name": str,
            "provider": ("slack", "pagerduty-events", "sns"),
            "channel?": str,
            "service?": str,
            "topic_arn?": str,
        }
    ],
    "pages?": [{"*": str}],
    "products?": [
        {
            "name": str,
            "owner?": str,
            "runbook?": str,
            "services?": [str],
            "alerts?": _TEXTS,
            "changes?": [str],
            "protected?": bool,
            "rollback_note?": str,
            "compare?": str,
            "tell?": [str],
        }
    ],
    "pagerduty?": {"people?": [{"*": object}], "policies?": [{"*": object}], "services?": [{"*": object}]},
    "sentry?": {"organization?": str, "people?": [{"name": str, "email?": str}]},
    "datadog?": {"monitors": [_MONITOR]},
    "github?": {
        "repositories": [
            {
                "name": str,
                "commits": [{"sha": str, "title": str, "author": str, "days?": float, "files?": int, "tag?": str}],
            }
        ]
    },
    "mackerel?": {"monitors?": [{"name": str, "type?": str, "service?": str}]},
    "services?": [
        {
            "at": str,
            "desired?": int,
            "events?": int,
            "log_per_s?": float,
            "exec?": bool,
            "express?": bool,
            "revision?": int,
            "start_s?": float,
            "steady_s?": float,
            "first?": bool,
            "tags?": _TEXTS,
            "strategy?": {
                "name": ("ROLLING", "BLUE_GREEN", "LINEAR", "CANARY"),
                "bake_minutes?": int,
                "step_percent?": float,
                "step_bake_minutes?": int,
                "canary_percent?": float,
                "canary_bake_minutes?": int,
                "stage_s?": float,
                "rollout_state?": bool,
                "clean_up_stop?": ("accepted", "refused"),
            },
            "hooks?": [_HOOK],
            "deploy_alarms?": {"names": [str], "rollback?": bool},
            "hold?": {"*": float},
            "controller?": ("ECS", "CODE_DEPLOY", "EXTERNAL"),
            "codedeploy?": {
                "application?": str,
                "group?": str,
                "config?": str,
                "wait_minutes?": int,
                "ready_minutes?": int,
                "rollback_events?": [str],
                "alarms?": [str],
                "new?": bool,
            },
            "task_sets?": [{"revision": int, "scale?": float}],
            "settings?": {"*": object},
            "history?": [_PAST],
            "breaker?": {"enable": bool, "rollback?": bool, "threshold?": int},
            "definitions?": {"*": _DEFINITION},
            **_DEFINITION,
        }
    ],
    "alarms?": [_ALARM],
    "inhibit?": [{"source": _TEXTS, "target": _TEXTS, "equal?": [str]}],
    "past?": [_OVER],
    "events?": [_EVENT],
}

_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def shipped() -> list[str]:
    """The names of the scenarios that come with the program."""
    return sorted(path.stem for path in _HERE.glob("*.yaml"))


def load(name: str) -> Table:
    """A scenario that ships, or a file: whatever ends in .yaml or .yml, or has a slash. Raises ScenarioError."""
    is_file = name.endswith((".yaml", ".yml")) or "/" in name
    path = Path(name) if is_file else _HERE / f"{name}.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        if not is_file:
            names = ", ".join([*shipped(), "scale"])
            raise ScenarioError(f"no scenario is named {name!r}: expected one of {names}, or a FILE.yaml") from None
        raise ScenarioError(f"{name}: cannot be read: {getattr(error, 'strerror', error)}") from None
    return parse(text, name if is_file else path.name)


def parse(text: str, file: str) -> Table:
    """A scenario's text, checked. Raises ScenarioError."""
    try:
        found = yaml.load(text, _LinedLoader)  # a SafeLoader's subclass
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ScenarioError(f"{file}:{line}: {error.problem or error}") from None
    except yaml.YAMLError as error:
        raise ScenarioError(f"{file}:1: {error}") from None
    _check(found, _FORMAT, "", 1, file)
    scenario: _Lined = found
    scenario.file = file
    return scenario


def check_event(event: object) -> None:
    """Check an event that did not come from a file."""
    _check(event, _EVENT, "event", 1, "event")
    _one_verb(event, "event", 1, "event")


def _check(value: object, wanted: Any, path: str, line: int, file: str) -> None:
    if isinstance(wanted, dict):
        _check_table(value, wanted, path, line, file)
    elif isinstance(wanted, list):
        if not isinstance(value, list):
            raise _expected(file, line, path, "a list", value)
        for index, item in enumerate(value):
            _check(item, wanted[0], f"{path}[{index}]", getattr(item, "line", line), file)
    elif isinstance(wanted, tuple):
        _check_either(value, wanted, path, line, file)
    elif wanted is not object and not _is(value, wanted):
        raise _expected(file, line, path, _WORDS[wanted], value)


def _check_table(value: object, wanted: Table, path: str, line: int, file: str) -> None:
    if not isinstance(value, dict):
        raise _expected(file, line, path, "a mapping", value)
    line = getattr(value, "line", line)
    lines: dict[str, int] = getattr(value, "lines", {})
    known = {key.rstrip("?"): it for key, it in wanted.items()}
    for key, item in value.items():
        at = lines.get(key, line)
        inner = f"{path}.{key}" if path else key
        if key not in known and "*" not in known:
            names = ", ".join(known)
            raise ScenarioError(f"{file}:{at}: {inner}: unknown key; expected one of {names}")
        _check(item, known.get(key, known.get("*")), inner, at, file)
    for key in wanted:
        if not key.endswith("?") and key != "*" and key not in value:
            raise ScenarioError(f"{file}:{line}: {path or 'the scenario'}: the key {key!r} is missing")
    if wanted is _EVENT:
        _one_verb(value, path, line, file)


def _check_either(value: object, wanted: tuple[Any, ...], path: str, line: int, file: str) -> None:
    if isinstance(value, dict):
        for table in (it for it in wanted if isinstance(it, dict)):
            return _check_table(value, table, path, line, file)
    types = tuple(it for it in wanted if isinstance(it, type))
    if any(_is(value, it) for it in types) or value in [it for it in wanted if isinstance(it, str)]:
        return None
    words = [_WORDS[it] if isinstance(it, type) else "a mapping" if isinstance(it, dict) else it for it in wanted]
    raise _expected(file, line, path, " or ".join(words), value)


def _one_verb(event: object, path: str, line: int, file: str) -> None:
    verbs = [key for key in event if f"{key}?" in _EVENTS] if isinstance(event, dict) else []
    if len(verbs) != 1:
        names = ", ".join(key.rstrip("?") for key in _EVENTS)
        raise ScenarioError(f"{file}:{line}: {path}: expected exactly one of {names}")


def _is(value: object, wanted: type) -> bool:
    if wanted is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, wanted)


def _expected(file: str, line: int, path: str, wanted: str, value: object) -> ScenarioError:
    return ScenarioError(f"{file}:{line}: {path}: expected {wanted}, got {value!r:.60}")
