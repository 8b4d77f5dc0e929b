"""Pictures of the board for the documentation: ``python -m tests.support.picture FOLDER``.

The real program on the simulated world, on a headless terminal; and the longest plan that there can be, with every
warning. Each picture is an SVG.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from textual.pilot import Pilot

from oncall_tui import bootstrap
from oncall_tui.cli.demo import demo_config
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import ServiceHint
from oncall_tui.domain.incident import IncidentState
from oncall_tui.domain.product import Product
from oncall_tui.tui.app import OncallApp
from tests.support.fakes import WORST_PLAN, Able, deploy, service
from tests.support.handler_errors import noted_only_where
from tests.support.screen import Rig, on_screen
from tests.support.year import Year
from tests.unit.test_incidents import Night

PAGE_AT_S = 24.0


async def until(pilot: Pilot[None], app: OncallApp, text: str, seconds: float) -> None:
    """Wait for a text on screen; the program ends where it does not come within *seconds*."""
    for _ in range(int(seconds * 5)):
        await asyncio.sleep(0.2)
        await pilot.pause()
        strips = app.screen._compositor.render_strips()
        if text in "\n".join("".join(s.text for s in strip) for strip in strips):
            return
    raise SystemExit(f"{text!r} did not come on screen")


async def _take(world: dict[str, object], folder: Path, size: tuple[int, int], name: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        config = demo_config(world, Path(scratch))
        engine = bootstrap.make_engine(config)
        app = OncallApp(engine, config)
        async with app.run_test(size=size) as pilot:
            await until(pilot, app, "PAGE", 60)
            await asyncio.sleep(4)
            await pilot.press("g")
            await pilot.pause()
            (folder / f"{name}.svg").write_text(app.export_screenshot(title="oncall-tui"))
            await pilot.press("R")
            await until(pilot, app, "Protected", 10)
            (folder / f"{name}-rollback.svg").write_text(app.export_screenshot(title="oncall-tui"))
            await asyncio.sleep(1)  # the plan is deaf at first
            await pilot.press("escape")
            await until(pilot, app, "nothing was sent", 10)
            await _detail(pilot, app, folder, name.replace("board", "detail"))
            await pilot.press("l")
            await until(pilot, app, "began ──", 10)
            await asyncio.sleep(2)  # what led to it is read after what followed
            await pilot.press("E")
            await pilot.pause()
            logs = app.export_screenshot(title="oncall-tui")
            (folder / f"{name.replace('board', 'logs')}.svg").write_text(logs)
            await _handover(pilot, app, folder, name.replace("board", "handover"))
            app.exit()
        engine.stop()


async def _detail(pilot: Pilot[None], app: OncallApp, folder: Path, name: str) -> None:
    """The page's row whole: its first screen, and its metrics."""
    await pilot.press("enter")
    await until(pilot, app, "as of" if app.size.height > 30 else "1 alert", 10)
    await pilot.press("4")
    await until(pilot, app, "threshold", 60)  # the alarm joins the page a little later, with its metric
    await asyncio.sleep(8)
    for key, part in (("4", "-metrics"), ("1", "")):
        await pilot.press(key)
        await pilot.pause()
        await asyncio.sleep(0.5)
        (folder / f"{name}{part}.svg").write_text(app.export_screenshot(title="oncall-tui"))
    await pilot.press("escape")
    await until(pilot, app, "began" if app.size.height > 30 else "1 ALERTS", 10)


async def _handover(pilot: Pilot[None], app: OncallApp, folder: Path, name: str) -> None:
    """What is handed over, once the page is acknowledged."""
    await pilot.press("escape")
    await pilot.press("a")
    await until(pilot, app, "ack Alice", 10)
    await pilot.press("h")
    await until(pilot, app, "Open pages", 10)
    (folder / f"{name}.svg").write_text(app.export_screenshot(title="oncall-tui"))


async def _incident(world: dict[str, object], folder: Path, size: tuple[int, int], suffix: str) -> None:
    """A page that arrives while the cursor is elsewhere, is acknowledged, and whose service recovers."""
    with tempfile.TemporaryDirectory() as scratch:
        config = demo_config(world, Path(scratch))
        engine = bootstrap.make_engine(config)
        app = OncallApp(engine, config)
        async with app.run_test(size=size) as pilot:

            def taken(name: str) -> None:
                (folder / f"{name}{suffix}.svg").write_text(app.export_screenshot(title="oncall-tui"))

            await until(pilot, app, "search-index", 30)
            await pilot.press("G")
            await until(pilot, app, "NEW PAGE", 60)
            await asyncio.sleep(4)
            taken("page")
            await pilot.press("g")
            await asyncio.sleep(1)  # keys that act wait until the cursor has stood still
            await pilot.press("a")
            await until(pilot, app, "m left", 20)
            await asyncio.sleep(2)
            taken("acknowledged")
            await pilot.press("R")
            await until(pilot, app, "Protected", 10)
            await asyncio.sleep(1)
            await pilot.press(*"payments-api", "enter")
            await until(pilot, app, "steady for", 60)
            await asyncio.sleep(4)
            taken("recovering")
            app.exit()
        engine.stop()


async def _deploy(world: dict[str, object], folder: Path, size: tuple[int, int], suffix: str) -> None:
    """A deploy with its commits, and the plan that says which of them are taken back."""
    with tempfile.TemporaryDirectory() as scratch:
        config = demo_config(world, Path(scratch))
        engine = bootstrap.make_engine(config)
        app = OncallApp(engine, config)
        async with app.run_test(size=size) as pilot:
            await until(pilot, app, "PAGE", 60)
            await asyncio.sleep(4)
            await pilot.press("3", "enter")
            await until(pilot, app, "3 commits", 20)
            await asyncio.sleep(2)
            (folder / f"deploy{suffix}.svg").write_text(app.export_screenshot(title="oncall-tui"))
            await pilot.press("R")
            await until(pilot, app, "taken back", 15)
            (folder / f"deploy-plan{suffix}.svg").write_text(app.export_screenshot(title="oncall-tui"))
            app.exit()
        engine.stop()


async def _unsuspected(world: dict[str, object], folder: Path, size: tuple[int, int], names: tuple[str, str]) -> None:
    """A page whose likeliest cause is no deploy, and the plan of a rollback all the same."""
    with tempfile.TemporaryDirectory() as scratch:
        config = demo_config(world, Path(scratch))
        engine = bootstrap.make_engine(config)
        app = OncallApp(engine, config)
        async with app.run_test(size=size) as pilot:
            await until(pilot, app, "PAGE", 60)
            await asyncio.sleep(6)
            (folder / f"{names[0]}.svg").write_text(app.export_screenshot(title="oncall-tui"))
            await pilot.press("g")
            await asyncio.sleep(1)
            await pilot.press("R")
            await until(pilot, app, "to confirm the rollback", 15)
            (folder / f"{names[1]}.svg").write_text(app.export_screenshot(title="oncall-tui"))
            app.exit()
        engine.stop()


async def _plan(folder: Path, size: tuple[int, int], name: str) -> None:
    """A rollback with everything that can be said of one."""
    with tempfile.TemporaryDirectory() as scratch:
        provider = Able("prod")
        products = (Product(name="payments", services=("prod/*",), protected=True),)
        rig = Rig(Path(scratch), provider, products=products)
        provider.handlers()[Verb.ROLL_BACK].fields = WORST_PLAN
        provider.services["prod/prod-main/payments-api"] = service("prod/prod-main/payments-api", deploy_id="prod/d42")
        provider.deploys["prod/d42"] = deploy("prod/d42", "prod/prod-main/payments-api")
        async with on_screen(rig, size):
            await rig.press("2")
            await rig.pilot.press("R")
            await rig.modal()
            await rig.pilot.pause()
            (folder / f"{name}.svg").write_text(rig.pilot.app.export_screenshot(title="oncall-tui"))


async def _numbers(folder: Path, size: tuple[int, int], name: str) -> None:
    """The numbers of a generated month."""
    with tempfile.TemporaryDirectory() as scratch:
        account = Able("prod")
        account.provider = "ecs"
        rig = Rig(Path(scratch), account, Able("prom"))
        rig.engine.journal.must(*Year(4, rig.clock.now() - 61 * 86_400, 61).entries())
        async with on_screen(rig, size):
            await rig.press("percent_sign")
            await rig.settle()
            await rig.pilot.pause()
            (folder / f"{name}.svg").write_text(rig.pilot.app.export_screenshot(title="oncall-tui"))


async def _record(folder: Path, size: tuple[int, int], suffix: str) -> None:
    """An alert that came before, on its row and in its detail; the record, and its follow-ups."""
    with tempfile.TemporaryDirectory() as scratch:
        account, prom = Able("prod"), Able("prom")
        account.provider = "ecs"
        rig = Rig(Path(scratch), account, prom)
        year = Year(4, rig.clock.now() - 61 * 86_400, 61)
        rig.engine.journal.must(*year.entries())
        mine = [p for p in year.problems if p.source == "prom"]
        most = max((p.alert for p in mine), key=lambda alert: (sum(p.alert == alert for p in mine), alert))
        title = next(p.title for p in mine if p.alert == most)
        prom.add(most.partition("/")[2], title=title, began=rig.clock.now() - 240)
        rig.engine.memory.follow_ups.add("raise its limit, or take it away", "Bob", [most], "Alice")
        async with on_screen(rig, size):

            async def taken(name: str, *keys: str) -> None:
                await rig.pilot.press(*keys)
                await rig.settle()
                await rig.pilot.pause(0.5)
                (folder / f"{name}{suffix}.svg").write_text(rig.pilot.app.export_screenshot(title="oncall-tui"))

            rig.refresh()
            rig.engine.memory.follow(rig.engine.update.triaged, rig.clock.monotonic())
            await rig.settle()
            rig.refresh()
            await taken("memory-row")
            await taken("memory", "enter", "6")
            await taken("record", "escape", "t")
            await taken("follow-ups", "escape", "w")


async def _incidents(folder: Path, size: tuple[int, int], suffix: str) -> None:
    """The incidents of a night, and how one of them went."""
    with tempfile.TemporaryDirectory() as scratch:
        rig = Rig(Path(scratch), Able("prod"))
        now, memory = rig.clock.now(), rig.engine.memory
        rig.provider.services["prod/main/api"] = service("prod/main/api", deploy_id="prod/d")
        rig.provider.add("a", title="queue of mails grows", hint=ServiceHint(service="api"), began=now - 300)
        rig.clock.at = now - 14 * 3600
        first = memory.incidents.open("mails are late", "Alice", "Alice")
        rig.clock.at += 40 * 60
        memory.incidents.change(first.id, "Alice", state=IncidentState.CLOSED, said="the provider was down")
        rig.clock.at = now - 2 * 3600
        night = Night(rig.engine.journal, rig.clock, "5xx of the api")
        night.whole()
        alerts, deploy_ = night.record.episodes_named("prom/5xx"), night.record.deploy_named("prod/main/api")
        assert deploy_ is not None
        made = memory.incidents.open("the api answers 5xx", "Bob", "Alice", episodes=alerts, deploys=[deploy_.id])
        rig.clock.at += 20 * 60
        memory.incidents.change(made.id, "Bob", said="rolled back; why did no test find it?")
        rig.clock.at = now
        async with on_screen(rig, size):
            rig.board.session.tables["alerts"].move_to("prod/a")
            for name, keys in (("incidents", ("e", "a")), ("incident", ("enter",))):
                for key in keys:
                    await rig.press(key)
                await rig.pilot.pause(0.5)
                (folder / f"{name}{suffix}.svg").write_text(rig.pilot.app.export_screenshot(title="oncall-tui"))


def main(folder: Path) -> None:
    """Write the pictures into *folder*."""
    for size, suffix in (((120, 40), ""), ((80, 24), "-80x24")):
        asyncio.run(_record(folder, size, suffix))
        asyncio.run(_incidents(folder, size, suffix))
    for size, name in (((120, 40), "numbers"), ((80, 24), "numbers-80x24")):
        asyncio.run(_numbers(folder, size, name))
    for size, name in (((120, 40), "plan"), ((80, 24), "plan-80x24")):
        asyncio.run(_plan(folder, size, name))
    for size, suffix in (((120, 40), ""), ((80, 24), "-80x24")):
        with world_served() as world:
            asyncio.run(_take(world, folder, size, f"board{suffix}"))
        with world_served() as world:
            asyncio.run(_incident(world, folder, size, suffix))
        with world_served() as world:
            asyncio.run(_deploy(world, folder, size, suffix))
        with world_served("--scenario", "capacity") as world:
            asyncio.run(_unsuspected(world, folder, size, (f"capacity{suffix}", f"no-suspect{suffix}")))
        with world_served("--scenario", "failover") as world:
            asyncio.run(_unsuspected(world, folder, size, (f"failover{suffix}", f"failover-plan{suffix}")))


@contextmanager
def world_served(*arguments: str) -> Iterator[dict[str, object]]:
    """A simulated world, at twice its speed."""
    command = [sys.executable, "-m", "oncall_tui.simulator", "serve", "--with-parent", "--speed", "2", *arguments]
    pipe = subprocess.PIPE
    with noted_only_where(False), subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as child:
        assert child.stdout
        world = json.loads(child.stdout.readline())
        os.environ.update(world["environment"])
        yield world
        child.terminate()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
