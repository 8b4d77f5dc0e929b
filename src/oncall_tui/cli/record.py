"""``record``: the engine without a screen, until it is stopped. One records a journal; a second stands by."""

from __future__ import annotations

import contextlib
import queue
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import click

from oncall_tui import bootstrap
from oncall_tui.cli import DONE, NOT_DONE
from oncall_tui.cli.common import SHARED_TIMEOUT_S
from oncall_tui.cli.output import say
from oncall_tui.config import Config
from oncall_tui.domain.reading import SourceState
from oncall_tui.engine.engine import Engine, Update
from oncall_tui.errors import JournalError, SharingError
from oncall_tui.journal.lease import RENEWED_S, Lease
from oncall_tui.runtime.allocator import keep_little
from oncall_tui.runtime.clock import SystemClock
from oncall_tui.text.time_format import named_zone, set_zone

STOPS = (signal.SIGTERM, signal.SIGINT)


@click.command()
@click.pass_context
def record(context: click.Context) -> None:
    """Read every source and keep the journal without a screen, until SIGTERM or Ctrl+C ends it.

    One recorder records a journal; another one that is started stands by, and takes over when the first is gone.
    """
    keep_little()  # it runs for weeks
    config = bootstrap.load_config(context.obj["config"])
    for warning in config.warnings:
        say(f"warning: {warning}")
    set_zone(named_zone(config.timezone))  # of what it says before it has an engine
    lease = bootstrap.make_lease(config, SystemClock())
    with Stopped() as stopped:
        try:
            held = stand_by(lease, stopped)
            code = run(config, lease, stopped, context.obj["read_only"]) if held else DONE
        finally:
            lease.release()
    sys.exit(code)


class Stopped:
    """While it is entered, SIGTERM and SIGINT are noted instead of ending the program, and a lost terminal is nothing.

    A signal that is ignored stays so, but for SIGTERM and SIGINT: a recorder that cannot be stopped would be killed.
    """

    def __init__(self) -> None:
        self._came: queue.SimpleQueue[int] = queue.SimpleQueue()  # its `put` may interrupt anything, its `get` too
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Stopped:
        for number in STOPS:
            self._before[number] = signal.signal(number, self._note)
        self._before[signal.SIGHUP] = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def within(self, seconds: float) -> bool:
        """Wait for a signal, at most so long; tell whether one came."""
        try:
            self._came.put(self._came.get(timeout=seconds))  # it stays stopped
        except queue.Empty:
            return False
        return True

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._came.put(number)


def stand_by(lease: Lease, stopped: Stopped) -> bool:
    """Wait until the lease is held; False: it was stopped before. Raises JournalError where there can be none."""
    told = False
    while not lease.take():
        if not told:
            holder = lease.holder()
            say(f"standing by: another recorder {holder.words(SystemClock().now()) if holder else 'just ended'}")
            told = True
        if stopped.within(RENEWED_S):
            say("stopped: it stood by")
            return False
    return True


def run(config: Config, lease: Lease, stopped: Stopped, read_only: bool) -> int:
    """Record until it is stopped, or its lease is lost; the exit code."""
    engine = bootstrap.make_engine(config, read_only=read_only, stays=True)
    engine.recorder.keep_details()
    say(f"recording into {engine.journal.path}")
    engine.start()
    engine.on_call.start()
    with ended_well(engine), shared(config, engine, read_only):
        engine.recorder.begin(engine.clock.now())
        told = ChangesSaid()
        while not stopped.within(RENEWED_S):
            told.say_what_changed(engine.update)
            try:
                held = lease.take()
                told.say_once("lease", "")
            except JournalError as error:
                held = True  # the lock is still held: the disk is what lacks, and the journal says so as well
                told.say_once("lease", str(error))
            if not held:
                say("another recorder took over: this one had not answered for too long")
                return NOT_DONE
    say("stopped")
    return DONE


@contextlib.contextmanager
def shared(config: Config, engine: Engine, read_only: bool) -> Iterator[None]:
    """Share the readings with the boards on this machine. Where that cannot be it is said, and all is recorded."""
    server = None
    try:
        server = bootstrap.serve_readings(config, engine, read_only)
        say(f"boards on this machine take its readings at {server.path}")
    except (OSError, SharingError) as error:
        why = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        say(f"warning: the readings are not shared: {why}")
    try:
        yield
    finally:
        if server is not None:
            server.stop()


@contextlib.contextmanager
def ended_well(engine: Engine) -> Iterator[None]:
    """Stop the engine in the end, with all that it recorded on disk: a recorder is in no hurry."""
    try:
        yield
    finally:
        engine.recorder.end(engine.clock.now())
        try:
            engine.journal.must()
        except JournalError as error:
            say(f"oncall-tui: not everything could be recorded: {error}")
        engine.team.settle(SHARED_TIMEOUT_S)
        engine.stop()


class ChangesSaid:
    """Says on stderr, where a service's log is kept, how the sources and the journal are, once for each change."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def say_what_changed(self, update: Update) -> None:
        for source in update.board.sources.values():
            if source.state is not SourceState.WAITING:
                words = f"{source.state.label}: {source.message} ({source.hint})" if source.hint else source.state.label
                self.say_once(source.name, words)
        self.say_once("journal", update.journal_failure or "written")
        self.say_once("program", "; ".join(update.troubles))
        for words in update.notices:
            self.say_once(words, words)

    def say_once(self, about: str, words: str) -> None:
        """Say it if it is another word than the last one about this; a fault that is over is said too."""
        if self._said.get(about, "") != words:
            self._said[about] = words
            say(words if about == words else f"{about}: {words or 'well again'}")
