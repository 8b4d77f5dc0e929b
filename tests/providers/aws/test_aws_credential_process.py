"""A ``credential_process``: each wrong answer has its words, and who waits for one holds up nobody else."""

from __future__ import annotations

import json
import os
import shlex
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from logins import BEFORE, HOLDS, LATER, NOBODY, asked, profile, said, said_at_last, sessions, works

from oncall_tui import errors
from oncall_tui.runtime import programs
from oncall_tui.runtime.secret import redact
from oncall_tui.runtime.waiting import SingleFlight, telling

pytestmark = pytest.mark.usefixtures("no_keys")

# --- its answer -------------------------------------------------------------------------------------------------------

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
    error = said_at_last("credential_process", profile="hung")
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
