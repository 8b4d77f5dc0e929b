"""``s``: which task and container, what is asked, what is journalled, and what is only told."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.fakes import Able, deploy, service
from tests.support.screen import Rig, on_screen

from oncall_tui.config import Config
from oncall_tui.domain.alert import ServiceHint
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.product import Product
from oncall_tui.domain.reading import PartialFailure, SourceState
from oncall_tui.domain.service_detail import Container, ServiceDetail, Task
from oncall_tui.errors import ActionFailed, Denied, JournalError
from oncall_tui.inspection.row_timeline import merged
from oncall_tui.providers.aws.client.session import Sessions
from oncall_tui.providers.aws.ecs.inspect.exec_shell import EcsShells
from oncall_tui.providers.aws.options import EcsOptions
from oncall_tui.runtime import programs
from oncall_tui.tui.app import OncallApp
from oncall_tui.tui.controllers import shell
from oncall_tui.tui.screens.dialogs.choice import ChoiceDialog
from oncall_tui.tui.screens.dialogs.confirm import ConfirmPlan
from oncall_tui.tui.screens.dialogs.modals import Modal, RefusalDialog
from oncall_tui.tui.terminal import foreground

API = "prod/main/api"


def task(name: str = "1a", *containers: str, **fields: Any) -> Task:
    number = name * 16
    usual: dict[str, Any] = {
        "id": number,
        "arn": f"arn:aws:ecs:ap-northeast-1:111111111111:task/main/{number}",
        "task_definition": "arn:aws:ecs:ap-northeast-1:111111111111:task-definition/api:42",
        "status": "RUNNING",
        "desired": "RUNNING",
        "started": 1_799_999_000.0,
        "can_exec": True,
        "containers": tuple(Container(name=c, status="RUNNING") for c in containers or ("app",)),
    }
    return Task(**{**usual, **fields})


class Inner(Able):
    """A source whose services can be looked into."""

    def __init__(self) -> None:
        super().__init__("prod")
        self.inside: ServiceDetail | Exception = ServiceDetail(service_id=API, at=0.0, tasks=(task(),))
        self.inspected: list[str] = []
        options = EcsOptions(name="prod", provider="ecs", profile="op")
        self.shells = EcsShells(options, Sessions(options), self.clock, False)

    def inspect(self, service_id: str) -> ServiceDetail:
        self.inspected.append(service_id)
        if isinstance(self.inside, Exception):
            raise self.inside
        return self.inside


class Room(Rig):
    """A board over one service with an alert and a deploy; what was run is in ``ran``."""

    def __init__(self, folder: Path, products: tuple[Product, ...] = (), **more: Any) -> None:
        super().__init__(folder, Inner(), products=products, **more)
        self.provider.services[API] = service(API, deploy_id="prod/d1")
        self.provider.deploys["prod/d1"] = deploy("prod/d1", API)
        self.provider.add("5xx", hint=ServiceHint(service="api"))
        self.ran: list[list[str]] = []
        self.env: Mapping[str, str] | None = None
        self.status = 0

    def tasks(self, *tasks: Task, **more: Any) -> None:
        self.inner.inside = ServiceDetail(service_id=API, at=self.clock.now(), tasks=tasks, **more)

    @property
    def inner(self) -> Any:
        return self.provider

    def entries(self) -> list[Entry]:
        return self.engine.journal.recent(100, (EntryKind.SHELL,))

    def hand_over(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> int:
        """In the place of the terminal: what is on disk when the command is started, too."""
        self.ran.append(list(command))
        self.env = env
        assert [e.data["state"] for e in self.entries()][-1:] == ["opening"] or self.engine.journal.failure
        self.clock.advance(190.0)
        return self.status

    async def pressed(self, *keys: str) -> Modal[Any] | None:
        """The modal that stands after *keys*, once it hears."""
        await self.pilot.press(*keys)
        for _ in range(40):
            await self.settle()
            with contextlib.suppress(KeyError):
                self.engine.on_demand._queues["prod"].run(lambda: None).result(5)
            if isinstance(self.pilot.app.screen, Modal) or not self.board.dialogs.active:
                break
        return await self.modal() if isinstance(self.pilot.app.screen, Modal) else None


@asynccontextmanager
async def room(
    folder: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int] = (120, 40), **more: Any
) -> AsyncIterator[Any]:
    rig = Room(folder, **more)
    monkeypatch.setattr(foreground, "run", rig.hand_over)
    monkeypatch.setattr(shell, "DEAF_S", 0.0)
    monkeypatch.setattr(shell.shutil, "which", lambda name: f"/usr/bin/{name}")
    async with on_screen(rig, size):

        @contextlib.contextmanager
        def suspended() -> Iterator[None]:
            yield

        monkeypatch.setattr(rig.pilot.app, "suspend", suspended)
        yield rig


@pytest.mark.parametrize("pane", ["1", "2", "3"])
async def test_from_any_row_to_its_service_s_only_container_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pane: str
) -> None:
    async with room(tmp_path, monkeypatch) as rig:
        await rig.press(pane)
        row = rig.board.session.row_id
        modal = await rig.pressed("s")
        assert isinstance(modal, ConfirmPlan)
        assert rig.inner.inspected == [API]
        text = rig.text()
        for word in ("main/api", "111111111111  ap-northeast-1", "1a" * 16, "profile op", "Ctrl+C is the session's"):
            assert word in text
        assert "aws ecs execute-command --cluster main --task" in text
        assert "journalled" in text
        assert "can write" in text
        assert rig.ran == []
        await rig.pressed("y")
        assert [command[:3] for command in rig.ran] == [["aws", "ecs", "execute-command"]]
        assert not rig.env  # this program's own is enough
        assert rig.board.is_active
        assert (rig.board.session.pane, rig.board.session.row_id) == (
            {"1": "alerts", "2": "services", "3": "deploys"}[pane],
            row,
        )
        assert "ended with status 0 after 3m 10s" in rig.text()
        opening, ended = rig.entries()
        assert (opening.subject, opening.actor, opening.data["state"]) == (API, "Alice", "opening")
        assert (ended.subject, ended.actor, ended.data["state"]) == (API, "Alice", "ended")
        assert (ended.data["status"], ended.data["seconds"]) == (0, 190.0)
        assert ended.data["shell"] == opening.data["shell"]
        assert (ended.data["task"], ended.data["container"]) == ("1a" * 16, "app")
        told = [(t.by, t.text, t.where) for t in merged((), rig.engine.journal, API)]
        assert told[0] == ("Alice", "shell: in task 1a1a1a1a app: ended with status 0 after 3m 10s", "here")
        assert told[1] == ("Alice", "shell: opening in task 1a1a1a1a app", "here")
        assert (ended.data["account"], ended.data["cluster"]) == ("111111111111", "main")


@pytest.mark.parametrize("key", ["escape", "enter", "n"])
async def test_nothing_opens_that_was_not_confirmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    async with room(tmp_path, monkeypatch) as rig:
        await rig.pressed("s")
        await rig.pressed(key)
        assert rig.ran == []
        assert rig.entries() == []
        assert "nothing was opened" in rig.text()


async def test_one_of_several_is_picked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with room(tmp_path, monkeypatch) as rig:
        stopped = task("9f", status="STOPPED", desired="STOPPED")
        starts = task("3c", status="PENDING", started=None)
        rig.tasks(task("1a", "app", "agent"), task("2b", can_exec=False), starts, stopped)
        modal = await rig.pressed("s")
        assert isinstance(modal, ChoiceDialog)
        assert [choice.id for choice in modal._choices] == [
            f"{'1a' * 16}/app",
            f"{'1a' * 16}/agent",
            f"{'2b' * 16}/app",
        ]
        assert [bool(choice.warning) for choice in modal._choices] == [False, False, True]
        assert "runs 16m" in rig.text()
        assert isinstance(await rig.pressed("j", "enter"), ConfirmPlan)
        await rig.pressed("y")
        (command,) = rig.ran
        assert command[command.index("--task") + 1] == "1a" * 16
        assert command[command.index("--container") + 1] == "agent"


async def test_a_task_that_takes_no_shell_says_how_and_deploys_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with room(tmp_path, monkeypatch, (80, 24)) as rig:
        rig.tasks(task(can_exec=False))
        modal = await rig.pressed("s")
        assert isinstance(modal, shell.ToCopy)
        assert "takes a shell" in rig.text()
        assert "aws ecs update-service --cluster main --service api --enable-execute-command" in rig.text()
        assert "It is a deploy that replaces every task" in rig.text()
        assert rig.pilot.app.clipboard.startswith("aws ecs update-service")
        await rig.pressed("enter")
        assert rig.ran == []
        assert rig.entries() == []


async def test_one_of_several_that_takes_no_shell_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with room(tmp_path, monkeypatch) as rig:
        rig.tasks(task("1a", can_exec=False), task("2b"))
        await rig.pressed("s")
        modal = await rig.pressed("j", "enter")  # those that take one stand first
        assert isinstance(modal, shell.ToCopy)
        assert "task 1a1a1a1a takes no shell" in rig.text()


@pytest.mark.parametrize("missing", ["aws", "session-manager-plugin"])
async def test_without_the_programs_the_command_is_there_to_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    async with room(tmp_path, monkeypatch, (80, 24)) as rig:
        monkeypatch.setattr(shell.shutil, "which", lambda name: None if name == missing else f"/usr/bin/{name}")
        modal = await rig.pressed("s")
        assert isinstance(modal, shell.ToCopy)
        assert f"not on this machine: {missing}." in rig.text()
        assert rig.pilot.app.clipboard.startswith("aws ecs execute-command --cluster main")
        rig.pilot.app._clipboard = ""
        await rig.pilot.press("c")
        assert rig.pilot.app.clipboard.startswith("aws ecs execute-command --cluster main")
        await rig.pressed("enter")
        assert rig.ran == []


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        (Denied("ListTasks is denied", "needs ecs:ListTasks"), "needs ecs:ListTasks"),
        (ServiceDetail(service_id=API, at=0.0), "no task of prod/api runs"),
        (
            ServiceDetail(service_id=API, at=0.0, tasks=(task(status="STOPPED", reason="it ran out"),)),
            "stopped: it ran out",
        ),
        (
            ServiceDetail(
                service_id=API, at=0.0, problems=(PartialFailure(SourceState.DENIED, "running tasks", "x", "ask"),)
            ),
            "→ ask",
        ),
        (
            ServiceDetail(service_id=API, at=0.0, problems=(PartialFailure(SourceState.DENIED, "targets", "x", "y"),)),
            "see its logs",
        ),
    ],
)
async def test_where_there_is_nothing_to_open_it_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: Any, said: str
) -> None:
    async with room(tmp_path, monkeypatch) as rig:
        rig.inner.inside = inside
        assert isinstance(await rig.pressed("s"), RefusalDialog)
        assert said in rig.text()
        await rig.pressed("enter")
        assert not rig.board.dialogs.active


async def test_read_only_reads_nothing_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with room(tmp_path, monkeypatch, read_only=True) as rig:
        await rig.pressed("s")
        assert "read only: no shell" in rig.text()
        assert rig.inner.inspected == []


async def test_a_source_without_shells_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with room(tmp_path, monkeypatch) as rig:
        del rig.inner.shells
        await rig.pressed("s")
        assert "prod has no shells" in rig.text()


async def test_a_row_without_a_service_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with room(tmp_path, monkeypatch) as rig:
        rig.provider.add("elsewhere")
        rig.refresh()
        rig.board.session.tables["alerts"].move_to("prod/elsewhere")
        await rig.pressed("s")
        assert "no known ECS service" in rig.text()


async def test_protected_products_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    products = (Product(name="payments", services=("prod/*",), protected=True),)
    async with room(tmp_path, monkeypatch, products=products) as rig:
        await rig.pressed("s")
        assert "payments is protected" in rig.text()


@pytest.mark.parametrize("how", ["status 254", "SIGKILL"])
async def test_one_that_went_wrong_is_journalled_as_it_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    async with room(tmp_path, monkeypatch) as rig:
        rig.status = 254 if how == "status 254" else 137
        await rig.pressed("s")
        await rig.pressed("y")
        assert how in rig.text()
        assert rig.entries()[-1].data["status"] == rig.status
        assert how in rig.entries()[-1].text


async def test_what_cannot_be_journalled_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with room(tmp_path, monkeypatch) as rig:

        def must(*_: Entry) -> None:
            raise JournalError("the disk is full")

        await rig.pressed("s")
        monkeypatch.setattr(rig.engine.journal, "must", must)
        assert isinstance(await rig.pressed("y"), RefusalDialog)
        assert "it cannot be journalled: the disk is full" in rig.text()
        assert rig.ran == []
        # A journal that is known to fail is told in the confirm, as for every other action.
        rig.engine.journal.failure = "the disk is full"
        await rig.pressed("enter")
        await rig.pressed("s")
        assert "acting without a journal: the disk is full" in rig.text()
        await rig.pressed("y")
        assert len(rig.ran) == 1


async def test_keys_go_by_the_environment_and_are_not_journalled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with room(tmp_path, monkeypatch) as rig:
        monkeypatch.setattr(EcsShells, "keys", lambda self: {"AWS_SESSION_TOKEN": "drill-token"})
        await rig.pressed("s")
        await rig.pressed("y")
        assert rig.env["AWS_SESSION_TOKEN"] == "drill-token"
        assert programs.environment(rig.env)["PATH"]  # beside them this program's own
        assert "drill-token" not in " ".join(rig.ran[0]) + repr(rig.entries())


async def test_keys_that_cannot_be_had_open_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with room(tmp_path, monkeypatch) as rig:

        def keys(self: EcsShells) -> Mapping[str, str]:
            raise ActionFailed("not done: the SSO login has expired", "aws sso login")

        monkeypatch.setattr(EcsShells, "keys", keys)
        await rig.pressed("s")
        assert isinstance(await rig.pressed("y"), RefusalDialog)
        assert "the SSO login has expired" in rig.text()
        assert rig.ran == []


async def test_a_terminal_that_cannot_be_handed_over_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with room(tmp_path, monkeypatch) as rig:
        monkeypatch.delattr(rig.pilot.app, "suspend")  # the headless driver has none
        await rig.pressed("s")
        assert isinstance(await rig.pressed("y"), RefusalDialog)
        assert "cannot be handed over" in rig.text()
        assert [e.data["state"] for e in rig.entries()] == ["opening", "refused"]


async def test_what_was_being_typed_when_it_ended_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also q and Esc: half a second after a session they are nobody's."""
    rig = Room(tmp_path)
    monkeypatch.setattr(foreground, "run", rig.hand_over)
    monkeypatch.setattr(shell, "DEAF_S", 60.0)
    monkeypatch.setattr(shell.shutil, "which", lambda name: name)
    app = OncallApp(rig.engine, Config())
    monkeypatch.setattr(app, "suspend", contextlib.nullcontext)
    monkeypatch.setattr(rig.engine, "start", lambda: None)
    async with app.run_test(size=(120, 40)) as pilot:
        rig.board, rig.pilot = app.board, pilot
        rig.refresh()
        assert isinstance(await rig.pressed("s"), ConfirmPlan)
        await rig.pressed("y")
        assert rig.ran
        assert not app.board.dialogs.active
        await pilot.press("a", "E", "q", "escape")
        await rig.settle()
        assert app.is_running
        assert app.screen is app.board
        assert rig.engine.actions.outcomes == ()
        assert "ended with status 0" in rig.text()
        app.board.session.deaf_until = 0.0
        await pilot.press("escape")
        assert "ended with status 0" not in rig.text()
    rig.engine.stop()


def test_the_key_imports_what_it_takes(tmp_path: Path) -> None:
    """Nothing of it is imported before the key is pressed."""
    import subprocess
    import sys

    code = "import sys, oncall_tui.tui.app; print([m for m in sys.modules if m.endswith(('tui.shell', 'foreground'))])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
