"""What the rows of the alerts pane say of a problem: who saw it, its suspect, what is wide, what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec
from tests.support.fakes import Able, alert, deploy, revision, service
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, ServiceHint, Severity
from oncall_tui.domain.product import Product
from oncall_tui.triage.triager import TriagedAlert
from oncall_tui.tui.presenters.group_cells import repeats
from oncall_tui.tui.presenters.targets import ActionTarget

API, JOBS = "prod/main/api", "prod/main/jobs"
SHOP = Product(name="shop", services=("prod/*/*",))
AUTH = Product(name="auth", services=("edge/*/*",))


def shop(folder: Path, **more: object) -> Rig:
    """Two services of one product; the api's alert began after a deploy of the jobs."""
    rig = Rig(folder, Able("prod"), products=(SHOP, AUTH), **more)
    now = rig.clock.now()
    rig.provider.services[API] = service(API, last_deploy=now - 86_400 * 3)
    rig.provider.services[JOBS] = service(JOBS, deploy_id="prod/d8", revision=revision(8))
    rig.provider.deploys["prod/d8"] = deploy(
        "prod/d8", JOBS, old=revision(7), new=revision(8), started=now - 300, verbs=frozenset(Verb)
    )
    rig.provider.add("bad", began=now - 120, hint=ServiceHint(service="api"), title="5xx")
    return rig


async def test_r_goes_to_the_first_suspect_also_where_it_is_another_service_of_the_product(tmp_path: Path) -> None:
    async with on_screen(shop(tmp_path), (120, 40)) as rig:
        text = rig.text()
        assert "◂ jobs :7→:8" in text
        assert "suspect  deploy :7→:8 of prod/jobs started 3m before the alert" in text
        target = rig.board.actions.offers.deploy_target(Verb.ROLL_BACK, rig.board.session.row())
        assert isinstance(target, ActionTarget)
        assert (target.id, target.name) == ("prod/d8", f"{JOBS}: :8→:7")


async def test_no_suspect_and_not_known_are_told_apart(tmp_path: Path) -> None:
    rig = shop(tmp_path)
    rig.provider.deploys.clear()
    async with on_screen(rig, (120, 40)) as rig:
        assert "no suspect: no deploy in the hour before; the last started 3d ago" in rig.text()
        known = rig.provider.services[API]
        rig.provider.services[API] = msgspec.structs.replace(known, note="deploys: denied, from deployments[]")
        rig.refresh()
        await rig.settle()
        assert "suspect not known" in rig.text()
        assert "no suspect" not in rig.text()


async def test_something_wide_has_a_banner_and_its_deploys_are_also_deployed(tmp_path: Path) -> None:
    rig = shop(tmp_path)
    rig.provider.services["edge/main/web"] = service("edge/main/web", source="prod")
    async with on_screen(rig, (80, 24)) as rig:
        assert "multi-service:" not in rig.text()
        for name in ("jobs", "web"):
            rig.provider.add(name, began=rig.clock.now() - 60, hint=ServiceHint(service=name))
        rig.refresh()
        await rig.settle()
        assert "multi-service: 3 services of 2 products since" in rig.text()
        assert "also deployed: deploy :7→:8 of prod/jobs" in rig.text()


async def test_a_flapping_alert_says_so_and_keeps_its_place(tmp_path: Path) -> None:
    rig = shop(tmp_path)
    async with on_screen(rig, (120, 40)) as rig:
        for _ in range(3):
            bad = rig.provider.alerts.pop("prod/bad")
            rig.refresh()
            rig.clock.advance(60)
            rig.provider.alerts["prod/bad"] = msgspec.structs.replace(bad, began=rig.clock.now())
            rig.refresh()
        await rig.settle()
        assert "flapping: fired 4 times" in rig.text()
        assert "firing flaps" in rig.text()


async def test_who_else_saw_it_is_on_the_row_and_a_goes_to_the_one_that_leads(tmp_path: Path) -> None:
    first, second = Able("am"), Able("dd")
    first.add("a", keys=("k",), title="5xx", state=AlertState.ACKNOWLEDGED, by=("Bob",), verbs=frozenset())
    second.add("b", keys=("k",), title="5xx rate", severity=Severity.CRITICAL)
    rig = Rig(tmp_path, first, second)
    async with on_screen(rig, (120, 40)) as rig:
        assert "5xx rate +am" in rig.text()
        assert "reported by  dd: firing · am: acknowledged by Bob" in rig.text()
        assert len(rig.board.session.tables["alerts"].rows) == 1
        await rig.press("a")
        assert [p.target for p in second.acknowledge.sent] == ["dd/b"]
        assert first.acknowledge.sent == []


async def test_a_row_that_is_hidden_again_is_not_shown_as_resolved(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able("alarms"))
    rig.provider.add("a", title="scales in", hidden="target tracking")
    rig.provider.add("b", title="the other")
    async with on_screen(rig, (120, 40)) as rig:
        for _ in range(2):
            await rig.press("H")
            rig.board.session.tables["alerts"].move_to("alarms/a")
            await rig.settle()
        assert "resolved" not in rig.text()
        assert rig.board.session.row_id is None


def test_alerts_and_events_are_counted_apart() -> None:
    first = alert("pager/a", provider="pagerduty", count=3)
    others = (alert("alarms/b"), alert("alarms/c"), alert("errors/d", provider="sentry", count=910))
    row = TriagedAlert(id="pager/a", alert=first, rank=cast(Any, ()), others=others)
    assert repeats(row) == ["×3", "910 events"]
    assert repeats(TriagedAlert(id="a", alert=alert("errors/d", provider="sentry", count=1), rank=cast(Any, ()))) == []
