"""A source with a field of every type, and what is said of a configuration that is written with it."""

from __future__ import annotations

import textwrap
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest

from oncall_tui import config
from oncall_tui.errors import ConfigurationError
from oncall_tui.providers.options import SourceOptions
from oncall_tui.runtime.secret import Secret


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Inner(msgspec.Struct, frozen=True, kw_only=True):
    size: int = 1
    colour: Colour = Colour.RED


class Box(SourceOptions, frozen=True, kw_only=True):
    """One field of every type that the configuration can write."""

    url: str
    token: Secret | None = None
    tokens: tuple[Secret, ...] = ()
    clusters: tuple[str, ...] = ()
    count: int = 0
    share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    flag: bool = False
    mode: Literal["fast", "slow"] = "fast"
    either: bool | Literal["pages"] = True
    inner: Inner = Inner()
    table: dict[str, tuple[str, ...]] = {}
    low: int = 0
    high: int = 9

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low: expected at most high")


OPTIONS: dict[str, type[SourceOptions]] = {"box": Box, "alertmanager": Box, "pagerduty": Box}
SOURCE = '- {name: one, provider: box, url: "http://host:1"'


def box(fields: str) -> Any:
    """A source with these fields more, in flow style."""
    return config.load_text(f"sources:\n  {SOURCE}, {fields}}}\n", OPTIONS).sources[0]


def mistakes(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        config.load_text(textwrap.dedent(text), OPTIONS, "c.yaml")
    return caught.value.mistakes


def refused(text: str, options: dict[str, type[SourceOptions]]) -> ConfigurationError | None:
    """What is said against *text*; None: it loads."""
    try:
        config.load_text(text, options)
    except ConfigurationError as error:
        return error
    return None


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text(text)
    path.chmod(mode)
    return path
