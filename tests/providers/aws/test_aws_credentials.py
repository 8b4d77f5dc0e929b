"""Whatever stands around the program (keys, profiles, variables) ends in words that say what to change."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import botocore.session
import pytest
from botocore import utils
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from logins import BEFORE, NOBODY, asked, profile, said, sessions, works

from oncall_tui import errors
from oncall_tui.providers.aws.client import credentials
from oncall_tui.providers.aws.client.session import login_command

pytestmark = pytest.mark.usefixtures("no_keys")

# --- expired keys, and which login helps ------------------------------------------------------------------------------


class Answers:
    """A server with one answer."""

    def __init__(self, body: bytes) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        head = b"HTTP/1.1 400 No\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\n\r\n"
        self._said = head % len(body) + body
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            with line:
                line.recv(65_536)
                line.sendall(self._said)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def refusing() -> Iterator[Callable[[str], str]]:
    made: list[Answers] = []

    def make(code: str) -> str:
        made.append(Answers(json.dumps({"__type": code}).encode()))
        return made[-1].url

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("code", ["ExpiredTokenException", "UnrecognizedClientException"])
def test_expired_keys_in_the_environment_are_named_and_no_login_is_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusing: Callable[[str], str], code: str
) -> None:
    profile(tmp_path, "sso_session = team")
    with (tmp_path / "config").open("a") as config:
        config.write("[sso-session team]\nsso_start_url = https://a.example\nsso_region = eu-west-1\n")
    monkeypatch.setenv("AWS_PROFILE", "prod")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-key")
    made = sessions(endpoint_url=refusing(code))
    error = asked(made)
    assert "the keys in the environment" in error.message
    assert "AWS_ACCESS_KEY_ID" in error.hint
    assert "unset" in error.hint
    assert "sso login" not in error.hint
    assert made.login == ()  # a key that runs it would change nothing
    # A profile that the configuration names stands before them, as with AWS's tools.
    assert sessions(profile="prod").login[:3] == ("aws", "sso", "login")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert login_command("")[:3] == ("aws", "sso", "login")


def test_expired_keys_of_a_profile_are_named(tmp_path: Path, refusing: Callable[[str], str]) -> None:
    profile(tmp_path, "aws_access_key_id = AK", "aws_secret_access_key = secret-key", file="credentials")
    error = said(profile="prod", endpoint_url=refusing("ExpiredToken"))
    assert error.message == "the keys of profile prod have expired (ExpiredToken)"
    assert "~/credentials" in error.hint


@pytest.mark.parametrize(
    ("expiry", "words"), [(BEFORE, "expired already"), ("soon", "Unknown string format"), ("9" * 400, "")]
)
def test_an_expiry_beside_the_keys_in_the_environment(monkeypatch: pytest.MonkeyPatch, expiry: str, words: str) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-key")
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", expiry)
    error = said()
    assert "the keys in the environment" in error.message
    assert words in error.message
    assert "AWS_ACCESS_KEY_ID" in error.hint


# --- profiles ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
@pytest.mark.parametrize(
    ("value", "words"),
    [("", "is set, but empty"), (" ", "is set, but empty"), ("prdo", "did you mean prod?"), ("zzz", "does not have")],
)
def test_a_profile_in_the_environment_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    profile(tmp_path, "region = eu-west-1")
    monkeypatch.setenv(variable, value)
    error = said()
    assert words in error.message
    assert variable in error.message
    assert variable in error.hint


def test_a_profile_in_the_configuration_that_is_none(tmp_path: Path) -> None:
    profile(tmp_path, "region = eu-west-1")
    error = said(profile="prof")
    assert error.message.startswith("profile: names the profile prof, which ~/config does not have")
    assert "did you mean prod?" in error.message


# --- variables and settings -------------------------------------------------------------------------------------------

VARIABLES = sorted(
    {
        name
        for _, variables, _, _ in BOTOCORE_DEFAUT_SESSION_VARIABLES.values()
        for name in ((variables,) if isinstance(variables, str) else variables or ())
    }
    | {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION", "AWS_ACCOUNT_ID"}
    | {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECS", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"}
    | {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CREDENTIAL_FILE"}
    | {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "BOTO_CONFIG", "AWS_EXECUTION_ENV"}
)
ODD = ["banana split", "", "-1", "9" * 40, "http://[::1", "a\tb", "/no/such/file", "ünïcode"]


def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utils.ContainerMetadataFetcher, "SLEEP_TIME", 0)
    monkeypatch.setattr(utils.ContainerMetadataFetcher, "FULL_URI", NOBODY, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-key")


@pytest.mark.parametrize("value", [ODD[0], *(pytest.param(v, marks=pytest.mark.everything) for v in ODD[1:])])
def test_no_variable_of_aws_ends_as_a_bug(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    _surroundings(monkeypatch)
    for name in VARIABLES:
        with monkeypatch.context() as around:
            around.setenv(name, value)
            error = said(
                endpoint_url="" if "ENDPOINT" in name else NOBODY, region="" if "REGION" in name else "eu-west-1"
            )
            if isinstance(error, errors.NoCredentials) and "characters" not in error.message:
                assert name in str(error) or "no region" in error.message, (name, str(error))


@pytest.mark.parametrize(
    "more",
    [{"region": "not a region"}, {"region": "eu_west!"}, {"endpoint_url": "not a url"}, {"endpoint_url": "http://"}],
)
def test_a_setting_of_the_source_is_named(monkeypatch: pytest.MonkeyPatch, more: dict[str, str]) -> None:
    _surroundings(monkeypatch)
    (name,) = more
    assert f"{name}:" in said(**more).hint


def test_the_retries_that_the_environment_wants_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    _surroundings(monkeypatch)
    monkeypatch.setenv("AWS_RETRY_MODE", "banana")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "banana")
    monkeypatch.setenv("AWS_DEFAULTS_MODE", "auto")  # would ask the instance's metadata
    assert works(said())


SETTINGS = [
    "s3 =\n  banana",
    "retry_mode = banana",
    "max_attempts = x",
    "parameter_validation = x",
    "sso_session = none",
]
SETTINGS += ["sigv4a_signing_region_set = ,", "services = none", "endpoint_url = ::", "region = a b", "ca_bundle = /no"]
SETTINGS += ["source_profile = none\nrole_arn = x", "source_profile = prod\nrole_arn = x", "credential_source = Moon"]
SETTINGS += ["role_arn = x\ncredential_source = Moon", "aws_access_key_id = x", "metadata_service_timeout = soon"]
SETTINGS += [
    "role_arn = x",
    "web_identity_token_file = /no\nrole_arn = x",
    "login_session = x",
    "duration_seconds = soon",
]
SETTINGS += ["sso_start_url = x", "defaults_mode = banana", "use_fips_endpoint = banana", "tcp_keepalive = banana"]


@pytest.mark.parametrize("lines", [SETTINGS[:6], pytest.param(SETTINGS[6:], marks=pytest.mark.everything)])
def test_no_line_of_a_profile_ends_as_a_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", NOBODY)
    for line in lines:
        (tmp_path / "config").write_text("")
        profile(tmp_path, line)
        said(profile="prod", region="", endpoint_url="")
        said(profile="prod")


def test_each_way_of_botocore_has_a_name() -> None:
    chain = botocore.session.Session().get_component("credential_provider").providers
    for way in (*(each.METHOD for each in chain), "env", "assume-role"):
        assert not credentials.way_of(way, "").name.startswith("the AWS credentials ("), way
