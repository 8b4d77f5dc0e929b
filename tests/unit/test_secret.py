"""A secret: read where it is said to be, and shown nowhere."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oncall_tui.errors import NoCredentials
from oncall_tui.runtime import programs
from oncall_tui.runtime import secret as module
from oncall_tui.runtime.secret import Secret, redact
from oncall_tui.runtime.waiting import SingleFlight, telling

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
    os.mkfifo(tmp_path / "pipe")  # nobody writes it: to open it the usual way would wait for ever
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path, why in {
        tmp_path / "none": "no such file",
        tmp_path: "a folder",
        tmp_path / "bytes": "not text",
        tmp_path / "pipe": "a pipe or a device",
        Path("/dev/zero"): "a pipe or a device",
        Path("/dev/tty"): "",  # a device, or none where there is no terminal
        tmp_path / "large": "more than 64 kb",
        tmp_path / "loop": "symbolic links",
        Path("~nobody-has-this-name/token"): "",
    }.items():
        with pytest.raises(NoCredentials, match="cannot read the secret") as caught:
            Secret("file", (str(path),)).get()
        assert str(path) in caught.value.message
        assert why in caught.value.message.lower()
        assert VALUE not in str(caught.value)
        assert caught.value.__suppress_context__  # a decoding error carries the bytes


def test_a_failing_command_is_named_without_arguments_or_output() -> None:
    with pytest.raises(NoCredentials, match="ended with status 3") as caught:
        command(f"import sys; print('{VALUE}'); print('{VALUE}', file=sys.stderr); sys.exit(3)").get()
    assert VALUE not in str(caught.value)
    assert sys.executable in str(caught.value)


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(NoCredentials, match="/no/such/program is not on this machine") as caught:
        Secret("command", ("/no/such/program", VALUE)).get()
    assert VALUE not in str(caught.value)


def test_a_hanging_command_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(programs.answer_of.__kwdefaults__, "timeout_s", 0.05)
    with pytest.raises(NoCredentials, match="gave no answer within 0 s") as caught:
        command("import time; time.sleep(30)").get()
    assert caught.value.__suppress_context__


def test_a_command_gets_no_other_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one source's token comes of must not see the others' tokens."""
    monkeypatch.setattr(programs, "_withheld", set())
    monkeypatch.setenv("TOKEN_OF_THE_PAGER", VALUE)
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
    Secret("env", ("TOKEN_OF_THE_PAGER",))
    seen = command("import os; print('TOKEN_OF_THE_PAGER' in os.environ, os.environ['VAULT_ADDR'])").get()
    assert seen == "False http://127.0.0.1:1"


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, list[str]]:
    """A secret takes long to read: until the event. The list has what each reading found."""
    go, reads, inner = threading.Event(), [], Secret._read  # type: threading.Event, list[str], Any

    def read(self: Secret) -> str:
        reads.append(inner(self))
        value = reads[-1]
        go.wait(10)
        return value

    monkeypatch.setattr(Secret, "_read", read)
    monkeypatch.setenv("TOKEN", VALUE)
    return go, reads


def test_who_wants_a_secret_that_is_being_read_waits_for_that_reading(slow: tuple[threading.Event, list[str]]) -> None:
    secret, (go, reads) = Secret("env", ("TOKEN",)), slow
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(secret.get) for _ in range(3)]
        go.set()
        assert {one.result(10) for one in waiting} == {VALUE}
    assert reads == [VALUE]


def test_a_secret_that_is_forgotten_while_it_is_read_is_read_again(
    slow: tuple[threading.Event, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, (go, reads) = Secret("env", ("TOKEN",)), slow
    with ThreadPoolExecutor(1) as pool:
        old = pool.submit(secret.get)
        while not reads:
            time.sleep(0.001)
        monkeypatch.setenv("TOKEN", "rotated")
        secret.forget()  # waits for nothing
        go.set()
        assert old.result(10) == VALUE
    assert secret.get() == "rotated"


def test_what_is_waited_for_is_told_by_name(slow: tuple[threading.Event, list[str]]) -> None:
    secret, (go, _) = Secret("env", ("TOKEN",)), slow
    told: list[str] = []
    with telling(lambda what: (told.append(what), go.set())[0]):
        assert secret.get() == VALUE
    assert told == ["the secret from $TOKEN", ""]


def test_a_secret_that_never_comes_is_not_waited_for_for_ever(
    slow: tuple[threading.Event, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file on a disk that hangs, say."""
    monkeypatch.setattr(SingleFlight.get, "__defaults__", (0.02,))
    with pytest.raises(NoCredentials, match=r"still waiting for the secret from \$TOKEN"):
        Secret("env", ("TOKEN",)).get()
    slow[0].set()


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
