"""The login's command as the AWS CLI on this machine takes it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from oncall_tui.errors import Refused
from oncall_tui.runtime.login_program import fitted, shown

SSO = ("aws", "sso", "login", "--use-device-code", "--profile", "prod")
PLAIN = ("aws", "sso", "login", "--profile", "prod")
LOGIN = ("aws", "login", "--remote", "--profile", "prod")


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path / "aws"


def says(cli: Path, text: str, more: str = "") -> None:
    cli.write_text(f"#!/bin/sh\necho '{text}' {more}\n")
    cli.chmod(0o755)


@pytest.mark.parametrize(
    ("version", "command", "run", "words"),
    [
        ("aws-cli/2.32.5 Python/3.13", SSO, SSO, ""),
        ("aws-cli/2.22.0 Python/3.12", SSO, SSO, ""),
        ("aws-cli/2.21.9 Python/3.12", SSO, PLAIN, "AWS CLI 2.21 does not know --use-device-code"),
        ("aws-cli/2.0.1 Python/3.7", SSO, PLAIN, "AWS CLI 2.0 does not know"),
        ("aws-cli/2.0.1 Python/3.7", PLAIN, PLAIN, ""),
        ("aws-cli/2.32.0 Python/3.13", LOGIN, LOGIN, ""),
        ("aws-cli/3.0.0 Python/4", LOGIN, LOGIN, ""),
        ("something else", SSO, SSO, ""),
        ("aws-cli/1.2.3", ("aws", "sts", "get-caller-identity"), ("aws", "sts", "get-caller-identity"), ""),
    ],
)
def test_what_is_run(cli: Path, version: str, command: tuple[str, ...], run: tuple[str, ...], words: str) -> None:
    says(cli, version)
    found, said = fitted(command)
    assert found == run
    assert words in said


@pytest.mark.parametrize(
    ("version", "command", "words"),
    [
        ("aws-cli/1.44.5 Python/3.11", SSO, "`aws sso login` needs AWS CLI 2.0, and this machine has 1.44"),
        ("aws-cli/1.44.5 Python/3.11", PLAIN, "`aws sso login` needs AWS CLI 2.0, and this machine has 1.44"),
        ("aws-cli/2.31.9 Python/3.13", LOGIN, "needs AWS CLI 2.32, and this machine has 2.31"),
    ],
)
def test_what_cannot_work_is_not_run_and_says_which_version_is_needed(
    cli: Path, version: str, command: tuple[str, ...], words: str
) -> None:
    says(cli, version, ">&2")  # where Python 2's version 1 says it
    with pytest.raises(Refused) as caught:
        fitted(command)
    assert words in caught.value.message
    assert "user guide" in caught.value.hint


@pytest.mark.parametrize(
    ("version", "command", "hint"),
    [
        ("aws-cli/2.32.5 Python/3.13", SSO, " ".join(SSO)),
        ("aws-cli/2.21.9 Python/3.12", SSO, " ".join(PLAIN)),
        ("aws-cli/1.44.5 x", SSO, f"{' '.join(SSO)} (needs AWS CLI 2.0, and this machine has 1.44)"),
        ("aws-cli/2.31.9 x", LOGIN, f"{' '.join(LOGIN)} (needs AWS CLI 2.32, and this machine has 2.31)"),
        ("something else", SSO, " ".join(SSO)),
        ("aws-cli/2.21.9 x", ("vault", "login"), "vault login"),
    ],
)
def test_a_hint_shows_what_works_here(cli: Path, version: str, command: tuple[str, ...], hint: str) -> None:
    says(cli, version)
    assert shown(" ".join(command)) == hint


def test_a_hint_says_that_the_aws_cli_is_missing(cli: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(cli.parent))
    assert shown(" ".join(SSO)) == f"{' '.join(SSO)} (aws is not on this machine)"
    assert shown("") == ""


def test_the_version_is_asked_once_for_many_hints(cli: Path) -> None:
    says(cli, "aws-cli/2.21.9 x", f"; echo x >>{cli.parent}/asked")
    for _ in range(3):
        shown(" ".join(SSO))
    assert (cli.parent / "asked").read_text() == "x\n"


def test_a_program_that_is_not_there_is_said(cli: Path) -> None:
    with pytest.raises(Refused, match=r"no-such-login is not on this machine .*log in where it is: no-such-login now"):
        fitted(("no-such-login", "now"))


def test_another_program_is_run_as_it_is() -> None:
    assert fitted((sys.executable, "-c", "pass")) == ((sys.executable, "-c", "pass"), "")
