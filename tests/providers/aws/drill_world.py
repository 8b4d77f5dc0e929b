"""The drill, as a child process with a clock that is moved by hand: no test waits for it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

from tests.support.forked import PIPE, popen

from oncall_tui.config.load import load_text
from oncall_tui.domain.board import Board, merge
from oncall_tui.domain.reading import Reading
from oncall_tui.providers import registry
from oncall_tui.providers.base import Context, Provider, ReadRequest
from oncall_tui.runtime.clock import FakeClock


class Drill:
    """One running drill. *clock* goes with the world's own when ``advance`` moves both."""

    def __init__(self, *arguments: str) -> None:
        serve = ("serve", "--with-parent", "--clock", "manual", *arguments)
        self._process = popen("oncall_tui.simulator", *serve, stdin=PIPE)
        assert self._process.stdout is not None
        self.told: dict[str, Any] = json.loads(self._process.stdout.readline())
        self.clock = FakeClock(self.control("advance", s=0)["now"])

    def close(self) -> None:
        """It ends when its stdin does."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(5)

    def control(self, path: str, **asked: Any) -> Any:
        body = json.dumps(asked).encode() if asked else None
        request = urllib.request.Request(f"{self.told['control']}/_drill/{path}", data=body)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

    def fault(self, source: str, operation: str, kind: str, **more: Any) -> None:
        self.control("faults", source=source, operation=operation, kind=kind, **more)

    def clear(self) -> None:
        request = urllib.request.Request(f"{self.told['control']}/_drill/faults", method="DELETE")
        urllib.request.urlopen(request, timeout=5).close()

    def advance(self, seconds: float) -> None:
        """Move the world and the provider's clock, in steps, so that tasks start and fail at their own times."""
        self.control("advance", s=seconds)
        self.clock.advance(seconds)

    def provider(self, name: str, **more: Any) -> Provider:
        """The provider of one of its sources, configured as it says."""
        (found,) = (s for s in self.told["config"]["sources"] if s["name"] == name)
        (options,) = load_text(json.dumps({"sources": [found | more]}), registry.options_types()).sources
        email = "alice@example.com"
        return registry.build(options, Context(source=name, actor_email=email, clock=self.clock))

    def read(
        self, provider: Provider, until: Callable[[Reading], Any] = lambda r: True, within: float = 120.0
    ) -> Reading:
        """Poll, moving time to when the provider wants to be asked, until *until* holds and nothing is due at once."""
        end = self.clock.now() + within
        while self.clock.now() < end:
            reading = provider.read(ReadRequest())
            wait = provider.interval_s if reading.next_in_s is None else reading.next_in_s
            if wait > 0.05 and until(reading):
                return reading
            self.advance(max(0.01, wait))
        raise AssertionError(f"not within {within} s: {reading}")


def board(reading: Reading) -> Board:
    return merge(1, reading.at, (), (reading,))
