"""The board by keys, headless: what is shown, what a key does, what a modal lets through."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tests.support.fakes import Able, FakeProvider, deploy, service
from tests.support.screen import Rig, on_screen

from oncall_tui.config import Config
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, ServiceHint, Severity
from oncall_tui.domain.deploy import TaskFailure
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest
from oncall_tui.domain.reading import PartialFailure, SourceState
from oncall_tui.domain.service import Health
from oncall_tui.errors import ActionFailed, Expired, Offline, Refused
from oncall_tui.providers.base import Receipt
from oncall_tui.tui.app import OncallApp
from oncall_tui.tui.screens.dialogs.choice import ChoiceDialog
from oncall_tui.tui.screens.dialogs.confirm import ConfirmMany, ConfirmPlan
from oncall_tui.tui.screens.dialogs.forms import matchers
from oncall_tui.tui.screens.dialogs.modals import Form, Text

HOSTILE = ("[/prod] down", "[bold]not bold[/bold]", "a \x1b[31mred\x1b[0m \x07 bell", "決済サービスのエラー率が高い")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_hostile_texts_are_text_and_every_line_has_its_width(tmp_path: Path, size: tuple[int, int]) -> None:
    rig = Rig(tmp_path)
    for number, title in enumerate(HOSTILE):
        rig.provider.add(str(number), title=title, began=100.0 - number)
    async with on_screen(rig, size) as rig:
        text = rig.text()
        assert "[/prod] down" in text
        assert "[bold]not bold[/" in text
        assert "\x1b" not in text
        assert "\x07" not in text
        assert "決済" in text
        for strip in rig.pilot.app.screen._compositor.render_strips():
            assert strip.cell_length == size[0]


async def test_80x24_shows_one_pane_and_signs_for_the_others(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider("prod"))
    rig.provider.add("a", severity=Severity.CRITICAL)
    rig.provider.services["prod/main/api"] = service(health=Health.DOWN, running=0)
    async with on_screen(rig, (80, 24)) as rig:
        assert "1 ALERTS 1 1!  2 services 1 1✗  3 deploys 0 running  4 detail" in rig.text()
        assert "HEALTH" not in rig.text()
        await rig.press("2")
        assert "prod/api" in rig.text()
        assert "title of a" not in rig.text()
        await rig.press("tab")
        assert "No deploy of the last day." in rig.text()


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_every_column_says_what_stands_in_it(tmp_path: Path, size: tuple[int, int]) -> None:
    rig = Rig(tmp_path, FakeProvider("prod"))
    rig.provider.add("a", severity=Severity.CRITICAL, hint=ServiceHint(service="api"))
    rig.provider.services["prod/main/api"] = service(health=Health.DOWN, running=0, pending=2, last_deploy=1.0)
    rig.provider.deploys["prod/d1"] = deploy()
    async with on_screen(rig, size) as rig:
        seen = ""
        for key in "123":
            await rig.press(key)
            seen += rig.text() + "\n"
        lines = [line.split() for line in seen.splitlines()]
        for titles in ("SEV AGE", "SERVICE ALERT", "ALERT SERVICE TASKS REV HEALTH DEPLOYED"):
            assert any(titles in " ".join(line) for line in lines), titles
        assert any(line[-1:] == ["STATE"] for line in lines)
        assert any("AGE SERVICE REVISION STATE PROGRESS" in " ".join(line) for line in lines)
        assert "✗ PAGE prod/api" in " ".join(seen.split())  # a service of which something fires says so
        assert "0/2 +2" in seen or "0/2, 2 pending" in seen


async def test_from_120x40_all_panes_are_there_and_z_shows_one(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider("prod"))
    rig.provider.add("a")
    rig.provider.services["prod/main/api"] = service()
    rig.provider.deploys["prod/d1"] = deploy(failed_tasks=2, failures=(TaskFailure("t", 1.0, "OutOfMemoryError", 137),))
    async with on_screen(rig, (120, 40)) as rig:
        text = rig.text()
        assert all(word in text for word in ("ALERTS 1", "SERVICES 1", "DEPLOYS 1 running", "DETAIL", "title of a"))
        assert "2 tasks stopped: exit 137 OutOfMemoryError" in text
        await rig.press("3", "z")
        assert "SERVICES" not in rig.text()
        assert ":41→:42" in rig.text()
        await rig.press("z")
        assert "SERVICES 1" in rig.text()


async def test_a_failing_source_blanks_nothing_and_is_seen_in_three_places(tmp_path: Path) -> None:
    good, bad = FakeProvider("good"), FakeProvider("bad")
    rig = Rig(tmp_path, good, bad)
    good.add("a")
    bad.add("b")
    async with on_screen(rig) as rig:
        bad.read_raises = [Expired("the login has run out", "aws sso login --profile prod")]
        rig.clock.advance(130)
        rig.refresh()
        await rig.settle()
        text = rig.text()
        assert "1/2 live · bad EXPIRED 2m: the login has run out" in text
        assert "bad: 1 alert as of 17:00" in text
        assert "title of b" in text
        assert "? firing" in text
        await rig.press("i")
        assert "→ aws sso login --profile prod" in rig.text()


async def test_nothing_firing_and_not_known_are_different_screens(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider("prom"), FakeProvider("pager"))
    async with on_screen(rig) as rig:
        assert "No alert is firing. 2/2 sources read within 15 s." in rig.text()
        rig.providers[1].read_raises = [Offline("refused", "is it running?")]
        rig.refresh()
        await rig.settle()
        assert "No alert in what could be read. 1/2 sources; not read: pager (OFFLINE: is it running?)." in rig.text()


async def test_a_rare_action_asks_in_a_modal_where_enter_cancels_and_y_goes_on(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able())
    rig.provider.add("a")
    async with on_screen(rig) as rig:
        await rig.pilot.press("E")
        assert isinstance(await rig.modal(), ChoiceDialog)
        assert "level 2: Bob" in rig.text()
        await rig.pilot.press("j", "enter")
        assert isinstance(await rig.modal(), Form)
        await rig.pilot.press(*"paged twice", "enter")
        assert isinstance(await rig.modal(), ConfirmPlan)
        handler = rig.provider.handlers()[Verb.ESCALATE]
        assert (handler.asked[0].choice, handler.asked[0].reason) == ("level:3", "paged twice")
        await rig.press("enter")
        assert handler.sent == []
        assert "cancelled, nothing was sent" in rig.text()
        await rig.pilot.press("E")
        await rig.modal()
        await rig.pilot.press("enter")
        await rig.modal()
        await rig.pilot.press("enter")  # the reason may be empty
        assert isinstance(await rig.modal(), ConfirmPlan)
        await rig.press("y")
        assert [p.verb for p in handler.sent] == [Verb.ESCALATE]


async def test_what_is_protected_wants_its_name_typed(tmp_path: Path) -> None:
    from oncall_tui.domain.product import Product

    rig = Rig(
        tmp_path,
        Able("prod"),
        products=(Product(name="p", services=("prod/*",), protected=True, rollback_note="ask first"),),
    )
    rig.provider.services["prod/main/api"] = service()
    async with on_screen(rig) as rig:
        handler = rig.provider.handlers()[Verb.ROLL_BACK]
        handler.check = lambda plan: None
        handler.send = lambda plan: handler.sent.append(plan) or Receipt()
        await rig.press("2")
        await rig.pilot.press("R")
        await rig.modal()
        assert "ask first" in rig.text()
        await rig.pilot.press("y", "enter")
        await rig.settle()
        assert "Name does not match" in rig.text()
        assert handler.sent == []
        await rig.pilot.press("backspace", *"api", "enter")
        await rig.settle()
        assert [p.target for p in handler.sent] == ["prod/main/api"]


async def test_several_rows_one_confirm_then_n_of_m_with_reasons(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able())
    for number, name in enumerate("abc"):
        rig.provider.add(name, began=100.0 - number)
    async with on_screen(rig) as rig:
        await rig.press("space", "j", "space", "j", "space")
        rig.provider.acknowledge.check_raises = [None, Refused("acknowledged by bob, 20s ago"), None]
        await rig.pilot.press("a")
        assert isinstance(await rig.modal(), ConfirmMany)
        assert "acknowledge 3 of 3 rows" in rig.text()
        await rig.pilot.press("y")
        assert isinstance(await rig.modal(), Text)
        assert "2 of 3 done" in rig.text()
        assert "title of b: refused: acknowledged by bob, 20s ago" in rig.text()
        assert len(rig.provider.acknowledge.sent) == 2
        assert rig.board.session.tables["alerts"].marked == frozenset()


async def test_a_filter_hides_rows_and_unmarks_what_it_hides(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able())
    rig.provider.add("a", title="payments down", began=2.0)
    rig.provider.add("b", title="search slow", began=1.0)
    async with on_screen(rig) as rig:
        await rig.press("space", "slash", *"search", "enter")
        assert "search slow" in rig.text()
        assert [r.id for r in rig.board.session.tables["alerts"].rows] == ["fake/b"]
        assert rig.board.session.tables["alerts"].marked == frozenset()
        assert "1 marked row not shown any more: unmarked" in rig.text()
        assert "filter 'search': 1 shown" in rig.text()
        await rig.press("escape", "escape")
        assert "payments down" in rig.text()


async def test_a_text_field_swallows_every_other_key(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able())
    rig.provider.add("a")
    async with on_screen(rig) as rig:
        await rig.pilot.press("S")
        form = await rig.modal()
        assert isinstance(form, Form)
        await rig.pilot.press(*"qaER")
        assert form.query_one("#reason").value == "qaER"  # type: ignore[attr-defined]
        await rig.pilot.press("enter")
        await rig.modal()
        ask = rig.provider.handlers()[Verb.SILENCE].asked[0]
        assert (ask.for_s, ask.reason) == (3600.0, "qaER")


async def test_a_mistake_in_a_form_is_said_and_nothing_is_sent(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able())
    rig.provider.add("a")
    async with on_screen(rig) as rig:
        await rig.pilot.press("n")
        await rig.modal()
        await rig.press("enter")
        assert "the text is missing: nothing was sent" in rig.text()
        assert rig.provider.handlers()[Verb.NOTE].asked == []


async def test_read_only_offers_nothing_and_says_so(tmp_path: Path) -> None:
    rig = Rig(tmp_path, read_only=True)
    rig.provider.add("a")
    async with on_screen(rig) as rig:
        assert "READ ONLY" in rig.text()
        await rig.press("a")
        assert "read only: nothing is written" in rig.text()
        assert rig.provider.acknowledge.sent == []
        seen = rig.provider.alerts["fake/a"]
        ask = ActionRequest(verb=Verb.ACKNOWLEDGE, target=seen.id, version=seen.version, actor=rig.engine.actor)
        planned = rig.engine.actions.plan(ask)
        with pytest.raises(Refused, match="read only"):
            planned.result(5)


async def test_what_failed_is_shown_until_dismissed(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.provider.add("a")
    async with on_screen(rig) as rig:
        rig.provider.acknowledge.send_raises = [ActionFailed("403: not yours", "ask for it")]
        await rig.press("a")
        rig.clock.advance(3600)
        rig.board.tick()
        await rig.settle()
        assert "acknowledge: failed: title of a: 403: not yours" in rig.text()
        assert "→ ask for it" in rig.text()
        await rig.press("escape")
        assert "403" not in rig.text()


async def test_what_a_source_cannot_acknowledge_is_seen_and_never_called_acknowledged(tmp_path: Path) -> None:
    provider = FakeProvider("alarms")
    provider.handlers = dict  # type: ignore[method-assign,assignment]
    provider.add("a", verbs=frozenset())
    rig = Rig(tmp_path, provider)
    async with on_screen(rig) as rig:
        await rig.press("a")
        rig.refresh()
        await rig.settle()
        assert "seen Alice" in rig.text()
        assert "ack Alice" not in rig.text()
        await rig.press("u")
        rig.refresh()
        await rig.settle()
        assert "seen Alice" not in rig.text()
        await rig.press("a")
        again = msgspec.structs.replace(provider.alerts["alarms/a"], began=rig.clock.now())
        provider.alerts["alarms/a"] = again
        rig.refresh()
        await rig.settle()
        assert "firing" in rig.text()  # a new firing is not seen


async def test_what_has_no_data_says_who_has_seen_that_and_still_has_none(tmp_path: Path) -> None:
    provider = FakeProvider("alarms")
    provider.handlers = dict  # type: ignore[method-assign,assignment]
    provider.add("a", verbs=frozenset(), state=AlertState.NO_DATA)
    rig = Rig(tmp_path, provider)
    async with on_screen(rig, (80, 24)) as rig:
        await rig.press("a")
        rig.refresh()
        await rig.settle()
        assert "no data seen Alice" in rig.text()
        await rig.press("u")
        rig.refresh()
        await rig.settle()
        assert "no data" in rig.text()
        assert "seen Alice" not in rig.text()
        await rig.press("a")
        firing = msgspec.structs.replace(provider.alerts["alarms/a"], state=AlertState.FIRING, began=rig.clock.now())
        provider.alerts["alarms/a"] = firing
        rig.refresh()
        await rig.settle()
        assert "firing" in rig.text()  # that it had no data was seen, not this


async def test_an_alert_of_a_pagers_incident_is_acknowledged_there_and_never_silenced(tmp_path: Path) -> None:
    pager, prom = Able("pager"), Able("prom")
    pager.provider = "pagerduty"
    pager.add("i", provider="pagerduty", keys=("k",), title="incident", began=1.0)
    prom.add("a", keys=("k",), began=2.0)
    rig = Rig(tmp_path, pager, prom)
    async with on_screen(rig) as rig:
        assert (
            rig.board.session.row_id == "pager/i"
        )  # one problem, one row, that says who saw it and where the key goes
        assert "incident +prom" in rig.text()
        assert "reported by  pager: firing · prom: firing; a acknowledges the PagerDuty incident" in rig.text()
        await rig.press("a")
        assert [p.target for p in pager.acknowledge.sent] == ["pager/i"]
        assert prom.acknowledge.sent == []


async def test_two_incidents_of_one_key_are_said_and_acknowledged_by_one_press(tmp_path: Path) -> None:
    pager = Able("pager")
    pager.provider = "pagerduty"
    pager.add("i", provider="pagerduty", keys=("k",), title="incident", began=1.0)
    pager.add("j", provider="pagerduty", keys=("k",), title="incident", began=2.0)
    async with on_screen(Rig(tmp_path, pager)) as rig:
        assert "incident 2 incidents" in rig.text()
        assert "reported by  2 × pager: firing; a acknowledges its 2 PagerDuty incidents" in rig.text()
        await rig.press("a")
        await rig.settle()
        assert sorted(p.target for p in pager.acknowledge.sent) == ["pager/i", "pager/j"]


async def test_the_app_drops_keys_for_a_modal_that_was_not_there_yet(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able("prod"))
    rig.provider.add("a")
    app = OncallApp(rig.engine, Config(timezone="UTC"))
    async with app.run_test(size=(100, 30)) as pilot:
        for _ in range(50):
            await pilot.pause(0.05)
            if app.board.session.row_id:
                break
        await pilot.press("question_mark")
        await pilot.pause()
        assert app.screen.deaf  # type: ignore[attr-defined]
        await pilot.press("enter", "question_mark", "a")
        await pilot.pause()
        assert app.screen is not app.board
        await pilot.press("q")  # only closes, and is not held back
        await pilot.pause()
        assert app.screen is app.board
        await pilot.press("q")
    assert app.return_code == 0
    rig.engine.stop()
    assert rig.provider.acknowledge.sent == []


async def test_a_page_rings_once(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    page = rig.provider.add("p", severity=Severity.CRITICAL, title="x \x1b]0;evil\x07")
    app = OncallApp(rig.engine, Config(timezone="UTC"))
    written: list[str] = []
    async with app.run_test(size=(100, 30)) as pilot:
        assert app._driver is not None
        app._driver.write = written.append  # type: ignore[method-assign]
        app._driver.flush = lambda: None  # type: ignore[method-assign]
        for _ in range(50):
            await pilot.pause(0.05)
            if rig.engine.update.board.alerts:
                break
        rig.provider.alerts[page.id] = msgspec.structs.replace(page, state=AlertState.FIRING)
        rig.engine.refresh()
        await pilot.pause(0.5)
        rings = [w for w in written if "]9;" in w]
        assert len(rings) == 1
        assert rings[0].count("\x1b") == (1 if not rings[0].startswith("\a\x1bPtmux") else rings[0].count("\x1b"))
        assert "evil" in rings[0]
        assert "\x1b]0;" not in rings[0]
    rig.engine.stop()


async def test_a_cold_engine_says_reading_and_never_all_well(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with on_screen(rig) as rig:
        pass
    cold = Rig(tmp_path / "cold")
    assert all(s.state == "waiting" for s in cold.engine.update.board.sources.values())
    cold.engine.stop()
    assert OutcomeState.UNKNOWN.final is False


async def test_a_denied_cluster_marks_its_own_services_and_no_others(tmp_path: Path) -> None:
    provider = FakeProvider("prod")
    provider.services = {
        "prod/main/api": service("prod/main/api"),
        "prod/jobs/report": service("prod/jobs/report"),
    }
    rig = Rig(tmp_path, provider)
    read = provider.read
    problem = PartialFailure(
        SourceState.DENIED, "cluster jobs", "DescribeServices is denied", "needs ecs:DescribeServices"
    )
    provider.read = lambda request: msgspec.structs.replace(read(request), problems=(problem,))  # type: ignore[method-assign]
    async with on_screen(rig) as rig:
        text = rig.text()
        assert "✓ prod/api" in text
        assert "? prod/report" in text
        assert "0/1 live · prod DENIED now: cluster jobs: DescribeServic" in text


async def test_a_deploy_and_a_detail_of_a_source_that_is_lost_say_so(tmp_path: Path) -> None:
    provider = FakeProvider("prod")
    provider.services["prod/main/api"] = service()
    provider.deploys["prod/d1"] = deploy()
    rig = Rig(tmp_path, provider)
    async with on_screen(rig) as rig:
        provider.read_raises = [Expired("the login has run out")]
        rig.refresh()
        await rig.press("3")
        text = rig.text()
        assert "? rolling" in text
        assert "EXPIRED, as of 17:00: not known to be so now. log in again" in text


async def test_a_form_keeps_what_was_typed_ahead_and_what_was_wrong(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able())
    rig.provider.add("a")
    async with on_screen(rig) as rig:
        await rig.pilot.press("S")
        form = await rig.modal()
        form.query_one("#for_s").value = "soon"  # type: ignore[attr-defined]
        await rig.pilot.press(*"why", "enter")
        await rig.settle()
        assert "'soon' is not a time: write 90m, 1h30m or 1d" in rig.text()
        assert form.query_one("#reason").value == "why"  # type: ignore[attr-defined]
        assert rig.provider.handlers()[Verb.SILENCE].asked == []


@pytest.mark.parametrize("text", ["service!=x", "service=~.*", "=x", "service", ""])
def test_a_matcher_that_is_not_offered_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="label=value"):
        matchers(text)


async def test_the_calls_a_second_are_those_of_now_where_they_changed_much(tmp_path: Path) -> None:
    async with on_screen(Rig(tmp_path)) as rig:
        (poller,) = rig.engine._pollers.values()
        for rate, said in ((4.0, "4.0"), (3.0, "4.0"), (60.0, "60.0"), (0.0, "0.0"), (0.2, "0.2")):
            poller._set(calls_per_s=rate)
            rig.engine._build_board()
            rig.board.show(rig.engine.update)
            assert rig.board.session.call_rate == f"{said} calls/s"
