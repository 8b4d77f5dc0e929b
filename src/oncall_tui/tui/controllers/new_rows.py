"""The controller of what is new: rows that began since the engineer last looked, and pages that came unseen."""

from __future__ import annotations

from oncall_tui.domain.alert import AlertState
from oncall_tui.engine.engine import Update
from oncall_tui.triage.triager import TriagedAlert
from oncall_tui.tui.presenters.last_seen import LastSeen
from oncall_tui.tui.presenters.unseen_pages import UnseenPages
from oncall_tui.tui.session import Session


class NewRows:
    """The rows that have the sign of what is new, and the pages that the line above the list tells of."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.seen = LastSeen()
        self._pages = UnseenPages()
        self.begin(0.0)

    def begin(self, former: float) -> None:
        """Begin a session; *former* is the last key of the one before (seconds since the epoch; 0: not known)."""
        self.seen.begin(former, self._session.engine.clock.now())

    # --- rows that began since the last look --------------------------------------------------------------------------

    def pressed(self) -> None:
        """Take note of a key: somebody looks."""
        self.seen.pressed(self._session.engine.clock.now())

    def passed(self) -> None:
        """Take note of the time: after a long pause everything from its beginning on is new."""
        self.seen.passed(self._session.engine.clock.now())

    def left(self, pane: str, row_id: str) -> bool:
        """Take note that a key moved the cursor off this row: it was looked at. Return whether it had the sign."""
        table = self._session.tables[pane]
        if row_id not in table.new:
            return False
        self.seen.saw(row_id)
        table.show_new(table.new - {row_id})
        return True

    def clear(self) -> None:
        """Take every sign away."""
        self.seen.clear()

    def signs(self) -> dict[str, frozenset[str]]:
        """Return the ids of the rows that have the sign, for each pane that has signs."""
        triaged = self._session.latest.triaged
        alerts = ((a.id, a.began) for a in triaged.alerts if a.alert.state is not AlertState.RESOLVED)
        return {"alerts": self.seen.new(alerts), "deploys": self.seen.new((d.id, d.started) for d in triaged.deploys)}

    def words(self, pane: str) -> str:
        """The number of rows of a pane that are new; empty: none is."""
        table = self._session.tables[pane]
        new_rows = sum(row.id in table.new for row in table.rows) if table.new else 0
        return self.seen.words(new_rows, self._session.tz, self._session.engine.clock.now())

    # --- pages that came while the engineer looked elsewhere ----------------------------------------------------------

    def came(self, update: Update, elsewhere: bool) -> None:
        """Take note of the pages of a newer update. *elsewhere*: a page that comes now is not under the cursor."""
        self._pages.come(update.triaged, self._session.engine.clock.now(), elsewhere)

    def looked_at(self, row_id: str | None) -> bool:
        """Take note that the cursor is on this row. Return whether it was an unseen page."""
        return self._pages.saw(row_id)

    def page(self) -> TriagedAlert | None:
        """The unseen page that waits the longest."""
        return self._pages.next(self._session.latest.triaged)

    def page_words(self, key: bool = True) -> str:
        """The line that tells of it; empty: there is none. *key*: name the key that goes there."""
        return self._pages.words(self._session.latest.triaged, self._session.engine.clock.now(), key)
