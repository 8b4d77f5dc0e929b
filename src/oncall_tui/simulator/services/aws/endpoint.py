"""An AWS endpoint: AWS JSON 1.0 and 1.1 by X-Amz-Target, and STS's GetCallerIdentity over Query and XML."""

import json
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from oncall_tui.simulator.server.messages import Request, SimulatedAnswer

Json = dict[str, Any]
_Item = TypeVar("_Item")

WRITES = frozenset(
    {
        "UpdateService",
        "StopServiceDeployment",
        "ContinueServiceDeployment",
        "StopTask",
        "StopDeployment",
        "ContinueDeployment",
        "CreateDeployment",
        "PutAlarmMuteRule",
        "DeleteAlarmMuteRule",
        "SetAlarmState",
    }
)


CALLER = "oncall-drill/alice"


class AwsError(Exception):
    """An error of the API model, by its shape's name."""

    def __init__(self, kind: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status


class NothingYet(Exception):
    """No message is there, and whoever asks waits for one for so many *seconds*."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class SimulatedAwsApi(Protocol):
    """One AWS service on an endpoint."""

    prefix: str
    """Of X-Amz-Target."""
    version: str
    """Of AWS JSON."""
    permission: str
    """IAM's prefix of its actions."""

    def call(self, operation: str, asked: Json) -> Json | bytes:
        """The answer, or AwsError. Bytes are JSON that is encoded already."""
        ...

    def resource(self, asked: Json) -> str:
        """The ARN that a denied call names."""
        ...


class QueryApi(Protocol):
    """An AWS service on an endpoint that speaks Query and XML."""

    space: str
    """Of its XML."""
    permission: str
    """IAM's prefix of its actions."""
    operations: frozenset[str]

    def answer(self, operation: str, asked: dict[str, str]) -> str:
        """Return the inside of the result's element. Raises AwsError."""
        ...

    def resource(self, asked: dict[str, str]) -> str:
        """The ARN that a denied call names."""
        ...


class Trail(Protocol):
    """Whoever keeps a record of calls."""

    def tell(self, name: str, by: str, request: Any) -> None:
        """Tell that *by* (ROLE/SESSION) called *name*."""
        ...


class AwsEndpoint:
    """The listener at the port of an AWS source."""

    def __init__(
        self,
        number: str,
        region: str,
        apis: list[SimulatedAwsApi],
        queries: tuple[QueryApi, ...] = (),
        trail: Trail | None = None,
    ) -> None:
        self._trail = trail
        self.number = number
        self.region = region
        self._apis = {api.prefix: api for api in apis}
        self._queries = {operation: api for api in queries for operation in api.operations}

    def operation(self, request: Request) -> str:
        """Name the operation as IAM and the API reference do."""
        target = request.headers.get("x-amz-target", "")
        if "." in target:
            return target.rpartition(".")[2]
        return parse_qs(request.body.decode("utf-8", "replace")).get("Action", ["Unknown"])[0]

    def is_write(self, operation: str) -> bool:
        """Return whether it changes anything."""
        return operation in WRITES

    def handle(self, request: Request) -> SimulatedAnswer:
        """The answer, an error's where it is one."""
        prefix, _, operation = request.headers.get("x-amz-target", "").rpartition(".")
        if not operation:
            return self._query(request)
        api = self._apis.get(prefix)
        try:
            if "authorization" not in request.headers:
                raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
            if api is None:
                raise AwsError("UnknownOperationException", f"{prefix} is not served here")
            asked = json.loads(request.body or b"{}")
            answer = self._encoded(api, api.call(operation, asked))
            if self._trail is not None and self.is_write(operation):
                self._trail.tell(operation, CALLER, asked)
            return answer
        except NothingYet as nothing:
            return SimulatedAnswer(200, b"{}", {"Content-Type": "application/x-amz-json-1.0"}, nothing.seconds)
        except AwsError as error:
            return self.error(request, error)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return self.error(request, AwsError("SerializationException", f"malformed request: {error!r}"))

    def error(self, request: Request, error: AwsError) -> SimulatedAnswer:
        """An error as the protocol of this request gives it."""
        prefix = request.headers.get("x-amz-target", "").rpartition(".")[0]
        if not prefix:
            query = self._queries.get(self.operation(request))
            return _xml_error(error, query.space if query else _STS)
        body = json.dumps({"__type": error.kind, "message": error.message}, ensure_ascii=False).encode()
        api = self._apis.get(prefix)
        headers = {"Content-Type": f"application/x-amz-json-{api.version if api else '1.1'}"}
        return SimulatedAnswer(error.status, body, headers)

    def fault(self, kind: str, request: Request) -> SimulatedAnswer | None:
        """Return the API's answer to a throttled, denied, … call; None where the API itself does not answer."""
        expired = "The security token included in the request is expired"
        invalid = "The security token included in the request is invalid."
        faults = {
            "throttle": AwsError("ThrottlingException", "Rate exceeded"),
            "error500": AwsError("ServerException", "Service Unavailable. Please try again later.", 500),
            "expired": AwsError("ExpiredTokenException", expired),
            "unauthorized": AwsError("UnrecognizedClientException", invalid),
            "denied": AwsError("AccessDeniedException", self._denied(request)),
        }
        return self.error(request, faults[kind]) if kind in faults else None

    def _denied(self, request: Request) -> str:
        operation = self.operation(request)
        api = self._apis.get(request.headers.get("x-amz-target", "").rpartition(".")[0])
        query = self._queries.get(operation) if api is None else None
        action = f"{api.permission if api else query.permission if query else 'sts'}:{operation}"
        resource = query.resource(_asked(request)) if query else "*"
        if api is not None:
            try:
                resource = api.resource(json.loads(request.body or b"{}"))
            except (ValueError, TypeError, KeyError, AttributeError):
                resource = "*"
        return (
            f"User: {self._caller()} is not authorized to perform: {action} on resource: {resource} "
            f"because no identity-based policy allows the {action} action"
        )

    def _caller(self) -> str:
        return f"arn:aws:sts::{self.number}:assumed-role/{CALLER}"

    def _encoded(self, api: SimulatedAwsApi, value: Json | bytes) -> SimulatedAnswer:
        body = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
        return SimulatedAnswer(200, body, {"Content-Type": f"application/x-amz-json-{api.version}"})

    def _query(self, request: Request) -> SimulatedAnswer:
        operation, asked = self.operation(request), _asked(request)
        api = self._queries.get(operation)
        if api is None:
            return self._sts(request)
        try:
            if "authorization" not in request.headers:
                raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
            return _xml(operation, api.answer(operation, asked), api.space)
        except AwsError as error:
            return self.error(request, error)

    def _sts(self, request: Request) -> SimulatedAnswer:
        if self.operation(request) != "GetCallerIdentity":
            return _xml_error(AwsError("InvalidAction", "Could not find operation"))
        told = f"<Arn>{self._caller()}</Arn><UserId>DRILLROLE:alice</UserId><Account>{self.number}</Account>"
        return _xml("GetCallerIdentity", told, _STS)


_STS = "https://sts.amazonaws.com/doc/2011-06-15/"
_IN_XML = {
    "ExpiredTokenException": ("ExpiredToken", 403),
    "AccessDeniedException": ("AccessDenied", 403),
    "UnrecognizedClientException": ("InvalidClientTokenId", 403),
    "ThrottlingException": ("Throttling", 400),
    "ServerException": ("InternalFailure", 500),
}
"""Errors with another name in the Query protocol, and their HTTP status."""


def _asked(request: Request) -> dict[str, str]:
    return {key: value[0] for key, value in parse_qs(request.body.decode("utf-8", "replace")).items()}


def _xml(operation: str, told: str, space: str) -> SimulatedAnswer:
    body = (
        f'<{operation}Response xmlns="{space}"><{operation}Result>{told}</{operation}Result>'
        f"<ResponseMetadata><RequestId>drill</RequestId></ResponseMetadata></{operation}Response>"
    )
    return SimulatedAnswer(200, body.encode(), {"Content-Type": "text/xml"})


def _xml_error(error: AwsError, space: str = "") -> SimulatedAnswer:
    kind, status = _IN_XML.get(error.kind, (error.kind, error.status))
    body = (
        f'<ErrorResponse xmlns="{space or _STS}"><Error><Type>Sender</Type><Code>{kind}</Code>'
        f"<Message>{escape(error.message)}</Message></Error><RequestId>drill</RequestId></ErrorResponse>"
    )
    return SimulatedAnswer(status, body.encode(), {"Content-Type": "text/xml"})


def required(asked: Json, name: str) -> str:
    """A member that has to be there, as ECS asks for it. Raises AwsError."""
    if not isinstance(asked.get(name), str) or not asked[name]:
        raise AwsError("InvalidParameterException", f"{name} can not be blank.")
    return str(asked[name])


def page(
    items: list[_Item], asked: Json, size_key: str, token_key: str, default: int, most: int
) -> tuple[list[_Item], Json]:
    """One page of `items`, and the token of the next as a member (none at the end). A token is an offset.

    Raises AwsError.
    """
    size = asked.get(size_key, default)
    if not isinstance(size, int) or not 1 <= size <= most:
        raise AwsError("InvalidParameterException", f"{size_key} must be between 1 and {most}.")
    token = asked.get(token_key) or "drill-0"
    start = token.removeprefix("drill-")
    if not start.isdigit():
        raise AwsError("InvalidParameterException", "Invalid token.")
    end = int(start) + size
    return items[int(start) : end], ({token_key: f"drill-{end}"} if end < len(items) else {})
