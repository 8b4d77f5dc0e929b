"""Commands of the configuration: what is refused before a program starts, what it is given, and what its end says."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from tests.support.fakes import ALICE, FakeProvider, deploy, service

from oncall_tui import bootstrap
from oncall_tui.actions.command_programs import CommandSettings
from oncall_tui.cli.schema import output_schema
from oncall_tui.config.files import unsafe
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.guardrail import Guardrail
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.own_command import MOST_TEXT, OwnCommand, RowKind, filled
from oncall_tui.domain.plan import ActionRequest, Confirm, Plan
from oncall_tui.domain.product import Product
from oncall_tui.domain.service import Health
from oncall_tui.engine.engine import Engine, SourceSpec
from oncall_tui.errors import ConfigurationError, Refused
from oncall_tui.journal import Journal
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime import programs
from oncall_tui.runtime.clock import FakeClock, SystemClock
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
from oncall_tui.triage.triager import Rules

PYTHON = sys.executable
API = "prod/main/api"
SOURCES = "sources: [{name: prod, provider: ecs, region: ap-northeast-1}]\n"


def python(code: str) -> tuple[str, ...]:
    return PYTHON, "-S", "-E", "-c", code


# --- the configuration ------------------------------------------------------------------------------------------------


def mistakes(commands: str, more: str = "") -> list[str]:
    """The mistakes of a file whose line 2 is ``commands:``."""
    try:
        bootstrap.load_config_text(f"{SOURCES}commands:\n{commands}\n{more}", "x.yaml")
    except ConfigurationError as error:
        return list(error.mistakes)
    return []


def test_a_command_is_loaded_with_what_holds_where_nothing_is_said() -> None:
    config = bootstrap.load_config_text(f"{SOURCES}commands: [{{name: why, argv: [./why, '{{service}}']}}]", "x.yaml")
    (one,) = config.commands
    assert (one.writes, one.timeout_s, one.key, one.folder) == (False, 600.0, "", "")
    assert one.rows == (RowKind.ALERT, RowKind.SERVICE, RowKind.DEPLOY)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{name: x, argv: [a], key: R}", "x.yaml:3:31: commands[x].key: expected a key that nothing else has"),
        ("{name: x, argv: [a], key: R}", "the key of the id rollback"),
        ("{name: x, argv: [a], key: j}", "the key of down"),
        ("{name: x, argv: [a], key: y}", "the key of a yes in a dialog"),
        ("{name: x, argv: [a], key: '5'}", "on the Detail screen"),
        ("{name: x, argv: [a], key: shift+x}", "did you mean X?"),
        ("{name: x, argv: [a], key: 'X,Y'}", "expected one key"),
        ("{name: x, argv: []}", "commands[0].argv: expected a program and its arguments"),
        ("{name: x, argv: ['{service}']}", "a program whose name no row decides"),
        ("{name: x, argv: [a, '{servce}']}", "did you mean {service}?"),
        ("{name: x, argv: [a], rows: []}", "commands[0].rows: expected at least one"),
        ("{name: x, argv: [a], rows: [servise]}", "did you mean service?"),
        ("{name: x, argv: [a], rows: [board], services: [a/b/c]}", "expected none for a command that is for no row"),
        ("{name: '-x', argv: [a]}", "expected a name of letters, digits"),
        ("{name: x y, argv: [a]}", "expected a name of letters, digits"),
        ("{name: x, argv: [a], timeout_s: 0}", "expected a number above 0"),
        ("{name: x, argv: [a], timeout_s: 10m}", "did you mean 600?"),
        ("{name: x, argv: [a], env: {ONCALL_SERVICE: a}}", "a row's own fields have"),
        ("{name: x, argv: [a], secrets: [A-B]}", "the name of an environment variable"),
        ("{name: x, argv: a b}", "one entry is a list too"),
        ("{name: x, argv: [a], shell: true}", "expected one of the keys name, argv"),
    ],
)
def test_a_mistake_is_named_with_its_place(entry: str, said: str) -> None:
    found = mistakes(f"  - {entry}")
    assert any(said in line and line.startswith("x.yaml:3:") for line in found), found


def test_a_key_that_was_moved_away_is_free_and_one_that_was_moved_there_is_not() -> None:
    keys = "screen: {keys: {refresh: f5, note: W}}"
    assert mistakes("  - {name: x, argv: [a], key: r}", keys) == []
    assert "the key of the id note" in mistakes("  - {name: x, argv: [a], key: W}", keys)[0]


def test_two_commands_have_neither_one_name_nor_one_key() -> None:
    two = "  - {name: x, argv: [a], key: W}\n  - {name: x, argv: [b], key: W}"
    found = mistakes(two)
    assert any("each name once" in line for line in found)
    found = mistakes(two.replace("name: x, argv: [b]", "name: z, argv: [b]"))
    assert [line for line in found if "the key of the command x" in line]


def test_your_own_file_lays_a_command_over_the_teams_and_each_folder_is_of_its_file(tmp_path: Path) -> None:
    team, own = tmp_path / "team" / "t.yaml", tmp_path / "own" / "o.yaml"
    for path, text in (
        (team, f"{SOURCES}commands: [{{name: a, argv: [x]}}, {{name: b, argv: [y]}}]"),
        (own, "commands: [{name: b, argv: [z]}]"),
    ):
        path.parent.mkdir()
        path.write_text(text)
    from oncall_tui.config import load_files
    from oncall_tui.providers import registry

    config = load_files([team, own], registry.options_types())
    assert [(one.name, one.argv) for one in config.commands] == [("a", ("x",)), ("b", ("z",))]
    settings = bootstrap.command_settings(config)
    assert settings.folders == {"a": str(team.parent), "b": str(own.parent)}


def test_the_key_of_a_command_that_your_own_file_replaces_is_free(tmp_path: Path) -> None:
    team, own = tmp_path / "t.yaml", tmp_path / "o.yaml"
    team.write_text(f"{SOURCES}commands: [{{name: a, argv: [x], key: W}}]")
    own.write_text("commands: [{name: a, argv: [x]}, {name: b, argv: [y], key: W}]")
    from oncall_tui.config import load_files
    from oncall_tui.providers import registry

    config = load_files([team, own], registry.options_types(), words=bootstrap._screen_words)
    assert [(one.name, one.key) for one in config.commands] == [("a", ""), ("b", "W")]


@pytest.mark.parametrize("mode", [0o622, 0o620])
def test_a_file_that_others_can_write_runs_no_command(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"{SOURCES}commands:\n  - name: x\n    argv: [true]\n".replace("[true]", "['true']"))
    path.chmod(mode)
    with pytest.raises(ConfigurationError) as raised:
        bootstrap.load_config(str(path))
    assert "c.yaml:4:11: commands[0].argv" in str(raised.value)
    assert "because it runs a command" in str(raised.value)
    path.chmod(0o600)
    assert bootstrap.load_config(str(path)).commands[0].name == "x"


# --- names in arguments -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "--force",
        "-rf",
        "a b",
        "a;b",
        "$(id)",
        "`id`",
        "a'b",
        'a"b',
        "a\nb",
        "a|b",
        "*",
        "~root",
        "../x",
        "a/../b",
        "ü",
        "#",
    ],
)
def test_no_value_becomes_another_argument_an_option_or_a_part_of_a_script(value: str) -> None:
    with pytest.raises(ValueError, match="has characters that no argument gets"):
        filled(("run", "{service}"), {"service": value})
    with pytest.raises(ValueError, match="has characters"):
        filled(("sh", "-c", "restart {service}"), {"service": value})


def test_names_are_put_into_their_arguments_and_their_count_stays() -> None:
    fields = {"service": "payments-api", "cluster": "prod", "revision": "payments-api:42", "alert": "pager/P1_x.y"}
    argv = ("run", "--service={service}", "{cluster}/{service}", "{revision}", "{alert}", '{"json": {"a": 1}}', "")
    assert filled(argv, fields) == (
        *("run", "--service=payments-api", "prod/payments-api", "payments-api:42", "pager/P1_x.y"),
        '{"json": {"a": 1}}',
        "",
    )
    with pytest.raises(ValueError, match="this row has no deploy"):
        filled(("run", "{deploy}"), fields)


# --- one run ----------------------------------------------------------------------------------------------------------


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
WAITS = "print('ready', flush=True)\ntime.sleep(60)"


def ready(found: ProgramRun) -> ProgramRun:
    until(lambda: "ready" in found.lines()[1], "it is ready")
    return found


def until(found: Callable[[], object], what: str) -> None:
    end = time.monotonic() + 30
    while not found():
        assert time.monotonic() < end, what
        time.sleep(0.01)


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


# --- from a row to its outcome ----------------------------------------------------------------------------------------


class Bench:
    """An engine that is polled by hand, with commands; what runs is real."""

    def __init__(self, folder: Path, *commands: OwnCommand, **more: Any) -> None:
        self.folder = folder
        self.provider = FakeProvider("prod", FakeClock(time.time()))
        self.provider.services[API] = service(API)
        self.provider.deploys["prod/d1"] = deploy()
        self.alert = self.provider.add("high-load", title="load; rm -rf / of $(x)", labels=(("team", "payments"),))
        specs = (SourceSpec("prod", "fake", lambda: self.provider),)
        settings = CommandSettings(commands, {one.name: str(folder) for one in commands}, more.pop("unsafe", unsafe))
        products = more.pop("products", ())
        self.journal = Journal(folder / "journal.db", time.time)
        self.engine = Engine(specs, Rules((), products), self.journal, SystemClock(), ALICE, commands=settings, **more)
        self.poll()

    def poll(self) -> None:
        for poller in self.engine._pollers.values():
            poller._poll(ReadRequest())
        self.engine._earlier.load()
        self.engine._build_board()

    def ask(self, name: str, target: str = "", version: str = "") -> ActionRequest:
        target = target or self.alert.id
        from oncall_tui.triage.command_rows import row_of

        row = row_of(self.engine.update.triaged, target)
        version = version or (row.version if row is not None else "")
        return ActionRequest(verb=Verb.RUN, target=target, version=version, actor=ALICE, choice=name)

    def plan(self, name: str, target: str = "", version: str = "") -> Plan:
        return self.engine.actions.plan(self.ask(name, target, version)).result(10)

    def outcome(self, plan: Plan) -> Outcome:
        return self.engine.actions.execute(plan).result(30)

    def entries(self, *kinds: EntryKind) -> list[Entry]:
        self.journal.must(Entry(at=time.time(), kind=EntryKind.NOTE, subject="mark"))
        return [e for e in self.journal.recent() if e.kind in kinds]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(*commands: OwnCommand, **more: Any) -> Bench:
        made.append(Bench(tmp_path, *commands, **more))
        return made[-1]

    yield make
    for one in made:
        one.engine.stop()


def command(code: str, **more: Any) -> OwnCommand:
    return OwnCommand(**{"name": "x", "argv": python(code), **more})


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
