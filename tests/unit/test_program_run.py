"""One run of a command's program: what it is given, what is kept of its output, and how it ends."""

from __future__ import annotations

import os
import resource
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from tests.support.own_commands import WAITS, python, ready, until

from oncall_tui.runtime import programs
from oncall_tui.runtime.clock import SystemClock
from oncall_tui.runtime.program_run import (
    FIRST_LINES,
    GRACE_S,
    MOST_CELLS,
    MOST_KEPT,
    MOST_LINES,
    PART,
    ProgramRun,
    shown,
)
from oncall_tui.runtime.ready import SETSIZE
from oncall_tui.runtime.secret import Secret, keep_secret


def run(command: tuple[str, ...], given: bytes = b"", timeout_s: float = 30.0, **more: str) -> ProgramRun:
    found = ProgramRun(command, SystemClock(), folder="/", given=given, more=more, timeout_s=timeout_s)
    found.start()
    return found


def ended(command: tuple[str, ...], **more: Any) -> ProgramRun:
    found = run(command, **more)
    assert found.wait(30)
    return found


def test_what_it_prints_on_both_ways_is_there_with_its_exit_code() -> None:
    code = "import sys; print('out', flush=True); print('err', file=sys.stderr, flush=True); print('no end', end='')"
    code += "; sys.exit(3)"
    found = ended(python(code))
    assert found.lines() == (0, ["out", "err", "no end"])
    assert found.end is not None
    assert (found.end.status, found.end.words) == (3, "exit code 3")


def test_escapes_control_characters_and_bars_of_progress_are_made_harmless() -> None:
    code = r"print('\x1b[31mred\x1b[0m \x1b]52;c;aGk=\x07 \x07bell\r\n10 %\r20 %\r100 %\t\u202eabc\x9b2J')"
    assert ended(python(code), PYTHONIOENCODING="utf-8").lines()[1] == ["red  ␇bell", "100 %    ·abc"]


def test_a_secret_in_its_output_is_shown_and_journalled_nowhere() -> None:
    keep_secret("hunter2-of-the-pager")
    found = ended(python("print('token hunter2-of-the-pager')"))
    assert found.lines()[1] == ["token •••"]
    assert found.first_lines == ("token •••",)


def test_its_output_has_a_bound_and_says_how_much_is_not_kept() -> None:
    found = ended(python(f"for n in range({MOST_LINES + 500}): print(n)"))
    first, lines = found.lines()
    assert (first, len(lines), found.dropped, lines[-1]) == (500, MOST_LINES, 500, str(MOST_LINES + 499))
    assert found.first_lines == tuple(map(str, range(FIRST_LINES)))
    assert found.lines(since=MOST_LINES + 498)[1] == [str(MOST_LINES + 498), str(MOST_LINES + 499)]


def test_a_line_without_an_end_has_a_bound_too() -> None:
    found = ended(python("import sys; sys.stdout.write('x' * 1_000_000)"))
    assert all(len(line) <= 4_001 for line in found.lines()[1])


def test_a_flood_of_long_lines_is_bounded_by_its_bytes() -> None:
    found = run(python("1"))
    assert found.wait(30)
    for _ in range(3 * MOST_KEPT // PART):
        found._take(b"x" * PART)
    assert MOST_KEPT * 0.9 < sum(map(len, found._lines)) <= MOST_KEPT
    assert found.dropped > 0
    assert found.lines()[0] == found.dropped


def test_a_secret_at_the_end_of_what_is_shown_of_a_line_is_not_shown_in_half() -> None:
    keep_secret("hunter3-of-the-pager")
    assert "hunter3" not in shown(b"x" * (MOST_CELLS - 8) + b"hunter3-of-the-pager" + b"y" * 100)


def test_one_whose_output_has_a_high_number_is_read_too() -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit[1] != resource.RLIM_INFINITY and limit[1] < 2_000:
        pytest.skip("this machine lets no process have so many files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (2_000, limit[1]))
    held = []
    try:
        while not held or held[-1] < SETSIZE:
            held.append(os.open(os.devnull, os.O_RDONLY))
        found = run(python("print('done')"))
        assert found.wait(10)
        assert found.lines()[1] == ["done"]
    finally:
        for each in held:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)


def test_one_that_reads_none_of_its_input_is_held_up_by_none_of_it() -> None:
    assert ended(python("print('done')"), given=b"x" * 5_000_000).lines()[1] == ["done"]


def test_one_that_reads_gets_all_of_its_input_and_then_its_end() -> None:
    assert ended(python("import sys; print(len(sys.stdin.buffer.read()))"), given=b"x" * 300_000).lines()[1] == [
        "300000"
    ]


def test_it_has_no_terminal_and_a_session_of_its_own() -> None:
    code = "import os\ntry: os.open('/dev/tty', os.O_RDWR); print('a terminal')\n"
    code += "except OSError: print('none', os.getsid(0) == os.getpid())"
    assert ended(python(code)).lines()[1] == ["none True"]


def test_it_gets_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER_TOKEN_OF_A_TEST", "secret")
    Secret("env", ("PAGER_TOKEN_OF_A_TEST",))
    code = "import os; print(os.environ.get('PAGER_TOKEN_OF_A_TEST'))"
    assert ended(python(code)).lines()[1] == ["None"]
    assert ended(python(code), PAGER_TOKEN_OF_A_TEST="given").lines()[1] == ["given"]


TRAPS = "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: (print('term', flush=True), sys.exit(7)))\n"


def test_it_is_asked_to_end_and_says_so() -> None:
    found = ready(run(python(TRAPS + WAITS)))
    found.stop("by Alice")
    assert found.wait(30)
    assert found.lines()[1] == ["ready", "term"]
    assert found.end is not None
    assert (found.end.status, found.end.words) == (7, "by Alice: exit code 7")


def test_what_does_not_end_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    code = (
        "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"child = os.fork()\nopen({str(tmp_path)!r} + f'/{{os.getpid()}}', 'w')\n"
        "print('ready', flush=True)\ntime.sleep(60)"
    )
    found = ready(run(python(code)))
    until(lambda: len(list(tmp_path.iterdir())) == 2, "both are there")
    found.stop("by Alice")
    found.stop("by Alice")  # at once, where it is asked for again
    assert found.wait(30)
    assert found.end is not None
    assert found.end.words == "ended by SIGKILL: by Alice"
    for path in tmp_path.iterdir():
        until(lambda path=path: gone(int(path.name)), f"{path.name} is gone")  # type: ignore[misc]


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


CLEANS_UP = """import signal, sys, time
def end(*_):
    time.sleep(0.4)
    print("lock given back", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
time.sleep(60)
"""


def test_what_a_script_started_has_its_time_to_end_though_the_script_ended_at_once() -> None:
    found = run(python(f"import subprocess; subprocess.run({list(python(CLEANS_UP))!r})"))
    until(lambda: found.lines()[1] == ["ready"], "it runs")
    found.stop("by Alice")
    assert found.wait(10)
    assert found.lines()[1] == ["ready", "lock given back"]
    assert found.end is not None
    assert found.end.words == "ended by SIGTERM: by Alice"
    assert found.end.seconds < GRACE_S


def test_what_takes_too_long_is_ended() -> None:
    found = ended(python("import time; time.sleep(60)"), timeout_s=0.2)
    assert found.end is not None
    assert found.end.words == "ended by SIGTERM: it took longer than 0.2 s"


def test_a_helper_that_it_leaves_behind_with_its_output_is_not_waited_for() -> None:
    began = time.monotonic()
    found = ended(
        python("import os, time\nif os.fork() == 0: time.sleep(20)\nelse: print('over', flush=True); os._exit(0)")
    )
    assert time.monotonic() - began < 15
    assert found.lines()[1] == ["over"]
    assert found.end is not None
    os.killpg(found._child.pid, signal.SIGKILL)


def test_one_that_closes_its_output_and_goes_on_is_waited_for() -> None:
    found = ended(python("import os, time, sys\nos.close(1); os.close(2); time.sleep(0.3); os._exit(5)"))
    assert found.end is not None
    assert (found.end.status, found.lines()[1]) == (5, [])


@pytest.mark.parametrize(
    ("command", "folder", "said"),
    [
        (("/nowhere/at-all",), "/", "not on this machine"),
        (("/etc/passwd",), "/", "not executable"),
        (python("1"), "/nowhere", "its folder is not there"),
        (("a\0b",), "/", "a character that no command may have"),
    ],
)
def test_what_cannot_be_started_says_why(command: tuple[str, ...], folder: str, said: str) -> None:
    with pytest.raises(programs.NotRun, match=said):
        ProgramRun(command, SystemClock(), folder=folder, given=b"", more={}, timeout_s=1).start()


def test_nothing_that_runs_outlives_this_program() -> None:
    found = ready(run(python("import time\n" + WAITS)))
    programs.end_helpers()
    assert found.wait(30)
