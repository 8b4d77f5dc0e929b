"""A secret: read where it is said to be, and shown nowhere."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import pytest

from oncall_tui.errors import NoCredentials
from oncall_tui.runtime import secret as module
from oncall_tui.runtime.secret import Secret, redact

VALUE = "s3cr3t-Value-77"


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test read is not redacted in another."""
    monkeypatch.setattr(module, "_known", set())


def command(code: str) -> Secret:
    return Secret("command", (sys.executable, "-c", code))


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", f" {VALUE}\n")
    assert Secret("env", ("TOKEN",)).get() == VALUE


def test_from_a_file_also_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text(VALUE + "\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Secret("file", (str(tmp_path / "token"),)).get() == VALUE
    assert Secret("file", ("~/token",)).get() == VALUE


def test_from_a_command_that_gets_no_terminal() -> None:
    assert command(f"import sys; print('{VALUE}' + sys.stdin.read())").get() == VALUE


def test_it_is_read_once_until_it_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "first")
    secret = Secret("env", ("TOKEN",))
    assert secret.get() == "first"
    monkeypatch.setenv("TOKEN", "second")
    assert secret.get() == "first"
    secret.forget()
    assert secret.get() == "second"


@pytest.mark.parametrize("value", ["", "  \n"])
def test_an_empty_one_names_the_place(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TOKEN", value)
    with pytest.raises(NoCredentials, match=r"the secret from \$TOKEN is empty \(set \$TOKEN\)"):
        Secret("env", ("TOKEN",)).get()


@pytest.mark.parametrize("value", [f"{VALUE}\nX-Other: 1", f"{VALUE}é", f"{VALUE}\x1b[0m"])
def test_what_no_header_can_carry_is_refused_unseen(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TOKEN", value)
    with pytest.raises(NoCredentials, match="no header can carry") as caught:
        Secret("env", ("TOKEN",)).get()
    assert VALUE not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe" + VALUE.encode())
    for path in (tmp_path / "none", tmp_path, tmp_path / "bytes"):
        with pytest.raises(NoCredentials, match="cannot read the secret") as caught:
            Secret("file", (str(path),)).get()
        assert str(path) in caught.value.message
        assert caught.value.__suppress_context__  # a decoding error carries the bytes


def test_a_failing_command_is_named_without_arguments_or_output() -> None:
    with pytest.raises(NoCredentials, match="ended with status 3") as caught:
        command(f"import sys; print('{VALUE}'); print('{VALUE}', file=sys.stderr); sys.exit(3)").get()
    assert VALUE not in str(caught.value)
    assert sys.executable in str(caught.value)


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(NoCredentials, match="did not run: FileNotFoundError") as caught:
        Secret("command", ("/no/such/program", VALUE)).get()
    assert VALUE not in str(caught.value)


def test_a_hanging_command_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMMAND_TIMEOUT_S", 0.05)
    with pytest.raises(NoCredentials, match="did not run: TimeoutExpired") as caught:
        command("import time; time.sleep(30)").get()
    assert caught.value.__suppress_context__


def test_no_repr_holds_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", VALUE)
    secret = Secret("env", ("TOKEN",))
    secret.get()
    assert repr(secret) == str(secret) == f"{secret}" == "<secret from $TOKEN>"
    assert repr(Secret("command", ("pass", VALUE))) == "<secret from command pass>"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_what_was_read_is_redacted_in_any_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", VALUE)
    assert redact(f"got {VALUE}") == f"got {VALUE}"
    Secret("env", ("TOKEN",)).get()
    assert redact(f"got {VALUE}, twice {VALUE}") == "got •••, twice •••"


def test_a_value_too_short_to_tell_from_words_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "abc")
    Secret("env", ("TOKEN",)).get()
    assert redact("abc") == "abc"
