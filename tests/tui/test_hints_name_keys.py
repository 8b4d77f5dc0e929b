"""With every key configured, no hint on the board or in the detail names a key that does nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.fakes import Able, deploy, service
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, ServiceHint, Severity
from oncall_tui.domain.product import Product
from oncall_tui.errors import Expired, Refused
from oncall_tui.tui import commands
from oncall_tui.tui.session import RowRef

PHRASES = re.compile(
    r"(?<!\w)(?:[aERCSLntlsr]|Enter) (?:acknowledges|and|rolls|continues|goes|logs|reads|shows|dismisses)"
    r"|\((?:[a-zA-Z]|\d, \d)\)"
)


@pytest.fixture
def remapped() -> Iterator[None]:
    commands.configure({one.id: f"<{one.id}>" for one in commands.configurable()})
    yield
    commands.configure({})


@pytest.mark.usefixtures("remapped")
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_every_hint_names_the_configured_key(tmp_path: Path, size: tuple[int, int]) -> None:
    lapsed = Able("lapsed")
    lapsed.login = ("aws", "login")
    rig = Rig(tmp_path, Able("prod"), lapsed, products=(Product(name="p", services=("prod/*",), runbook="/x.md"),))
    rig.provider.services["prod/main/api"] = service("prod/main/api")
    rig.provider.deploys["prod/d"] = deploy(
        "prod/d", "prod/main/api", started=rig.clock.now() - 300, waits="paused at its hook", verbs=frozenset(Verb)
    )
    hint = ServiceHint(service="api")
    rig.provider.add("page", severity=Severity.CRITICAL, hint=hint, provider="pagerduty", keys=("k",))
    rig.provider.add("alarm", severity=Severity.CRITICAL, hint=hint, keys=("k",))
    async with on_screen(rig, size) as rig:
        lapsed.read_raises = [Expired("the login has expired", "aws login")] * 9
        rig.refresh()
        rig.provider.acknowledge.check_raises = [Refused("acknowledged by Bob")]
        seen = []
        for pane in ("alerts", "services", "deploys"):
            rig.board.action_pane(pane)
            await rig.settle()
            seen.append(rig.text())
            for key in ("rollback", "shell", "timeline"):
                rig.board.action_act(key)
                await rig.settle()
                seen.append(rig.text())
                await rig.press("escape")
            rig.board.action_detail()
            await rig.settle()
            for _ in range(5):
                seen.append(rig.text())
                await rig.press("pagedown")
            rig.pilot.app.screen.dismiss()  # type: ignore[attr-defined]
            rig.board.session.row_screen = None
            await rig.settle()
        rig.board.action_pane("alerts")
        rig.board.action_act("ack")
        await rig.settle()
        seen.append(rig.text())
        text = "\n".join(seen)
        assert "<ack> acknowledges the PagerDuty incident" in " ".join(text.split())
        assert "<rollback>" in text
        assert "<continue> continues the deploy" in text
        assert "<back> dismisses" in text
        assert PHRASES.findall(text) == []


@pytest.mark.usefixtures("remapped")
async def test_every_reason_names_the_configured_key(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able("prod"))
    for number, state in enumerate(AlertState):
        for provider in ("pagerduty", "datadog"):
            rig.provider.add(f"{provider}{number}", state=state, provider=provider, verbs=frozenset())
    async with on_screen(rig) as rig:
        offers, session = rig.board.actions.offers, rig.board.session
        rows = [RowRef("alerts", i, session.drawn(i)) for i in rig.provider.alerts]
        rows += [RowRef("services", "prod/main/api"), RowRef("alerts", None)]
        said = {offers.why_not(verb, row) for verb in Verb for row in rows}
        assert any("<ack>" in words for words in said)
        assert [words for words in said if PHRASES.search(words)] == []
