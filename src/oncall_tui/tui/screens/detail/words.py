"""Building blocks of the Detail screen's sections: lines with a name, and how a part that is read stands. Pure."""

from __future__ import annotations

from datetime import tzinfo

import msgspec

from oncall_tui.engine.engine import Update
from oncall_tui.text.time_format import ago, moment
from oncall_tui.tui.palette import LINK
from oncall_tui.tui.presenters.renewal import renewing
from oncall_tui.tui.screens.detail.parts import Part
from oncall_tui.tui.screens.detail.subject import Subject
from oncall_tui.tui.widgets.text_lines import Line

NAME_CELLS = 9


class Scene(msgspec.Struct, frozen=True):
    """Common ground of every section: the board, the time, the zone, how wide a line may be (cells), and the
    guardrails that hold for the row now, in words.
    """

    update: Update
    now: float
    tz: tzinfo
    cells: int
    held: tuple[str, ...] = ()


class Keys(msgspec.Struct, frozen=True):
    """Effects of the keys on the row, in words: *back* ``R``, *ack* ``a`` (empty: nothing)."""

    back: str = ""
    ack: str = ""


class Section(msgspec.Struct, frozen=True):
    """One part of the screen, under a heading that a number key goes to. *said* stands in the heading."""

    name: str
    lines: tuple[Line, ...]
    said: str = ""


def line(name: str, text: str, style: str = "") -> Line:
    """A line with a name before it; empty: it goes on with the one above."""
    return ((f" {name:<{NAME_CELLS}} ", "dim"), (text, style))


def link_line(name: str, url: str) -> Line:
    """A line with a link, whole: to be read, and to be opened by a terminal that can."""
    return line(name, url, f"{LINK}{url}")


def hint(text: str) -> Line:
    """A line with what to do."""
    return ((f" {'':<{NAME_CELLS}} ", ""), ("→ ", "key"), (text, ""))


def at(when: float, now: float, tz: tzinfo) -> str:
    """``02:41``; of another day, that too."""
    return moment(when, tz, now)


def standing(part: Part, name: str, scene: Scene) -> list[Line]:  # type: ignore[type-arg]
    """How a part stands, where that is not simply: there. *reading* is never mistaken for *none*."""
    lines: list[Line] = []
    if part.failure is not None and not part.rereads.under_way:
        message, what = part.failure
        lines += [
            line(name, f"could not be read: {message}", "critical"),
            hint(renewing(what, scene.update.board.sources.values())),
        ]
    if part.value is not None and part.read_at is not None:
        if lines:
            when = f"{moment(part.read_at, scene.tz, scene.now)}, {ago(scene.now - part.read_at)}"
            lines.append(line("", f"below is what was read {when}: not known to be so now", "stale"))
        return lines
    if not lines:
        lines.append(line(name, "reading…" if part.asked else "not read yet", "warning"))
    return lines


def as_of(part: Part, scene: Scene) -> str:  # type: ignore[type-arg]
    """``as of 02:41, 3m ago``, for a heading; and whether it is being read again."""
    if part.read_at is None:
        return "reading…" if part.rereads.under_way else ""
    words = f"as of {moment(part.read_at, scene.tz, scene.now)}, {ago(scene.now - part.read_at)}"
    return f"{words}, reading again…" if part.rereads.under_way else words


def no_service(of: Subject, words: str) -> Line:
    """Why nothing is told: the row names no service, or one that cannot be found while its source is not read."""
    unread = of.triaged_alert.suspicion.unread if of.triaged_alert is not None else ""
    return line("not known", unread, "unknown") if unread else line("none", words)
