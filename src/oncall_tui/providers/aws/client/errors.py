"""botocore's exceptions -> the program's errors, in words, with a hint.

Which exception comes of which situation was found by running botocore 1.44.5; codes are those of the ECS, CloudWatch
and STS API references ("Common Errors") and botocore's retry rules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from botocore import exceptions as boto

from oncall_tui import errors
from oncall_tui.providers.aws.client import files
from oncall_tui.providers.aws.client.network_errors import before_sending, network
from oncall_tui.runtime import login_program
from oncall_tui.runtime.secret import redact

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "UnauthorizedException"})
NOT_KNOWN = frozenset(
    {
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "AuthFailure",
    }
)
SKEWED = frozenset({"RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture"})
DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "KmsAccessDenied",
        "KMS.AccessDeniedException",
        "AuthorizationError",
        "UnauthorizedOperation",
        "ForbiddenException",
        "NotAuthorized",
        "OptInRequired",
        "403",
        "401",
    }
)
THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "Throttled",
        "KmsThrottled",
        "OverLimit",  # SQS: too many messages are held
        "ThrottledException",
        "KMSThrottling",
        "ProvisionedThroughputExceededException",  # DynamoDB's
        "KMSThrottlingException",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "SlowDown",
        "PriorRequestNotComplete",
        "429",
    }
)
MISSING = frozenset(
    {
        "UnknownOperationException",
        "UnknownOperation",
        "InvalidAction",
        "UnsupportedFeatureException",
        "UnsupportedOperation",
        "NotImplemented",
        "404",
        "501",
    }
)
GONE = frozenset(
    {
        "ClusterNotFoundException",
        "ServiceNotFoundException",
        "ServiceNotActiveException",
        "ServiceDeploymentNotFoundException",
        "ResourceNotFound",
        "ResourceNotFoundException",
        "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
    }
)
_PERMISSION = re.compile(r"perform:? ([A-Za-z0-9-]+:[A-Za-z*]+)")


class UnknownOperation(errors.Malformed):
    """This endpoint does not know the call: an older region, a simulation, a proxy."""


class NotApi(errors.Offline):
    """A 5xx that carries a web page: not the API itself answered."""


class Gone(errors.SourceError):
    """The subject of a call no longer exists. Its rows go; the source's state stays."""

    state = "malformed"


class AwsRefusal(errors.Malformed):
    """AWS understood the question and would not have it (a parameter, a feature)."""


NOT_OFFERED = (errors.Denied, UnknownOperation, NotApi, AwsRefusal)  # the call cannot be had here: do without it


class CallContext(Mapping[str, str]):
    """Names for a message: *service* (``ecs``), *operation*, *endpoint*, and *login*, the command that renews it.

    *keys* names where the keys came from, and *renewal* says what renews these, where that is no login.
    """

    def __init__(
        self,
        service: str,
        operation: str = "",
        endpoint: str = "",
        login: tuple[str, ...] = (),
        keys: str = "",
        renewal: str = "",
    ) -> None:
        self._values = {"service": service, "operation": operation, "endpoint": endpoint, "login": " ".join(login)}
        self._values |= {"keys": keys, "renewal": renewal}

    def __getitem__(self, key: str) -> str:
        return self._values[key]

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    @property
    def login(self) -> str:
        """The command that renews the login, as it works here. Not free: of failures alone."""
        return login_program.shown(self["login"])

    @property
    def renew(self) -> str:
        return self["renewal"] or self.login or "renew the login that gives this program its AWS keys"

    @property
    def holder(self) -> str:
        """``the AWS login has``, or the keys' place where that is known and no login renews them."""
        if not self["renewal"]:
            return "the AWS login has"
        return f"{'' if self['keys'].startswith('the keys') else 'the keys of '}{self['keys']} have"

    def at(self, endpoint: str) -> CallContext:
        """Return the same names for a call of another server (the one that gives the keys)."""
        login, keys, renewal = tuple(self["login"].split()), self["keys"], self["renewal"]
        return CallContext(self["service"], self["operation"], endpoint, login, keys, renewal)


class Unusable(Exception):
    """Keys or settings around the program cannot be used: *what* names them, *change* says what to do.

    *sure*: it is just that, so that *change* says more than any hint that goes by the error alone. *cache* names the
    file or folder of the cached login, where there is one.
    """

    def __init__(self, what: str, change: str, why: Exception, sure: bool = False, cache: str = "") -> None:
        super().__init__(what)
        self.what, self.change, self.why, self.sure, self.cache = what, change, why, sure, cache


def reading(error: Exception, where: CallContext) -> errors.SourceError | None:
    """The source's state that *error* is, or None: a bug, which is to be seen as one."""
    if isinstance(error, errors.SourceError):
        return error
    if isinstance(error, Unusable):
        return _unusable(error, where)
    if isinstance(error, boto.ClientError):
        return _answered(error, where)
    return _credentials(error, where) or _network(error, where)


def writing(error: Exception, where: CallContext) -> errors.ActionError | None:
    """The outcome of a write that *error* is, or None: a bug.

    OutcomeUnknown wherever the request may have arrived (read time-out, dropped line, 5xx, an answer not from the API);
    ActionFailed where it cannot have (no connection, no credentials) or where AWS said no.
    """
    if isinstance(error, errors.ActionError):
        return error
    if isinstance(error, boto.ClientError):
        return _answered_write(error, where)
    source = reading(error, where)
    if source is None:
        return None
    if before_sending(error) or isinstance(source, errors.NoCredentials | errors.Expired | errors.Denied):
        return errors.ActionFailed(f"nothing was sent: {source.message}", source.hint)
    if isinstance(source, errors.Throttled):
        return errors.ActionFailed(f"not done: {source.message}", source.hint)
    return errors.OutcomeUnknown(f"{where['operation']} was sent; {source.message}", "read it again for its outcome")


def before_writing(error: Exception, where: CallContext) -> errors.ActionError | None:
    """Do as ``writing`` for a failure before the write itself (resolving credentials): nothing was sent."""
    source = reading(error, where)
    return None if source is None else errors.ActionFailed(f"nothing was sent: {source.message}", source.hint)


# --- an answer came ---------------------------------------------------------------------------------------------------


def _answered(error: boto.ClientError, where: CallContext) -> errors.SourceError:
    code, text, status = _parts(error)
    operation = error.operation_name
    if code in SKEWED or (code in NOT_KNOWN and ("expired" in text.lower() or "not yet current" in text.lower())):
        return errors.Offline(f"AWS says that this machine's clock is wrong: {text}", "set the clock (NTP)")
    if code in EXPIRED:
        return errors.Expired(f"{where.holder} expired ({code})", where.renew)
    if code in NOT_KNOWN:
        return errors.NoCredentials(f"AWS does not accept {where['keys'] or 'these keys'} ({code})", where.renew)
    if code in DENIED:
        return _denied(text, _service_of(operation, where), operation)
    if code in THROTTLED or status == 429:
        return errors.Throttled(f"{operation} was throttled ({code})", "fewer calls, or wait", _retry_after(error))
    if status >= 500:
        if code in MISSING or "html" in _header(error, "content-type"):
            return NotApi(f"{operation}: HTTP {status}did not come from AWS's API", f"check {where['endpoint']}")
        return errors.Offline(f"{operation}: AWS answered HTTP {status} ({code})", "AWS itself is failing: wait")
    if 300 <= status < 400:
        return errors.Malformed(f"{operation}: redirected (HTTP {status}), which AWS's API never does", _portal(where))
    if code in MISSING:
        return UnknownOperation(f"the endpoint does not know {operation} ({code})")
    if (
        "unable to describe task definition" in text.lower()
        or code.endswith(("NotFoundException", "NotFound", "NotFoundFault", "DoesNotExistException"))
        or code in GONE
    ):
        return Gone(f"{operation}: {text or code}")
    return AwsRefusal(f"{operation}: AWS refused the request: {text or code}")


def _answered_write(error: boto.ClientError, where: CallContext) -> errors.ActionError:
    code, text, status = _parts(error)
    source = _answered(error, where)
    if status >= 500 and not isinstance(source, errors.Throttled | errors.Denied):
        return errors.OutcomeUnknown(f"{error.operation_name}: HTTP {status}: it may or may not have taken effect")
    if isinstance(source, errors.Throttled):
        return errors.ActionFailed(f"not done: {source.message}", "send it again in a few seconds")
    if isinstance(source, errors.Denied | errors.Expired | errors.NoCredentials) or 300 <= status < 400:
        return errors.ActionFailed(f"not done: {source.message}", source.hint)
    return errors.ActionFailed(f"AWS refused it: {text or code} ({code})", source.hint)


def _denied(text: str, service: str, operation: str) -> errors.Denied:
    found = _PERMISSION.search(text)
    permission = found.group(1) if found else f"{service}:{operation}"
    if permission == f"{service}:{operation}".lower():  # SQS says it in lower case
        permission = f"{service}:{operation}"
    permission = permission.replace("sqs:DeleteMessageBatch", "sqs:DeleteMessage")  # IAM has one for both
    if operation == "GetRoleCredentials":
        return errors.Denied("this SSO login has no such role in that account", "ask for the role to be assigned")
    if operation == "AssumeRole" or permission == "sts:AssumeRole":
        return errors.Denied(f"the role may not be assumed: {text}", "needs sts:AssumeRole, and the role's trust")
    return errors.Denied(f"{operation} is denied", f"needs {permission}")


def _parts(error: boto.ClientError) -> tuple[str, str, int]:
    body = error.response.get("Error", {})
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) or 0)
    text = redact(" ".join(str(body.get("Message", "") or "").split()))[:300]
    return str(body.get("Code", "") or status), text, status


def _header(error: boto.ClientError, name: str) -> str:
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}) or {}
    return str(headers.get(name, "")).lower()


def _retry_after(error: boto.ClientError) -> float | None:
    value = _header(error, "retry-after")
    return float(value) if value.isdigit() else None


def _service_of(operation: str, where: CallContext) -> str:
    service = {"AssumeRole": "sts", "GetRoleCredentials": "sso"}.get(operation, where["service"])
    return {"elbv2": "elasticloadbalancing"}.get(service, service)  # as IAM calls it


def _portal(where: CallContext) -> str:
    return f"a proxy or a captive portal stands before {where['endpoint'] or 'AWS'}?"


def _unusable(error: Unusable, where: CallContext) -> errors.SourceError:
    """Nothing of this program's own ran between: whatever was raised came of the surroundings, never of a bug."""
    why = error.why
    if isinstance(why, boto.ClientError):
        return _answered(why, where)
    server = str(getattr(why, "kwargs", {}).get("endpoint_url", "") or error.what)
    known = _credentials(why, where) or _network(why, where.at(server))
    if known is not None:
        return type(known)(known.message, error.change) if error.sure or known.hint == known.usual_hint else known
    if isinstance(why, RuntimeError) and "expired" in str(why):  # botocore, of keys that were renewed
        return errors.Expired(f"{error.what}: expired already", error.change)
    if error.cache and not isinstance(why, boto.BotoCoreError | OSError):
        return errors.Expired(f"{error.what} cannot be used: {error.cache} is damaged", where.login or error.change)
    return errors.NoCredentials(f"{error.what} cannot be used: {_plain(why)}", error.change)


def _plain(error: Exception) -> str:
    """Why, for a person: an error of the system by its words and file, any other by its own."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror.lower()}" if error.filename else error.strerror.lower()
    text = redact(" ".join(str(error).split()))[:200]
    return text if isinstance(error, boto.BotoCoreError) else f"{error.__class__.__name__}: {text}".rstrip(": ")


# --- no answer --------------------------------------------------------------------------------------------------------

_SSO = "aws sso login --use-device-code"


def _credentials(error: Exception, where: CallContext) -> errors.SourceError | None:
    text = redact(" ".join(str(error).split()))[:300]
    match error:
        case boto.ProfileNotFound():
            return errors.NoCredentials(text, f"name a profile of {files.config_file()}")
        case boto.NoRegionError():
            return errors.NoCredentials("no region is set", "set region: in the configuration, or in the profile")
        case boto.PartialCredentialsError():
            return errors.NoCredentials(text, "an access key needs its secret key beside it")
        case boto.SSOTokenLoadError() | boto.UnauthorizedSSOTokenError() | boto.TokenRetrievalError():
            return errors.Expired(
                "the SSO login has expired or was never made", where.login or login_program.shown(_SSO)
            )
        case boto.LoginRefreshRequired() | boto.LoginTokenLoadError():
            return errors.Expired(
                "the AWS login has expired or was never made", where.login or login_program.shown("aws login --remote")
            )
        case boto.MissingDependencyException():
            return errors.NoCredentials("an `aws login` profile needs botocore[crt]", "pip install 'botocore[crt]'")
        case boto.CredentialRetrievalError() | boto.MetadataRetrievalError():
            return errors.NoCredentials(f"no credentials could be loaded: {text}", where.renew)
        case boto.RefreshWithMFAUnsupportedError() | MfaNeeded():
            return errors.NoCredentials(
                "this profile asks for an MFA code, which a full screen cannot ask for",
                "get session keys first (aws sts get-session-token) and name their profile",
            )
        case boto.NoCredentialsError() | boto.NoAuthTokenError() | boto.SSOError() | boto.LoginError():
            closed = files.unreadable()
            return errors.NoCredentials(
                "no AWS credentials were found" + (f"; {closed} cannot be read" if closed else ""),
                where.login or "name a profile: or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            )
        case boto.ConfigParseError():
            return files.unparsed(error)
        case boto.ConfigNotFound() | boto.InvalidConfigError():
            return errors.NoCredentials(text, f"check {files.config_file()}")
        case _:
            return None


class MfaNeeded(Exception):
    """Raised in the place of botocore's prompt for an MFA code, which would break a full-screen terminal."""


def _network(error: Exception, where: CallContext) -> errors.SourceError | None:
    return network(error, where["endpoint"] or "AWS") or _unreadable(error, where)


def _unreadable(error: Exception, where: CallContext) -> errors.SourceError | None:
    if error.__class__.__name__ == "ResponseParserError":
        return errors.Malformed(f"{where['operation']}: the answer is not what AWS promises", _portal(where))
    if isinstance(error, ValueError) and "endpoint" in str(error).lower():
        return errors.NoCredentials(str(error), "check endpoint_url: and AWS_ENDPOINT_URL")
    return None
