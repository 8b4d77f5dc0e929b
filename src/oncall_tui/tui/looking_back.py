"""State that lasts beyond one view: marks of new rows, and the saved view for the next session."""

from __future__ import annotations

import msgspec

from oncall_tui.domain.alert import AlertState
from oncall_tui.tui import saved_view as kept
from oncall_tui.tui.looking_at import LookingAt
from oncall_tui.tui.presenters.last_seen import LastSeen
from oncall_tui.tui.session import Session

KEY_KEPT_S = 60.0  # how often a mere key press is worth a write


class LookingBack(LookingAt):
    """New since you last looked; kept over a restart."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.last_look = LastSeen()
        self.last_look.begin(0.0, self.session.engine.clock.now())
        self._was_on: dict[str, str | None] = {}  # each pane's cursor as it was drawn
        self._keep: kept.Keep | None = None
        self._kept: kept.SavedView | None = None
        self._bell = True

    # --- kept over a restart ------------------------------------------------------------------------------------------

    def take_up(self, bell: bool) -> str:
        """Go on as the last session ended, and keep this one from now on. *bell* is what the configuration says.
        Returns what was wrong with what was kept, in words.
        """
        self._bell = self.session.bell_on = bell
        path, now = kept.beside(self.session.engine.journal.path), self.session.engine.clock.now()
        found, wrong = kept.read(path)
        if found is not None:
            products = {product.name for product in self.session.engine.rules.products}
            found, wrong = kept.sound(found, products, self.session.views, now)
            self.session.view_filter = found.shown
            self.session.bell_on = bell if found.bell is None else found.bell
            self.last_look.begin(found.last_key, now)
        self._keep, self._kept = kept.Keep(path), found
        self.session.engine.watched.append(self._keep.worker)
        return wrong

    def keep(self, at_once: bool = False) -> None:
        """Save the view after a change; for key presses alone, once a minute."""
        if self._keep is None:
            return
        old = self._kept
        bell = None if self.session.bell_on == self._bell else self.session.bell_on
        now_ = kept.of(self.session.view_filter, bell, self.last_look.key)
        same = old is not None and msgspec.structs.replace(old, last_key=now_.last_key) == now_
        if old is None or not same or at_once or now_.last_key - old.last_key >= KEY_KEPT_S:
            self._kept = now_
            self._keep.put(now_)

    def stop_keeping(self) -> None:
        """The session ends: write when its last key was."""
        if self._keep is not None:
            self.keep(at_once=True)
            self._keep.close()

    # --- new since you last looked ------------------------------------------------------------------------------------

    def pressed(self) -> None:
        """A key was pressed."""
        self.last_look.pressed(self.session.engine.clock.now())

    def draw_new(self) -> None:
        """The signs of what is new, on the rows; and keep what is looked at."""
        self.last_look.passed(self.session.engine.clock.now())
        look = self.session.latest.look
        alerts = ((a.id, a.began) for a in look.alerts if a.alert.state is not AlertState.RESOLVED)
        self.session.tables["alerts"].show_new(self.last_look.new(alerts))
        self.session.tables["deploys"].show_new(self.last_look.new((d.id, d.started) for d in look.deploys))
        self._was_on = {name: table.cursor_id for name, table in self.session.tables.items()}
        self.keep()

    def left_row(self) -> bool:
        """A key moved the cursor: the row that it left was looked at, and loses its sign. Had it one?"""
        was, table = self._was_on.get(self.session.pane), self.session.tables.get(self.session.pane)
        if table is None:
            return False
        self._was_on[self.session.pane] = table.cursor_id
        if was is None or was == table.cursor_id or was not in table.new:
            return False
        self.last_look.saw(was)
        table.show_new(table.new - {was})
        return True

    def new_words(self, pane: str) -> str:
        new = self.session.tables[pane].new
        new_rows = sum(row.id in new for row in self.session.tables[pane].rows) if new else 0
        return self.last_look.words(new_rows, self.session.tz, self.session.engine.clock.now())
