"""The incidents on screen: what goes in from a row, the keys that change one, its timeline, and its write-up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.fakes import Able, deploy, service
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.alert import ServiceHint
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.tui.screens.record.incidents import IncidentScreen


def world(folder: Path, **more: Any) -> Rig:
    """An alert whose service was deployed just before it, and another one without a service."""
    rig = Rig(folder, Able("prod"), **more)
    now = rig.clock.now()
    rig.provider.services["prod/main/api"] = service("prod/main/api", deploy_id="prod/d")
    rig.provider.deploys["prod/d"] = deploy("prod/d", started=now - 300)
    rig.provider.add("a", title="5xx rate", hint=ServiceHint(service="api"), began=now - 120)
    rig.provider.add("b", title="queue depth", began=now - 60)
    return rig


async def listed(rig: Rig, row: str) -> IncidentScreen:
    """The list, opened from that alert's row."""
    rig.board.session.tables["alerts"].move_to(row)
    await rig.settle()
    await rig.press("e")
    screen = rig.pilot.app.screen
    assert isinstance(screen, IncidentScreen)
    return screen


def changed(subject: str, at: float, data: dict[str, Any]) -> Entry:
    """What another engineer's session writes."""
    return Entry(at=at, kind=EntryKind.INCIDENT, subject=subject, actor="Bob", data=data)


def words(rig: Rig) -> str:
    return " ".join(rig.text().split())


async def test_an_incident_takes_the_rows_alert_and_suspect_then_another_rows_and_is_closed(tmp_path: Path) -> None:
    rig = world(tmp_path)
    began = {name: int(rig.clock.now() - ago) for name, ago in (("a", 120), ("b", 60))}
    async with on_screen(rig, (80, 24)):
        screen = await listed(rig, "prod/a")
        assert "No incident is open" in rig.text()
        await rig.press("n")
        await rig.modal()
        await rig.press("enter", "enter")
        await rig.settle()
        (one,) = screen.found
        assert (one.title, one.lead, one.deploys) == ("5xx rate", "Alice", ("prod/d",))
        assert one.episodes == (f"prod/a@{began['a']}",)
        await rig.press("plus")
        assert "nothing would change" in words(rig)
        await rig.press("escape")
        screen = await listed(rig, "prod/b")
        await rig.press("plus")
        (one,) = screen.found
        assert one.episodes == (f"prod/a@{began['a']}", f"prod/b@{began['b']}")
        assert one.deploys == ("prod/d",)
        await rig.press("enter")
        await rig.modal()
        assert "5xx rate fires" in words(rig)
        assert "queue depth fires" in words(rig)
        assert "180 s: from the start of deploy prod/main/api" in words(rig)
        await rig.press("escape", "c")
        await rig.modal()
        await rig.press(*"mended", "enter")
        await rig.settle()
        assert (screen.found[0].state, screen.found[0].said) == ("closed", "mended")
        assert "0 open" in rig.text()
        await rig.press("a")
        assert "5xx rate" in rig.text()


async def test_a_postmortem_is_written_into_a_new_file_and_overwrites_none(tmp_path: Path) -> None:
    rig = world(tmp_path)
    wanted = tmp_path / "night.md"
    async with on_screen(rig):
        rig.engine.memory.incidents.open("checkout is down", "Bob", "Alice")
        await listed(rig, "prod/a")
        await rig.press("w")
        assert "nothing is in it yet" in rig.text()
        await rig.press("plus")
        for name in (wanted.with_suffix(".txt"), wanted, wanted):
            await rig.press("w")
            form = await rig.modal()
            form.query_one("#file").value = str(name)  # type: ignore[attr-defined]
            await rig.press("enter")
            await rig.settle()
            if name is not wanted:
                assert "has to end in .md" in words(rig)
                await rig.press("escape")
        assert f"{wanted} is there already" in words(rig)
    assert wanted.stat().st_mode & 0o777 == 0o600
    assert wanted.read_text().startswith("# Postmortem: checkout is down")
    assert not wanted.with_suffix(".txt").exists()


async def test_read_only_changes_no_incident_and_says_so(tmp_path: Path) -> None:
    rig = world(tmp_path, read_only=True)
    data = {"title": "checkout is down", "lead": "Bob", "state": "open", "episodes": [], "deploys": []}
    async with on_screen(rig):
        at = rig.clock.now()
        rig.engine.journal.must(changed("i1", at, data))
        screen = await listed(rig, "prod/a")
        for key in ("n", "plus", "c"):
            screen.say("")
            await rig.press(key)
            assert "read only: nothing is written" in rig.text()
            assert rig.pilot.app.screen is screen
        assert len(rig.engine.journal.recent(10, (EntryKind.INCIDENT,))) == 1


async def test_a_deploys_row_gives_its_deploy_and_what_another_session_closed_is_not_closed_twice(
    tmp_path: Path,
) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        made = rig.engine.memory.incidents.open("checkout is down", "Bob", "Alice")
        await rig.press("3")
        rig.board.session.tables["deploys"].move_to("prod/d")
        await rig.settle()
        await rig.press("e")
        screen = rig.pilot.app.screen
        assert isinstance(screen, IncidentScreen)
        await rig.press("plus")
        assert (screen.found[0].episodes, screen.found[0].deploys) == ((), ("prod/d",))
        await rig.press("c")
        await rig.modal()
        closed = {**made.data(), "state": "closed"}
        rig.engine.journal.must(changed(made.id, rig.clock.now(), closed))
        await rig.press("enter")
        await rig.settle()
        assert "Bob closed it already" in words(rig)
