"""A silence as it stands at its source, also where it keeps nothing quiet. Times are seconds since the epoch, UTC."""

from __future__ import annotations

import msgspec


class StandingSilence(msgspec.Struct, frozen=True, kw_only=True):
    """*id* is ``SOURCE/silence/NATIVE_ID``. *matchers* are (label, value) where all of them compare for equality, else
    empty; *words* say all of them. *alerts* are the ids of the alerts that it keeps quiet now: none, and it matches
    nothing any more. *acknowledges*: its source has no acknowledgement, and takes this one for it.

    *began* and *until* in seconds since the epoch, UTC; *until* None: not told.
    """

    id: str
    source: str
    words: str
    matchers: tuple[tuple[str, str], ...] = ()
    by: str = ""
    comment: str = ""
    began: float | None = None
    until: float | None = None
    alerts: tuple[str, ...] = ()
    acknowledges: bool = False

    @property
    def version(self) -> str:
        """Return the part that a re-check compares: which silence it is, and until when it is meant to last."""
        return f"{self.id}|{self.until or 0:.0f}"
