"""The controller of an expired login: it asks, then runs the command that renews it on the bare terminal."""

from __future__ import annotations

import asyncio

from oncall_tui.domain.reading import SourceState, SourceStatus
from oncall_tui.errors import Refused
from oncall_tui.runtime import login_program
from oncall_tui.tui.controllers.dialogs import Dialogs
from oncall_tui.tui.presenters.renewal import renewed_by
from oncall_tui.tui.session import RowRef, Session

LOST = (SourceState.EXPIRED, SourceState.NO_CREDENTIALS)


class Login:
    """Renew the login of one source at a time."""

    def __init__(self, session: Session, dialogs: Dialogs) -> None:
        self._session, self._dialogs = session, dialogs

    def begin(self, row: RowRef) -> None:
        """Renew the expired login of the row's sources, else the first one that is expired."""
        near = _sources(row)
        lost = [s for s in self._session.latest.board.sources.values() if s.state in LOST]
        source = min(lost, key=lambda s: s.name not in near, default=None)
        if source is None:
            self._session.say("no source's login is expired", "dim")
        elif not source.login:
            self._session.say(f"{source.name}: {source.hint or 'renew its secret where it comes from'}", "warning")
            self._session.engine.renew(source.name)
        else:
            self._dialogs.begin(self.steps(source))

    def renewed_by(self, hint: str) -> SourceStatus | None:
        """Return the source whose login the command in *hint* renews. It is read again, so that the board knows."""
        source = renewed_by(hint, self._session.latest.board.sources.values())
        if source is not None and source.state not in LOST:
            self._session.engine.refresh(source.name)
        return source

    async def steps(self, source: SourceStatus) -> None:
        """The command first: it has the terminal while it runs."""
        from oncall_tui.tui.screens.dialogs.confirm import ConfirmMany
        from oncall_tui.tui.terminal import foreground

        self._session.doing(f"login: asking {source.login[0]} for its version")
        try:
            asked = self._session.engine.on_demand.run("login", lambda: login_program.fitted(source.login))
            command, different = await asyncio.wrap_future(asked)
        except Refused as error:
            self._session.say(f"{source.name}: {error}", "warning")
            return
        self._session.unsay()
        rows = [" ".join(command), *([different] if different else [])]
        rows += ["It has the terminal until it ends; the board stands still and does not ring."]
        if not await self._dialogs.ask(ConfirmMany(f"Log in to {source.name}?", rows, "run it")):
            self._session.say("login: cancelled, nothing was run", "dim")
            return
        self._dialogs.asked()
        with self._dialogs.suspend():
            code = foreground.run(command)
        self._session.engine.renew(source.name)
        words = f"login: {foreground.words(code)}; reading {source.name} again"
        self._session.reading(words, (source.name,), "dim" if code == 0 else "warning")


def _sources(row: RowRef) -> set[str]:
    """Return the sources that the row is of."""
    near = {(row.id or "").removeprefix("source:").partition("/")[0]}
    if row.triaged_alert is not None:
        near |= {member.source for member in row.triaged_alert.members}
        near |= {row.triaged_alert.service.source} if row.triaged_alert.service else set()
    return near
