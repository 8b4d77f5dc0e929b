"""Claims in a machine's own file: one of a session that is gone is nobody's at once, for whoever comes next."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from oncall_tui.journal import Journal
from oncall_tui.journal.claims import CLAIM, Claims
from oncall_tui.journal.slots import FileSlots
from oncall_tui.runtime.clock import FakeClock

API = "prod/main/api"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    found = Journal(tmp_path / "journal.db", FakeClock().now)
    yield found
    found.close(5)


def claims(journal: Journal, who: str) -> Claims:
    slots = FileSlots(journal)
    return Claims(lambda: slots, FakeClock(), who)


def killed(one: Claims) -> None:
    """Make it a session of a process that has ended."""
    child = subprocess.Popen((sys.executable, "-S", "-c", ""))
    child.wait()
    host, _, number = one.session.rsplit(" ", 2)
    one.session = f"{host} {child.pid} {number}"


def test_a_claim_of_a_session_that_is_gone_is_taken_by_a_command_that_has_just_started(journal: Journal) -> None:
    alice = claims(journal, "Alice")
    killed(alice)
    assert alice.take(API, "rolls back") is None
    alice.open(API)
    alice.tick()
    bob = claims(journal, "Bob")
    bob.tick()
    assert bob.others() == ()  # nor has it anything open
    assert bob.take(API, "rolls back") is None
    carol = claims(journal, "Carol")
    there = carol.take(API, "rolls back")
    assert there is not None
    assert (there.who, there.slot) == ("Bob", CLAIM + API)


@pytest.mark.parametrize("holder", ["another-machine 1 0a", "odd", "here not-a-number 0a", ""])
def test_of_what_nobody_can_tell_whether_it_lives_the_lease_decides(journal: Journal, holder: str) -> None:
    alice = claims(journal, "Alice")
    assert alice.take(API, "rolls back") is None
    slots = FileSlots(journal)
    (held,) = slots.held()
    assert slots.take(msgspec.structs.replace(held, holder=holder, version="v2"), held.version)
    there = claims(journal, "Bob").take(API, "rolls back")
    assert there is not None
    assert there.holder == holder
