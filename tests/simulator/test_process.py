"""The command: what it prints, how it ends, and what it says of mistakes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from oncall_tui.simulator.__main__ import main
from oncall_tui.simulator.command import command

COMMAND = [sys.executable, "-m", "oncall_tui.simulator"]


def test_it_tells_where_it_listens_and_ends_with_its_parent() -> None:
    serve = [*COMMAND, "serve", "--scenario", "quiet", "--with-parent"]
    pipe = subprocess.PIPE
    with subprocess.Popen(serve, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as child:
        assert child.stdin
        assert child.stdout
        assert child.stderr
        told = json.loads(child.stdout.readline())
        logged_in = subprocess.run(told["config"]["sources"][0]["login"], capture_output=True, text=True, timeout=10)
        child.stdin.close()
        assert child.wait(5) == 0
        assert child.stderr.read() == ""
        assert child.stdout.read() == ""
    assert sorted(told) == ["config", "control", "endpoints", "environment"]
    assert sorted(told["endpoints"]) == ["alarms", "edge", "pager", "prod", "prom"]
    assert told["environment"]["AWS_ACCESS_KEY_ID"] == "drill"
    assert logged_in.returncode == 0
    assert "Logged in: prod." in logged_in.stdout


def test_a_login_where_nobody_listens(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["login", "http://127.0.0.1:1", "prod"]) == 1
    assert "The login failed" in capsys.readouterr().err


def test_it_starts_as_a_file_by_a_python_that_does_not_know_this_package() -> None:
    python, *asked = command("login", "http://127.0.0.1:1", "prod")
    done = subprocess.run([python, "-I", "-S", *asked], capture_output=True, text=True, timeout=10, check=False)
    assert (done.returncode, "The login failed" in done.stderr) == (1, True), done.stderr


@pytest.mark.parametrize("arguments", [["--scenario", "nihgt"], ["--speed", "0"], ["--scenario", "FILE"]])
def test_mistakes_are_one_line_and_status_2(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nsources: 3\n", encoding="utf-8")
    assert main(["serve", *(str(path) if it == "FILE" else it for it in arguments)]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "expected" in told
