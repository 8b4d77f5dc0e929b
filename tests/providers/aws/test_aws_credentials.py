"""Whatever stands around the program (keys, profiles, files, variables) ends in words that say what to change."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.utils import JSONFileCache

from oncall_tui import errors
from oncall_tui.providers.aws.client import credentials
from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.rate_limit import TokenBucket
from oncall_tui.providers.aws.client.session import Sessions, login_command
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.options import EcsOptions
from oncall_tui.runtime import programs
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.waiting import SingleFlight, telling

NOBODY = "http://127.0.0.1:9"  # where nobody listens: a call that gets so far is refused there
HOLDS = {"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "wJalrXUtnFEMI"}
LATER, BEFORE = "2099-01-01T00:00:00Z", "2001-01-01T00:00:00Z"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def sessions(**more: Any) -> Sessions:
    return Sessions(
        EcsOptions(**{"name": "prod", "provider": "ecs", "region": "eu-west-1", "endpoint_url": NOBODY} | more)
    )


def asked(made: Sessions) -> errors.SourceError:
    """What a poll would say. Anything but a SourceError would be "bug in this provider"."""
    with pytest.raises(errors.SourceError) as caught:
        AwsClient(made, "ecs", TokenBucket(FakeClock()), Counter()).read(w.ListClusters, "ListClusters")
    assert caught.value.message
    assert caught.value.hint
    return caught.value


def said(**more: Any) -> errors.SourceError:
    return asked(sessions(**more))


def profile(folder: Path, *lines: str, name: str = "prod", file: str = "config") -> None:
    with (folder / file).open("a") as config:
        config.write(f"[{'profile ' if file == 'config' else ''}{name}]\n" + "\n".join(lines) + "\n")


def works(error: errors.SourceError) -> bool:
    """The call was signed and sent: it is the other side that is not there."""
    return isinstance(error, errors.Offline) and NOBODY in error.message


# --- credential_process -----------------------------------------------------------------------------------------------

ANSWERS = {
    "": "printed nothing",
    "not json": "did not print JSON",
    "[1]": "did not print a JSON object",
    "null": "did not print a JSON object",
    "{}": '"Version": 1',
    json.dumps({"Version": 2, **HOLDS}): '"Version": 1',
    json.dumps({"Version": "1", **HOLDS}): '"Version": 1',
    json.dumps({"Version": 1, "AccessKeyId": "AK"}): "did not print SecretAccessKey",
    json.dumps({"Version": 1, "SecretAccessKey": "s"}): "did not print AccessKeyId",
    json.dumps({"Version": 1, **HOLDS, "AccessKeyId": 5}): "did not print AccessKeyId",
    json.dumps({"Version": 1, **HOLDS, "AccessKeyId": ""}): "did not print AccessKeyId",
    json.dumps({"Version": 1, **HOLDS, "SecretAccessKey": None}): "did not print SecretAccessKey",
    json.dumps({"Version": 1, **HOLDS, "SessionToken": ["x"]}): "SessionToken that is no string",
    json.dumps({"Version": 1, **HOLDS, "AccountId": 12}): "AccountId that is no string",
    json.dumps({"Version": 1, **HOLDS, "Expiration": BEFORE}): "expired already",
    json.dumps({"Version": 1, **HOLDS, "Expiration": "soon"}): "Expiration that is not a time",
    json.dumps(
        {"Version": 1, **HOLDS, "Expiration": "2099-01-01T00:00:00"}
    ): "Expiration that is not a time with its zone",
    json.dumps({"Version": 1, **HOLDS, "Expiration": 4070908800}): "Expiration that is not a time",
    json.dumps({"Version": 1, **HOLDS, "Expiration": "9" * 400}): "Expiration that is not a time",
    json.dumps({"Version": 1, **HOLDS, "SessionToken": "a\nb"}): "hold characters that no key of AWS has",
    json.dumps({"Version": 1, **HOLDS, "SecretAccessKey": "é"}): "hold characters that no key of AWS has",
    '{"a":' * 10_000: "did not print JSON",
    "x" * 70_000: "printed more than 64 kB",
    "\\xff": "did not print JSON",
}


@pytest.mark.parametrize(("answer", "words"), ANSWERS.items(), ids=lambda text: text[:40])
def test_each_wrong_answer_of_a_credential_process_has_its_words(tmp_path: Path, answer: str, words: str) -> None:
    (tmp_path / "answer").write_text(answer)
    profile(tmp_path, f"credential_process = cat {shlex.quote(str(tmp_path / 'answer'))}")
    error = said(profile="prod")
    assert "credential_process of profile prod" in error.message
    assert words in error.message
    assert "wJalrXUtnFEMI" not in str(error)
    assert type(error) is (errors.Expired if "expired" in words else errors.NoCredentials)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("/no/such/program", "is not on this machine"),
        ("~/config", "is not on this machine"),  # no shell runs it
        ("sh -c 'echo a-secret >&2; exit 7'", "ended with status 7"),
        ("sh -c 'kill -9 $$'", "was ended by SIGKILL"),
        ("sh -c 'read x; exit 1'", "ended with status 1"),
        ("", "names no program"),
        ("sh -c 'unclosed", "No closing quotation"),
    ],
)
def test_a_credential_process_that_gives_nothing(
    tmp_path: Path, command: str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    profile(tmp_path, f"credential_process = {command}")
    error = said(profile="prod")
    assert words in error.message
    assert "credential_process of profile prod" in error.message
    assert "a-secret" not in str(error)
    assert "a-secret" not in "".join(capfd.readouterr())


def test_a_credential_process_that_asks_something_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(programs.answer_of.__kwdefaults__, "timeout_s", 0.1)
    profile(tmp_path, "credential_process = sleep 60")
    assert "gave no answer within" in said(profile="prod").message


def test_also_the_one_that_a_role_builds_on_has_no_terminal(tmp_path: Path) -> None:
    """botocore makes that provider when it is needed, past the chain."""
    profile(tmp_path, "credential_process = sh -c 'exit 9'", name="base")
    profile(tmp_path, "role_arn = arn:aws:iam::123456789012:role/x", "source_profile = base")
    assert "credential_process of profile base ended with status 9" in said(profile="prod").message
    assert "credential_process of profile base" in said(profile="base", role_arn="arn:aws:iam::1:role/y").message


def test_good_keys_of_a_credential_process_sign(tmp_path: Path) -> None:
    (tmp_path / "answer").write_text(json.dumps({"Version": 1, **HOLDS, "SessionToken": "t0ken-t0ken"}))
    profile(tmp_path, f"credential_process = cat {tmp_path / 'answer'}")
    made = sessions(profile="prod")
    assert works(asked(made))
    assert made.keys(acting=False)["AWS_SESSION_TOKEN"] == "t0ken-t0ken"
    from oncall_tui.runtime.secret import redact

    assert redact("t0ken-t0ken wJalrXUtnFEMI") == "••• •••"


# --- each source waits alone ------------------------------------------------------------------------------------------


@pytest.fixture
def hung(tmp_path: Path) -> Iterator[Path]:
    """A credential_process that waits for this file."""
    go = tmp_path / "go"
    (tmp_path / "answer").write_text(json.dumps({"Version": 1, **HOLDS}))
    wait = f"while [ ! -e {go} ]; do sleep 0.02; done; cat {tmp_path / 'answer'}"
    profile(tmp_path, f"credential_process = sh -c '{wait}'", name="hung")
    profile(tmp_path, "aws_access_key_id = AK", "aws_secret_access_key = secret-key", name="good", file="credentials")
    yield go
    go.touch()


def test_a_hung_helper_holds_up_no_other_source_nor_what_needs_no_keys(hung: Path) -> None:
    stuck, other = sessions(profile="hung"), sessions(profile="good")
    told: list[str] = []
    ended: list[errors.SourceError] = []

    def poll() -> None:
        with telling(told.append):
            ended.append(asked(stuck))

    thread = threading.Thread(target=poll)
    thread.start()
    while "credential_process of profile hung" not in told:
        time.sleep(0.005)
    assert works(asked(other))
    assert works(asked(sessions(profile="good", role_arn="")))  # one that is made meanwhile
    # Nor does its own source, in what needs no keys: no lock is held.
    assert stuck.banner("ecs") == f"endpoint {NOBODY}"
    assert stuck.where("ecs", "ListClusters")["operation"] == "ListClusters"
    assert stuck.region("ecs") == "eu-west-1"
    stuck.renew()
    stuck.close()
    assert ended == []
    hung.touch()
    thread.join(10)
    assert works(ended[0])
    assert told[-1] == ""


def test_what_acts_waits_for_its_own_keys_alone(hung: Path) -> None:
    made = sessions(profile="good", act_profile="hung")
    thread = threading.Thread(target=lambda: made.resolve("ecs", acting=True))
    thread.start()
    assert works(asked(made))
    hung.touch()
    thread.join(10)
    assert not thread.is_alive()


def test_many_threads_of_a_source_start_one_helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[object] = []
    inner = programs.answer_of
    monkeypatch.setattr(programs, "answer_of", lambda command, **more: runs.append(command) or inner(command, **more))
    (tmp_path / "answer").write_text(json.dumps({"Version": 1, **HOLDS, "Expiration": LATER}))
    profile(tmp_path, f"credential_process = sh -c 'sleep 0.2; cat {tmp_path / 'answer'}'")
    made = sessions(profile="prod")
    threads = [threading.Thread(target=lambda: asked(made)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert works(asked(made))
    assert len(runs) == 1


def test_who_waits_too_long_is_told_for_what(hung: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SingleFlight.get, "__defaults__", (0.3,))
    error = said(profile="hung")
    assert error.message == "still waiting for credential_process of profile hung"


def test_keys_that_still_hold_are_renewed_beside_the_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A helper that hangs then costs nothing before they have ended."""
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 300))
    (tmp_path / "answer").write_text(json.dumps({"Version": 1, **HOLDS, "Expiration": soon}))
    again = f"sh -c 'cat {tmp_path / 'answer'}; echo >> {tmp_path / 'runs'}'"
    profile(tmp_path, f"credential_process = {again}")
    made = sessions(profile="prod")
    assert works(asked(made))
    runs = (tmp_path / "runs").read_text()
    (tmp_path / "answer").unlink()
    os.mkfifo(tmp_path / "answer")  # from now on it hangs
    for _ in range(5):
        assert works(asked(made))
    assert (tmp_path / "runs").read_text() == runs


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


# --- files ------------------------------------------------------------------------------------------------------------


def nothing(path: Path) -> None:
    """It is not there."""


def pipe(path: Path) -> None:
    os.mkfifo(path)


GARBAGE: dict[str, Callable[[Path], object]] = {
    "missing": nothing,
    "empty": Path.touch,
    "a folder": Path.mkdir,
    "a pipe": pipe,
    "bytes": lambda path: path.write_bytes(b"\xff\xfe\x00\x01" * 50),
    "words": lambda path: path.write_text("this is no configuration\n"),
    "twice the same": lambda path: path.write_text("[profile prod]\n[profile prod]\n"),
    "a list": lambda path: path.write_text("[1, 2]"),
    "an empty object": lambda path: path.write_text("{}"),
    "numbers": lambda path: path.write_text('{"accessToken": 5, "expiresAt": 6}'),
    "no time": lambda path: path.write_text('{"accessToken": "a", "expiresAt": "soon"}'),
    "long ago": lambda path: path.write_text('{"accessToken": "a", "expiresAt": "2001-01-01T00:00:00Z"}'),
    "header breaks": lambda path: path.write_text('{"accessToken": "a\\nb", "expiresAt": "2099-01-01T00:00:00Z"}'),
}


@pytest.fixture
def _short(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    pipes = getattr(request.node, "callspec", None) and request.node.callspec.params.get("kind") == "a pipe"
    monkeypatch.setattr(SingleFlight.get, "__defaults__", (1.0 if pipes else 10.0,))


@pytest.mark.parametrize("file", ["config", "credentials"])
@pytest.mark.parametrize("kind", GARBAGE)
@pytest.mark.usefixtures("_short")
def test_aws_s_own_files_may_hold_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, kind: str
) -> None:
    GARBAGE[kind](tmp_path / file)
    for error in (said(profile="prod"), said()):
        if "is not a file of AWS settings" in error.message:
            assert error.message.startswith(f"~/{file} is not")
            assert error.hint.startswith("correct ")
            assert f"~/{file}, or set AWS_" in error.hint
            assert "no configuration" not in str(error)  # a line of it may be a key
        else:
            assert kind not in {"bytes", "words", "numbers", "no time"}
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-key")
    said()


def test_a_file_that_botocore_cannot_parse_is_named_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SHARED_CREDENTIALS_FILE")
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text("[default]\naws_access_key_id = AK\nwJalrXUtnFEMI\n")
    error = said()
    assert error.message == "~/.aws/credentials is not a file of AWS settings: line 3 cannot be parsed"
    assert error.hint == "correct line 3 of ~/.aws/credentials, or move the file away"


def test_files_of_aws_that_cannot_be_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "credentials").write_text("[default]\n")
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("credentials"))
    assert said().message == "no AWS credentials were found; ~/credentials cannot be read"


@pytest.mark.parametrize("kind", GARBAGE)
@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.usefixtures("_short")
def test_the_cached_sso_login_may_hold_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, legacy: bool
) -> None:
    cache = tmp_path / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    monkeypatch.setattr(JSONFileCache, "CACHE_DIR", str(cache))
    from botocore import credentials as theirs
    from botocore import tokens

    for owner in (theirs.SSOProvider, tokens.SSOTokenProvider):
        monkeypatch.setattr(owner, "_SSO_TOKEN_CACHE_DIR", str(cache))
    url = "http://127.0.0.1:9/start"
    role = ("sso_account_id = 123456789012", "sso_role_name = x")
    if legacy:
        profile(tmp_path, f"sso_start_url = {url}", "sso_region = eu-west-1", *role)
    else:
        profile(tmp_path, "sso_session = team", *role)
        with (tmp_path / "config").open("a") as config:
            config.write(f"[sso-session team]\nsso_start_url = {url}\nsso_region = eu-west-1\n")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSO", NOBODY)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSO_OIDC", NOBODY)
    name = hashlib.sha1((url if legacy else "team").encode()).hexdigest()
    GARBAGE[kind](cache / f"{name}.json")
    error = said(profile="prod")
    assert "SSO login" in error.message or works(error)
    assert "Error" not in error.message
    assert "a\\nb" not in error.message
    if "cannot be used" in error.message:
        assert "~/.aws/sso/cache" in error.message
        assert error.hint.startswith("aws sso login --use-device-code --profile prod")  # so that the board offers `L`
    assert "login" in error.hint or works(error) or "hangs" in error.hint


@pytest.mark.parametrize("kind", GARBAGE)
@pytest.mark.parametrize("place", ["environment", "profile"])
@pytest.mark.usefixtures("_short")
def test_a_web_identity_file_may_hold_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, place: str
) -> None:
    token = tmp_path / "token"
    GARBAGE[kind](token)
    role = "arn:aws:iam::123456789012:role/x"
    if place == "environment":
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
        monkeypatch.setenv("AWS_ROLE_ARN", role)
    else:
        profile(tmp_path, f"web_identity_token_file = {token}", f"role_arn = {role}")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", NOBODY)
    error = said(profile="prod" if place == "profile" else "")
    if kind in ("missing", "a folder", "a pipe"):
        assert "web identity" in error.message
    if kind in ("missing", "a folder"):
        assert "AWS_WEB_IDENTITY_TOKEN_FILE" in error.hint
        assert str(token) in error.message


@pytest.mark.parametrize("kind", GARBAGE)
@pytest.mark.usefixtures("_short")
def test_a_containers_token_file_may_hold_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    GARBAGE[kind](tmp_path / "token")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{NOBODY}/keys")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(tmp_path / "token"))
    from botocore import utils

    monkeypatch.setattr(utils.ContainerMetadataFetcher, "SLEEP_TIME", 0)
    assert "container" in said().message


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
    from botocore import utils

    monkeypatch.setattr(utils.ContainerMetadataFetcher, "SLEEP_TIME", 0)
    monkeypatch.setattr(utils.ContainerMetadataFetcher, "FULL_URI", NOBODY, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-key")


@pytest.mark.parametrize("value", [ODD[0], *(pytest.param(v, marks=pytest.mark.everything) for v in ODD[1:])])
@pytest.mark.usefixtures("_short")
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
@pytest.mark.usefixtures("_short")
def test_no_line_of_a_profile_ends_as_a_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", NOBODY)
    for line in lines:
        (tmp_path / "config").write_text("")
        profile(tmp_path, line)
        said(profile="prod", region="", endpoint_url="")
        said(profile="prod")


def test_each_way_of_botocore_has_a_name() -> None:
    import botocore.session

    chain = botocore.session.Session().get_component("credential_provider").providers
    for way in (*(each.METHOD for each in chain), "env", "assume-role"):
        assert not credentials.way_of(way, "").name.startswith("the AWS credentials ("), way
