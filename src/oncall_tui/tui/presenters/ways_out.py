"""A refusal's ways out, as this screen has them: its keys and its palette."""

from __future__ import annotations

from oncall_tui.errors import OncallError, Refused, WayOut
from oncall_tui.tui.commands import named


def hint(error: OncallError) -> str:
    """Return what to do now: the error's own hint, and the keys that do it here."""
    ways = error.ways if isinstance(error, Refused) else ()
    return "; ".join(words for words in (error.hint, *(_words(way) for way in ways)) if words)


def _words(way: WayOut) -> str:
    match way:
        case WayOut.UNDO:
            return f"the palette's “{way}” redeploys the rolled-back version"
        case WayOut.FOLLOW:
            return "the deploys pane follows it"
        case WayOut.AGAIN:
            return "try again in a moment, when it has ended"
        case WayOut.ROLL_BACK:
            return f"{named('rollback')} rolls back"
        case WayOut.PICK | WayOut.OVERRIDE:
            return ""  # the dialog that shows the refusal has that key itself
