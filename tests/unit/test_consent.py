"""Consent fits the danger: what nothing asks for is said so, and wants the service's name typed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from tests.support.fakes import ALICE, alert, deploy, revision, service

from oncall_tui.actions.plan_enricher import PlanEnricher
from oncall_tui.domain.action import FOLLOWED, Verb
from oncall_tui.domain.alert import AlertState, ServiceHint
from oncall_tui.domain.board import Board
from oncall_tui.domain.change import Change, ChangeKind
from oncall_tui.domain.comparison import Commit, CommitRange, Comparison
from oncall_tui.domain.deploy import DeployState
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.plan import Confirm, Plan
from oncall_tui.domain.product import Product
from oncall_tui.domain.reading import SourceState, SourceStatus
from oncall_tui.domain.revision import Build
from oncall_tui.errors import Throttled
from oncall_tui.journal import Journal
from oncall_tui.triage.cautions import against_resolving
from oncall_tui.triage.consent import QUIET_S, RECENT_S, nothing_wrong
from oncall_tui.triage.episodes import QuietEpisode
from oncall_tui.triage.suspects import Suspicion
from oncall_tui.triage.triager import Rules, TriagedBoard, Triager

NOW = 1_800_000_000.0
API, WEB = "prod/main/api", "prod/main/web"
STANDS = ":42 has run for 2d and its tasks are healthy"
HELD = frozenset({AlertState.FIRING, AlertState.ACKNOWLEDGED, AlertState.SEEN, AlertState.SNOOZED})


def triaged(
    *deploys: Any,
    alerts: tuple[Any, ...] = (),
    sources: dict[str, SourceState] | None = None,
    changes: tuple[Change, ...] = (),
) -> TriagedBoard:
    """A board with api and web of one product; *sources* are the states of prod (ECS) and prom."""
    states = {"prod": SourceState.OK, "prom": SourceState.OK, **(sources or {})}
    newest = {d.service_id: d for d in sorted(deploys, key=lambda d: d.started)}
    board = Board(
        version=1,
        at=NOW,
        sources=MappingProxyType(
            {
                name: SourceStatus(
                    name=name, provider="ecs" if name == "prod" else "alertmanager", state=state, read_at=NOW - 5
                )
                for name, state in states.items()
            }
        ),
        alerts=MappingProxyType({a.id: a for a in alerts}),
        services=MappingProxyType({s: service(s, deploy_id=newest[s].id if s in newest else "") for s in (API, WEB)}),
        deploys=MappingProxyType({d.id: d for d in deploys}),
        changes=MappingProxyType({c.id: c for c in changes}),
    )
    return Triager(Rules(products=(Product(name="shop", services=("prod/*",)),))).triage(board)


def fires(state: AlertState = AlertState.FIRING, began: float = NOW - 60, of: str = "api") -> Any:
    return alert(
        f"prom/{of}", provider="alertmanager", state=state, began=began, title="5xx", hint=ServiceHint(service=of)
    )


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal.db", lambda: NOW)
    yield made
    made.close(1.0)


def plan(verb: Verb = Verb.ROLL_BACK, target: str = API, from_arn: int = 42, **more: Any) -> Plan:
    request = {"cluster": "main", "service": "api", "from": revision(from_arn).task_definition}
    fields: dict[str, Any] = {"title": "t", "request": request, "stands": STANDS, "confirm": Confirm.YES, **more}
    return Plan(id="p", verb=verb, source="prod", target=target, version="v", actor=ALICE, made_at=NOW, **fields)


def dressed(seen: TriagedBoard, journal: Journal, **more: Any) -> Plan:
    return PlanEnricher(lambda: seen, journal, ALICE).enrich(plan(**more))


BAD = deploy("prod/d42", API, state=DeployState.SUCCEEDED, started=NOW - 300, finished=NOW - 120)
OLD = deploy("prod/d42", API, state=DeployState.SUCCEEDED, started=NOW - 90_000, finished=NOW - 89_000)
OTHERS = deploy("prod/w8", WEB, state=DeployState.SUCCEEDED, started=NOW - 300, finished=NOW - 120)
BACK = deploy(
    "prod/d43", API, old=revision(42), new=revision(41), state=DeployState.SUCCEEDED, started=NOW - 100, rollback="x"
)


HOME = "https://github.com/example/api"
FOUND = CommitRange(commits=(Commit(sha="a" * 40, title="x", author="Bob"),), total=1, files=2)


def built(number: int) -> Any:
    return revision(number, build=Build(repository=HOME, commit=f"{number:040x}"))


def test_the_plan_says_which_commits_are_taken_back_and_where_they_are_compared(journal: Journal) -> None:
    seen = triaged(msgspec.structs.replace(BAD, old=built(41), new=built(42)), alerts=(fires(),))
    request = {"cluster": "main", "service": "api", "to": built(41).task_definition}
    request["from"] = built(42).task_definition
    url = f"{HOME}/compare/{41:040x}...{42:040x}"

    def lines(read: Callable[[Comparison], CommitRange | None], **more: Any) -> dict[str, str]:
        asked = plan(**{"request": request, "lines": (("changes", "x"), ("API call", "y")), **more})
        return dict(PlanEnricher(lambda: seen, journal, ALICE, commits=read).enrich(asked).lines)

    told = lines(lambda compared: FOUND)
    assert list(told) == ["changes", "taken back", "compare", "API call"]
    assert (told["taken back"], told["compare"]) == ("1 commit by Bob · 2 files changed", url)
    assert lines(lambda compared: None) == {"changes": "x", "compare": url, "API call": "y"}  # nobody can be asked

    def fails(compared: Comparison) -> CommitRange:
        raise Throttled("GitHub's limit of calls is used up, again in 2m")

    assert lines(fails)["taken back"] == "commits not known: GitHub's limit of calls is used up, again in 2m"
    # undoing the rollback brings them again: the arrow of the comparison stays old → new
    again = {**request, "from": request["to"], "to": request["from"]}
    told = lines(lambda compared: FOUND, verb=Verb.UNDO_ROLLBACK, request=again)
    assert (told["brought"], told["compare"]) == ("1 commit by Bob · 2 files changed", url)


def test_a_suspect_of_an_alert_that_fires_wants_a_yes_alone(journal: Journal) -> None:
    made = dressed(triaged(BAD, alerts=(fires(),)), journal)
    assert (made.confirm, made.warnings) == (Confirm.YES, ())


@pytest.mark.parametrize(
    ("seen", "from_arn", "words"),
    [
        (triaged(OLD), 42, f"no deploy is suspected, no alerts for it: {STANDS}"),
        (triaged(OLD, alerts=(fires(),)), 42, f"no deploy is suspected: {STANDS}"),
        (triaged(BAD, alerts=(fires(began=NOW - 900),)), 42, f"no deploy is suspected: {STANDS}"),
        (triaged(BAD, alerts=(fires(AlertState.RESOLVED),)), 42, "no deploy is suspected, no alerts for it"),
        (triaged(BAD, alerts=(fires(AlertState.SILENCED),)), 42, "no deploy is suspected, no alerts for it"),
        (triaged(OTHERS, alerts=(fires(),)), 42, "no deploy of this service is suspected, but one of prod/main/web"),
        (triaged(BAD, BACK, alerts=(fires(),)), 41, "no deploy is suspected"),  # what was suspected is gone
        (triaged(sources={"prod": SourceState.EXPIRED}), 42, "whether a deploy is suspected is not known: prod cannot"),
        (triaged(sources={"prod": SourceState.WAITING}), 42, "not known: prod has not been read yet"),
        (
            triaged(OLD, sources={"prom": SourceState.OFFLINE}),
            42,
            "no deploy is suspected, and whether an alert fires is not known: prom cannot be read now",
        ),
        (triaged(BAD, alerts=(fires(),), sources={"prom": SourceState.STALE}), 42, "prom cannot be read now"),
    ],
)
def test_what_nothing_asks_for_says_why_and_wants_the_name(
    journal: Journal, seen: TriagedBoard, from_arn: int, words: str
) -> None:
    for verb in (Verb.ROLL_BACK, Verb.RESTART):
        made = dressed(seen, journal, verb=verb, from_arn=from_arn)
        assert words in made.warnings[0]
        assert STANDS in made.warnings[0]
        assert (made.confirm, made.confirm_name, made.confirm_why) == (Confirm.NAME, "api", "Nothing suggests it")


def test_a_change_that_stands_first_is_said_and_wants_the_name_also_where_tasks_fail(journal: Journal) -> None:
    began = NOW - 100
    kind, what = ChangeKind.DATABASE, "RDS failover of api-db"
    failover = Change(
        id="prod/1", source="prod", kind=kind, what=what, resource="api-db", began=began, ended=began, service_id=API
    )
    seen = triaged(BAD, alerts=(fires(),), changes=(failover,))
    for failing in (False, True):
        made = dressed(seen, journal, failing=failing)
        assert made.warnings[0] == (
            f"a change is the likelier cause, and no rollback takes it back: {what} 40s before the alert"
        )
        assert (made.confirm, made.confirm_name, made.confirm_why) == (
            Confirm.NAME, "api", "A change is suspected first",
        )  # fmt: skip
    assert dressed(seen, journal, verb=Verb.RESTART, failing=True).confirm is Confirm.YES
    unread = triaged(alerts=(fires(),), changes=(failover,), sources={"prod": SourceState.EXPIRED})
    both = dressed(unread, journal).warnings
    assert both[0].startswith("a change is the likelier cause")
    assert both[1] == "whether a deploy is suspected is not known: prod cannot be read now"


def test_a_deploy_that_is_suspected_of_another_service_s_alert_is_not_called_unsuspected(journal: Journal) -> None:
    """R on an alert of web takes the deploy of api, where that is the product's suspect."""
    began = NOW - 100
    failover = Change(
        id="prod/1",
        source="prod",
        kind=ChangeKind.DATABASE,
        what="RDS failover of web-db",
        resource="web-db",
        began=began,
        ended=began,
        service_id=WEB,
    )
    alone = dressed(triaged(BAD, alerts=(fires(of="web"),)), journal)
    assert alone.warnings[0] == (
        f"no alerts for it; its deploy is suspected of 5xx of prod/main/web, which shares its product: {STANDS}"
    )
    behind = dressed(triaged(BAD, alerts=(fires(of="web"),), changes=(failover,)), journal)
    assert behind.warnings[0] == (
        "no alerts for it; its deploy is suspected of 5xx of prod/main/web, which shares its product, "
        f"behind RDS failover of web-db 40s before the alert: {STANDS}"
    )
    for made in (alone, behind):
        assert (made.confirm, made.confirm_name) == (Confirm.NAME, "api")
        assert made.confirm_why == "No alert of its own suggests it"


def test_a_weak_change_beside_deploys_that_were_not_read_is_named(journal: Journal) -> None:
    more = Change(
        id="prod/1",
        source="prod",
        kind=ChangeKind.SCALING,
        what="desired count 2 → 4 of api",
        resource="main/api",
        began=NOW - 100,
        ended=NOW - 100,
        service_id=API,
    )
    seen = triaged(alerts=(fires(),), changes=(more,), sources={"prod": SourceState.EXPIRED})
    made = dressed(seen, journal)
    assert made.warnings[0] == (
        "whether a deploy is suspected is not known: prod cannot be read now; what was read has weak evidence alone: "
        f"desired count 2 → 4 of api 40s before the alert; {STANDS}"
    )
    assert made.confirm is Confirm.NAME


def test_tasks_that_fail_in_a_deploy_under_way_ask_for_it(journal: Journal) -> None:
    made = dressed(triaged(OLD), journal, failing="2 tasks failed of :42, which is being deployed")
    assert (made.confirm, made.warnings) == (Confirm.YES, ())


def test_continuing_what_is_suspected_says_so(journal: Journal) -> None:
    paused = deploy("prod/d42", API, started=NOW - 300)
    made = dressed(triaged(paused, alerts=(fires(),)), journal, verb=Verb.CONTINUE)
    assert made.warnings == ("5xx: :41→:42 is suspected, and continuing takes it further",)
    assert made.confirm is Confirm.NAME


def test_a_wide_event_accuses_no_one_deploy(journal: Journal) -> None:
    products = tuple(Product(name=n, services=(f"prod/main/{n}",)) for n in ("api", "web", "jobs"))
    services = {s: service(s, deploy_id="prod/d42" if s == API else "") for s in (API, WEB, "prod/main/jobs")}
    alerts = [fires(of=n) for n in ("api", "web", "jobs")]
    board = Board(
        version=1, at=NOW, alerts={a.id: a for a in alerts}, services=services, deploys={BAD.id: BAD}
    )  # fmt: skip
    made = dressed(Triager(Rules(products=products)).triage(board), journal)
    assert made.confirm is Confirm.NAME
    assert "no deploy is suspected" in made.warnings[0]


def test_no_write_to_a_service_goes_out_by_y_alone_unless_something_asks_for_it(journal: Journal) -> None:
    """Every verb, state of an alert, deploy, source and plan: what may go by ``y`` is judged here by itself."""
    deploys = [d(state) for d in (_under_way, _over, _long_over, _of_web, _after_it) for state in DeployState]
    said = 0
    for verb, state, made, source, failing in itertools.product(
        sorted(FOLLOWED), AlertState, deploys, (SourceState.OK, SourceState.OFFLINE), ("", "2 tasks failed")
    ):
        seen = triaged(made, alerts=(fires(state),), sources={"prom": source})
        found = dressed(seen, journal, verb=verb, failing=failing)
        began = NOW - 60
        ended = made.finished or (began if made.state.running else made.started)
        suspected = (
            made.service_id == API
            and made.started <= began
            and ended >= began - 3600
            and made.state not in (DeployState.ROLLED_BACK, DeployState.ROLLING_BACK)
            and state in HELD
            and source is SourceState.OK
        )
        may = verb in (Verb.ROLL_BACK, Verb.RESTART) and (suspected or bool(failing))
        assert (found.confirm is Confirm.YES) <= may, (verb, state, made, source, failing)
        if verb in (Verb.ROLL_BACK, Verb.RESTART):
            assert (found.confirm is Confirm.NAME) == any(STANDS in w for w in found.warnings)
        said += found.confirm is Confirm.YES
    assert said > 50  # else nothing was tried


def _under_way(state: DeployState) -> Any:
    return deploy("prod/d42", API, state=state, started=NOW - 300)


def _over(state: DeployState) -> Any:
    return deploy("prod/d42", API, state=state, started=NOW - 900, finished=NOW - 600)


def _long_over(state: DeployState) -> Any:
    return deploy("prod/d42", API, state=state, started=NOW - 90_000, finished=NOW - 89_000)


def _of_web(state: DeployState) -> Any:
    return deploy("prod/w42", WEB, state=state, started=NOW - 300)


def _after_it(state: DeployState) -> Any:
    return deploy("prod/d42", API, state=state, started=NOW - 10)


# --- resolving an incident --------------------------------------------------------------------------------------------


def paged(*others: AlertState, made: Any = BAD) -> TriagedBoard:
    incident = alert("pager/Q1", provider="pagerduty", title="5xx", keys=("k",), began=NOW - 60)
    joined = [
        alert(f"prom/{i}", provider="alertmanager", state=s, title=f"alarm {i}", keys=("k",), began=NOW - 60,
              hint=ServiceHint(service="api"))
        for i, s in enumerate(others)
    ]  # fmt: skip
    return triaged(made, alerts=(incident, *joined), sources={"pager": SourceState.OK})


def test_resolving_says_which_alarms_fire_on_and_that_the_bad_deploy_runs_on(journal: Journal) -> None:
    found = dressed(paged(AlertState.FIRING), journal, verb=Verb.RESOLVE, target="pager/Q1")
    assert found.warnings == (
        "alarm 0 (prom) still fires, and may page again",
        "the suspect deploy :41→:42 of prod/main/api still runs",
    )
    gone = deploy("prod/d42", API, state=DeployState.ROLLED_BACK, started=NOW - 300, finished=NOW - 120)
    assert against_resolving(paged(AlertState.RESOLVED, made=gone), "pager/Q1") == ()


def test_an_older_journals_word_for_continuing_is_still_read() -> None:
    assert msgspec.json.decode(b'"go on"', type=Verb) is Verb.CONTINUE


def quiet_look(seconds: float, firings: int, lost: SourceState = SourceState.OK, seen: bool = False) -> TriagedBoard:
    """The alert fired *firings* times after the deploy and has been quiet for *seconds*.

    *seen*: by this program itself, else an earlier session's journal tells it.
    """
    triager, began = Triager(Rules()), NOW - 600
    states = ["firing", "resolved"] * firings
    data = {"service": API, "began": began}
    gaps = (NOW - seconds - began) / len(states)
    entries = [
        Entry(
            at=began + gaps * (at + 1), kind=EntryKind.ALERT, subject="prom/api", text="5xx",
            data={**data, "new": new, "began": began + gaps * at + 5},
        )
        for at, new in enumerate(states)
    ]  # fmt: skip
    bad = deploy(service_id=API, started=began - 20)
    base = triaged(bad, sources={"prom": lost}).board
    if seen:
        firing = fires(began=began)
        triager.triage(msgspec.structs.replace(base, at=NOW - seconds, alerts=MappingProxyType({firing.id: firing})))
    else:
        triager.episodes.load(entries)
    return triager.triage(base)


@pytest.mark.parametrize("seen", [True, False])
def test_an_episode_that_is_not_over_is_the_alert_that_asks(seen: bool, journal: Journal) -> None:
    now = quiet_look(3.0, 1 if seen else 3, seen=seen)
    told = PlanEnricher(lambda: now, journal, ALICE).enrich(plan())
    how = "" if seen else ", flapping"
    assert told.confirm is Confirm.YES
    assert told.warnings[0].startswith(f"5xx: quiet for {'0s' if seen else '3s'}{how}; :42 is its suspect")
    assert "no deploy is suspected" not in " ".join(told.warnings)


@pytest.mark.parametrize(
    ("seconds", "firings", "confirm", "words"),
    [
        (900.0, 3, Confirm.YES, "5xx: quiet for 15m, flapping; :42 is its suspect"),
        (400.0, 1, Confirm.NAME, "5xx: quiet for 6m; :42 is its suspect"),  # fired once: it asks no longer
        (1900.0, 3, Confirm.NAME, "no deploy is suspected, no alerts for it"),
    ],
)
def test_what_has_been_quiet_for_long_asks_for_nothing(
    seconds: float, firings: int, confirm: Confirm, words: str, journal: Journal
) -> None:
    now = quiet_look(3.0, firings)
    later = msgspec.structs.replace(now, board=msgspec.structs.replace(now.board, at=NOW - 3.0 + seconds))
    told = PlanEnricher(lambda: later, journal, ALICE).enrich(plan())
    assert told.confirm is confirm
    assert words in told.warnings[0]


def test_a_source_that_is_not_read_tells_of_no_quiet(journal: Journal) -> None:
    now = quiet_look(3.0, 3, SourceState.OFFLINE)
    told = PlanEnricher(lambda: now, journal, ALICE).enrich(plan())
    assert told.confirm is Confirm.NAME
    assert "quiet" not in told.warnings[0]


def test_quiet_asks_for_no_other_deploy_and_no_rolled_back_one(journal: Journal) -> None:
    now = quiet_look(3.0, 3)
    told = PlanEnricher(lambda: now, journal, ALICE).enrich(plan(from_arn=43))
    assert (told.confirm, "quiet" in told.warnings[0]) == (Confirm.NAME, False)


@pytest.mark.parametrize(
    ("flapping", "seconds", "said"),
    [(False, RECENT_S - 1, ""), (False, RECENT_S, "no alerts"), (True, QUIET_S - 1, ""), (True, QUIET_S, "no alerts")],
)
def test_a_service_whose_alert_fired_a_moment_ago_has_something_wrong(
    flapping: bool, seconds: float, said: str
) -> None:
    episode = QuietEpisode("5xx", API, NOW - 2 * QUIET_S, NOW - seconds, flapping)
    board = msgspec.structs.replace(triaged(), quiet=((episode, Suspicion()),))
    assert nothing_wrong(board, API).startswith(said)
    assert bool(nothing_wrong(board, API)) is bool(said)
    assert nothing_wrong(board, WEB) == "no alerts for it, and it is healthy"


def test_where_alerts_cannot_be_read_nothing_is_said_to_be_well() -> None:
    board = triaged(sources={"prom": SourceState.STALE})
    assert nothing_wrong(board, API).startswith("whether an alert of it fires is not known: prom cannot be read now")
