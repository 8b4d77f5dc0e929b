"""The keys of the record: search it, mark an episode, follow up. Nothing here reads the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.plan import Choice
from oncall_tui.errors import OncallError
from oncall_tui.runtime.secret import redact
from oncall_tui.text.cells import count
from oncall_tui.triage.episodes import key_of
from oncall_tui.triage.triager import TriagedAlert
from oncall_tui.tui.commands import named
from oncall_tui.tui.controllers.dialogs import Dialogs
from oncall_tui.tui.controllers.offers import Offers
from oncall_tui.tui.controllers.planning import Planning
from oncall_tui.tui.session import RowRef, Session

if TYPE_CHECKING:
    from oncall_tui.domain.history import EpisodeMark
    from oncall_tui.domain.record import RecordScope


class RecordKeys:
    """Opens the record's screens for a row, and marks its episode."""

    def __init__(
        self,
        session: Session,
        dialogs: Dialogs,
        offers: Offers,
        planning: Planning,
        do: Callable[[str, RowRef], None],
    ) -> None:
        self._session, self._dialogs, self._offers, self._planning, self._do = session, dialogs, offers, planning, do
        self._given: dict[tuple[str, float], EpisodeMark] = {}  # by row and its episode's begin, from here

    # --- the record ---------------------------------------------------------------------------------------------------

    def search(self, row: RowRef) -> None:
        """Open the record of the row: its alert, its service, its product, everything."""
        from oncall_tui.tui.screens.record.record import RecordScreen

        none = self._offers.no_target(row)
        if none and row.id is not None:
            self._session.say(none, "warning")
            return
        ids = self._asked(row.triaged_alert) if row.triaged_alert is not None else ()
        session = self._session
        self._dialogs.show(RecordScreen(session.engine, session.tz, session.me, self.scopes(row), ids))

    def scopes(self, row: RowRef) -> tuple[RecordScope, ...]:
        """Return the parts of the record that the row is of, the narrowest first."""
        from oncall_tui.domain.record import RecordScope  # not needed for the first frame

        alert_row, board = row.triaged_alert, self._session.latest.board
        found: list[RecordScope] = []
        ids: tuple[str, ...] = ()
        service, product = None, None
        if alert_row is not None:
            ids, keys = tuple(redact(m.id) for m in alert_row.members), _keys(alert_row)
            found.append(RecordScope(kind="alert", title=alert_row.alert.title, alerts=keys, ids=ids))
            service, product = alert_row.service, alert_row.product
        elif row.id is not None:
            deploy = board.deploys.get(row.id) if row.pane == "deploys" else None
            service = board.services.get(deploy.service_id if deploy is not None else row.id)
            product = self._session.latest.triaged.products.get(service.id) if service is not None else None
        if service is not None:
            own = (service.id,)
            found.append(RecordScope(kind="service", title=service.title, service=service.id, ids=ids, services=own))
        if product is not None:
            products = self._session.latest.triaged.products
            theirs = tuple(one for one, of in products.items() if of.name == product.name)
            found.append(
                RecordScope(kind="product", title=product.name, product=product.name, ids=ids, services=theirs)
            )
        return (*found, RecordScope())

    def _asked(self, row: TriagedAlert) -> tuple[str, ...]:
        """Return the alerts whose own sources are asked for their part: the pager's incident first."""
        return tuple(dict.fromkeys(i for i in (row.incident, *(m.id for m in row.members)) if i))

    # --- follow-ups ---------------------------------------------------------------------------------------------------

    def follow_ups(self, row: RowRef) -> None:
        from oncall_tui.tui.screens.record.follow_ups import AboutAlert, FollowUpScreen

        about, session = None, self._session
        if row.triaged_alert is not None:
            about = AboutAlert(_keys(row.triaged_alert), row.triaged_alert.alert.title)
        self._dialogs.show(FollowUpScreen(session.engine, session.tz, session.me, about))

    # --- incidents ----------------------------------------------------------------------------------------------------

    def incidents(self, row: RowRef) -> None:
        """Open the list of incidents, for the row's alert and its suspect deploy, or for the row's deploy."""
        from oncall_tui.tui.screens.record.incidents import AboutRow, IncidentScreen

        about, session, one = None, self._session, row.triaged_alert
        if one is not None:
            deploys = (redact(one.suspect.id),) if one.suspect is not None else ()
            about = AboutRow(one.alert.title, _firing([one]), deploys)
        elif row.pane == "deploys" and row.id is not None:
            deploy = session.latest.board.deploys.get(row.id)
            service = deploy.service_id.rpartition("/")[2] if deploy is not None else row.id
            about = AboutRow(f"the deploy of {service}", (), (redact(row.id),))
        self._dialogs.show(IncidentScreen(session.engine, session.tz, session.me, about))

    # --- what is kept quiet -------------------------------------------------------------------------------------------

    def quiet(self, _: RowRef) -> None:
        from oncall_tui.tui.screens.record.quiet import QuietScreen

        self._dialogs.show(QuietScreen(self._session, self._dialogs, self._planning, self._do))

    # --- marks --------------------------------------------------------------------------------------------------------

    def verdict(self, row: RowRef) -> None:
        """Mark the row's episode: actionable, then noise, then neither; of several rows one word is picked."""
        session = self._session
        if session.engine.read_only:
            session.not_taken("read only: nothing is written")
            return
        marked = [one for row_id in row.marked if (one := session.drawn(row_id)) is not None]
        if marked:
            self._dialogs.begin(self._several(marked))
            return
        one = row.triaged_alert
        if one is None:
            none = f"only alerts can be marked: {named('alerts')} goes to the alerts"
            session.not_taken(self._offers.no_target(row) or none)
            return
        mark = self._mark_of(one).next
        self._dialogs.begin(self._write([one], mark), asks=False)

    def _mark_of(self, row: TriagedAlert) -> EpisodeMark:
        from oncall_tui.domain.history import EpisodeMark  # not needed for the first frame

        given = self._given.get((row.id, row.began))
        known = self._session.latest.memory.get(row.id)
        return given if given is not None else known.mark if known is not None else EpisodeMark.NONE

    async def _several(self, rows: Sequence[TriagedAlert]) -> None:
        from oncall_tui.domain.history import EpisodeMark
        from oncall_tui.tui.screens.dialogs.choice import ChoiceDialog

        words = {
            EpisodeMark.ACTIONABLE: "somebody had to do something",
            EpisodeMark.NOISE: "nobody had to do anything",
            EpisodeMark.NONE: "take the mark away",
        }
        choices: Future[tuple[Choice, ...]] = Future()
        choices.set_result(
            tuple(Choice(id=mark.name, label=str(mark) or "neither", detail=told) for mark, told in words.items())
        )
        title = f"Mark the episodes of {count(len(rows), 'row')} as"
        picked = await self._dialogs.ask(ChoiceDialog(title, choices, "there is nothing to pick from"))
        if picked is None:
            self._session.say("cancelled, nothing was recorded", "dim")
            return
        self._dialogs.asked()
        await self._write(rows, EpisodeMark[picked])
        self._session.tables["alerts"].clear_marks()

    async def _write(self, rows: Sequence[TriagedAlert], mark: EpisodeMark) -> None:
        """Write the marks beside the keys, and say what is recorded."""
        session = self._session
        alerts = _firing(rows)
        engine, me, before = session.engine, session.me, {(row.id, row.began): self._mark_of(row) for row in rows}
        self._given |= dict.fromkeys(before, mark)
        session.doing("recording the mark")
        try:
            await asyncio.wrap_future(
                engine.on_demand.run("record", lambda: engine.memory.mark_alerts(alerts, mark, me))
            )
        except OncallError as error:
            self._given |= before
            session.say(f"not marked: {error}", "critical")
            return
        session.say(f"{_of(rows)} {_word(mark)}{self._again(rows, mark)}", "ok")

    def _again(self, rows: Sequence[TriagedAlert], mark: EpisodeMark) -> str:
        """Say what the same key would do next."""
        return f"; {named('verdict')} again: {mark.next or 'neither'}" if len(rows) == 1 else ""


def _keys(row: TriagedAlert) -> tuple[str, ...]:
    """Return the keys that all firings of the row's alerts share, as the journal has them: without secrets."""
    return tuple(dict.fromkeys(redact(key_of(member)) for member in row.members))


def _firing(rows: Sequence[TriagedAlert]) -> tuple[Alert, ...]:
    """Return the rows' alerts whose episodes are meant: those that fire, or the row's only one."""
    return tuple(m for row in rows for m in row.members if m.state is not AlertState.RESOLVED or row.members[1:] == ())


def _of(rows: Sequence[TriagedAlert]) -> str:
    return f"{rows[0].alert.title}:" if len(rows) == 1 else f"{count(len(rows), 'row')}:"


def _word(mark: EpisodeMark) -> str:
    return f"marked as {mark}" if mark else "no mark any more"
