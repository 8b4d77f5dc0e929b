"""Rows are made once: what did not change is not worked out again, and is the same object; what changed is new."""

from __future__ import annotations

from datetime import UTC

import msgspec
import pytest
from tests.support.fakes import alert, deploy, service

from oncall_tui.domain.alert import ServiceHint
from oncall_tui.domain.board import Board, merge
from oncall_tui.domain.reading import Reading, SourceState, SourceStatus
from oncall_tui.domain.shared import OPEN, Held
from oncall_tui.engine.engine import Update
from oncall_tui.text.time_format import age
from oncall_tui.triage.triager import Rules, Triager
from oncall_tui.tui.presenters.row_builder import STEP_S, RowBuilder, ViewFilter
from oncall_tui.tui.widgets.table.rows import Row

NOW = 1_800_000_000.0  # a step begins here
SHOWN = ViewFilter()


class Night:
    """One triager and one row builder, as a board has them."""

    def __init__(self) -> None:
        self.triager, self.rows, self.version = Triager(Rules()), RowBuilder(UTC), 0
        self.reading = Reading(
            source="prod",
            at=NOW,
            alerts=tuple(alert(f"prod/{n}", source="prod", began=NOW - 1_000 * n) for n in range(1, 4)),
            services=(service(),),
            deploys=(deploy("prod/d1", started=NOW - 300),),
        )
        self.state = SourceState.OK

    def update(self, now: float) -> Update:
        self.version += 1
        status = SourceStatus(name="prod", provider="ecs", state=self.state, read_at=now)
        board: Board = merge(self.version, now, [status], [self.reading])
        return Update(triaged=self.triager.triage(board))

    def made(self, now: float) -> tuple[list[Row], list[Row], list[Row]]:
        update = self.update(now)
        alerts = self.rows.alerts(update, SHOWN, None, now)
        assert all(row.words for row in alerts), "each was looked at"
        return alerts, self.rows.services(update, SHOWN, now), self.rows.deploys(update, SHOWN, now)


def test_what_did_not_change_is_the_same_row_object_within_a_step_and_after_it() -> None:
    night = Night()
    first = night.made(NOW)
    for now in (NOW + 1, NOW + STEP_S + 1):  # 41m is still 41m ten seconds later
        again = night.made(now)
        kept = [sum(a is b for a, b in zip(old, new, strict=True)) for old, new in zip(first, again, strict=True)]
        assert kept[0] >= 2, "an alert of seventeen minutes says the same"


def test_rows_that_are_all_the_same_are_the_same_list_which_a_table_need_not_look_at() -> None:
    night = Night()
    first = night.made(NOW)
    again = night.made(NOW + 1)
    assert all(old is new for old, new in zip(first, again, strict=True))
    night.reading = msgspec.structs.replace(night.reading, services=(service(read_at=NOW + 2),))
    assert night.made(NOW + 2)[1] is first[1], "a service that was only read again says the same"
    one, *rest = night.reading.alerts
    night.reading = msgspec.structs.replace(night.reading, alerts=(msgspec.structs.replace(one, title="worse"), *rest))
    assert night.made(NOW + 3)[0] is not first[0]
    night.state = SourceState.OFFLINE
    lost = night.made(NOW + 4)[0]
    assert lost[0].id == "source:prod"
    assert night.made(NOW + 4.5)[0] is lost


def test_within_a_step_no_row_of_thousands_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    night = Night()
    night.made(NOW)
    looked: list[str] = []
    changing = RowBuilder._changing
    monkeypatch.setattr(
        RowBuilder, "_changing", lambda self, row, now: looked.append(row.id) or changing(self, row, now)
    )
    night.made(NOW + 1)
    one, *rest = night.reading.alerts
    night.reading = msgspec.structs.replace(night.reading, alerts=(msgspec.structs.replace(one, title="worse"), *rest))
    night.made(NOW + 2)
    assert looked == [], "another alert that changed is no reason either"
    night.made(NOW + STEP_S)  # the made rows, whose words were of any moment of the last step
    night.made(NOW + 2 * STEP_S)
    assert set(looked) == {row.id for row in night.reading.alerts}
    looked.clear()
    night.made(NOW + 3 * STEP_S)
    assert set(looked) == {"prod/1"}, "the others say the same until their next minute"


@pytest.mark.parametrize("began", [0.0, 9.0, 55.0, 59.9, 61.0, 3_590.0, 3_601.0, 86_390.0, 86_401.0, 90_000_000.0])
def test_at_each_step_every_age_is_of_then(began: float) -> None:
    night = Night()
    night.reading = msgspec.structs.replace(night.reading, alerts=(alert("prod/1", source="prod", began=NOW - began),))
    for step in range(30):
        now = NOW + step * STEP_S
        assert night.made(now)[0][0].cells[1] == age(began + step * STEP_S)


def test_an_age_goes_on_with_the_next_step() -> None:
    night = Night()
    night.reading = msgspec.structs.replace(night.reading, alerts=(alert("prod/1", source="prod", began=NOW - 15),))
    assert night.made(NOW)[0][0].cells[1] == "10s"
    assert night.made(NOW + STEP_S)[0][0].cells[1] == "20s"
    assert night.made(NOW - 10)[0][0].cells[1] == "now", "the clock was set back"


def test_an_alert_that_changed_is_made_anew_at_once_and_no_other() -> None:
    night = Night()
    before = night.made(NOW)[0]
    one, *rest = night.reading.alerts
    night.reading = msgspec.structs.replace(night.reading, alerts=(msgspec.structs.replace(one, title="worse"), *rest))
    after = {row.id: row for row in night.made(NOW + 1)[0]}
    assert "worse" in str(after[one.id].cells)
    assert all(after[row.id] is row for row in before if row.id != one.id)


def test_a_source_that_is_lost_makes_all_its_rows_anew_at_once() -> None:
    night = Night()
    before = night.made(NOW)
    night.state = SourceState.OFFLINE
    after = night.made(NOW + 1)
    assert all("?" in str(row.cells) for row in after[0] if row.id.startswith("prod/"))
    assert after[1][0].cells[0] == ("?", "stale")
    assert after[2][0].cells[3] != before[2][0].cells[3]


def test_what_others_do_is_on_the_row_while_they_do_it_and_goes_on_with_the_time() -> None:
    night = Night()
    night.made(NOW)
    bob = Held("s", "prod/1", OPEN, "bob@there", "Bob", NOW - 100, NOW, "v1")
    for now, others, said in ((NOW + 1, (bob,), "1m ago"), (NOW + 25, (bob,), "2m ago"), (NOW + 26, (), "")):
        update = msgspec.structs.replace(night.update(now), others=others)
        under = str(night.rows.alerts(update, SHOWN, None, now)[0].under)
        assert ("Bob" in under, said in under) == (bool(others), True), under


def test_of_thousands_of_alerts_the_words_are_put_together_that_somebody_looks_at() -> None:
    night = Night()
    alerts = tuple(alert(f"prod/{n}", source="prod", began=NOW - n) for n in range(5_000))
    night.reading = msgspec.structs.replace(night.reading, alerts=alerts)
    rows = night.rows.alerts(night.update(NOW), SHOWN, None, NOW)
    assert len(rows) == len(alerts)
    assert not any(row.made for row in rows)
    seen = rows[7]
    assert seen.cells[0]
    assert [row for row in rows if row.made] == [seen]
    again = night.rows.alerts(night.update(NOW + STEP_S), SHOWN, None, NOW + STEP_S)
    assert again[8].cells[1] == "10s", "an age is of when it is looked at, not of when it came"


def test_a_name_that_another_service_has_too_from_now_on_is_told_with_its_cluster() -> None:
    """The alert itself did not change: the row would go on to name either of two services."""
    night = Night()
    mine = alert("prod/1", source="prod", began=NOW - 600, hint=ServiceHint(cluster="main", service="api"))
    night.reading = msgspec.structs.replace(night.reading, alerts=(mine,))
    assert night.made(NOW)[0][0].cells[3] == "prod/api"
    night.reading = msgspec.structs.replace(night.reading, services=(service(), service("prod/jobs/api")))
    assert night.made(NOW + 1)[0][0].cells[3] == "prod/main/api"
