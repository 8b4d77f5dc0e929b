"""Every process is started in one module: a helper has no terminal, a bound, and none of our secrets."""

from __future__ import annotations

import ast
import os
import pty
import re
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

import oncall_tui
from oncall_tui.runtime import programs
from oncall_tui.runtime.programs import NotRun, answer_of

SOURCE = Path(oncall_tui.__file__).parent
DOOR = SOURCE / "runtime" / "programs.py"
MODULES = {"subprocess", "multiprocessing", "pty", "webbrowser", "_posixsubprocess", "pexpect"}
OF_OS = {"system", "popen", "fork", "forkpty", "posix_spawn", "posix_spawnp", "startfile"}
ELSEWHERE = {
    "create_subprocess_exec",  # asyncio's
    "create_subprocess_shell",
    "subprocess_exec",
    "subprocess_shell",
    "ProcessPoolExecutor",
    "echo_via_pager",  # click's
    "open_url",  # Textual's: a browser
    "getnode",  # uuid's: it runs ifconfig
    "uuid1",
}
OF = {"os": OF_OS, "click": {"launch", "edit"}}
# Only such a file is parsed.
_WORDS = "|".join((*MODULES, *OF_OS, *ELSEWHERE))
ANY = re.compile(rf"from (os|click) import|os\.(exec|spawn)|click\.(launch|edit)|\b({_WORDS})\b")


def starts(tree: ast.AST, types_only: frozenset[int]) -> set[str]:
    """The names in a module that can start a process."""
    found = set()
    for node in ast.walk(tree):
        if id(node) in types_only:
            continue
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names if a.name.partition(".")[0] in MODULES}
        elif isinstance(node, ast.ImportFrom):
            module, names = (node.module or "").partition(".")[0], {a.name for a in node.names}
            found |= names if module in MODULES else {n for n in names if _is_start(module, n)}
        elif isinstance(node, ast.Attribute):
            of = node.value.id if isinstance(node.value, ast.Name) else ""
            found |= {f"{of}.{node.attr}"} if _is_start(of, node.attr) else set()
    return found


def _is_start(of: str, name: str) -> bool:
    return name in ELSEWHERE or name in OF.get(of, ()) or (of == "os" and name.startswith(("exec", "spawn")))


def typed_only(tree: ast.AST) -> frozenset[int]:
    """What stands under ``if TYPE_CHECKING``, which never runs."""
    blocks = (n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
    return frozenset(id(inner) for block in blocks for part in block.body for inner in ast.walk(part))


def test_no_other_module_starts_a_process() -> None:
    elsewhere = {}
    for path in SOURCE.rglob("*.py"):
        text = path.read_text()
        if path == DOOR or not ANY.search(text):
            continue
        tree = ast.parse(text)
        if found := starts(tree, typed_only(tree)):
            elsewhere[str(path.relative_to(SOURCE))] = found
    assert elsewhere == {}


@pytest.mark.parametrize(
    "text",
    [
        "import subprocess",
        "import subprocess as s",
        "from subprocess import run",
        "from os import system",
        "import os; os.execvp('a', [])",
        "import os; os.spawnl(0, 'a')",
        "import os; os.posix_spawn('a', [], {})",
        "from asyncio import create_subprocess_exec",
        "import asyncio; asyncio.create_subprocess_shell('a')",
        "from concurrent.futures import ProcessPoolExecutor",
        "import multiprocessing.pool",
        "self.app.open_url('http://a')",
        "import click; click.echo_via_pager('a')",
        "import click; click.launch('http://a')",
        "from click import edit",
        "def f():\n    import pty",
    ],
)
def test_the_scan_sees_each_way(text: str) -> None:
    assert ANY.search(text)
    assert starts(ast.parse(text), frozenset())


def python(code: str) -> tuple[str, ...]:
    return sys.executable, "-S", "-E", "-c", code


# --- a helper ---------------------------------------------------------------------------------------------------------


def test_a_helper_can_neither_read_nor_take_the_terminal() -> None:
    """In a program with a terminal: its helper opens no /dev/tty, and reads an end where our keys would be."""
    code = (
        "import os, sys\n"
        "try: os.open('/dev/tty', os.O_RDWR); tty = 'a terminal'\n"
        "except OSError: tty = 'none'\n"
        "print(tty, repr(sys.stdin.read()), os.isatty(1), os.isatty(2), os.getsid(0) == os.getpid())"
    )
    pid, terminal = pty.fork()
    if pid == 0:  # the child has a terminal of its own, as the board has
        try:
            os.write(1, b"<" + answer_of(python(code)).strip() + b">")
        finally:
            os._exit(0)
    said = b""
    while b">" not in said:
        said += os.read(terminal, 1000)
    os.waitpid(pid, 0)
    os.close(terminal)
    assert said.partition(b"<")[2] == b"none '' False False True>"


def test_a_helper_that_waits_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    """One that asks a question has nobody to answer it."""
    note = tmp_path / "pid"
    code = f"import os, time; p = os.fork(); open({str(note)!r} + str(p == 0), 'w').write(str(os.getpid()))"
    code += "; time.sleep(60)"
    began = time.monotonic()
    with pytest.raises(NotRun, match="gave no answer within 1 s: does it ask something"):
        answer_of(python(code), timeout_s=1.0)
    assert time.monotonic() - began < 10
    for name in ("True", "False"):
        with pytest.raises(ProcessLookupError):
            _gone(int(Path(f"{note}{name}").read_text()))


def _gone(pid: int) -> None:
    for _ in range(500):
        os.kill(pid, 0)
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            raise ProcessLookupError
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import sys; sys.exit(3)", "ended with status 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "was ended by SIGKILL"),
        ("import sys; sys.stdout.write('x' * 70000)", "printed more than 64 kB"),
        ("import sys\nwhile True: sys.stdout.write('x' * 70000)", "printed more than 64 kB"),
    ],
)
def test_a_helper_without_an_answer_is_told_in_words(code: str, words: str) -> None:
    with pytest.raises(NotRun, match=words):
        answer_of(python(code))


@pytest.mark.parametrize("command", [(), ("",), ("/no/such",), ("/",), ("/etc/hostname",), ("a\0b",), ("x" * 5000,)])
def test_what_cannot_be_started_is_told_in_words(command: tuple[str, ...]) -> None:
    with pytest.raises(NotRun) as caught:
        answer_of(command)
    assert "Error" not in str(caught.value)


def test_what_a_helper_leaves_behind_is_not_waited_for() -> None:
    code = "import os, time\nif os.fork() == 0: time.sleep(5)\nelse: print('done', flush=True); os._exit(0)"
    began = time.monotonic()
    assert answer_of(python(code)) == b"done\n"
    assert time.monotonic() - began < 4


def test_what_a_helper_says_beside_its_answer_is_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    assert answer_of(python("import sys; print('key'); print('a secret', file=sys.stderr)")) == b"key\n"
    assert capfd.readouterr() == ("", "")


def test_none_of_our_secrets_are_in_another_programs_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_withheld", set())
    monkeypatch.setenv("PAGER_TOKEN", "u+abc123")
    programs.withhold("PAGER_TOKEN")
    shown = answer_of(python("import os; print(sorted(os.environ))"), more={"AWS_SESSION_TOKEN": "t"}).decode()
    assert "PAGER_TOKEN" not in shown
    assert "AWS_SESSION_TOKEN" in shown
    assert "PATH" in shown


def test_no_helper_outlives_the_program(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    helper = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    program = (
        "import sys, threading, time\n"
        "from pathlib import Path\n"
        "from oncall_tui.runtime.programs import answer_of\n"
        f"threading.Thread(target=answer_of, args=((sys.executable, '-c', {helper!r}),), daemon=True).start()\n"
        f"while not Path({str(note)!r}).exists() or not Path({str(note)!r}).read_text(): time.sleep(0.01)\n"
    )
    assert answer_of((sys.executable, "-c", program)) == b""
    with pytest.raises(ProcessLookupError):
        _gone(int(note.read_text()))


def test_the_door_keeps_no_account_of_what_has_ended() -> None:
    answer_of(python("pass"))
    assert programs._running == set()
    assert signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL


@pytest.mark.parametrize("deaf", [False, True])
def test_a_program_on_the_terminal_and_what_it_started_end_with_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deaf: bool
) -> None:
    monkeypatch.setattr(programs, "_hung_up", set())
    trap = "trap '' HUP; " if deaf else ""
    script = f"{trap}sleep 60 & echo $! >{tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; wait; :"
    statuses: list[int] = []
    runs = threading.Thread(target=lambda: statuses.append(programs.on_terminal(["sh", "-c", script])))
    runs.start()
    _appears(tmp_path / "pid")
    assert not programs.was_hung_up()
    programs.end_on_terminal()
    if deaf:
        assert runs.is_alive()
        programs.end_on_terminal(signal.SIGKILL)
    runs.join(10)
    assert statuses == [-(signal.SIGKILL if deaf else signal.SIGHUP)]
    assert programs.was_hung_up()
    child = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        _gone(child)


def _appears(path: Path) -> None:
    """Wait for it, ten seconds at the most."""
    end = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.01)
