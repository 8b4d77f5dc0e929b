"""The types of alarms that are asked for: all that AWS has, or those that this endpoint knows.

A call that names no type gets metric alarms alone (CloudWatch API reference, DescribeAlarms). Composite alarms need a
permission on ``*``; an endpoint that does not know a type has none of it, and refuses the whole question.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from oncall_tui import errors
from oncall_tui.providers.aws.client.errors import AwsRefusal

T = TypeVar("T")
ALARM_TYPES = ("MetricAlarm", "CompositeAlarm", "LogAlarm")  # every one of the model's AlarmType; a test holds that
_FEWER = (ALARM_TYPES, ("MetricAlarm", "CompositeAlarm"), ("MetricAlarm", "LogAlarm"))
_LEAST = ("MetricAlarm",)
_WORDS = {"CompositeAlarm": "composite", "LogAlarm": "log"}


def ask_most(
    ask: Callable[[list[str]], T], types: tuple[str, ...] = ALARM_TYPES
) -> tuple[T, tuple[str, ...], errors.SourceError | None]:
    """Return the answer of *ask* for as many of *types* as can be had, those types, and why the others cannot.

    Raises SourceError where not even metric alarms can be read.
    """
    why: errors.SourceError | None = None
    for some in (s for s in _FEWER if set(s) <= set(types)):
        try:
            return ask(list(some)), some, why
        except (errors.Denied, AwsRefusal) as error:
            if isinstance(error, errors.Denied) or "LogAlarm" not in some:  # else it knows no log alarms, and has none
                why = error
    return ask(list(_LEAST)), _LEAST, why


def unread_words(types: tuple[str, ...]) -> str:
    """``composite and log alarms``: the types that were not read where *types* were."""
    return f"{' and '.join(_WORDS[t] for t in ALARM_TYPES if t not in types)} alarms"
