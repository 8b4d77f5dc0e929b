"""The command line: options on both sides of a command, names instead of ids, refusals in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner, Result
from tests.support.fakes import ALICE, FakeProvider, alert, service

from oncall_tui.cli import COMMANDS, NOT_DONE, alert_commands, group
from oncall_tui.cli import lookup as finding
from oncall_tui.cli.common import CommandFailed
from oncall_tui.cli.rollback import unexpected_deploy
from oncall_tui.domain.action import Verb
from oncall_tui.domain.board import merge
from oncall_tui.domain.plan import ActionRequest, Confirm
from oncall_tui.domain.reading import Reading, SourceState, SourceStatus
from oncall_tui.engine.engine import Update
from oncall_tui.triage.triager import Rules, Triager

PROM = "sources:\n  - {name: prom, provider: alertmanager, url: http://127.0.0.1:9}\n"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group.cli, list(arguments))


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "drill"])
def test_every_command_takes_the_global_options_after_it_too(name: str) -> None:
    context = click.Context(group.cli, obj={"config": "", "read_only": False})
    command = group.cli.get_command(context, name)
    assert command is not None
    needed = ["x"] * sum(isinstance(p, click.Argument) and p.required for p in command.params)
    needed += [word for p in command.params if isinstance(p, click.Option) and p.required for word in (p.opts[0], "1h")]
    for options in (["--config", "f.yaml", "--read-only"], ["--read-only", "--config=f.yaml"]):
        for words in ([*options, *needed], [*needed, *options]):
            context.obj = {"config": "", "read_only": False}
            command.make_context(name, list(words), parent=context)
            assert context.obj == {"config": "f.yaml", "read_only": True}
    context.obj = {"config": "before.yaml", "read_only": True}
    command.make_context(name, list(needed), parent=context)
    assert context.obj == {"config": "before.yaml", "read_only": True}
    assert "--config FILE" in command.get_help(context)


def test_the_configuration_may_be_named_behind_the_command(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(PROM)
    before, after = run("--config", str(path), "oncall"), run("oncall", "--config", str(path))
    assert before.output == after.output
    assert "no source reads on-call schedules" in after.output
    written = tmp_path / "mine.yaml"
    assert run("init", "--config", str(written)).exit_code == 0
    assert written.exists()


def test_help_lists_the_commands_and_names_no_class() -> None:
    for arguments in ([], *([name] for name in COMMANDS)):
        output = run(*arguments, "--help").output
        assert not re.findall(r"\b[A-Z][a-z]+[A-Z]\w*", output), "a name of the code, no word for a person"
    assert "\nCommands:\n" in run("--help").output


def test_a_misspelt_command_is_answered_with_the_nearest() -> None:
    for wrong, meant in {"statuz": "status", "rolback": "rollback", "deploy": "deploys"}.items():
        result = run(wrong)
        assert result.exit_code == 2
        assert f"No such command '{wrong}'. Did you mean {meant}?" in result.output
    assert "oncall-tui, version" in run("status", "--version").output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["journal", "--last", "-3"], "expected a whole number of at least 1, found '-3'"),
        (["journal", "--last", "0"], "of at least 1, found '0'"),
        (["journal", "--last", "many"], "expected a whole number"),
        (["deploys", "--within", "-1"], "expected a number of at least 0, found '-1'"),
        (["rollback", "x", "--steady", "nan"], "expected a number of at least 0, found 'nan'"),
        (["rollback", "x", "--steady", "inf"], "at most 1e+09, found 'inf'"),
        (["demo", "--speed", "0"], "expected a number above 0, found '0'"),
        (["silence", "x", "--for", "-1h", "--reason", "y"], "'-1h' is not a time: write 90m, 1h30m or 1d"),
        (["handover", "--since", "yesterday"], "'yesterday' is not a time"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_words(arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.output


# --- names instead of ids ---------------------------------------------------------------------------------------------


class Engine:
    """Has read what there is to read."""

    def __init__(self, update: Any, names: tuple[str, ...] = ("prod", "edge", "prom")) -> None:
        self.update, self.sources = update, names

    def wait_for_answers(self, until: Any, timeout_s: float) -> bool:
        return bool(until(self.update))

    def first_read(self, timeout_s: float) -> Any:
        return self.update


def board(live: Mapping[str, bool], *ids: str) -> Any:
    statuses = [status(name, "ecs" if name != "prom" else "alertmanager", good) for name, good in live.items()]
    alerts = (
        alert("prom/898a55cb", native_id="898a55cb", title="payments-api: 5xx rate 12 %"),
        alert("prom/77aa0000", native_id="77aa0000", title="disk is full"),
    )
    services = tuple(service(i) for i in ids)
    read = Reading(source="all", at=1.0, complete=True, services=services, alerts=alerts)
    made = merge(1, 1.0, statuses, [read])
    return Update(triaged=Triager(Rules()).triage(made))


def status(name: str, provider: str, good: bool) -> SourceStatus:
    state = SourceState.OK if good else SourceState.OFFLINE
    return SourceStatus(name=name, provider=provider, state=state, read_at=1.0, message="" if good else "no route")


LIVE = {"prod": True, "edge": True, "prom": True}
IDS = ("prod/main/payments-api", "prod/main/search-api", "edge/cdn/search-api")


def found(live: Mapping[str, bool], wanted: str, **more: Any) -> str:
    return str(finding.find_service(Engine(board(live, *IDS)), wanted, **more).id)  # type: ignore[arg-type]


def refused(capsys: pytest.CaptureFixture[str], call: Any) -> tuple[object, str]:
    with pytest.raises(SystemExit) as error:
        call()
    return error.value.code, capsys.readouterr().err


@pytest.mark.parametrize("wanted", ["payments-api", "main/payments-api", "prod/main/payments-api"])
def test_a_name_that_one_service_has_is_enough(wanted: str) -> None:
    assert found(LIVE, wanted) == found(LIVE, wanted, for_write=True) == IDS[0]


def test_a_name_that_two_have_is_refused_and_both_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = refused(capsys, lambda: found(LIVE, "search-api"))
    assert code == 2
    assert IDS[1] in said
    assert IDS[2] in said
    assert found(LIVE, "cdn/search-api") == IDS[2]


def test_a_name_is_not_taken_for_a_write_while_another_source_may_have_it(capsys: pytest.CaptureFixture[str]) -> None:
    lost = {**LIVE, "edge": False}
    assert found(lost, "payments-api") == IDS[0]
    code, said = refused(capsys, lambda: found(lost, "payments-api", for_write=True))
    assert code == 1
    assert "edge could not be read" in said
    assert f"give its id: {IDS[0]}" in said
    assert found(lost, IDS[0], for_write=True) == IDS[0]
    code, said = refused(capsys, lambda: found(lost, "nosuch"))
    assert "in what could be read of edge" in said


@pytest.mark.parametrize("wanted", ["payment-api", "prod/main/payment-api", "prod/mian/payments-api", "payments"])
def test_a_wrong_name_is_answered_with_the_nearest(wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = refused(capsys, lambda: found(LIVE, wanted))
    assert code == 1
    assert f"did you mean {IDS[0]}" in said


@pytest.mark.parametrize("wanted", ["prom/898a55cc", "898a55cb", "payments-api", "PAYMENTS"])
def test_a_wrong_alert_is_answered_with_the_nearest_never_taken(
    wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    engine: Any = Engine(board(LIVE, *IDS))
    code, said = refused(capsys, lambda: finding.find_alert(engine, wanted))
    assert code == 1
    assert "did you mean prom/898a55cb (payments-api: 5xx rate 12 %)" in said
    code, said = refused(capsys, lambda: finding.find_alert(engine, "nosuch"))
    assert "`oncall-tui status` lists them" in said


@pytest.mark.parametrize("yes", [False, True])
def test_where_nothing_can_be_journalled_no_option_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, yes: bool
) -> None:
    """The board then asks whether to act without a journal; ``--yes`` does not say that, and is not asked for."""
    asked = ActionRequest(verb=Verb.ACKNOWLEDGE, target="prom/a", version="v", actor=ALICE)
    made = FakeProvider().acknowledge.plan(asked, merge(0, 0.0, (), ()))
    plan = msgspec.structs.replace(
        made, confirm=Confirm.YES, warnings=("acting without a journal: database is locked",)
    )
    monkeypatch.setattr(alert_commands, "planned", lambda engine, asked: plan)
    engine: Any = SimpleNamespace(journal=SimpleNamespace(failure="database is locked"))
    with pytest.raises(CommandFailed) as caught:
        alert_commands.carry_out(engine, asked, alert_commands.Answers(yes))
    assert caught.value.code == NOT_DONE
    said = capsys.readouterr().err
    assert "nothing was sent, because it cannot be journalled first: database is locked" in said
    assert "--yes" not in said


def test_a_deploy_that_was_not_expected_says_what_was_what_is_there_and_what_to_give() -> None:
    row = service("prod/main/api")
    assert unexpected_deploy(row, "foo") == (
        "--expect is foo, but no deploy of it is known",
        "--expect takes the id of its newest deploy; without one, leave it out",
    )
    assert unexpected_deploy(msgspec.structs.replace(row, deploy_id="prod/d1"), "foo") == (
        "moved: --expect is foo, but its newest deploy is prod/d1",
        "look at that one, then give its id to --expect",
    )
