"""The past as the record knows it: an alert's episodes and a service's deploys, one value each.

Statistics, an alert's memory, write-ups and the search read these. They are derived from the journal's entries
(``journal/history.py``), whether a board or a recorder saw them, or a source told them afterwards (``import``).
Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class EpisodeMark(StrEnum):
    """An engineer's word on one episode; the value is the word in the journal."""

    NONE = ""
    ACTIONABLE = "actionable"
    NOISE = "noise"

    @property
    def next(self) -> EpisodeMark:
        """Return the mark that one step leads to: actionable, noise, none, and actionable again."""
        steps = (EpisodeMark.NONE, EpisodeMark.ACTIONABLE, EpisodeMark.NOISE)
        return steps[(steps.index(self) + 1) % len(steps)]


def episode_id(alert: str, began: float) -> str:
    """Return the id of the episode of *alert* (its key) that *began* then (seconds since the epoch, UTC)."""
    return f"{alert}@{int(began)}"


class PastEpisode(msgspec.Struct, frozen=True, kw_only=True):
    """One episode of one alert, of one source.

    *id* is *alert* and the whole second of *began*: the same for whoever tells it. *alert* is the key that all firings
    of the alert share (``triage.episodes.key_of``). *ended* is None while it fires, or where its end is not known.
    *end_known* is False where nobody looked when it ended: that was before *ended*, and it is not known when.
    *acknowledged_at* is the first acknowledgement, or mark as seen (None: never, or not known). *acted* counts actions
    that engineers sent for it, or for its service while it fired. *problem* is the id of the episode that leads its
    problem, of several sources' alerts (its own where it is alone); of a told one, an alert's key or id that is the
    same problem elsewhere, or empty.
    """

    id: str
    alert: str
    source: str
    provider: str
    title: str
    began: float
    ended: float | None = None
    end_known: bool = True
    service: str = ""  # a service's id
    product: str = ""
    pages: bool = False
    firings: int = 1
    acknowledged_at: float | None = None
    acknowledged_by: str = ""
    acted: int = 0
    mark: EpisodeMark = EpisodeMark.NONE
    marked_by: str = ""
    problem: str = ""
    imported: bool = False  # no board or recorder saw it: its source told of it afterwards


class PastDeploy(msgspec.Struct, frozen=True, kw_only=True):
    """One deploy of one service. *arrow* is old → new; *ended* is None while it goes on, or where it is not known.

    *kind* and *state* are the words of ``Deploy`` (``text.history_words``). *rolls_back* is the id of the deploy whose
    failure it remedies; empty: it is no rollback, or that is not known. *failed*: it had to be taken back, within
    itself or by a later deploy, or ended otherwise than meant. *remedied* is when that was made good (None: it was
    not, or nobody knows when): the end of its rollback, or of the next deploy that succeeded.
    """

    id: str
    service: str
    arrow: str
    started: float
    state: str
    ended: float | None = None
    kind: str = "deploy"
    product: str = ""
    by: str = ""
    rolls_back: str = ""
    failed: bool = False
    remedied: float | None = None
    imported: bool = False
