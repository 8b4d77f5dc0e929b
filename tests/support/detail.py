"""The Detail screen over a service whose deploy fails, and two alerts of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from oncall_tui.domain.alert import ServiceHint, Severity
from oncall_tui.domain.deploy import TaskFailure
from oncall_tui.domain.product import Product
from oncall_tui.tui.screens.detail.screen import DetailScreen
from tests.support.fakes import FakeProvider, deploy, service
from tests.support.inside import ALARM, Inspected
from tests.support.screen import Rig


def world(tmp_path: Path, *more: FakeProvider, runbook: str = "") -> Rig:
    """A service whose deploy fails, and two alerts of it."""
    provider = Inspected("prod")
    product = Product(name="payments", services=("prod/*",), owner="#team-payments", runbook=runbook)
    rig = Rig(tmp_path, provider, *more, products=(product,))
    provider.services["prod/main/api"] = service(deploy_id="prod/d1")
    provider.deploys["prod/d1"] = deploy(
        started=1_799_998_800.0,
        failed_tasks=2,
        breaker="2/3",
        failures=(TaskFailure("t", 1_799_999_950.0, "OutOfMemoryError", 137),),
    )
    hint = ServiceHint(service="api")
    provider.add("a", title="5xx rate 12%", severity=Severity.CRITICAL, hint=hint, metric=ALARM, labels=(("k", "v"),))
    provider.add("b", title="queue depth", hint=hint)
    return rig


def provider_of(rig: Rig) -> Inspected:
    assert isinstance(rig.provider, Inspected)
    return rig.provider


def change(rig: Rig, **fields: Any) -> None:
    services = rig.provider.services
    services["prod/main/api"] = msgspec.structs.replace(services["prod/main/api"], **fields)


async def opened(rig: Rig) -> DetailScreen:
    await rig.press("enter")
    await rig.settle()
    screen = rig.pilot.app.screen
    assert isinstance(screen, DetailScreen)
    return screen


async def everything(rig: Rig) -> str:
    """All that the screen has to say, whatever is in sight."""
    await rig.pilot.press("g")
    found = [rig.text()]
    for _ in range(12):
        await rig.pilot.press("pagedown")
        await rig.pilot.pause()
        found.append(rig.text())
    return "\n".join(found)
