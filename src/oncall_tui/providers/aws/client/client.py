"""The one place where AWS is called: budget asked, call counted, answer taken raw, error put in words."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import msgspec
from botocore import xform_name

from oncall_tui import errors
from oncall_tui.providers.aws.client import errors as aws_errors
from oncall_tui.providers.aws.client.rate_limit import Priority, TokenBucket
from oncall_tui.providers.aws.client.session import QUERY, RAW, Sessions
from oncall_tui.providers.lists import UNDECODABLE, Damage, decode, what_came
from oncall_tui.runtime import write_doors
from oncall_tui.runtime.answers import answered

T = TypeVar("T")
THROTTLED_S = 5.0


class Transport(Protocol):
    """One attempt at one call; the answer's bytes. The seam that tests replace."""

    def __call__(self, operation: str, params: dict[str, Any], acting: bool) -> bytes: ...


class AwsClient:
    """The calls of one service (``ecs``, ``cloudwatch``) for one source; *calls* counts them by operation."""

    def __init__(
        self,
        sessions: Sessions,
        service: str,
        budget: TokenBucket,
        calls: Counter[str],
        transport: Transport | None = None,
    ) -> None:
        self.sessions = sessions
        self.service = service
        self.calls = calls
        self._budget = budget
        self._transport = transport
        self._counting = threading.Lock()

    @property
    def rate(self) -> float:
        """Return the calls a second that the budget allows now."""
        return self._budget.rate

    def read(
        self,
        answer: type[T],
        operation: str,
        priority: Priority = Priority.SWEEP,
        damage: Damage | None = None,
        **params: Any,
    ) -> T:
        """Ask once. Raises errors.SourceError, or RateLimited where the budget has no call left now.

        With *damage*, items that are not as AWS promises are left out of the answer's lists, and noted there; without
        it one is an error: nothing is decided on a list with holes.
        """
        self._budget.take(priority, self.sessions)
        with self._counting:
            self.calls[operation] += 1
        try:
            raw = self._send(operation, params, acting=False)
        except Exception as error:
            mapped = aws_errors.reading(error, self.sessions.where(self.service, operation))
            if mapped is None:
                raise
            if not isinstance(mapped, errors.Offline):
                answered()
            if isinstance(mapped, errors.Throttled):
                self._budget.drain(mapped.retry_after_s or THROTTLED_S)
            raise mapped from error
        answered()
        return self._decode(answer, operation, raw, damage)

    def write(self, operation: str, **params: Any) -> dict[str, Any]:
        """Send once, with the acting credentials. Raises ActionFailed (nothing was changed) or OutcomeUnknown."""
        write_doors.must_be_open()
        try:
            if self._transport is None:
                self.sessions.resolve(self.service, acting=True)
        except Exception as error:
            mapped = aws_errors.before_writing(error, self.sessions.where(self.service, operation, acting=True))
            if mapped is None:
                raise
            raise mapped from error
        self._budget.take(Priority.ACT)
        self.calls[operation] += 1
        try:
            raw = self._send(operation, params, acting=True)
        except Exception as error:
            mapped = aws_errors.writing(error, self.sessions.where(self.service, operation, acting=True))
            if mapped is None:
                raise
            raise mapped from error
        try:
            return self._decode(dict, operation, raw or b"{}")
        except errors.Malformed as error:
            raise errors.OutcomeUnknown(
                f"{operation} was sent; {error.message}", "read it again for its outcome"
            ) from error

    def _send(self, operation: str, params: dict[str, Any], acting: bool) -> bytes:
        if self._transport is not None:
            return self._transport(operation, params, acting)
        ask = getattr(self.sessions.client(self.service, acting), xform_name(operation))
        if self.service in QUERY:
            return _from_xml(ask, operation, params)
        raw: bytes = ask(**params)[RAW]
        return raw

    def _decode(self, answer: type[T], operation: str, raw: bytes, damage: Damage | None = None) -> T:
        try:
            return decode(raw, answer, damage, strict=False)
        except UNDECODABLE as error:
            hint = f"a proxy or a captive portal before {self.sessions.endpoint(self.service) or 'AWS'}?"
            came = what_came(raw, error)  # names the field, never a value
            words = came if came == "a web page" else f"not what AWS promises: {came}"
            raise errors.Malformed(f"{operation}: the answer is {words}", hint) from error


def _from_xml(ask: Callable[..., dict[str, Any]], operation: str, params: dict[str, Any]) -> bytes:
    """Return botocore's answer in XML as JSON, decoded like the others because a missing field must be seen."""
    try:
        answer = ask(**params)
    except (LookupError, AttributeError, TypeError, ValueError) as error:  # its parser, over XML that is not AWS's
        raise errors.Malformed(f"{operation}: the answer is not what AWS promises") from error
    answer.pop("ResponseMetadata", None)
    return msgspec.json.encode(answer)


class AwsClients(msgspec.Struct, frozen=True):
    """The calls that rolling back takes: ECS's and CodeDeploy's."""

    ecs: AwsClient
    code_deploy: AwsClient
