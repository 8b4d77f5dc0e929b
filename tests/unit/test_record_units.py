"""The files that run a recorder: systemd takes the unit, ECS the task, and the roles are the least."""

from __future__ import annotations

import configparser
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import botocore.session
import botocore.validate
import click
import pytest

from oncall_tui.cli import COMMANDS, group

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "config" / "systemd" / "oncall-tui-record.service"
ECS = ROOT / "config" / "ecs"


def loaded(name: str) -> Any:
    return json.loads((ECS / name).read_text())


def actions(name: str) -> set[str]:
    return {action for statement in loaded(name)["Statement"] for action in statement["Action"]}


def parsed(arguments: list[str]) -> tuple[str, dict[str, Any]]:
    """The command that the program would run, and its global options."""
    context = group.cli.make_context("oncall-tui", list(arguments))
    return context.protected_args[0] if context.protected_args else context.args[0], context.params


def test_the_unit_is_one_that_systemd_takes() -> None:
    unit = configparser.ConfigParser(strict=False, delimiters="=", comment_prefixes="#", interpolation=None)
    unit.optionxform = str  # type: ignore[method-assign,assignment]
    unit.read_string(UNIT.read_text())
    program, *arguments = unit["Service"]["ExecStart"].split()
    assert Path(program).name == "oncall-tui"
    command, options = parsed(arguments)
    assert command in COMMANDS
    assert (command, options["config"]) == ("record", "/etc/oncall-tui/config.yaml")
    assert unit["Service"]["KillSignal"] == "SIGTERM"  # the signal that ends it well


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    there = tmp_path / UNIT.name
    there.write_text(UNIT.read_text().replace("/usr/local/bin/oncall-tui", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", str(there)], capture_output=True, text=True, timeout=30)
    assert [line for line in done.stderr.splitlines() if UNIT.name in line] == []


def test_ecs_takes_the_task_definition() -> None:
    model = botocore.session.Session().get_service_model("ecs").operation_model("RegisterTaskDefinition")
    task = loaded("task-definition.json")
    report = botocore.validate.ParamValidator().validate(task, model.input_shape)
    assert not report.has_errors(), report.generate_report()
    (container,) = task["containerDefinitions"]
    command, _ = parsed(container["command"])
    assert command == "record"
    mounted = {mount["sourceVolume"] for mount in container["mountPoints"]}
    assert mounted == {volume["name"] for volume in task["volumes"]}
    assert set(task["containerDefinitions"][0]["linuxParameters"]["capabilities"]["drop"]) == {"ALL"}


def test_the_roles_can_do_what_a_recorder_does_and_no_more() -> None:
    read = {a for s in json.loads((ROOT / "config/iam/read.json").read_text())["Statement"] for a in s["Action"]}
    own = actions("task-role.json")
    assert own <= read
    assert not any(a.partition(":")[0] in ("logs", "elasticloadbalancing") for a in own)  # what a person looks at
    session = botocore.session.Session()
    for action in own | actions("execution-role.json"):
        service, _, operation = action.partition(":")
        assert operation in {*session.get_service_model(service).operation_names}, action


def test_click_is_what_reads_the_command_line() -> None:
    with pytest.raises(click.UsageError):
        parsed(["--confg", "x", "record"])
