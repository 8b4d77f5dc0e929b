"""Every situation has its state, its words and what to do now; every failed write its outcome."""

from __future__ import annotations

import pytest
from aws_world import error
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from oncall_tui import errors
from oncall_tui.providers.aws.client import errors as aws
from oncall_tui.runtime import login_program

LOGIN = ("aws", "sso", "login", "--use-device-code", "--profile", "prod")
WHERE = aws.CallContext("ecs", "DescribeServices", "", LOGIN)
URL = {"endpoint_url": "https://ecs.example.com"}
NOT_AUTHORIZED = "User: arn:aws:iam::1:user/a is not authorized to perform: ecs:ListServiceDeployments on resource: *"

READING = [
    (boto.ProfileNotFound(profile="prod"), errors.NoCredentials, "name a profile of "),
    (boto.NoRegionError(), errors.NoCredentials, "region"),
    (boto.PartialCredentialsError(provider="env", cred_var="x"), errors.NoCredentials, "secret key"),
    (boto.CredentialRetrievalError(provider="process", error_msg="no"), errors.NoCredentials, ""),
    (boto.NoCredentialsError(), errors.NoCredentials, ""),
    (boto.SSOTokenLoadError(error_msg="none"), errors.Expired, "aws sso login --use-device-code --profile prod"),
    (boto.UnauthorizedSSOTokenError(), errors.Expired, "aws sso login"),
    (boto.TokenRetrievalError(provider="sso", error_msg="expired"), errors.Expired, "aws sso login"),
    (boto.MissingDependencyException(msg="crt"), errors.NoCredentials, "botocore[crt]"),
    (aws.MfaNeeded(), errors.NoCredentials, "get-session-token"),
    (error("GetRoleCredentials", "ForbiddenException"), errors.Denied, "assigned"),
    (error("AssumeRole", "AccessDenied", "not authorized to perform: sts:AssumeRole"), errors.Denied, "sts:AssumeRole"),
    (error("DescribeServices", "ExpiredTokenException"), errors.Expired, "aws sso login"),
    (error("GetCallerIdentity", "ExpiredToken"), errors.Expired, "aws sso login"),
    (error("DescribeServices", "UnrecognizedClientException"), errors.NoCredentials, "aws sso login"),
    (error("X", "InvalidSignatureException", "Signature expired: 2026 is now earlier"), errors.Offline, "clock"),
    (error("ListServiceDeployments", "AccessDeniedException", NOT_AUTHORIZED), errors.Denied, "needs ecs:ListServiceD"),
    (error("DescribeServices", "AccessDeniedException"), errors.Denied, "needs ecs:DescribeServices"),
    (error("DescribeServices", "ThrottlingException"), errors.Throttled, ""),
    (error("DescribeServices", "429", "", 429), errors.Throttled, ""),
    (error("DescribeServices", "ServerException", "", 500), errors.Offline, ""),
    (error("DescribeServices", "503", "", 503), errors.Offline, ""),
    (error("ListX", "500", "", 500, content_type="text/html"), aws.NotApi, ""),
    (error("DescribeServices", "302", "", 302), errors.Malformed, "portal"),
    (error("DescribeServices", "UnknownOperationException"), aws.UnknownOperation, ""),
    (error("DescribeServices", "ClusterNotFoundException"), aws.Gone, ""),
    (error("DescribeServices", "InvalidParameterException", "too long"), aws.AwsRefusal, ""),
    (boto.EndpointConnectionError(**URL), errors.Offline, "network"),
    (boto.ConnectTimeoutError(**URL), errors.Offline, ""),
    (boto.ReadTimeoutError(**URL), errors.Offline, ""),
    (boto.SSLError(**URL, error="x"), errors.Offline, "AWS_CA_BUNDLE"),
    (boto.ProxyConnectionError(proxy_url="http://p"), errors.Offline, "HTTPS_PROXY"),
    (boto.ConnectionClosedError(**URL), errors.Offline, ""),
    (ResponseParserError("bad"), errors.Malformed, ""),
]


@pytest.mark.parametrize(("raised", "kind", "hint"), READING, ids=lambda v: getattr(v, "__name__", str(v))[:40])
def test_reading(raised: Exception, kind: type[errors.SourceError], hint: str) -> None:
    found = aws.reading(raised, WHERE)
    assert type(found) is kind
    assert hint in found.hint
    assert found.message


@pytest.mark.parametrize("raised", [boto.SSOTokenLoadError(error_msg="none"), boto.NoCredentialsError()])
@pytest.mark.parametrize("login", [LOGIN, ()])
def test_a_login_is_named_as_the_aws_cli_here_takes_it(
    monkeypatch: pytest.MonkeyPatch, raised: Exception, login: tuple[str, ...]
) -> None:
    monkeypatch.setattr(login_program, "shown", lambda command: command.replace(" --use-device-code", ""))
    where = aws.CallContext("ecs", "ListClusters", "", login)
    for found in (aws.reading(raised, where), aws.before_writing(raised, where), aws.writing(raised, where)):
        assert found is not None
        assert "--use-device-code" not in found.hint
        assert "aws sso login" in found.hint or not login


UNKNOWN, FAILED = errors.OutcomeUnknown, errors.ActionFailed
WRITING = [
    (boto.ReadTimeoutError(**URL), UNKNOWN, ""),
    (boto.ConnectionClosedError(**URL), UNKNOWN, ""),
    (boto.HTTPClientError(error="x"), UNKNOWN, ""),
    (boto.SSLError(**URL, error="EOF occurred in violation of protocol"), UNKNOWN, ""),
    (boto.SSLError(**URL, error="CERTIFICATE_VERIFY_FAILED"), FAILED, "nothing was sent"),
    (ResponseParserError("bad"), UNKNOWN, ""),
    (error("UpdateService", "ServerException", "", 500), UNKNOWN, "may or may not"),
    (error("UpdateService", "502", "", 502, content_type="text/html"), UNKNOWN, ""),
    (boto.EndpointConnectionError(**URL), FAILED, "nothing was sent"),
    (boto.ConnectTimeoutError(**URL), FAILED, "nothing was sent"),
    (boto.ProxyConnectionError(proxy_url="http://p"), FAILED, "nothing was sent"),
    (boto.NoCredentialsError(), FAILED, "nothing was sent"),
    (error("StopServiceDeployment", "ConflictException", "it has ended"), FAILED, "AWS refused it: it has ended"),
    (error("UpdateService", "ClientException", "TaskDefinition is inactive"), FAILED, "TaskDefinition is inactive"),
    (error("UpdateService", "AccessDeniedException"), FAILED, "denied"),
    (error("UpdateService", "ExpiredTokenException"), FAILED, "expired"),
    (error("UpdateService", "ThrottlingException"), FAILED, "throttled"),
    (error("UpdateService", "307", "", 307), FAILED, "redirected"),
]


@pytest.mark.parametrize(("raised", "kind", "words"), WRITING, ids=lambda v: getattr(v, "__name__", str(v))[:40])
def test_writing(raised: Exception, kind: type[errors.ActionError], words: str) -> None:
    found = aws.writing(raised, WHERE)
    assert type(found) is kind
    assert words in found.message


def test_what_fails_before_a_write_was_not_sent() -> None:
    found = aws.before_writing(boto.ReadTimeoutError(endpoint_url="https://sts.example.com"), WHERE)
    assert type(found) is errors.ActionFailed


def test_a_bug_stays_a_bug() -> None:
    assert aws.reading(KeyError("x"), WHERE) is None
    assert aws.writing(TypeError("x"), WHERE) is None
    assert aws.reading(boto.ParamValidationError(report="x"), WHERE) is None


def test_a_throttled_answer_may_say_for_how_long() -> None:
    found = aws.reading(error("X", "ThrottlingException", "", 400, retry_after="7"), WHERE)
    assert isinstance(found, errors.Throttled)
    assert found.retry_after_s == 7.0
