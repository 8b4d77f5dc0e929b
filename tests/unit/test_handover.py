"""What is handed over: by problem and by action, with what was not watched said loudly; nothing in it is markup."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Any

import msgspec
import pytest
from markdown_it import MarkdownIt
from tests.support.fakes import ALICE, alert, deploy, revision, service
from tests.unit.test_triage import NOW, board, hint

from oncall_tui.domain.alert import AlertState, Severity
from oncall_tui.domain.deploy import DeployState
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.follow_up import follow_ups
from oncall_tui.domain.incident import incidents
from oncall_tui.domain.reading import SourceState
from oncall_tui.engine.recorder import ChangeRecorder
from oncall_tui.errors import ActionFailed, Refused
from oncall_tui.journal import Journal
from oncall_tui.notifications.destinations import Destinations, DestinationSpec
from oncall_tui.notifications.handover_sender import parts, send
from oncall_tui.providers.base import Message, Receipt
from oncall_tui.reports.handover import Handover, handover
from oncall_tui.reports.handover_text import as_object, escaped, markdown, sections
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.triage import counts
from oncall_tui.triage.episodes import Episodes
from oncall_tui.triage.triager import Rules, TriagedBoard, Triager

HOUR = 3600.0
SINCE = NOW - 12 * HOUR


def triaged(*rows: Any, states: dict[str, SourceState] | None = None) -> TriagedBoard:
    return Triager(Rules(pages=({"severity": "critical"},))).triage(board(*rows, states=states))


def entry(kind: EntryKind, minutes_ago: float, subject: str, text: str = "", actor: str = "", **data: Any) -> Entry:
    return Entry(at=NOW - minutes_ago * 60, kind=kind, subject=subject, text=text, actor=actor, data=data)


def fires(minutes_ago: float, subject: str = "prom/a", new: str = "firing", **data: Any) -> Entry:
    more = {"began": NOW - minutes_ago * 60} if new != "resolved" else {}
    return entry(EntryKind.ALERT, minutes_ago, subject, "5xx", new=new, **(more | data))


def watching(*spans: tuple[float, float]) -> list[Entry]:
    found = []
    for first, last in spans:
        found.append(entry(EntryKind.WATCH, first, "board", state="started", unread=[]))
        minute = first - 5
        while minute > last:
            found.append(entry(EntryKind.WATCH, minute, "board", state="watching", unread=[]))
            minute -= 5
        found.append(entry(EntryKind.WATCH, last, "board", state="stopped", unread=[]))
    return found


def made(entries: list[Entry], *rows: Any, states: dict[str, SourceState] | None = None) -> Handover:
    return handover(sorted(entries, key=lambda e: e.at), triaged(*rows, states=states), SINCE, NOW)


def text(told: Handover) -> str:
    return "\n".join(line for heading, lines in sections(told, UTC) for line in (heading, *lines))


def test_what_fired_is_told_by_problem_with_its_times() -> None:
    told = made(
        [
            fires(200, pages=True, product="shop", service="prod/main/api"),
            fires(190, new="resolved"),
            fires(100, pages=True),
            fires(40, new="resolved"),
            fires(30, "prom/b", pages=False),
        ],
        alert("prom/b", began=NOW - 1800, title="slow"),
    )
    page, other = told.fired
    assert (page.title, page.pages, page.times, page.product, page.service) == ("5xx", True, 2, "shop", "prod/main/api")
    assert (page.first, page.last, page.ended) == (NOW - 12_000, NOW - 6000, NOW - 2400)
    assert (other.title, other.ended, other.times) == ("slow", None, 1)


def test_what_is_hidden_by_default_is_not_handed_over() -> None:
    assert made([fires(30, hidden="target tracking")]).fired == ()


def test_the_alerts_of_one_problem_are_one_line() -> None:
    told = made(
        [fires(60, "prom/a", problem="prom/a"), fires(59, "pager/1", problem="prom/a", pages=True)],
        alert("prom/a", keys=("k",), began=NOW - 3600),
        alert("pager/1", provider="pagerduty", keys=("k",), began=NOW - 3540, title="incident"),
    )
    (one,) = told.fired
    assert (one.title, one.ended) == ("incident", None)


def test_two_rows_that_became_one_problem_are_one_page() -> None:
    told = made(
        [
            entry(EntryKind.ALERT, 600, "pager/1", "5xx", new="firing", began=NOW - 600, problem="pager/1", pages=True),
            entry(EntryKind.ALERT, 590, "prom/a", "5xx", new="firing", began=NOW - 590, problem="prom/a", pages=True),
            entry(EntryKind.ALERT, 500, "prom/a", "5xx", new="acknowledged", began=NOW - 590, problem="pager/1"),
            entry(EntryKind.ALERT, 60, "pager/1", "5xx", new="resolved"),
            entry(EntryKind.ALERT, 50, "prom/a", "5xx", new="resolved"),
        ]
    )
    assert [(f.title, f.pages, f.times, f.ended) for f in told.fired] == [("5xx", True, 1, NOW - 50 * 60)]


def test_what_only_changed_its_state_in_this_time_did_not_fire_in_it() -> None:
    told = made([entry(EntryKind.ALERT, 30, "prom/a", "old", new="acknowledged", began=NOW - 20 * HOUR)])
    assert told.fired == ()


def test_what_is_open_says_who_has_it_and_until_when() -> None:
    told = made(
        [],
        alert("prom/a", state=AlertState.ACKNOWLEDGED, by=("Bob",), by_at=NOW - 120, began=NOW - 600, title="mine"),
        alert("prom/b", state=AlertState.SILENCED, by=("Al",), until=NOW + 600, comment="disk", began=NOW - 60),
        alert("prom/c", severity=Severity.CRITICAL, began=NOW - 60, title="hot", hint=hint("api")),
        service("prod/main/api"),
    )
    said = text(told)
    assert "Open pages: 1" in said
    assert "Open, not paging: 1" in said
    assert said.index("Done: 0") < said.index("Open, not paging: 1")
    assert "PAGE hot · prod/main/api · FIRING · began 07:59 (1m ago)" in said
    assert "no suspect: no deploy in the hour before" in said
    assert "mine · acknowledged by Bob at 07:58 · began 07:50 (10m ago)" in said
    assert "Seen, silenced or snoozed: 1" in said
    assert "silenced by Al until" in said
    assert "· disk" in said


def test_what_was_done_has_who_and_what_came_of_it_and_what_is_unknown_is_loud() -> None:
    told = made(
        [
            entry(EntryKind.INTENT, 50, "p1", "Roll back prod/api :42→:41", "Alice", plan={}),
            entry(EntryKind.OUTCOME, 50, "p1", "sent", "Alice", state="pending", verb="roll back", target="x"),
            entry(EntryKind.OUTCOME, 48, "p1", "verified", "Alice", state="done", verb="roll back", target="x"),
            entry(EntryKind.INTENT, 40, "p2", "Silence 5xx", "Bob", plan={}),
            entry(EntryKind.SEEN, 30, "alarms/a", "", "Alice", began=1.0),
            entry(EntryKind.ALERT, 35, "alarms/a", "cpu", new="firing"),
            entry(EntryKind.INTENT, 28, "p3", "Mark as seen 5xx", "Alice", plan={"verb": "acknowledge"}),
            entry(EntryKind.SEEN, 28, "alarms/b", "", "Alice", began=1.0, plan="p3"),
            entry(EntryKind.SHELL, 20, "prod/main/api", "opened", "Bob", state="opening"),
            entry(EntryKind.SHELL, 10, "prod/main/api", "ended after 9m", "Bob", state="ended"),
        ]
    )
    said = text(told)
    assert "Alice: Roll back prod/api from :42 to :41 · done · verified" in said
    assert "Bob: Silence 5xx · UNKNOWN · it was started; its outcome was not recorded" in said
    assert "Alice: marked as seen: cpu" in said
    assert said.count("as seen") == 2  # an action and its mark are one
    assert said.count("shell: prod/main/api") == 1


def test_what_was_not_done_is_not_counted_as_done_and_has_titles_where_ids_were() -> None:
    told = made(
        [
            fires(90, "pager/Q05"),
            entry(EntryKind.INTENT, 50, "p1", "Roll back prod/api :42→:41", "Alice", plan={}),
            entry(EntryKind.OUTCOME, 48, "p1", "verified", "Alice", state="done", verb="roll back", target="x"),
            entry(
                EntryKind.OUTCOME, 47, "p2", "", "Alice", state="refused", verb="roll back", target="prod/main/api/4f1"
            ),
            entry(
                EntryKind.OUTCOME, 46, "p3", "", "Alice", state="refused", verb="roll back", target="prod/main/api/9a9"
            ),
            entry(
                EntryKind.REFUSED,
                45,
                "pager/Q05",
                "acknowledge: no route",
                "Alice",
                verb="acknowledge",
                state="refused",
            ),
            entry(
                EntryKind.REFUSED,
                44,
                "pager/Q05",
                "acknowledge: no route",
                "Alice",
                verb="acknowledge",
                state="refused",
            ),
            entry(EntryKind.OUTCOME, 40, "p4", "no", "Alice", state="failed", verb="acknowledge", target="pager/Q05"),
        ],
        deploy("prod/main/api/4f1", "prod/main/api", old=revision(41), new=revision(42), started=NOW - 60),
        service("prod/main/api"),
    )
    said = text(told)
    assert "Done: 1, refused: 4, failed: 1" in said
    assert "Alice: roll back deploy prod/main/api :41→:42 · refused" in said
    assert "Alice: roll back prod/main/api · refused" in said  # of its deploy nothing is known any more
    assert "Alice: acknowledge 5xx · refused · no route (2 times)" in said
    assert said.count("no route") == 1
    assert "Alice: acknowledge 5xx · FAILED · no" in said
    assert "Q05" not in said


def test_deploys_of_the_time_also_those_that_the_board_has_no_more() -> None:
    told = made(
        [entry(EntryKind.DEPLOY, 600, "prod/gone", "prod/main/api :40→:41", new="succeeded")],
        service("prod/main/api"),
        deploy("prod/d", "prod/main/api", old=revision(41), new=revision(42), started=NOW - 60, failed_tasks=2),
        deploy("prod/r", "prod/main/api", started=NOW - 30, rollback="by hand", old=revision(42), new=revision(41)),
        deploy(
            "prod/o", "prod/main/api", started=NOW - 20 * HOUR, finished=NOW - 19 * HOUR, state=DeployState.SUCCEEDED
        ),
    )
    assert [(d.arrow, d.kind) for d in told.deploys] == [
        (":42→:41", "rollback"),
        (":41→:42", "deploy"),
        (":40→:41", "deploy"),
    ]


def test_a_gap_is_never_quiet() -> None:
    whole = made(watching((720, 0)))
    assert whole.watched_whole
    assert "a board was open all the time" in text(whole)
    assert "nothing is open\n" in text(whole)
    half = made(watching((720, 400), (60, 0)))
    assert not half.watched_whole
    assert len(half.watched) == 2
    assert "alerts that fired and ended at other times are not known" in text(half)
    assert "none in what was watched and read: see above" in text(half)
    assert "no board was open in this time" in text(made([]))
    killed = made([entry(EntryKind.WATCH, 700, "board", state="started", unread=[])])
    assert killed.watched == ((NOW - 42_000, NOW - 42_000),)  # it never said that it stopped


def test_a_recorder_counts_as_watching_whatever_the_boards_do() -> None:
    recorded = [
        entry(EntryKind.WATCH, minute, "recorder", state="watching" if minute < 720 else "started", unread=[])
        for minute in range(720, 0, -5)
    ]
    told = made([*recorded, *watching((600, 590), (300, 100))])
    assert told.watched_whole
    assert told.watched == ((NOW - 12 * HOUR, NOW),)
    assert "a board was open, or a recorder watched, all the time" in text(told)
    gone = made([e for e in recorded if e.at < NOW - 6 * HOUR or e.at > NOW - 2 * HOUR])
    assert not gone.watched_whole
    assert len(gone.watched) == 2
    assert "a board was open, or a recorder watched, 14 Jan 20:00–01:55, 06:05–08:00; alerts that fired" in text(gone)
    assert made(watching((720, 0))).recorded is False


def test_what_is_open_at_a_source_that_is_not_read_now_has_the_boards_question_mark() -> None:
    lost = {"prom": SourceState.OFFLINE, "pager": SourceState.OK}
    told = made([], alert("prom/a", title="hot"), alert("pager/b", title="cold"), states=lost)
    assert [(o.title, o.known_now) for o in sorted(told.open, key=lambda o: o.title)] == [
        ("cold", True),
        ("hot", False),
    ]
    assert "hot · ? FIRING" in text(told)
    assert "cold · FIRING" in text(told)


def test_what_cannot_be_read_and_what_could_not_be_are_said() -> None:
    lost = entry(EntryKind.WATCH, 10, "board", state="watching", unread=["pager"])
    told = made([*watching((720, 0)), lost], states={"prom": SourceState.OFFLINE, "pager": SourceState.OK})
    said = text(told)
    assert "NOT READ prom: OFFLINE now" in said
    assert "NOT READ pager: could not be read for a part of this time" in said
    assert "nothing is open in what was watched and read" in said
    broken = msgspec.structs.replace(told, journal_failure="disk full")
    assert "NOT KNOWN what fired and was done: the journal cannot be read: disk full" in text(broken)


def test_nothing_from_outside_is_markup_a_link_or_a_mention() -> None:
    nasty = "[x](http://evil) <!channel> @here `rm` **b** | # h\n- item \x1b[31m"
    told = made([], alert("prom/a", title=nasty, began=NOW - 60))
    out = markdown(told, UTC)
    assert "<!channel>" not in out
    assert "@here" not in out
    assert "](http" not in out
    assert "\x1b" not in out
    assert "\\`rm\\`" in out
    assert len([line for line in out.splitlines() if line.startswith("- ") and "evil" in line]) == 2
    assert "\n" not in escaped("a\nb")


def test_an_address_is_copied_whole() -> None:
    assert escaped("ask bob@example.com (see https://wiki.example/run_book#top)") == (
        "ask bob@example.com \\(see `https://wiki.example/run_book#top`\\)"
    )
    assert escaped("@here") == "@\u2060here"


@pytest.mark.parametrize("title", ["- x", "---", "1. x", "23.", "    code", "+ x", "> x", "# x", "~~~", "```"])
def test_what_begins_a_text_makes_it_no_list_no_line_and_no_code(title: str) -> None:
    parsed = [token.type for token in MarkdownIt("commonmark").parse(f"- {escaped(title)}")]
    assert parsed == [
        *("bullet_list_open", "list_item_open", "paragraph_open", "inline"),
        *("paragraph_close", "list_item_close", "bullet_list_close"),
    ]


def test_an_address_ends_no_cell_of_a_table_and_one_without_a_scheme_is_no_link_either() -> None:
    assert escaped("see https://g.example/d?var=a|b, then") == "see `https://g.example/d?var=a%7Cb`, then"
    assert escaped("www.evil.example and wwwx.y") == "www\u2060.evil.example and wwwx.y"


def test_as_an_object_its_times_are_stamps() -> None:
    told = as_object(made([*watching((60, 0)), fires(30)], alert("prom/z", began=NOW - 5)))
    assert told["now"].endswith("Z")
    assert all(stamp.endswith("Z") for span in told["watched"] for stamp in span)
    assert told["fired"][0]["first"].endswith("Z")
    assert told["watched_whole"] is False


def test_a_long_one_goes_in_parts_that_are_taken_whole() -> None:
    told = "\n".join(f"line {n} " + "x" * 100 for n in range(200)) + "\n" + "y" * 2000
    found = parts(told)
    assert all(len(part) <= 2000 and len(part.splitlines()) <= 30 for part in found)
    assert "".join(found).replace("\n", "") == told.replace("\n", "")


def test_it_is_sent_once_and_journalled_and_never_to_one_that_pages(tmp_path: Path) -> None:
    clock = FakeClock()
    journal = Journal(tmp_path / "journal.db", clock.now)
    to = Place("channel"), Place("pager", pages=True), Place("down", error=ActionFailed("no", "look"))
    destinations = Destinations([DestinationSpec(p.destination, "fake", lambda p=p: p) for p in to], clock)  # type: ignore[misc]

    def hand(name: str) -> str:
        return send(destinations, journal, clock, ALICE, name, "On call", "a\nb").result(5)

    try:
        assert hand("channel") == "sent to channel: delivery is not confirmed"
        with pytest.raises(Refused, match="pages people"):
            hand("pager")
        with pytest.raises(ActionFailed):
            hand("down")
        with pytest.raises(ActionFailed, match="no destination"):
            hand("nowhere")
        journal.must(entry(EntryKind.NOTE, 0, "x"))
        told = journal.recent(10, (EntryKind.TOLD,))
        assert [(e.data["destination"], e.data["state"]) for e in told] == [("channel", "sent"), ("down", "failed")]
    finally:
        destinations.stop()
        journal.close()
    assert [m.text for m in to[0].sent] == ["a\nb"]
    assert to[1].sent == []


class Place:
    """A destination in memory."""

    provider = "fake"

    def __init__(self, name: str, pages: bool = False, error: Exception | None = None) -> None:
        self.destination, self.pages, self._error = name, pages, error
        self.sent: list[Message] = []

    def preview(self, message: Message) -> tuple[tuple[str, str], ...]:
        return ()

    def send(self, message: Message) -> Receipt:
        if self._error:
            raise self._error
        self.sent.append(message)
        return Receipt()

    def close(self) -> None: ...


def test_the_journal_says_when_a_board_watched_and_what_it_could_not_read(tmp_path: Path) -> None:
    clock = FakeClock()
    journal = Journal(tmp_path / "journal.db", clock.now)
    recorder = ChangeRecorder(journal, Episodes())
    good = triaged(states={"prom": SourceState.OK}).board.sources.values()
    lost = triaged(states={"prom": SourceState.OFFLINE}).board.sources.values()
    start = clock.now()
    recorder.tick(good, start, 0.0)  # a command reads and is gone: nobody watches
    recorder.begin(start)
    for second in range(0, 700, 10):
        recorder.tick(lost if 400 <= second < 500 else good, start + second, second)
    recorder.end(start + 700)
    journal.must(entry(EntryKind.NOTE, 0, "x"))
    told = [(e.at - start, e.text, e.data["unread"]) for e in journal.recent(50, (EntryKind.WATCH,))]
    journal.close()
    assert told == [
        (0.0, "started", []),
        (300.0, "watching", []),
        (400.0, "watching", ["prom"]),
        (500.0, "watching", []),
        (700.0, "stopped", []),
    ]


def test_two_rows_that_became_one_are_one_page_also_once_the_pager_has_left_first(tmp_path: Path) -> None:
    """The incident that takes a second alert changes no state: that they were one row is journalled all the same."""
    clock = FakeClock(NOW)
    journal = Journal(tmp_path / "journal.db", clock.now)
    triager = Triager(Rules(pages=({"severity": "critical"},)))
    recorder = ChangeRecorder(journal, triager.episodes)
    recorder.remember()
    recorder.recall()
    alarm = alert("alarms/a", severity=Severity.CRITICAL, keys=("arn",), began=NOW)
    pager = alert("pager/1", provider="pagerduty", severity=Severity.CRITICAL, keys=("dedup",), began=NOW)
    had = msgspec.structs.replace(pager, state=AlertState.ACKNOWLEDGED, by=("Alice",), by_at=NOW)
    joined = msgspec.structs.replace(had, keys=("dedup", "arn"))
    well = {"alarms": SourceState.OK, "pager": SourceState.OK}
    before = board(states=well)
    for at, rows in enumerate([(alarm,), (alarm, pager), (alarm, had), (alarm, joined), (alarm, joined), (alarm,), ()]):
        now = board(*rows, states=well)
        recorder.record(triager.triage(now), before, NOW + 10 * at)
        before = now
    journal.must(entry(EntryKind.NOTE, 0, "x"))
    entries = journal.recent(50)
    journal.close()
    assert len([e for e in entries if e.kind is EntryKind.ALERT]) == 6  # two firings, had, joined, two ends
    told = handover(entries, triaged(), SINCE, NOW + 100)
    assert [(f.pages, f.times) for f in told.fired] == [(True, 1)]


def test_a_page_keeps_its_name_once_it_ended() -> None:
    """The page is what its row was called, also where an alarm of it was seen first and a source's word ended last."""
    row = "[FIRING:1] HighErrorRate"
    page = {"problem": "alarms/a", "pages": True}
    entries = [
        fires(30, "alarms/a", **page),
        fires(29, "pager/P1", **page, row=row, pager=True),
        fires(28, "prom/a", **page, row="5xx rate", pager=False),
        fires(20, "pager/P1", new="resolved"),
        fires(20, "prom/a", new="resolved"),
        fires(19, "alarms/a", new="resolved"),
    ]
    (one,) = made(entries).fired
    assert (one.title, one.ended) == (row, NOW - 19 * 60)


@pytest.mark.parametrize("state", [SourceState.EXPIRED, SourceState.OFFLINE])
def test_nothing_is_counted_as_zero_that_was_never_read(state: SourceState) -> None:
    never = triaged(states={"prod": state, "prom": state})
    lost = {n: msgspec.structs.replace(s, read_at=None, provider="ecs" if n == "prod" else "alertmanager")
            for n, s in never.board.sources.items()}  # fmt: skip
    never = msgspec.structs.replace(never, board=msgspec.structs.replace(never.board, sources=lost))
    assert counts.services_title(never) == "SERVICES not known · not read: prod"
    assert counts.deploys_title(never) == "DEPLOYS not known · not read: prod"
    assert counts.alerts_title(never) == "ALERTS not known"
    assert {counts.number(never, what, 0) for what in ("alerts", "services", "deploys")} == {"?"}
    read = {n: msgspec.structs.replace(s, read_at=NOW - 60) for n, s in lost.items()}
    stale = msgspec.structs.replace(never, board=msgspec.structs.replace(never.board, sources=read))
    assert [counts.number(stale, what, 2) for what in ("alerts", "services", "deploys")] == ["2", "2?", "2?"]
    told = handover([], never, SINCE, NOW)
    headings = [heading for heading, _ in sections(told, UTC)]
    assert {"Open pages: not known", "Deploys: not known", "Open, not paging: not known"} <= set(headings)
    assert "Seen, silenced or snoozed: not known" in headings
    lines = {heading: said for heading, said in sections(told, UTC) if heading.endswith("not known")}
    assert set(lines.values()) == {
        ("not known: no source of alerts could be read",),
        ("not known: no source of deploys could be read",),
    }
    assert as_object(told)["not_known"] == ["alerts", "deploys", "services"]


def test_what_was_read_and_is_empty_is_zero() -> None:
    read = triaged(states={"prod": SourceState.OK, "prom": SourceState.OK})
    ok = {n: msgspec.structs.replace(s, read_at=NOW, provider="ecs" if n == "prod" else "alertmanager")
          for n, s in read.board.sources.items()}  # fmt: skip
    read = msgspec.structs.replace(read, board=msgspec.structs.replace(read.board, sources=ok))
    assert counts.services_title(read) == "SERVICES 0 · 0 unhealthy"
    assert counts.deploys_title(read) == "DEPLOYS 0 running · 0 in the last day"
    assert counts.alerts_title(read) == "ALERTS 0 · no pages"


def follow_up(minutes_ago: float, subject: str, state: str, **data: Any) -> Entry:
    given = {"title": "why 5xx at night", "owner": "Bob", "state": state, "alerts": ["prom/a"], **data}
    return entry(EntryKind.FOLLOW_UP, minutes_ago, subject, "", "Alice", **given)


def test_follow_ups_stay_in_the_handover_until_they_are_closed_and_once_more_in_the_one_of_their_end() -> None:
    every = follow_ups(
        [
            follow_up(9000, "f1", "open"),
            follow_up(9000, "f2", "open", title="the old one"),
            follow_up(8000, "f2", "done", title="the old one"),
            follow_up(9000, "f3", "open", title="mended"),
            follow_up(30, "f3", "done", title="mended"),
        ]
    ).values()
    told = handover([], triaged(), SINCE, NOW, follow_ups=every)
    assert [f.id for f in told.follow_ups] == ["f1", "f3"]
    said = text(told)
    assert "Follow-ups: 1 open" in said
    assert "why 5xx at night · open · owner Bob · opened" in said
    assert "mended · done · owner Bob" in said
    assert "the old one" not in said
    assert as_object(told)["follow_ups"][0]["opened_at"].endswith("Z")
    assert "Follow-ups" not in text(made([]))


def test_incidents_stay_in_the_handover_until_they_are_closed_and_once_more_in_the_one_of_their_end() -> None:
    def told_of(minutes_ago: float, subject: str, state: str, title: str, text: str = "") -> Entry:
        given = {"title": title, "lead": "Bob", "state": state, "episodes": ["prom/a@1"], "deploys": []}
        return entry(EntryKind.INCIDENT, minutes_ago, subject, text, "Alice", **given)

    every = incidents(
        [
            told_of(9000, "i1", "open", "checkout is down"),
            told_of(9000, "i2", "open", "the old one"),
            told_of(8000, "i2", "closed", "the old one"),
            told_of(9000, "i3", "open", "mended"),
            told_of(30, "i3", "closed", "mended", "the cache was cold"),
        ]
    ).values()
    told = handover([], triaged(), SINCE, NOW, incidents=every)
    assert [i.id for i in told.incidents] == ["i1", "i3"]
    said = text(told)
    assert "Incidents: 1 open" in said
    assert "checkout is down · open · lead Bob · 1 episode, 0 deploys · opened" in said
    assert "mended · closed · lead Bob" in said
    assert "by Alice · the cache was cold · i3" in said
    assert "the old one" not in said
    assert as_object(told)["incidents"][0]["opened_at"].endswith("Z")
    assert "Incidents" not in text(made([]))


def test_the_newest_word_on_an_episode_stands_beside_what_fired() -> None:
    marks = [
        entry(EntryKind.MARK, 50, "prom/a@1", actor="Alice", mark="actionable", alert="prom/a"),
        entry(EntryKind.MARK, 40, "prom/a@1", actor="Bob", mark="noise", alert="prom/a"),
    ]
    told = made([fires(100), fires(90, new="resolved"), *marks])
    assert (told.fired[0].mark, told.fired[0].marked_by) == ("noise", "Bob")
    assert "· noise (Bob)" in text(told)
    back = made([fires(100), *marks, entry(EntryKind.MARK, 30, "prom/a@1", actor="Bob", mark="", alert="prom/a")])
    assert back.fired[0].mark == ""
    assert "Bob" not in text(back)
