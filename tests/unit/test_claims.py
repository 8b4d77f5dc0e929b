"""No outcome claims more than happened: what is done on this machine alone is said to be, on every surface."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest
from tests.support.fakes import ALICE, FakeProvider
from tests.support.parsed import ONE_PROCESS, parsed
from tests.support.told import Bench

import oncall_tui
from oncall_tui.cli.common import hint_of
from oncall_tui.domain.action import Verb, unsupported
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.entry import EntryKind
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.errors import Refused, WayOut
from oncall_tui.inspection.row_timeline import merged
from oncall_tui.providers.registry import SOURCES
from oncall_tui.reports.handover import KINDS, handover
from oncall_tui.reports.handover_text import plain
from oncall_tui.tui.presenters import ways_out
from oncall_tui.tui.presenters.status_lines import as_one, outcome_lines

HERE = {
    Verb.ACKNOWLEDGE: "marked as seen on this machine only: Datadog cannot be acknowledged",
    Verb.UNACKNOWLEDGE: "no longer marked as seen on this machine: Datadog does not know of the mark",
    Verb.NOTE: "noted on this machine only: Datadog takes no notes from oncall-tui",
}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.prom.provider = "datadog"
    made.prom.add("a", provider="datadog", verbs=frozenset())
    made.poll()
    yield made
    made.engine.stop()


def do(bench: Bench, verb: Verb) -> Outcome:
    outcome = bench.do(verb, "prom/a", **({"text": "looking"} if verb is Verb.NOTE else {}))
    bench.written(EntryKind.OUTCOME)
    bench.poll()
    return outcome


@pytest.mark.parametrize("verb", HERE)
def test_what_is_done_on_this_machine_alone_is_said_to_be_everywhere(bench: Bench, verb: Verb) -> None:
    if verb is Verb.UNACKNOWLEDGE:
        do(bench, Verb.ACKNOWLEDGE)
    outcome = do(bench, verb)
    assert (outcome.state, outcome.message) == (OutcomeState.DONE, HERE[verb])
    update, now = bench.engine.update, bench.clock.now()
    (line,) = outcome_lines(update, None, UTC, now)[-1:]
    screen = "".join(text for text, _ in line)
    assert screen.startswith(f" ✓ title of a: {HERE[verb]}")
    assert "acknowledge:" not in screen
    told = [one.text for one in merged((), bench.journal, "prom/a")]
    assert told.count(HERE[verb]) == 1
    assert not any(text.startswith(("seen: ", "unseen: ")) for text in told)  # the same thing is told once
    assert ("looking" in told) == (verb is Verb.NOTE)
    handed = plain(handover(bench.journal.recent(500, KINDS), update.triaged, 0.0, now), UTC)
    assert HERE[verb] in handed
    assert handed.count(HERE[verb]) == 1
    assert ("looking" in handed) == (verb is Verb.NOTE)


def test_what_only_the_journal_has_was_sent_nowhere(bench: Bench) -> None:
    do(bench, Verb.ACKNOWLEDGE)
    told = [e.text for e in bench.engine.journal.since(0.0, (EntryKind.OUTCOME,))]
    assert told
    assert not any("sent" in text for text in told), told


def test_a_plan_says_it_before(bench: Bench) -> None:
    plan = bench.plan(Verb.ACKNOWLEDGE, "prom/a")
    assert plan.title == "mark as seen: title of a"
    assert dict(plan.lines)["where"] == "on this machine only: Datadog cannot be acknowledged"


def test_the_row_knows_which_of_its_verbs_stay_here(bench: Bench) -> None:
    alert = bench.engine.update.board.alerts["prom/a"]
    assert {Verb.ACKNOWLEDGE, Verb.NOTE} <= alert.here <= alert.verbs
    do(bench, Verb.ACKNOWLEDGE)
    seen = bench.engine.update.board.alerts["prom/a"]
    assert (seen.state, seen.by) == (AlertState.SEEN, (ALICE.name,))
    assert {Verb.UNACKNOWLEDGE, Verb.NOTE} <= seen.here


def test_several_are_counted_by_what_was_done(bench: Bench) -> None:
    outcome = do(bench, Verb.ACKNOWLEDGE)

    def one(number: int, **more: object) -> Outcome:
        return Outcome(
            plan_id=str(number),
            verb=Verb.ACKNOWLEDGE,
            target=f"prom/{number}",
            state=OutcomeState.DONE,
            message="",
            at=0.0,
            batch="b",
            **more,  # type: ignore[arg-type]
        )

    class Update:
        board = bench.engine.update.board
        outcomes = (one(1), one(2), one(3, did=outcome.did))

    (line,) = as_one(Update)  # type: ignore[arg-type]
    assert line.message == "3 of 3 done (2 acknowledged, 1 marked as seen on this machine only)"


def test_every_source_of_alerts_has_a_name_that_people_write() -> None:
    provider = FakeProvider("x")
    for name in SOURCES:
        alert = provider.add("a", provider=name)
        if name != "ecs":
            assert alert.system != name, f"domain/alert.py: how is {name} written?"


# --- ways out of a refusal --------------------------------------------------------------------------------------------

BELOW = ("providers", "actions", "triage", "journal", "reports", "notifications", "engine", "polling", "inspection")
SURFACES = re.compile(r"\bpalette\b|\bpane\b|\bpress [A-Z`]|Ctrl\+|\bR (?:again|rolls)|\(C\)|, or R$|--to\b")


@ONE_PROCESS
def test_below_the_surfaces_no_text_names_a_key_a_pane_or_an_option() -> None:
    root = Path(oncall_tui.__file__).parent
    found = []
    for folder in BELOW:
        for path in sorted((root / folder).rglob("*.py")):
            tree = parsed(path.read_text(encoding="utf-8"))
            docs = {id(d) for n in ast.walk(tree) for d in _docstring(n)}
            for node in ast.walk(tree):
                text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
                if id(node) not in docs and SURFACES.search(text):
                    found.append(f"{path.relative_to(root)}:{node.lineno}: {text}")
    assert not found, "\n".join(found)


def _docstring(node: ast.AST) -> list[ast.AST]:
    body = getattr(node, "body", None)
    first = body[0] if isinstance(body, list) and body else None
    return [first.value] if isinstance(first, ast.Expr) else []


@pytest.mark.parametrize("way", WayOut)
def test_each_surface_words_every_way_out_of_a_refusal_in_its_own_words(way: WayOut) -> None:
    refused = Refused("not so", "wait for its end", (way,))
    screen, command = ways_out.hint(refused), hint_of(refused, "prod/main/api")
    assert screen.startswith("wait for its end")
    assert "oncall-tui" not in screen
    assert command.startswith("wait for its end; ")
    assert "deploys pane" not in command
    if way in (WayOut.PICK, WayOut.FOLLOW, WayOut.ROLL_BACK):
        assert "`oncall-tui " in command
        assert "prod/main/api" in command
    assert ways_out.hint(Refused("not so")) == hint_of(Refused("not so"), "x") == ""


@pytest.mark.parametrize("provider", [*SOURCES, ""])
@pytest.mark.parametrize("verb", Verb)
def test_what_a_source_cannot_do_is_said_of_its_kind(verb: Verb, provider: str) -> None:
    words = unsupported(verb, provider)
    if (verb, provider) == (Verb.UNACKNOWLEDGE, "pagerduty"):
        assert words == "PagerDuty incidents cannot be un-acknowledged: an acknowledgement lapses on its own"
        return
    assert re.fullmatch(r"[A-Za-z]+ [a-z ]+ cannot be [a-z -]+ here", words), words
    assert not provider or words.casefold().startswith(provider)


def test_what_is_seen_already_is_said_to_be_and_not_marked_twice(bench: Bench) -> None:
    do(bench, Verb.ACKNOWLEDGE)
    bench.clock.advance(120)
    with pytest.raises(Refused, match="already marked as seen by Alice, 2m ago"):
        bench.do(Verb.ACKNOWLEDGE, "prom/a")
    assert len(bench.journal.recent(500, (EntryKind.SEEN,))) == 1
    do(bench, Verb.UNACKNOWLEDGE)
    assert do(bench, Verb.ACKNOWLEDGE).state is OutcomeState.DONE
