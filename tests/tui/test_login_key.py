"""Where a login has expired, every refusal and every hint names the key that renews it, as well as the command."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.fakes import Able, FakeProvider, deploy, service
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.alert import ServiceHint
from oncall_tui.errors import Expired, Refused
from oncall_tui.runtime import login_program
from oncall_tui.tui import commands
from oncall_tui.tui.screens.dialogs.confirm import ConfirmMany
from oncall_tui.tui.screens.dialogs.modals import Form, RefusalDialog
from oncall_tui.tui.terminal import foreground

API = "prod/main/api"
LOGIN = ("aws", "sso", "login", "--profile", "prod")
COMMAND = " ".join(LOGIN)


class Lapsed(Able):
    """A source that was read once, and whose login runs out before the first write."""

    def __init__(self) -> None:
        super().__init__("prod")
        self.login = LOGIN
        self.lapsed = False

    def handlers(self) -> object:
        if self.lapsed:
            raise Expired("the AWS login has expired", COMMAND)
        return super().handlers()


def night(folder: Path, *more: FakeProvider) -> Rig:
    rig = Rig(folder, Lapsed(), *more)
    rig.provider.services[API] = service(API)
    rig.provider.deploys["prod/d"] = deploy("prod/d", API, started=rig.clock.now() - 300)
    for name in "ab":
        rig.provider.add(name, title=f"5xx of {name}", hint=ServiceHint(service="api"))
    return rig


@pytest.fixture(autouse=True)
def _any_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """No program of this machine is asked for its version."""
    monkeypatch.setattr(login_program, "fitted", lambda command: (command, ""))


@pytest.fixture(params=["L", pytest.param("F9", marks=pytest.mark.everything)])
def key(request: pytest.FixtureRequest) -> Iterator[str]:
    commands.configure({"login": request.param} if request.param != "L" else {})
    yield request.param
    commands.configure({})


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize(
    ("pressed", "known"),
    [
        *((pressed, True) for pressed in ("R", "a", "*a", "S", "2R", "enter R", "l", "t", "s", "n", "enter")),
        *((pressed, False) for pressed in ("R", "a", "*a", "S", "2R", "enter R", "n")),  # the others write nothing
    ],
)
async def test_what_is_refused_names_the_key_and_the_command(
    tmp_path: Path, pressed: str, known: bool, size: tuple[int, int], key: str
) -> None:
    async with on_screen(night(tmp_path), size) as rig:
        assert isinstance(rig.provider, Lapsed)
        rig.provider.lapsed = True
        if known:
            rig.provider.read_raises = [Expired("the AWS login has expired", COMMAND)] * 9
            rig.poll()
        rig.refresh()
        rig.looked()
        rows = rig.board.session.tables["alerts"].rows
        rig.board.session.tables["alerts"].move_to(rows[0 if pressed in ("l", "t", "s", "n", "enter") else -1].id)
        for one in {"*a": ["asterisk", "a"], "2R": ["2", "R"], "enter R": ["enter", "R"]}.get(pressed, [pressed]):
            rig.looked()
            await rig.pilot.press(one)
            await rig.settle()
        if pressed in ("S", "n") and isinstance(rig.pilot.app.screen, Form):
            await rig.modal()
            await rig.press("x", "enter")
        await rig.settle()
        said = " ".join(rig.text().replace("│", "").split())
        assert f"{key} logs in, or run: {COMMAND}" in said, rig.text()


async def test_in_the_refusal_the_key_logs_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(foreground, "run", lambda command: ran.append(tuple(command)) or 0)
    async with on_screen(night(tmp_path)) as rig:
        assert isinstance(rig.provider, Lapsed)
        monkeypatch.setattr(rig.pilot.app, "suspend", contextlib.nullcontext)
        rig.provider.lapsed = True
        await rig.pilot.press("R")
        refusal = await rig.modal()
        assert isinstance(refusal, RefusalDialog)
        assert "another revision" not in rig.text()  # it could not be read either
        await rig.press("L")
        assert isinstance(await rig.modal(), ConfirmMany)
        assert COMMAND in rig.text()
        await rig.press("y")
        assert ran == [LOGIN]
        assert rig.pilot.app.screen is rig.board
        assert not rig.board.dialogs.active


async def test_the_key_renews_the_login_that_the_row_needs(tmp_path: Path) -> None:
    other = FakeProvider("other")
    other.login = ("aws", "sso", "login", "--profile", "other")
    rig = night(tmp_path, other)
    rig.providers = (other, *rig.providers)
    async with on_screen(rig) as rig:
        for provider in rig.providers:
            provider.read_raises = [Expired("the login has run out", " ".join(provider.login))] * 9
        rig.refresh()
        await rig.settle()
        await rig.pilot.press("L")
        await rig.modal()
        assert "Log in to prod?" in rig.text()


async def test_what_this_machine_s_program_lacks_is_said_before_it_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(foreground, "run", lambda command: ran.append(tuple(command)) or 0)
    monkeypatch.setattr(login_program, "fitted", lambda command: (command[:3], "AWS CLI 2.15 does not know an option"))
    async with on_screen(night(tmp_path)) as rig:
        assert isinstance(rig.provider, Lapsed)
        monkeypatch.setattr(rig.pilot.app, "suspend", contextlib.nullcontext)
        rig.provider.lapsed = True
        rig.provider.read_raises = [Expired("the AWS login has expired", COMMAND)] * 9
        rig.poll()
        rig.refresh()
        await rig.pilot.press("L")
        await rig.modal()
        assert "AWS CLI 2.15 does not know an option" in rig.text()
        await rig.press("y")
        assert ran == [LOGIN[:3]]

        def refuse(command: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
            raise Refused("this needs AWS CLI 2.0, and this machine has 1.44", "install it")

        monkeypatch.setattr(login_program, "fitted", refuse)
        rig.poll()
        rig.refresh()
        await rig.pilot.press("L")
        for _ in range(20):
            await rig.settle()
            if "AWS CLI 2.0" in rig.text():
                break
        assert "this needs AWS CLI 2.0, and this machine has 1.44" in rig.text()
        assert len(ran) == 1
