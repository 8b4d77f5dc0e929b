"""The common part of follow-ups and incidents as rows: how many are open, who opened one and changed it last. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import TypeVar

from oncall_tui.domain.follow_up import FollowUp
from oncall_tui.domain.incident import Incident
from oncall_tui.text.time_format import moment
from oncall_tui.tui.widgets.footer import Part
from oncall_tui.tui.widgets.table.table import Cell

T = TypeVar("T", FollowUp, Incident)


def by_id(found: Iterable[T], wanted: str | None) -> T | None:
    """Return the one with that id; None: there is none."""
    return next((one for one in found if one.id == wanted), None)


def title(
    heading: str, found: Sequence[FollowUp | Incident], over: str, every: bool, about: str
) -> tuple[Sequence[Part], Sequence[Part]]:
    """Return both sides of a list's title: how many are open, *about* what it was opened, and how many are *over*
    (``done``, ``closed``), which are not shown unless *every* one is.
    """
    left = sum(one.is_open for one in found)
    number = len(found) - left
    hidden = " not shown" if number and not every else ""
    return [(f"{heading} {left} open", "heading"), (about, "dim")], [(f"{number} {over}{hidden} ", "dim")]


def said(one: FollowUp | Incident) -> str:
    """Return the last word on it, and whose that is; empty: there is none."""
    return f"{one.said} · {one.changed_by}" if one.said else ""


def below(one: FollowUp | Incident, tz: tzinfo, now: float) -> tuple[tuple[Cell, ...], ...]:
    """Return the lines below its row. *now* in seconds since the epoch, UTC."""
    words = f"opened {moment(one.opened_at, tz, now)} by {one.opened_by}"
    if one.changed_at > one.opened_at:
        words += f" · changed {moment(one.changed_at, tz, now)} by {one.changed_by}"
    lines = [words, *([said(one)] if one.said else [])]
    return tuple(((line, "dim" if line is words else ""),) for line in lines)
