"""What was begun while an alert was quiet within its episode: judged by the firing after it. Times are minutes."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from tests.support.fakes import alert, deploy, revision, service
from tests.unit.test_triage import NOW, board, hint

from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.change import Change, ChangeKind
from oncall_tui.domain.deploy import Deploy, DeployRollback, DeployState
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.triage.cautions import against_resolving, cautions
from oncall_tui.triage.consent import is_suspected, quiet, reason_missing, suspected_deploys
from oncall_tui.triage.firings import QuietTime, TimedFiring, quiet_times
from oncall_tui.triage.suspects import Suspect, SuspectChange
from oncall_tui.triage.triager import Rules, TriagedAlert, TriagedBoard, Triager
from oncall_tui.tui.presenters.group_cells import suspect

API = "prod/main/api"
OLD, NEW = revision(41), revision(42)


def at(minute: float) -> float:
    return NOW + minute * 60


def begun(minute: float, ended: float | None = None, **more: Any) -> Deploy:
    state = DeployState.IN_PROGRESS if ended is None else DeployState.SUCCEEDED
    finished = None if ended is None else at(ended)
    defaults: dict[str, Any] = {"state": state, "started": at(minute), "finished": finished, "old": OLD, "new": NEW}
    return deploy(f"prod/d{minute:g}", API, **(defaults | more))


def rolled_back(minute: float, back: float) -> Deploy:
    taken_back = DeployRollback(state=DeployState.ROLLED_BACK, to=":41", by="Alice", began=at(back), ended=at(back + 1))
    return begun(minute, ended=minute + 2, taken_back=taken_back)


def changed(minute: float, since: float | None = None, kind: ChangeKind = ChangeKind.DATABASE) -> Change:
    return Change(
        id=f"prod/c{minute:g}",
        source="prod",
        kind=kind,
        what="RDS failover of db",
        resource="db",
        began=at(minute),
        ended=at(minute),
        service_id=API,
        not_before=None if since is None else at(since),
    )


def watched(
    firings: Sequence[tuple[float, float | None]],
    *rows: Deploy | Change,
    until: float,
    every: float = 0.5,
    unseen: tuple[float, float] | None = None,
    provider: str = "alertmanager",
) -> TriagedBoard:
    """The board at the minute *until*, once a program that reads every half minute saw all of it but the *unseen*."""
    triager = Triager(Rules())
    found: TriagedBoard | None = None
    minute = -1.0
    while minute <= until:
        if unseen is None or not unseen[0] < minute < unseen[1]:
            fires = [(n, a) for n, (a, b) in enumerate(firings) if a <= minute and (b is None or minute < b)]
            new_id = provider == "pagerduty"
            alerts = [
                alert(
                    f"prom/a{n if new_id else ''}", began=at(a), hint=hint("api"), provider=provider, title="5xx",
                    keys=("key",) if new_id else (),
                )
                for n, a in fires
            ]  # fmt: skip
            told = board(service(API), *(d for d in rows if isinstance(d, Deploy) and d.started <= at(minute)), *alerts)
            changes = {c.id: c for c in rows if isinstance(c, Change) and c.began <= at(minute)}
            found = triager.triage(
                msgspec.structs.replace(
                    told, at=at(minute), changes=MappingProxyType(changes), version=int(minute * 2) + 9
                )
            )
        minute += every
    assert found is not None
    return found


def only(found: TriagedBoard) -> TriagedAlert:
    (row,) = found.alerts
    return row


def names(told: Sequence[Suspect | SuspectChange]) -> list[str]:
    return [(s.deploy.id if isinstance(s, Suspect) else s.change.id).removeprefix("prod/") for s in told]


def suspects(found: TriagedBoard) -> list[str]:
    return names(only(found).suspicion.suspects)


def innocent(found: TriagedBoard) -> list[str]:
    return names(only(found).suspicion.innocent)


BAD_TWICE = ((3.0, 9.0), (20.0, None))
FLAPS = ((0.0, 2.0), (4.0, 6.0), (8.0, 10.0), (14.0, None))


@pytest.mark.parametrize("provider", ["alertmanager", "pagerduty"])
def test_the_bad_version_that_is_deployed_again_is_the_first_suspect(provider: str) -> None:
    again = begun(19 + 20 / 60, failed_tasks=2)
    found = watched(BAD_TWICE, rolled_back(1, 7), again, until=21, provider=provider)
    row = only(found)
    assert (row.began, row.firings) == (at(3), 2)
    assert suspects(found) == [again.id.removeprefix("prod/"), "d1"]
    assert row.suspicion.words(at(21)) == (
        "deploy :41→:42 of prod/api started 40s before it fired again, 2 tasks stopped"
    )
    assert row.suspicion.suspects[1].words.endswith(", rolled back to :41 by Alice")
    assert innocent(found) == []
    assert "possibly" not in str(suspect(row))


def test_the_plan_agrees_with_the_row() -> None:
    again = begun(19, failed_tasks=2)
    found = watched(BAD_TWICE, rolled_back(1, 7), again, until=21)
    assert cautions(found, API, again) == ()
    assert again.id in {d.id for _, d in suspected_deploys(found, API)}
    assert is_suspected(found, API, again.new.task_definition, API)
    assert reason_missing(found, API, "", again.id) == ""


def test_while_it_is_quiet_after_that_it_still_asks_for_the_rollback() -> None:
    again = begun(19)
    found = watched(((3.0, 9.0), (20.0, 22.0)), rolled_back(1, 7), again, until=23)
    assert found.alerts == ()
    words, asks = quiet(found, API, again.new.task_definition, API)
    assert words.startswith("5xx: quiet for")
    assert asks


def test_what_began_while_it_fired_is_cleared() -> None:
    during = begun(5)
    found = watched(BAD_TWICE, during, until=21)
    assert (suspects(found), innocent(found)) == ([], ["d5"])
    assert cautions(found, API, during) == ("5xx began 2m before this deploy did: not caused by it",)
    later = begun(20.5)
    found = watched(BAD_TWICE, later, until=21)
    assert (suspects(found), innocent(found)) == ([], ["d20.5"])
    assert cautions(found, API, later) == ("5xx had fired again 30s before this deploy did: not caused by it",)


def test_the_newest_stands_first() -> None:
    firings = ((3.0, 9.0), (12.0, 15.0), (18.0, None))
    found = watched(firings, rolled_back(1, 7), begun(11, ended=14), begun(17), until=19)
    assert suspects(found) == ["d17", "d11", "d1"]
    assert not any(s.possible for s in only(found).suspicion.deploys)


def test_an_alert_that_flaps_by_itself_accuses_only_possibly() -> None:
    between = begun(12)
    found = watched(FLAPS, between, until=15)
    row = only(found)
    assert row.flapping
    assert suspects(found) == ["d12"]
    assert row.suspicion.words(at(15)).endswith(
        "started 2m before it fired again; possibly the suspect: it had fired again before, without a deploy"
    )
    assert suspect(row)[:2] == ("◂ possibly :41→:42 2m before", "unknown")
    assert suspected_deploys(found, API) == ()
    assert reason_missing(found, API, between.new.task_definition, API) == ":42 is only possibly the suspect of 5xx"
    (said,) = cautions(found, API, between)
    assert said == (
        "5xx: this deploy is possibly the suspect, it had fired again before, without a deploy; going back may not help"
    )
    assert against_resolving(found, row.id) == ()


def test_what_flapped_until_the_rollback_is_of_what_was_rolled_back() -> None:
    firings = ((2.0, 3.0), (4.0, 5.0), (6.0, 8.0), (20.0, None))
    again = begun(19)
    found = watched(firings, rolled_back(1, 7), again, until=21)
    assert suspects(found) == ["d19", "d1"]
    assert not only(found).suspicion.deploys[0].possible
    flapped_on = watched((*firings[:-1], (11.0, 12.0), firings[-1]), rolled_back(1, 7), again, until=21)
    assert suspects(flapped_on) == ["d1", "d19"]
    assert only(flapped_on).suspicion.deploys[1].possible


def test_where_nobody_saw_it_end_the_deploy_is_possibly_the_suspect() -> None:
    found = watched(BAD_TWICE, begun(12), until=21, unseen=(6, 20))
    assert suspects(found) == ["d12"]
    assert (
        only(found).suspicion.words(at(21)).endswith("possibly the suspect: whether it had ended by then is not known")
    )


def test_a_change_in_the_quiet_time_is_told_so() -> None:
    found = watched(BAD_TWICE, rolled_back(1, 7), changed(18), until=21)
    assert suspects(found) == ["c18", "d1"]
    assert only(found).suspicion.words(at(21)) == "RDS failover of db 2m before it fired again"
    found = watched(BAD_TWICE, changed(5), until=21)
    assert (suspects(found), innocent(found)) == ([], ["c5"])
    found = watched(BAD_TWICE, changed(18, since=5), until=21)
    assert only(found).suspicion.words(at(21)) == (
        "RDS failover of db between 15m and 2m before it fired again; possibly the suspect: "
        "whether it had ended by then is not known"
    )
    assert only(found).suspicion.change_first is None


def test_a_change_beats_a_deploy_that_is_only_possibly_it() -> None:
    found = watched(((0.0, 2.0), (4.0, 6.0), (14.0, None)), changed(-0.5), begun(12), until=15)
    assert suspects(found) == ["c-0.5", "d12"]


def test_an_incident_that_stays_open_hides_no_quiet_time() -> None:
    """A pager's incident lasts longer than what it is for."""
    triager, again = Triager(Rules()), begun(19)
    page = alert("pager/1", source="pager", provider="pagerduty", began=at(3), keys=("key",), title="5xx")
    for minute in (4, 8, 9.5, 12, 19.5, 21):
        fires = [alert("prom/a", began=at(3 if minute < 9 else 20), hint=hint("api"), keys=("key",))]
        rows = [service(API), page, *(fires if minute < 9 or minute > 20 else []), *([again] if minute > 19 else [])]
        row = only(triager.triage(msgspec.structs.replace(board(*rows), at=at(minute))))
    assert len(row.members) == 2
    assert [(s.deploy.id, s.possible) for s in row.suspicion.deploys] == [("prod/d19", False)]


def test_the_journal_tells_of_the_firings_before_a_restart() -> None:
    def entry(minute: float, state: str, began: float) -> Entry:
        data = {"new": state, "began": at(began), "service": API}
        return Entry(at=at(minute), kind=EntryKind.ALERT, subject="prom/a", text="5xx", data=data)

    triager = Triager(Rules())
    triager.episodes.load([entry(3, "firing", 3), entry(9, AlertState.RESOLVED, 3)])
    rows = (service(API), begun(19), alert("prom/a", began=at(20), hint=hint("api")))
    row = only(triager.triage(msgspec.structs.replace(board(*rows), at=at(21))))
    assert (row.began, [s.deploy.id for s in row.suspicion.deploys]) == (at(3), ["prod/d19"])
    assert not row.suspicion.deploys[0].possible


def test_a_problem_is_quiet_where_none_of_its_alerts_fires() -> None:
    one, other = (TimedFiring(0, 10, 12), TimedFiring(20)), (TimedFiring(5, 15, 16), TimedFiring(21))
    assert quiet_times((*one, *other)) == (QuietTime(15, 16, 20),)
    assert quiet_times((*one, TimedFiring(5))) == ()
    assert quiet_times(()) == ()
