"""`p` in the detail: the audit log is asked by that key alone, and what it tells, or why it does not, stands there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.support.fakes import service
from tests.support.inside import Inspected
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.alert import ServiceHint
from oncall_tui.domain.change import Change, ChangeKind
from oncall_tui.domain.who import WhoAnswer
from oncall_tui.errors import Denied, SourceError
from oncall_tui.tui.screens.detail.screen import DetailScreen

NOW = 1_800_000_000.0
API = "prod/main/api"


class Audited(Inspected):
    """A source with an audit log in memory; *fails* is what the next readings of it raise."""

    def __init__(self) -> None:
        super().__init__("prod")
        self.looked_up: list[tuple[str, tuple[str, ...], float, float]] = []
        self.fails: list[SourceError] = []

    def who(self, service_id: str, names: Sequence[str], since: float, until: float) -> WhoAnswer:
        self.looked_up.append((service_id, tuple(names), since, until))
        if self.fails:
            raise self.fails.pop(0)
        edit = Change(
            id="prod/cloudtrail:1",
            source="prod",
            kind=ChangeKind.CONFIGURATION,
            what="edit of target group api-web",
            resource="api-web",
            began=NOW - 700,
            ended=NOW - 700,
            by="bob@example.com",
            service_id=service_id,
        )
        return WhoAnswer(
            source="prod",
            log="CloudTrail",
            changes=(edit,),
            since=since,
            until=until,
            read_from=since,
            read_to=until - 900,
            late_s=900.0,
            notes=("an event is not as CloudTrail promises",),
        )


def made(folder: Path) -> tuple[Rig, Audited]:
    provider = Audited()
    rig = Rig(folder, provider)
    provider.services[API] = service()
    provider.add("a", title="5xx", hint=ServiceHint(service="api"), began=NOW - 600, provider="cloudwatch")
    return rig, provider


async def all_of(rig: Rig) -> str:
    found = [rig.text()]
    for _ in range(6):
        await rig.pilot.press("pagedown")
        await rig.pilot.pause()
        found.append(rig.text())
    return "\n".join(found)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_p_asks_who_changed_it_and_nothing_else_does(tmp_path: Path, size: tuple[int, int]) -> None:
    rig, provider = made(tmp_path)
    async with on_screen(rig, size):
        await rig.press("enter")
        await rig.settle()
        assert isinstance(rig.pilot.app.screen, DetailScreen)
        assert "p asks CloudTrail who changed it" in await all_of(rig)
        assert provider.looked_up == []
        await rig.press("p")
        await rig.settle()
        ((asked, names, since, until),) = provider.looked_up
        assert (asked, names) == (API, ("a",))
        assert (since, until >= NOW - 600) == (NOW - 600 - 3600, True)
        said = " ".join((await all_of(rig)).split())
        assert "1 change of it" in said
        assert "CloudTrail may be 15 minutes late" in said
        assert "bob@example.com: edit of target group api-web" in said
        assert "an event is not as CloudTrail promises" in said


async def test_why_it_cannot_be_read_stands_there_and_p_asks_again(tmp_path: Path) -> None:
    rig, provider = made(tmp_path)
    provider.fails = [
        Denied("not authorized to perform: cloudtrail:LookupEvents", "needs cloudtrail:LookupEvents on *")
    ]
    async with on_screen(rig, (80, 24)):
        await rig.press("enter")
        await rig.settle()
        await rig.press("p")
        await rig.settle()
        said = " ".join((await all_of(rig)).split())
        assert "cloudtrail:LookupEvents" in said
        assert "edit of target group" not in said
        rig.clock.advance(60.0)
        await rig.press("p")
        await rig.settle()
        assert "edit of target group api-web" in await all_of(rig)


async def test_a_row_without_a_service_has_nobody_to_ask(tmp_path: Path) -> None:
    rig, provider = made(tmp_path)
    del provider.services[API]
    async with on_screen(rig, (80, 24)):
        await rig.press("enter")
        await rig.settle()
        await rig.press("p")
        await rig.settle()
        assert provider.looked_up == []
        assert "asks CloudTrail" not in await all_of(rig)
