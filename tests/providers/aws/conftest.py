"""A clock that moves when told to, an account in memory, and providers that read it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alarm_world import Alarms
from aws_world import World

from oncall_tui.providers.aws.ecs.provider import EcsProvider
from oncall_tui.providers.aws.options import EcsOptions
from oncall_tui.providers.base import Context
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.waiting import SingleFlight


@pytest.fixture(autouse=True)
def _no_aws_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's own AWS configuration is seen."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


@pytest.fixture
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No keys at all, and a home without a file."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Who waits for keys gives up soon: at once, nearly, where a file is a pipe that nobody writes."""
    pipes = getattr(request.node, "callspec", None) and request.node.callspec.params.get("kind") == "a pipe"
    monkeypatch.setattr(SingleFlight.get, "__defaults__", (0.4 if pipes else 10.0,))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def world(clock: FakeClock) -> World:
    return World(clock)


@pytest.fixture
def alarms(clock: FakeClock) -> Alarms:
    return Alarms(clock)


@pytest.fixture
def ecs(clock: FakeClock, world: World) -> Callable[..., EcsProvider]:
    """Make an ECS provider over the world."""

    def make(**options: Any) -> EcsProvider:
        read_only = options.pop("read_only", False)
        chosen = EcsOptions(name="prod", provider="ecs", region="eu-west-1", **options)
        context = Context(source="prod", actor_email="alice@example.com", clock=clock, read_only=read_only)
        return EcsProvider(chosen, context, world)

    return make
