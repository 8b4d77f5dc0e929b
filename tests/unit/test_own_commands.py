"""Commands of the configuration on a row: what is refused before a start, what one is given, what its end says."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from tests.support.fakes import service
from tests.support.own_commands import API, PYTHON, WAITS, Bench, command, python, ready, until

from oncall_tui.actions.command_programs import CommandSettings
from oncall_tui.cli.schema import output_schema
from oncall_tui.config.files import unsafe
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.entry import EntryKind
from oncall_tui.domain.guardrail import Guardrail
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.own_command import MOST_TEXT, OwnCommand, RowKind
from oncall_tui.domain.plan import Confirm, Plan
from oncall_tui.domain.product import Product
from oncall_tui.domain.service import Health
from oncall_tui.errors import Refused
from oncall_tui.journal import Journal


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(*commands: OwnCommand, **more: Any) -> Bench:
        made.append(Bench(tmp_path, *commands, **more))
        return made[-1]

    yield make
    for one in made:
        one.engine.stop()


READS = """import json, os, sys
given = {name: value for name, value in os.environ.items() if name.startswith("ONCALL_")}
print(json.dumps({"in": json.load(sys.stdin), "env": given, "argv": sys.argv[1:]}))
"""


def given(bench: Bench, target: str, *arguments: str) -> dict[str, Any]:
    """What a command was given for a row."""
    found = OwnCommand(name="x", argv=(*python(READS), *arguments), rows=tuple(RowKind))
    bench.engine.own_commands.commands = {"x": found}
    plan = bench.plan("x", target)
    assert bench.outcome(plan).state is OutcomeState.DONE
    shown = bench.engine.own_commands.run_of(plan.id)
    assert shown is not None
    raw = b"".join(shown._lines)
    told: dict[str, Any] = json.loads(raw)
    return told


def test_a_command_gets_its_row_and_the_board_as_json_by_its_schema_and_as_variables(
    bench: Callable[..., Bench],
) -> None:
    product = Product(name="payments", services=(API,), alerts={"team": "payments"})
    rig = bench(command("1"), products=(product,))
    schema = output_schema("command-input")
    jsonschema.Draft202012Validator.check_schema(schema)
    for target, kind in ((rig.alert.id, "alert"), (API, "service"), ("prod/d1", "deploy"), ("board", "board")):
        told = given(rig, target)
        jsonschema.validate(told["in"], schema)
        assert (told["in"]["command"], told["in"]["actor"], told["in"]["row"]["kind"]) == ("x", "Alice", kind)
        assert [s["name"] for s in told["in"]["board"]["sources"]] == ["prod"]
        assert told["env"]["ONCALL_ROW"] == kind
        assert told["env"]["ONCALL_COMMAND"] == "x"
    told = given(rig, rig.alert.id)
    assert told["in"]["row"]["labels"] == {"team": "payments"}
    assert told["in"]["row"]["alerts"][0]["id"] == rig.alert.id
    assert told["env"]["ONCALL_TITLE"] == rig.alert.title  # a text from outside: in the environment, no argument
    told = given(rig, "prod/d1", "{cluster}/{service}", "{deploy}", "{product}")
    assert told["argv"] == ["main/api", "prod/d1", "payments"]
    assert told["in"]["row"]["service"]["id"] == API
    assert told["env"]["ONCALL_PRODUCT"] == "payments"
    assert told["env"]["ONCALL_ALERT"] == ""


def unwell(rig: Bench) -> None:
    """Make the service one with something wrong."""
    rig.provider.services[API] = service(API, health=Health.DEGRADED)
    rig.poll()


def test_of_a_service_with_nothing_wrong_the_name_is_typed_as_for_a_rollback_that_nothing_suggests(
    bench: Callable[..., Bench],
) -> None:
    product = Product(name="payments", services=(API,), alerts={"team": "payments"})
    rig = bench(command("1"), command("1", name="w", writes=True, rows=tuple(RowKind)), products=(product,))
    for target in (API, "prod/d1"):
        plan = rig.plan("w", target)
        assert (plan.confirm, plan.confirm_name) == (Confirm.NAME, "api")
        assert (plan.confirm_why, plan.warnings) == ("Nothing suggests it", ("no alerts for it, and it is healthy",))
    assert rig.plan("w", "board").confirm is Confirm.YES
    assert rig.plan("x", API).confirm is Confirm.NONE
    unwell(rig)
    assert rig.plan("w", API).confirm is Confirm.YES


def test_what_reads_runs_without_a_question_and_what_writes_is_confirmed(bench: Callable[..., Bench]) -> None:
    rig = bench(command("1"), command("1", name="w", writes=True))
    assert rig.plan("x").confirm is Confirm.NONE
    unwell(rig)
    plan = rig.plan("w", API)
    assert plan.confirm is Confirm.YES
    assert plan.title == f"Run w: {API}"
    assert dict(plan.lines)["runs"].startswith(PYTHON)


def test_of_a_protected_product_the_services_name_is_typed(bench: Callable[..., Bench]) -> None:
    product = Product(name="payments", services=(API,), protected=True, rollback_note="ask first")
    rig = bench(command("1"), command("1", name="w", writes=True), products=(product,))
    plan = rig.plan("w", "prod/d1")
    assert (plan.confirm, plan.confirm_name, plan.warnings[0]) == (Confirm.NAME, "api", "ask first")
    assert rig.plan("x", API).confirm is Confirm.NONE


def test_guardrails_hold_for_what_writes_by_its_name_and_for_what_reads_only_where_they_name_it(
    bench: Callable[..., Bench],
) -> None:
    two = (command("1"), command("1", name="w", writes=True))
    freeze = Guardrail(name="freeze", reason="year end", actions=("command:*",))
    rig = bench(*two, guardrails=(freeze,))
    with pytest.raises(Refused, match="guardrail freeze: year end"):
        rig.plan("w", API)
    assert rig.plan("x", API).confirm is Confirm.NONE
    overridden = rig.engine.actions.plan(msgspec.structs.replace(rig.ask("w", API), override="down")).result(10)
    assert overridden.overrides == ("freeze",)
    assert rig.outcome(overridden).state is OutcomeState.DONE
    named = bench(*two, guardrails=(Guardrail(name="quiet", reason="no", actions=("command:x",)),))
    with pytest.raises(Refused, match="guardrail quiet"):
        named.plan("x", API)
    assert named.plan("w", API).confirm is Confirm.NAME  # by no rule: nothing is wrong with the service
    unwell(named)
    assert named.plan("w", API).confirm is Confirm.YES


def test_its_exit_code_is_the_outcome_and_the_journal_has_it_with_its_first_lines(bench: Callable[..., Bench]) -> None:
    rig = bench(command("print('found it')"), command("print('no'); raise SystemExit(4)", name="w", writes=True))
    assert rig.outcome(rig.plan("x")).state is OutcomeState.DONE
    failed = rig.outcome(rig.plan("w", API))
    assert (failed.state, failed.message) == (OutcomeState.FAILED, "w: exit code 4 after 0s")
    assert "what it changed until then is not known" in failed.hint
    intents = rig.entries(EntryKind.INTENT)
    assert [(e.actor, e.data["plan"]["request"]["command_name"], e.data["plan"]["target"]) for e in intents] == [
        ("Alice", "x", rig.alert.id),
        ("Alice", "w", API),
    ]
    assert intents[1].data["plan"]["request"]["argv"][0] == PYTHON
    ends = [e for e in rig.entries(EntryKind.OUTCOME) if e.data["state"] in ("done", "failed")]
    assert [(e.data["receipt"]["exit_code"], e.data["receipt"]["output"]) for e in ends] == [
        (0, ["found it"]),
        (4, ["no"]),
    ]


def test_the_handover_and_the_record_tell_of_it_as_of_any_action(bench: Callable[..., Bench]) -> None:
    from oncall_tui.domain.record import RecordScope
    from oncall_tui.inspection.row_timeline import merged
    from oncall_tui.reports.handover import KINDS, handover
    from oncall_tui.reports.handover_text import plain

    rig = bench(command("print('no'); raise SystemExit(4)", name="mend", writes=True))
    rig.outcome(rig.plan("mend"))
    rig.entries()
    now = time.time()
    told = plain(handover(rig.journal.since(now - 60, KINDS), rig.engine.update.triaged, now - 60, now), UTC)
    assert f"Run mend: {rig.alert.title}" in told
    assert "mend: exit code 4 after 0s" in told
    lines = merged((), rig.journal, rig.alert.id)
    assert [(line.by, line.text) for line in lines if line.by] == [("Alice", "run: failed: mend: exit code 4 after 0s")]
    found = rig.engine.memory.search(RecordScope(), "", now + 1, 100)
    assert [e.text for e in found.events if "mend" in e.text] == [
        f"Run mend: {rig.alert.title}: mend: exit code 4 after 0s"
    ]


def test_what_was_ended_while_it_wrote_is_not_known_and_what_read_is_failed(bench: Callable[..., Bench]) -> None:
    rig = bench(command("import time\n" + WAITS), command("import time\n" + WAITS, name="w", writes=True))
    for name, state in (("w", OutcomeState.UNKNOWN), ("x", OutcomeState.FAILED)):
        plan = rig.plan(name, API)
        coming = rig.engine.actions.execute(plan)
        until(lambda plan=plan: rig.engine.own_commands.run_of(plan.id), "it runs")  # type: ignore[misc]
        found = rig.engine.own_commands.run_of(plan.id)
        assert found is not None
        found.stop("by Alice")
        outcome = coming.result(30)
        assert (outcome.state, "by Alice" in outcome.message) == (state, True)


def test_the_same_command_that_writes_runs_once_for_a_row_and_for_its_service(bench: Callable[..., Bench]) -> None:
    rig = bench(command("import time\n" + WAITS, writes=True), command("import time\n" + WAITS, name="reads"))
    coming = rig.engine.actions.execute(rig.plan("x", API))
    until(lambda: rig.engine.own_commands.running, "it runs")
    with pytest.raises(Refused, match="already"):
        rig.plan("x", API)
    with pytest.raises(Refused, match="x is already running here"):  # by another row, with the same arguments
        rig.plan("x", "prod/d1")
    for _ in range(2):  # what only reads may run twice
        rig.engine.actions.execute(rig.plan("reads", API))
    until(lambda: len(rig.engine.own_commands.running) == 3, "they run")
    assert not coming.done()
    rig.engine.own_commands.end_all("the test is over")


def test_two_plans_that_were_confirmed_at_once_start_one(bench: Callable[..., Bench]) -> None:
    rig = bench(command("import time\n" + WAITS, writes=True))
    plans = [rig.plan("x", API), rig.plan("x", API)]
    coming = [rig.engine.actions.execute(plan) for plan in plans]
    assert coming[1].result(30).state is OutcomeState.REFUSED
    rig.engine.own_commands.end_all("the test is over")


def test_a_row_that_moved_or_went_is_refused_before_anything_starts(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    rig = bench(command(f"open({str(tmp_path / 'ran')!r}, 'w')", writes=True))
    plan = rig.plan("x")
    rig.provider.alerts[rig.alert.id] = msgspec.structs.replace(rig.alert, state=AlertState.ACKNOWLEDGED)
    rig.poll()
    outcome = rig.outcome(plan)
    assert (outcome.state, outcome.message) == (OutcomeState.REFUSED, "moved: it is acknowledged now")
    with pytest.raises(Refused, match="moved"):
        rig.plan("x", version=rig.alert.version)
    rig.provider.alerts.clear()
    rig.poll()
    with pytest.raises(Refused, match="not on the board any more"):
        rig.plan("x")
    assert not (tmp_path / "ran").exists()


def test_a_row_that_is_not_current_is_warned_of(bench: Callable[..., Bench]) -> None:
    from oncall_tui.errors import Expired

    rig = bench(command("1", writes=True))
    rig.provider.read_raises = [Expired("the token has expired")]
    rig.poll()
    assert rig.plan("x", API).warnings == (
        "whether an alert of it fires is not known: prod cannot be read now, and it is healthy",
        "prod was last read just now: the token has expired",
    )


def test_read_only_runs_what_reads_alone(bench: Callable[..., Bench]) -> None:
    rig = bench(command("1"), command("1", name="w", writes=True), read_only=True)
    assert rig.outcome(rig.plan("x")).state is OutcomeState.DONE
    with pytest.raises(Refused, match="read only"):
        rig.plan("w")


@pytest.mark.parametrize(
    ("rows", "services", "target", "said"),
    [
        ((RowKind.SERVICE,), (), "prod/high-load", "x is for a service, and this is an alert"),
        ((RowKind.DEPLOY,), (), API, "x is for a deploy, and this is a service"),
        (tuple(RowKind), ("other/*/*",), API, "x is for other/*/*, and this row is of prod/main/api"),
        (tuple(RowKind), ("prod/*/*",), "prod/high-load", "this row is of no service that is known"),
    ],
)
def test_a_row_that_it_is_not_for_is_refused(
    bench: Callable[..., Bench], rows: tuple[RowKind, ...], services: tuple[str, ...], target: str, said: str
) -> None:
    rig = bench(command("1", rows=rows, services=services))
    with pytest.raises(Refused) as raised:
        rig.plan("x", target)
    assert said in str(raised.value)


def test_a_title_from_outside_cannot_be_named_in_an_argument_and_a_hostile_name_is_refused(
    bench: Callable[..., Bench],
) -> None:
    rig = bench(OwnCommand(name="x", argv=(*python("1"), "{alert}")))
    hostile = rig.provider.add("a; rm -rf $HOME")
    rig.poll()
    with pytest.raises(Refused, match="has characters that no argument gets"):
        rig.plan("x", hostile.id)
    assert [e.data["state"] for e in rig.entries(EntryKind.REFUSED)] == ["refused"]
    assert rig.entries(EntryKind.INTENT) == []


def script(folder: Path, name: str, mode: int) -> Path:
    path = folder / name
    path.write_text(f"#!{PYTHON}\nprint('ran')\n")
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("argv", "more", "said"),
    [
        (("no-such-program-at-all",), {}, "is not on this machine, or not on the PATH"),
        (("./plain",), {}, "./plain is not executable (chmod +x)"),
        (("./open",), {}, "others could change what it runs"),
        ((PYTHON, "open"), {}, "others could change what it runs"),
        ((PYTHON, "-W", "ignore", "open"), {}, "others could change what it runs"),
        (("./good",), {"folder": "missing"}, "is not there"),
        (("./good",), {"folder": "~no-such-user-here/infra"}, "is not there"),
        (("~no-such-user-here/good",), {}, "is not on this machine, or not on the PATH"),
        (("./good",), {"secrets": ("NO_SUCH_VARIABLE",)}, "the environment has no NO_SUCH_VARIABLE"),
    ],
)
def test_what_cannot_be_run_here_says_why_at_check_and_when_it_is_asked_for(
    bench: Callable[..., Bench], tmp_path: Path, argv: tuple[str, ...], more: dict[str, Any], said: str
) -> None:
    script(tmp_path, "plain", 0o644)
    script(tmp_path, "open", 0o777)
    script(tmp_path, "good", 0o755)
    found = OwnCommand(name="x", argv=argv, **more)
    rig = bench(found)
    with pytest.raises(Refused) as raised:
        rig.plan("x", API)
    assert said in str(raised.value)
    assert "x cannot be run" in str(raised.value)
    settings = CommandSettings(
        (found, OwnCommand(name="good", argv=("./good",))), {n: str(tmp_path) for n in ("x", "good")}
    )
    settings = msgspec.structs.replace(settings, unsafe=unsafe)
    assert [(name, said in why) for name, why in settings.unusable()] == [("x", True)]


def first_lines(rig: Bench, plan: Plan) -> tuple[str, ...]:
    rig.outcome(plan)
    found = rig.engine.own_commands.run_of(plan.id)
    assert found is not None
    return found.first_lines


def test_a_title_that_no_variable_can_hold_is_cut_there_and_stops_nothing(bench: Callable[..., Bench]) -> None:
    rig = bench(
        command(
            "import json, os, sys; print(len(os.environ['ONCALL_TITLE']), len(json.load(sys.stdin)['row']['title']))"
        )
    )
    long = rig.provider.add("long", title="x" * 200_000)
    rig.poll()
    assert first_lines(rig, rig.plan("x", long.id)) == (f"{MOST_TEXT} 200000",)


def test_of_a_path_that_is_relative_what_was_looked_at_is_what_runs(
    bench: Callable[..., Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for where in ("here", "there"):
        (tmp_path / where / "bin").mkdir(parents=True)
        script(tmp_path / where / "bin", "tool", 0o755).write_text(f"#!{PYTHON}\nprint('{where}')\n")
    monkeypatch.chdir(tmp_path / "here")
    rig = bench(OwnCommand(name="x", argv=("tool",), folder="there", env={"PATH": "bin"}))
    assert first_lines(rig, rig.plan("x", API)) == ("here",)


def test_a_secret_that_it_is_given_and_nobody_read_yet_is_not_in_its_output(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECOND_PAGER_TOKEN", "hunter4-of-the-pager")
    rig = bench(command("import os; print('token', os.environ['SECOND_PAGER_TOKEN'])", secrets=("SECOND_PAGER_TOKEN",)))
    assert first_lines(rig, rig.plan("x", API)) == ("token •••",)


def test_a_program_that_goes_between_its_plan_and_its_start_is_an_outcome(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    path = script(tmp_path, "good", 0o755)
    rig = bench(OwnCommand(name="x", argv=("./good",)))
    plan = rig.plan("x", API)
    assert rig.outcome(rig.plan("x", API)).state is OutcomeState.DONE
    path.chmod(stat.S_IRUSR)
    assert rig.outcome(plan).state is OutcomeState.REFUSED


def test_an_interpreter_that_is_not_there_is_a_failure_in_words(bench: Callable[..., Bench], tmp_path: Path) -> None:
    path = tmp_path / "bad"
    path.write_text("#!/nowhere/python\n")
    path.chmod(0o755)
    rig = bench(OwnCommand(name="x", argv=("./bad",)))
    outcome = rig.outcome(rig.plan("x", API))
    assert (outcome.state, "x cannot be started" in outcome.message) == (OutcomeState.FAILED, True)


def test_when_the_program_ends_what_runs_is_ended_and_journalled(bench: Callable[..., Bench], tmp_path: Path) -> None:
    rig = bench(command("import time\n" + WAITS, writes=True))
    plan = rig.plan("x", API)
    rig.engine.actions.execute(plan)
    until(lambda: rig.engine.own_commands.running, "it runs")
    ready(rig.engine.own_commands.running[0][1])
    rig.engine.stop()
    again = Journal(tmp_path / "journal.db", time.time)
    last = [e for e in again.recent() if e.kind is EntryKind.OUTCOME][-1]
    assert (last.data["state"], last.data.get("closed")) == ("unknown", True)
    assert "the program ended" in last.text
    assert last.data["receipt"]["output"] == ["ready"]
    assert again.open_intents() == []


def test_what_a_session_that_was_killed_left_running_is_told_as_not_known(bench: Callable[..., Bench]) -> None:
    rig = bench(command("1", writes=True))
    plan = rig.plan("x", API)
    rig.journal.intents([plan])
    from oncall_tui.journal import Intent

    outcome = rig.engine.actions.resume(Intent(plan, {"pid": 1}, time.time())).result(30)
    assert outcome.state is OutcomeState.UNKNOWN
    assert "the session that ran it has ended" in outcome.message
    rig.entries()
    assert [e for e in rig.journal.open_intents() if e.plan.id == plan.id] == []


def test_a_command_that_left_the_configuration_is_refused_in_words(bench: Callable[..., Bench]) -> None:
    rig = bench()
    with pytest.raises(Refused, match="no command 'x' is in the configuration"):
        rig.plan("x", API)
    assert rig.engine.own_commands.queues != ()
