"""What is in a deploy, on its detail: build, link, commits, each as it is known; and the link as a terminal gets it."""

from __future__ import annotations

from concurrent.futures import Future
from datetime import UTC
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from rich.color import ColorSystem
from rich.style import Style
from tests.support.fakes import deploy, revision
from tests.unit.test_triage import board

from oncall_tui.domain.comparison import Commit, CommitRange
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.product import Product
from oncall_tui.domain.revision import Build
from oncall_tui.errors import Denied
from oncall_tui.tui.palette import Palette
from oncall_tui.tui.screens.detail.contents_part import contents
from oncall_tui.tui.screens.detail.parts import Part
from oncall_tui.tui.screens.detail.subject import Subject
from oncall_tui.tui.screens.detail.words import Scene

NOW = 1_800_000_000.0
HOME = "https://github.com/example/payments"
SCENE = Scene(update=SimpleNamespace(board=board()), now=NOW, tz=UTC, cells=80)  # type: ignore[arg-type]
FOUND = CommitRange(
    commits=tuple(Commit(sha=f"{n:040x}", title=f"change {n}", author="Bob", at=NOW - 3600.0) for n in range(10)),
    total=12,
    files=3,
)


def built(number: int, **more: str) -> Any:
    return revision(number, build=Build(**{"repository": HOME, "commit": f"{number:040x}", **more}))  # type: ignore[arg-type]


def part(value: CommitRange | None = None, error: Exception | None = None) -> Part[CommitRange]:
    made: Part[CommitRange] = Part()
    future: Future[CommitRange] = Future()
    number = made.begin(0.0, NOW)
    if value is None and error is None:
        return made
    if value is not None:
        future.set_result(value)
    else:
        future.set_exception(error)
    made.take(number, future)
    return made


def told(of: Deploy, commits: Part[CommitRange], product: Product | None = None) -> list[str]:
    subject = Subject(pane="deploys", row_id=of.id, deploy=of, product=product)
    return ["".join(text for text, _ in line).strip() for line in contents(subject, of, commits, SCENE)]


def test_build_link_and_commits() -> None:
    lines = told(deploy(old=built(41), new=built(42, version="v42", author="Bob")), part(FOUND))
    assert lines[0] == "build     v42 · commit 0000000 · example/payments · by Bob"
    assert lines[1] == f"compare   {HOME}/compare/{41:040x}...{42:040x}"
    assert lines[2] == "commits   12 commits by Bob (the newest 10 were read) · 3 files changed"
    assert lines[3] == "0000000 change 0 · Bob 1h ago"
    assert lines[-1] == "and 4 more: the link has them"
    assert len(lines) == 12


@pytest.mark.parametrize(
    ("commits", "words"),
    [
        (part(), "commits   reading…"),
        (part(error=Denied("GitHub says no", "renew it")), "commits   could not be read: GitHub says no"),
    ],
)
def test_what_is_not_there_is_never_none(commits: Part[CommitRange], words: str) -> None:
    assert words in told(deploy(old=built(41), new=built(42)), commits)


def test_where_nothing_names_the_build_it_is_said_and_no_link_is_made() -> None:
    unread = told(deploy(), Part())
    assert unread == ["build     not known: its task definition was not read"]
    silent = deploy(old=revision(41, build=Build()), new=revision(42, build=Build(lacks="its tags are denied")))
    assert told(silent, Part()) == ["build     not known: its tags are denied"]
    product = Product(name="api", compare="https://x.example/{old_commit}..{new_commit}")
    assert told(silent, Part(), product)[1] == (
        "compare   no link: the commit of :41 is not known and the commit of :42 is not known"
    )


def test_a_link_is_one_for_the_terminal_and_nothing_else_is() -> None:
    widget = SimpleNamespace(rich_style=Style(), app=SimpleNamespace(theme_variables={}, no_color=False))
    paint = Palette(widget)  # type: ignore[arg-type]
    style = paint(f"link {HOME}/compare/a...b")
    shown = style.render("x", color_system=ColorSystem.TRUECOLOR)
    assert f"{HOME}/compare/a...b" in shown
    assert shown.startswith("\x1b]8;")
    for other in ("link javascript:x", "link https://x.example/\x1b]0;t\x07", "link https://x.example/a b"):
        assert paint(other).link is None


def test_a_deploy_without_a_predecessor_is_compared_with_nothing() -> None:
    first = msgspec.structs.replace(deploy(new=built(42)), old=None, first=True)
    assert told(first, Part(), Product(name="api", compare="https://x.example/{new_tag}"))[1] == (
        "compare   no link: what ran before is not known"
    )
