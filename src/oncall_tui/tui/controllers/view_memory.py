"""The controller of what outlives a session: the filter, the order, the bell, the time of the last key, and the names
that a shell completes.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from oncall_tui.tui import saved_view
from oncall_tui.tui.presenters.last_seen import LastSeen
from oncall_tui.tui.session import Session

KEY_SAVED_S = 60.0  # how often a mere key press is worth a write
NAMES_KEPT_S = 60.0  # how often the names on the board are


class ViewMemory:
    """Takes up the view of the last session, and saves the view of this one where it changed."""

    def __init__(self, session: Session, seen: LastSeen) -> None:
        self._session, self._seen = session, seen
        self._writer: saved_view.Keep | None = None  # none: nothing is saved
        self._saved: saved_view.SavedView | None = None
        self._bell = True  # as configured
        self._files: Sequence[str] = ()
        self._named_at = float("-inf")  # monotonic

    def take_up(self, bell: bool, files: Sequence[str] = ()) -> str:
        """Go on as the last session ended, and save this one from now on. *bell* is the configured setting, *files* are
        those of the configuration (none: its names are not kept for a shell).

        Return what was wrong with the saved view, in words.
        """
        session = self._session
        self._bell = session.bell_on = bell
        self._files = files
        path, now = saved_view.beside(session.engine.journal.path), session.engine.clock.now()
        found, wrong = saved_view.read(path)
        if found is not None:
            products = {product.name for product in session.engine.rules.products}
            found, wrong = saved_view.sound(found, products, session.views, now)
            session.view_filter = found.shown
            session.bell_on = bell if found.bell is None else found.bell
            self._seen.begin(found.last_key, now)
        self._writer, self._saved = saved_view.Keep(path), found
        session.engine.watched.append(self._writer.worker)
        return wrong

    def save(self, at_once: bool = False) -> None:
        """Save the view where it changed; for key presses alone, once a minute."""
        if self._writer is None:
            return
        old, session = self._saved, self._session
        bell = None if session.bell_on == self._bell else session.bell_on
        new = saved_view.of(session.view_filter, bell, self._seen.key)
        same = old is not None and msgspec.structs.replace(old, last_key=new.last_key) == new
        if old is None or not same or at_once or new.last_key - old.last_key >= KEY_SAVED_S:
            self._saved = new
            self._writer.put(new)
        self._keep_names(self._writer)

    def _keep_names(self, writer: saved_view.Keep) -> None:
        """Have the writer's thread keep the names on the board, once a minute."""
        engine, files = self._session.engine, self._files
        now = engine.clock.monotonic()
        whole = all(source.read_at is not None for source in engine.update.board.sources.values())
        if not files or not whole or now - self._named_at < NAMES_KEPT_S:
            return
        self._named_at = now

        def job() -> None:
            from oncall_tui.engine import kept_names  # not needed for the first frame

            kept_names.keep_board(files, engine)

        writer.put_job(job)

    def close(self) -> None:
        """End the session: save when its last key was."""
        if self._writer is not None:
            self.save(at_once=True)
            self._writer.close()
