"""Files that an AWS login is read from may hold anything: each ends in words that name the file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore import credentials, tokens, utils
from botocore.utils import JSONFileCache
from logins import NOBODY, profile, said, said_at_last, works

pytestmark = pytest.mark.usefixtures("no_keys", "short_waits")


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


@pytest.mark.parametrize("file", ["config", "credentials"])
@pytest.mark.parametrize("kind", GARBAGE)
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
def test_the_cached_sso_login_may_hold_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, legacy: bool
) -> None:
    cache = tmp_path / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    monkeypatch.setattr(JSONFileCache, "CACHE_DIR", str(cache))
    for owner in (credentials.SSOProvider, tokens.SSOTokenProvider):
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
    error = said_at_last("SSO login", profile="prod")
    assert "SSO login" in error.message or works(error)
    assert "Error" not in error.message
    assert "a\\nb" not in error.message
    if "cannot be used" in error.message:
        assert "~/.aws/sso/cache" in error.message
        assert error.hint.startswith("aws sso login --use-device-code --profile prod")  # so that the board offers `L`
    assert "login" in error.hint or works(error) or "hangs" in error.hint


@pytest.mark.parametrize("kind", GARBAGE)
@pytest.mark.parametrize("place", ["environment", "profile"])
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
    error = said_at_last("web identity", profile="prod" if place == "profile" else "")
    if kind in ("missing", "a folder", "a pipe"):
        assert "web identity" in error.message
    if kind in ("missing", "a folder"):
        assert "AWS_WEB_IDENTITY_TOKEN_FILE" in error.hint
        assert str(token) in error.message


@pytest.mark.parametrize("kind", GARBAGE)
def test_a_containers_token_file_may_hold_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    GARBAGE[kind](tmp_path / "token")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{NOBODY}/keys")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setattr(utils.ContainerMetadataFetcher, "SLEEP_TIME", 0)
    assert "container" in said_at_last("container").message
