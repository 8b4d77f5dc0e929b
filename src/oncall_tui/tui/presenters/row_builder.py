"""Update -> rows, titles and lines of text. Pure but for its cache: a row that did not change is the same object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from operator import is_
from typing import TYPE_CHECKING, Any

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import OURS, Alert, AlertState
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.product import Product
from oncall_tui.domain.reading import SourceState, SourceStatus
from oncall_tui.domain.service import Health, Service
from oncall_tui.engine.engine import Update
from oncall_tui.text.cells import count, fit, width
from oncall_tui.text.history_words import UNKNOWN, back_of, began_by, deploy_summary
from oncall_tui.text.team_words import doing
from oncall_tui.text.time_format import age, age_changes, ago, moment
from oncall_tui.triage.causes import trouble
from oncall_tui.triage.filters import parse
from oncall_tui.triage.ownership import after, aftermath, assignment, escalation, left
from oncall_tui.triage.ranking import ATTENTION, SILENT, severity_word
from oncall_tui.triage.triager import TriagedAlert, TriagedBoard
from oncall_tui.tui.presenters import group_cells, progress
from oncall_tui.tui.presenters.filter_fields import alert_fields, deploy_fields, service_fields
from oncall_tui.tui.presenters.renewal import renewing
from oncall_tui.tui.presenters.sorting import Order, Sort, Sorter, of, order
from oncall_tui.tui.widgets.table.rows import Cell, Column, Row, RowWords

if TYPE_CHECKING:
    from oncall_tui.domain.memory import RowMemory

STATE_CELLS = 24  # for the words that say who has an alert and how long still
PRODUCT_FROM, SUSPECT_FROM = 100, 110  # cells of a pane: a narrower one says the suspect under the row
ALERT_COLUMNS = (
    Column("severity", "SEV", 4),
    Column("age", "AGE", 4, align="right"),
    Column("product", "PRODUCT", 8, most=12, turn=5, wide=PRODUCT_FROM, drop=2),
    Column("service", "SERVICE", 14, most=24, turn=3, align="middle", wraps=True, drop=1, spills=True),
    Column("title", "ALERT", 26, flex=True, min_width=22, turn=2, wraps=True, spills=True),
    Column("suspect", "SUSPECT", 14, most=21, turn=4, wide=SUSPECT_FROM, drop=3),
    Column("state", "STATE", 8, most=STATE_CELLS, turn=1, spills=True),
)
SERVICE_COLUMNS = (
    Column("sign", "", 1),
    Column("alerts", "ALERT", 4, most=8),
    Column("name", "SERVICE", 20, flex=True, min_width=16, easy=40, turn=5, align="middle", whole=True, spills=True),
    Column("tasks", "TASKS", 5, most=9, turn=2),
    Column("revision", "REV", 4, most=13, turn=3),
    Column("health", "HEALTH", 7, most=10, turn=1),
    Column("deploy", "DEPLOYED", 4, most=9, align="right", turn=4),
    Column("note", "NOTE", 8, most=40, turn=6, wide=66, drop=1),
)
DEPLOY_COLUMNS = (
    Column("age", "AGE", 4, align="right"),
    Column("service", "SERVICE", 12, most=34, turn=2, align="middle", wraps=True, spills=True),
    Column("arrow", "REVISION", 8, most=16, turn=1),
    Column("state", "STATE", 8, most=15, turn=1),
    Column("how", "PROGRESS", 22, flex=True, min_width=8, easy=40, spills=True),
    Column("by", "BY", 12, most=28, turn=3, wide=90, drop=1),
)

STEP_S = 10.0  # ages change in steps of ten seconds at the most often
LEAST_NAME = 3  # cells of a name that still tell who
SET_S = 5.0  # a row that was read so far in the future was read before the clock was set back
ROW_STALE_S = 180.0  # a sweep takes 70 s: a row that two of them left out is not known to be true any more

_SIGNS = {
    Health.HEALTHY: ("✓", "ok"),
    Health.DEPLOYING: ("~", "warning"),
    Health.DEGRADED: ("✗", "critical"),
    Health.DOWN: ("✗", "critical"),
    Health.STOPPED: ("·", "dim"),
    Health.UNKNOWN: ("?", "unknown"),
}
_STATE_STYLE = {
    AlertState.FIRING: "bold",
    AlertState.UNKNOWN: "unknown",
    AlertState.NO_DATA: "unknown",
    AlertState.RESOLVED: "ok",
}
_SHORT = {AlertState.ACKNOWLEDGED: "ack", AlertState.SILENCED: "silenced"}


class ViewFilter(msgspec.Struct, frozen=True):
    """The engineer's filter. *product* is a product's name, empty for what has none, None for everything;
    *view* names the configured view that *filter* came from.
    """

    filter: str = ""
    faults: bool = False
    sorts: tuple[Sort, ...] = ()
    product: str | None = None
    view: str = ""

    @property
    def narrows(self) -> bool:
        """Return whether it hides anything."""
        return bool(self.filter or self.faults or self.product is not None)

    def has(self, product: Product | None) -> bool:
        """Return whether rows of *product* are shown."""
        return self.product is None or self.product == (product.name if product else "")


_Beside = tuple[bool, Outcome | None, "RowMemory | None", tuple[str, ...], frozenset[str]]
# Of an alert: is its source current, what is under way on it, how often it came before, what others do with it, and the
# services' names that do not tell one from another.


class _Made(msgspec.Struct, frozen=True, gc=False):
    """One row, and what it was made of, at *now*.

    Nothing is worked out again within a *step* of time (``STEP_S``) while *of*, compared by identity, and what stands
    *beside* it are the same: a board has thousands of rows, and is drawn four times a second. After that the row is
    the same object where those of its words are that depend on the time (*words*, where they were worked out).
    """

    of: Any
    beside: Any
    step: float
    now: float
    row: Row
    words: tuple[object, ...] = ()


class _AlertMade(msgspec.Struct, frozen=True, gc=False):
    """One alert's row, and what it was made of, not before *now*. No word of it changes before *until*, where *of*, by
    identity, and what stands *beside* it are the same; nor does a row of which nobody has asked for its words.
    """

    of: TriagedAlert
    beside: _Beside
    row: Row
    now: float
    until: float


class _AlertsFrom(msgspec.Struct, frozen=True, eq=False):
    """The parts that all rows of the alerts pane are made from, beside the alerts: sources, actions, memory, names."""

    live: Mapping[str, bool]
    pending: Mapping[str, Outcome]
    memory: Mapping[str, RowMemory]
    repeated: frozenset[str]
    others: bool  # whether others do anything: what they do depends on the time

    def same(self, other: _AlertsFrom) -> bool:
        """Tell whether rows made from the other are right for this one too."""
        same = self.memory is other.memory and self.repeated == other.repeated and not (self.others or other.others)
        return same and self.live == other.live and self.pending == other.pending


class RowBuilder:
    """Makes rows from looks, and keeps them. *tz* is the configured time zone."""

    def __init__(self, tz: tzinfo) -> None:
        self.tz = tz
        self._sorter = Sorter()
        self._words = self._alert_words  # bound once, not for each of thousands of rows
        self._now = float("-inf")  # when the alerts were drawn last: what is looked at between is of then
        self._alerts: dict[str, _AlertMade] = {}
        self._alerts_from = _AlertsFrom({}, {}, {}, frozenset(), False)
        self._alert_rows: list[Row] = []
        self._unread: dict[str, Row] = {}  # those of sources that are not read now
        self._alerts_shown: tuple[Sequence[TriagedAlert], ViewFilter, float, list[Row]] = ((), ViewFilter(), 0.0, [])
        self._services: dict[str, _Made] = {}
        self._deploys: dict[str, _Made] = {}
        self._service_rows: list[Row] = []
        self._deploy_rows: list[Row] = []
        self._held: tuple[str, TriagedAlert, float] | None = None  # the cursor's row: its look, and when it went
        self.holding = False  # does the cursor's row stand where it would not by rank, or no more at all?
        self._repeated: tuple[TriagedBoard | None, frozenset[str]] = (None, frozenset())
        self._open: tuple[object, Mapping[str, Cell]] = (None, {})

    # --- alerts -------------------------------------------------------------------------------------------------------

    def alerts(self, update: Update, shown: ViewFilter, cursor: str | None, now: float) -> list[Row]:
        """The rows of the alerts pane, in order; the cursor's row keeps its place and stays after it resolved."""
        alert_rows = self._sorter.rows("alerts", update.triaged.alerts, shown.sorts)
        if cursor is not None and self._elsewhere(cursor, update.triaged):
            cursor = None  # it did not resolve
        alert_rows = self._ordered(alert_rows, order(of(shown.sorts, "alerts")), cursor, now)
        under_way = (o for o in update.outcomes if o.state is OutcomeState.PENDING)
        pending = {o.target: o for o in under_way if o.verb is not Verb.RUN}  # a command hides no state of its row
        live = {name: source.current for name, source in update.board.sources.items()}
        beside = _AlertsFrom(live, pending, update.memory, self._names(update.triaged), bool(update.others))
        same = self._alerts_from.same(beside)
        if now < self._now:  # the clock was set back
            self._alerts, same = {}, False
        self._now, self._alerts_from = now, beside
        made_of, for_filter, step, rows = self._alerts_shown
        if not same or made_of is not alert_rows or for_filter != shown or step != now // STEP_S:
            made = self._made(alert_rows, update, beside, same, now)
            rows = _or_same(rows, _shown_of(made, shown))
            self._alerts_shown = (alert_rows, shown, now // STEP_S, rows)
        self._alert_rows = _or_same(self._alert_rows, self._with_unread(rows, update, now))
        return self._alert_rows

    def _with_unread(self, rows: list[Row], update: Update, now: float) -> list[Row]:
        """*rows* with one for each source whose alerts may not be the truth: after what pages, never out of sight."""
        lost = [s for s in update.board.sources.values() if not s.current and s.state is not SourceState.WAITING]
        if not lost or not rows:  # an empty pane says it in a sentence
            return rows
        said = [_unread_row(source, update, now, self.tz) for source in lost]
        self._unread = {row.id: old if (old := self._unread.get(row.id)) == row else row for row in said}
        pages = {a.id for a in update.triaged.paging}
        at = next((i for i, row in enumerate(rows) if row.id not in pages), len(rows))
        return [*rows[:at], *self._unread.values(), *rows[at:]]

    def _made(
        self, alert_rows: Sequence[TriagedAlert], update: Update, of: _AlertsFrom, same: bool, now: float
    ) -> list[_AlertMade]:
        """Make the rows that are not kept. *same*: what all are made from is as it was."""
        old, rows = self._alerts, []
        beside: _Beside | None = None
        for alert_row in alert_rows:
            made = old.get(alert_row.id)
            if not same or made is None or made.of is not alert_row or (now >= made.until and made.row.made):
                told = _beside(alert_row, update, of, now)
                beside = beside if told == beside else told  # one object for all the rows of which nothing is told
                made = self._alert_made(made, alert_row, beside, now)
            rows.append(made)
        self._alerts = {made.of.id: made for made in rows}
        return rows

    def _alert_made(self, old: _AlertMade | None, alert_row: TriagedAlert, beside: _Beside, now: float) -> _AlertMade:
        """Make the row, for whoever asks for its words; or take the old one where none of them changed."""
        if old is not None and old.of is alert_row and old.beside == beside:
            if not old.row.made:
                return old
            if self._changing(alert_row, old.now) == self._changing(alert_row, now):
                return _AlertMade(alert_row, beside, old.row, old.now, _until(alert_row, now))
        claims = alert_row.pages and alert_row.alert.state is not AlertState.RESOLVED
        row = Row.later(alert_row.id, claims, self._words, alert_row, beside)
        return _AlertMade(alert_row, beside, row, now, _next_step(now))  # its words may be made at any time from now on

    def _changing(self, alert_row: TriagedAlert, now: float) -> tuple[object, ...]:
        """Return the words of its row that depend on the time."""
        alert = alert_row.alert
        held = aftermath(alert_row, now) or (assignment(alert, now) if alert.moved else "")
        gone = self._gone_age(alert, now)
        return age(now - alert_row.began), left(alert.until, now), escalation(alert, now), held, gone

    def drawn(self, row_id: str) -> TriagedAlert | None:
        """The row as it was last drawn."""
        known = self._alerts.get(row_id)
        return known.of if known else None

    def successor(self, row_id: str | None, triaged: TriagedBoard) -> str | None:
        """The row that *row_id*'s problem is part of now, where it is no row of its own any more; else None."""
        known = self.drawn(row_id) if row_id else None
        if known is None or any(a.id == row_id for a in triaged.alerts):
            return None
        ids = {m.id for m in known.members}
        return next(
            (a.id for a in triaged.alerts if a.alert.state is not AlertState.RESOLVED and _has_any(a, ids)), None
        )

    def _elsewhere(self, row_id: str, triaged: TriagedBoard) -> bool:
        """Return whether it has no row of its own any more, though an alert of it goes on in another row, or hidden."""
        known = self.drawn(row_id)
        if known is None or any(a.id == row_id for a in triaged.alerts):
            return False
        now = (triaged.board.alerts.get(m.id) for m in known.members)
        return any(a is not None and a.state is not AlertState.RESOLVED for a in now)

    def _ordered(
        self, rows: Sequence[TriagedAlert], by: Order, cursor: str | None, now: float
    ) -> Sequence[TriagedAlert]:
        """The looks with the cursor's row held where it stood when the cursor came to it."""
        self.holding = False
        if cursor is None:
            self._held = None
            return rows
        current = next((x for x in rows if x.id == cursor), None)
        if self._held is None or self._held[0] != cursor:
            if current is None:
                return rows
            self._held = (cursor, current, 0.0)
            return rows
        _, held, gone_at = self._held
        if current is None:
            current = self.drawn(cursor) or held
            if current.alert.state is not AlertState.RESOLVED:
                gone = msgspec.structs.replace(
                    current.alert, state=AlertState.RESOLVED, verbs=frozenset(), changed=now, by=(), until=None
                )
                current = msgspec.structs.replace(current, alert=gone, others=(), incident="")
                self._held = (cursor, held, gone_at or now)
        stays = by(current) == by(held)
        self.holding = not stays or current.alert.state is AlertState.RESOLVED
        if stays:
            return rows if current in rows else _insert(rows, current, held, by)
        return _insert([x for x in rows if x.id != cursor], current, held, by)

    def _gone_age(self, alert: Alert, now: float) -> str:
        return age(now - alert.changed) if alert.state is AlertState.RESOLVED and alert.changed else ""

    def _alert_words(self, row: TriagedAlert, beside: _Beside) -> RowWords:
        now, alert, (live, pending, remembered, here, repeated) = self._now, row.alert, beside
        word = severity_word(row.severity, row.pages)
        style = "dim" if not alert.state.asks and alert.state is not AlertState.NO_DATA else ""
        strong = "critical" if row.pages else "warning" if row.severity.rank <= 2 else ""
        service = row.service
        name = "–" if service is None else service.id if service.name in repeated else service.title
        if service is None and alert.hint.service:
            name = alert.hint.service
        cells: tuple[Cell, ...] = (
            (word, "page" if row.pages and alert.state.asks else style or strong),
            age(now - row.began),
            row.product.name if row.product else "–",
            name,
            group_cells.remembered_title(row, remembered),
            group_cells.suspect(row),
            self._state(row, now, pending, live),
        )
        under = (*group_cells.with_you(here), *group_cells.under(row, now), *group_cells.followed(row, remembered, now))
        return RowWords(cells, style, group_cells.extra(row, now), under)

    def _state(self, row: TriagedAlert, now: float, pending: Outcome | None, live: bool) -> Cell:
        alert = row.alert
        if pending is not None:
            whole, word = f"{pending.verb}… {pending.message}", f"{pending.verb}…"  # the message has a line of its own
            return (whole, "warning", word) if width(whole) <= STATE_CELLS else (word, "warning")
        if alert.state is AlertState.RESOLVED:
            return (f"resolved {ago(now - (alert.changed or now))}", "ok")
        word = after(row) or escalation(alert, now) or _SHORT.get(alert.state, str(alert.state))
        if alert.state is AlertState.NO_DATA and alert.by:
            word += " seen"
        words = [] if live else ["?"]
        words += [word, *([until] if (until := left(alert.until, now)) else [])]
        if alert.state.asks and row.incident not in ("", alert.id):
            words.append("→pager")
        if row.flapping and alert.state.asks:
            words.append("flaps")
        style = "stale" if not live else _STATE_STYLE.get(alert.state, "")
        if not alert.by:
            whole = " ".join(words)
            return (whole, style) if width(whole) <= STATE_CELLS else (whole, style, word)
        at, who = words.index(word) + 1, _name(alert.by[0])
        whole = " ".join([*words[:at], who, *words[at:]])
        room = STATE_CELLS - sum(width(w) + 1 for w in words)  # the name alone is cut where there is no room for all
        short = " ".join([*words[:at], *([fit(who, room)] if room >= LEAST_NAME else []), *words[at:]])
        return (whole, style) if width(whole) <= STATE_CELLS else (whole, style, short)

    def _names(self, triaged: TriagedBoard) -> frozenset[str]:
        """Service names that stand in more than one cluster or account."""
        if self._repeated[0] is None or self._repeated[0].services is not triaged.services:
            seen: set[str] = set()
            twice = {s.name for s in triaged.services if s.title in seen or seen.add(s.title)}  # type: ignore[func-returns-value]
            self._repeated = (triaged, frozenset(twice))
        return self._repeated[1]

    def _open_here(self, triaged: TriagedBoard) -> Mapping[str, Cell]:
        """Return each service's open alerts, by its id: a page, or the number of alerts."""
        if self._open[0] is not triaged.alerts:
            rows: dict[str, list[TriagedAlert]] = {}
            for row in triaged.alerts:
                if row.service is not None and ATTENTION[row.alert.state] < SILENT:
                    rows.setdefault(row.service.id, []).append(row)
            self._open = (triaged.alerts, {service: _open_words(here) for service, here in rows.items()})
        return self._open[1]

    # --- services -----------------------------------------------------------------------------------------------------

    def services(self, update: Update, shown: ViewFilter, now: float) -> list[Row]:
        """The rows of the services pane."""
        test = parse(shown.filter) if shown.filter else None
        live = {s.name: s for s in update.board.sources.values() if s.current}
        repeated, open_here = self._names(update.triaged), self._open_here(update.triaged)
        rows = []
        kept: dict[str, _Made] = {}
        step = now // STEP_S
        for service in self._sorter.rows("services", update.triaged.services, shown.sorts):
            if not shown.has(update.triaged.products.get(service.id)):
                continue
            if shown.faults and not service.health.is_fault and service.health is not Health.DEPLOYING:
                continue
            if test is not None and not test(service_fields(service, update.triaged)):
                continue
            source = live.get(service.source)
            problems = None if source is None else source.problems
            beside = (problems, service.name in repeated, open_here.get(service.id, ""))
            made = self._services.get(service.id)
            if made is None or made.of is not service or made.step != step or made.beside != beside:
                made = _service_made(made, service, step, beside, source, now)
            kept[service.id] = made
            rows.append(made.row)
        self._services = kept
        self._service_rows = _or_same(self._service_rows, rows)
        return self._service_rows

    # --- deploys ------------------------------------------------------------------------------------------------------

    def deploys(self, update: Update, shown: ViewFilter, now: float) -> list[Row]:
        """The rows of the deploys pane: those under way first (what waits or fails on top), then the newest."""
        test = parse(shown.filter) if shown.filter else None
        live = {name: source.current for name, source in update.board.sources.items()}
        rows = []
        kept: dict[str, _Made] = {}
        step = now // STEP_S
        for deploy in self._sorter.rows("deploys", update.triaged.deploys, shown.sorts):
            if not shown.has(update.triaged.products.get(deploy.service_id)):
                continue
            if shown.faults and not (deploy.state.running or deploy.state.bad):
                continue
            if test is not None and not test(deploy_fields(deploy, update.triaged)):
                continue
            beside = live.get(deploy.source, False)
            made = self._deploys.get(deploy.id)
            if made is None or made.of is not deploy or made.step != step or made.beside != beside:
                words = (age(now - deploy.started), progress.left(deploy, now))
                same = made is not None and made.of is deploy and made.beside == beside and made.words == words
                row = made.row if made is not None and same else self._deploy_row(deploy, now, beside)
                made = _Made(deploy, beside, step, now, row, words)
            kept[deploy.id] = made
            rows.append(made.row)
        self._deploys = kept
        self._deploy_rows = _or_same(self._deploy_rows, rows)
        return self._deploy_rows

    def _deploy_row(self, deploy: Deploy, now: float, live: bool) -> Row:
        style = "critical" if deploy.state.bad else "warning" if deploy.state.running else ""
        word = progress.state_word(deploy)
        how, how_style = progress.how(deploy, self.tz, now)
        if not live:
            word, style, how_style = f"? {word}", "stale", ""
        tags = progress.tags(deploy)
        cells: tuple[Cell, ...] = (
            age(now - deploy.started),
            deploy.service_id.rpartition("/")[2],
            (f"{deploy.arrow} {tags}", "", deploy.arrow) if tags else deploy.arrow,
            (word, style),
            (how, how_style),
            deploy.started_by or (UNKNOWN, "dim"),
        )
        waits = [deploy.waits] if deploy.waits and deploy.state.running else []
        back = [deploy_summary(deploy, self.tz, now)] if back_of(deploy) else []
        lines = [*waits, *back, *(words for _, words, _ in progress.why(deploy))]
        under = tuple(((line, "warning"),) for line in lines[:3])
        under += (((" · ".join([*([f"image {tags}"] if tags else []), began_by(deploy)]), "dim"),),)
        return Row(deploy.id, cells, "" if live else "dim", under=under)


def _beside(row: TriagedAlert, update: Update, of: _AlertsFrom, now: float) -> _Beside:
    """Return what stands beside one alert."""
    going_on = _going_on(row, of.pending) if of.pending else None
    remembered = of.memory.get(row.id) if of.memory else None
    here = _others_here(update, row, now) if update.others else ()
    return of.live.get(row.alert.source, row.alert.source == OURS), going_on, remembered, here, of.repeated


def _shown_of(made: Sequence[_AlertMade], shown: ViewFilter) -> list[Row]:
    """Return the rows that the filter shows."""
    if not shown.narrows:
        return [one.row for one in made]
    test = parse(shown.filter) if shown.filter else None
    found = (one for one in made if shown.has(one.of.product) and (not shown.faults or one.of.alert.state.asks))
    return [one.row for one in found if test is None or test(alert_fields(one.of))]


def _until(row: TriagedAlert, now: float) -> float:
    """Return the step before which no word of the row that depends on the time changes."""
    alert = row.alert
    lasting = alert.state is not AlertState.RESOLVED and not alert.moved and row.ended is None
    if not lasting or alert.until is not None or alert.escalates_at is not None:
        return _next_step(now)
    return -(-(row.began + age_changes(now - row.began)) // STEP_S) * STEP_S


def _next_step(now: float) -> float:
    return (now // STEP_S + 1) * STEP_S


def _or_same(old: list[Row], new: list[Row]) -> list[Row]:
    """Return *old* itself where *new* has the same rows: a table that shows them has nothing to do."""
    return old if old is new or (len(old) == len(new) and all(map(is_, old, new))) else new


def _others_here(update: Update, row: TriagedAlert, now: float) -> tuple[str, ...]:
    """Return what other engineers do with the row, with what is the same problem, or with its service."""
    service = {row.service.id, row.service.deploy_id} if row.service else set()
    return doing(update.others, {row.id, *(m.id for m in row.members), *service}, now)


def _unread_row(source: SourceStatus, update: Update, now: float, tz: tzinfo) -> Row:
    alerts = sum(a.source == source.name for a in update.board.alerts.values())
    if source.read_at is None:
        title = f"{source.name}: never read: what it knows is not known here"
    else:
        at = moment(source.read_at, tz, now)
        services = sum(s.source == source.name for s in update.board.services.values())
        deploys = sum(d.source == source.name for d in update.board.deploys.values())
        held = [count(n, word) for n, word in ((alerts, "alert"), (services, "service"), (deploys, "deploy")) if n]
        title = f"{source.name}: {', '.join(held) or '0 alerts'} as of {at}, not read since"
    cells: tuple[Cell, ...] = (
        ("?", "unknown"),
        age(source.age_s(now)) if source.read_at is not None else "–",
        "–",
        "–",
        (title, "unknown"),
        "",
        (source.state.label, "unknown"),
    )
    lines = tuple(
        ((line, ""),)
        for line in (source.message, f"→ {renewing(source.hint, [source])}" if source.hint else "")
        if line
    )
    return Row(f"source:{source.name}", cells, "", lines)


def _insert(rows: Sequence[TriagedAlert], row: TriagedAlert, like: TriagedAlert, by: Order) -> list[TriagedAlert]:
    """*rows* with *row* at the place that *like* has in their order."""
    place = by(like)
    at = next((i for i, x in enumerate(rows) if by(x) > place), len(rows))
    return [*rows[:at], row, *rows[at:]]


def _has_any(row: TriagedAlert, ids: set[str]) -> bool:
    return any(m.id in ids and m.state is not AlertState.RESOLVED for m in row.members)


def _name(who: str) -> str:
    return who.partition("@")[0]


def _going_on(row: TriagedAlert, pending: Mapping[str, Outcome]) -> Outcome | None:
    """Return the action under way on any of the row's alerts, or on its incident."""
    return next((pending[i] for i in (row.incident, *(m.id for m in row.members)) if i in pending), None)


def _open_words(rows: Sequence[TriagedAlert]) -> Cell:
    """``PAGE``, ``PAGE +2``, ``3 alerts``."""
    more = f" +{len(rows) - 1}" if rows[1:] else ""
    if any(row.pages for row in rows):
        asks = any(row.pages and row.alert.state.asks for row in rows)
        return (f"PAGE{more}", "page" if asks else "critical", "PAGE")
    return (count(len(rows), "alert"), "warning", str(len(rows)))


def _service_made(
    old: _Made | None,
    service: Service,
    step: float,
    beside: tuple[object, bool, Cell],
    source: SourceStatus | None,
    now: float,
) -> _Made:
    """Make the row, or take the old one where no word of it changed."""
    since = age(now - service.since) if service.since else ""
    read = source is not None and not source.lacks(service.key.cluster)
    fresh = read and -SET_S <= now - service.read_at < ROW_STALE_S
    words = (since, fresh, *beside[1:], trouble(service, now))
    if old is not None and old.words == words and (old.of is service or service.says_the_same(old.of)):
        return _Made(service, beside, step, now, old.row, words)
    return _Made(service, beside, step, now, _service_row(service, *words), words)


def _service_row(service: Service, since: str, live: bool, repeated: bool, alerts: Cell, cause: str) -> Row:
    sign, style = _SIGNS[service.health] if live else ("?", "stale")
    counts: Cell = f"{service.running}/{service.desired}"
    if service.pending:
        counts = (f"{counts}, {service.pending} pending", "", f"{counts} +{service.pending}")
    cells: tuple[Cell, ...] = (
        (sign, style),
        alerts,
        service.id if repeated else service.title,
        counts,
        service.revisions if service.meant is None else (service.revisions, "warning", service.revision.short),
        (str(service.health), style if service.health is not Health.HEALTHY or not live else ""),
        (f"{since} ago", "", since) if since not in ("", "now") else since,
        (service.note or service.targets, "dim"),
    )
    under = tuple(((line, "warning"),) for line in (cause, service.note) if line)
    return Row(service.id, cells, "" if live else "dim", under=under)
