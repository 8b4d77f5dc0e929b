"""Numbers of a time: what notified and paged, how fast it was answered, how deploys went. By SQL over the history.

Definitions, and whose they are, are in ``statistics_text``: each number is shown with its own. Times are seconds since
the epoch, UTC; durations are seconds. What cannot be known is None, never zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

import msgspec

from oncall_tui.domain.history import PastDeploy
from oncall_tui.journal.history import History
from oncall_tui.journal.tallies import BIN_S, QUARTER_S, VALUES, Sums, tallied
from oncall_tui.reports.periods import DAY_S, Period, offsets

NOISIEST = 10
BUSINESS_H, SLEEP_H = (8, 18), (22, 8)  # PagerDuty's hours, in the person's zone
SHIFT_S, SHIFT_FROM_H = 12 * 3600, 8
MOST_A_SHIFT = 2  # Google, "Being On-Call": incidents in a shift of twelve hours


class ProductCount(msgspec.Struct, frozen=True, kw_only=True):
    """*product* is None for what belongs to none."""

    product: str | None
    notifications: int
    pages: int


class NoisyAlert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert: how often it came, what part of all that is (0 to 1), and how often anybody acted on it."""

    title: str
    source: str
    count: int
    share: float
    acted_on: int


class Interruptions(msgspec.Struct, frozen=True, kw_only=True):
    """Pages by when they came (a pager's incident, where there is one), in the configured zone."""

    business: int
    off: int
    sleep: int


class AcknowledgeTimes(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds; *never* counts what was over before anybody acknowledged it."""

    n: int
    median: float | None
    p90: float | None
    never: int


class ResolveTimes(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds from its begin to its end, of what is known to have ended when."""

    n: int
    median: float | None
    p90: float | None


class RecoveryTimes(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds from a failed deploy's start until it was made good."""

    n: int
    median: float | None


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one period, as ``--json`` has them. None: it cannot be known."""

    since: float
    until: float
    coverage: float
    notifications: int | None
    pages: int | None
    by_product: tuple[ProductCount, ...]
    by_hour: tuple[int, ...] | None
    noisiest: tuple[NoisyAlert, ...]
    interruptions: Interruptions | None
    acknowledge_s: AcknowledgeTimes | None
    resolve_s: ResolveTimes | None
    deploys: int | None
    rollbacks: int | None
    change_fail_rate: float | None
    recovery_s: RecoveryTimes | None


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of what engineers marked, and of what they did not."""

    actionable: int
    noise: int
    unmarked: int


class Shifts(msgspec.Struct, frozen=True, kw_only=True):
    """Shifts of twelve hours, from 8 and from 20 o'clock: how many were watched or had a page, those with more than two
    pages, and the most.
    """

    number: int
    over: int
    most: int


class MoreNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers beside those of ``--json``: *mtta* and *mttr* are means, which mislead; *failures* are of deploys."""

    marks: Marks
    shifts: Shifts
    mtta: float | None
    mttr: float | None
    failures: int
    imported: int


class CountedProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One problem that a number counts. *alert* is the key of the alert that it is called by."""

    id: str
    alert: str
    title: str
    source: str
    service: str
    product: str
    began: float
    ended: float | None
    pages: bool
    acknowledged_at: float | None
    acknowledged_by: str
    acted: int
    mark: str


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of a period and of the one before it."""

    now: Numbers
    more: MoreNumbers
    before: Numbers


_OVER = "ended IS NOT NULL"
_FAILED = "(failed AND NOT rollback AND kind <> 'restart')"
_WENT_BACK = (
    "(NOT rollback AND state IN ('rolled back', 'rolling back', 'rollback failed') AND NOT EXISTS"
    " (SELECT 1 FROM past_deploy r WHERE r.service = d.service AND r.rolls_back = d.id"
    " AND r.rolls_back <> ''))"
)
# A number's id (``statistics_text.rows``) -> which problems, or which deploys, it counts
PROBLEMS = {
    "notifications": "NOT pages",
    "pages": "pages",
    "noise": "mark = 'noise'",
    "interruptions": "pages",
    "shifts": "pages",
    "acknowledge": "acknowledged_at IS NOT NULL",
    "never": f"acknowledged_at IS NULL AND {_OVER}",
    "resolve": f"{_OVER} AND end_known",
}
DEPLOYS = {
    "deploys": "kind <> 'restart'",
    "rollbacks": f"kind <> 'restart' AND (rollback OR {_WENT_BACK})",
    "change_fail_rate": _FAILED,
    "recovery": f"{_FAILED} AND remedied IS NOT NULL",
}


class StatisticsReader:
    """Reads numbers from a history that has caught up, and keeps what it read. Every method raises JournalError.

    *now* is in seconds since the epoch; *alerts* and *deploys*: whether any source tells of them.
    """

    def __init__(self, history: History, tz: tzinfo, now: float, *, alerts: bool = True, deploys: bool = True) -> None:
        self._history, self._tz, self._now = history, tz, now
        self._known: dict[Period, list[tuple[Any, ...]]] = {}
        self._known_hours: dict[Period, list[tuple[int, int, int]]] = {}
        self._tells_alerts, self._tells_deploys = alerts, deploys

    def statistics(self, period: Period, before: Period) -> Statistics:
        """Return the numbers of *period*, beside those of the one *before*."""
        return Statistics(now=self.numbers(period), more=self.more(period), before=self.numbers(before))

    def numbers(self, period: Period) -> Numbers:
        """Return the numbers of one period."""
        coverage = self._history.coverage(period.since, period.until, self._now)
        sums = self._sums(period)
        fired, pages = sums.fired, sums.pages
        alerts = self._tells_alerts and (coverage > 0 or fired > 0)
        (deploys,) = self._ask("SELECT count(*) FROM past_deploy WHERE {}", period, "started")[0]
        changed = self._tells_deploys and (coverage > 0 or deploys > 0)
        dora = self._dora(period) if changed else (None, None, None, None)
        return Numbers(
            since=period.since,
            until=period.until,
            coverage=round(coverage, 6),
            notifications=fired - pages if alerts else None,
            pages=pages if alerts else None,
            by_product=self.by_product(period),
            by_hour=self.by_hour(period)[0] if alerts else None,
            noisiest=self.noisiest(period, NOISIEST),
            interruptions=self._interruptions(period) if alerts else None,
            acknowledge_s=self._acknowledged(period) if alerts else None,
            resolve_s=self._resolved(period) if alerts else None,
            deploys=dora[0],
            rollbacks=dora[1],
            change_fail_rate=dora[2],
            recovery_s=dora[3],
        )

    # --- what fired ---------------------------------------------------------------------------------------------------

    def by_product(self, period: Period) -> tuple[ProductCount, ...]:
        """Return the counts of each product, the most first."""
        rows = sorted(self._of_products(period), key=lambda row: (-row[1], row[0]))
        return tuple(ProductCount(product=row[0] or None, notifications=row[1] - row[2], pages=row[2]) for row in rows)

    def by_hour(self, period: Period) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return, for each hour of the day in the zone, how many began in it, and how many of those were pages."""
        hours, pages = [0] * 24, [0] * 24
        for hour, count, paged in self._hours(period):
            hours[hour % 24] += count
            pages[hour % 24] += paged
        return tuple(hours), tuple(pages)

    def _hours(self, period: Period) -> list[tuple[int, int, int]]:
        """Return for each stretch of an hour that had any: the local hours since 1970, how many began, and how many
        of those were pages. (Every zone's offset is of whole quarters.)
        """
        found = self._known_hours.get(period)
        if found is None:
            found = self._known_hours[period] = [
                (int((quarter * QUARTER_S + offset) // 3600), count, paged)
                for begin, end, offset in offsets(period, self._tz)
                for quarter, count, paged in self._tallied("quarter", ("fired", "pages"), Period(begin, end))
            ]
        return found

    def _paged_hours(self, period: Period) -> list[tuple[int, int]]:
        """Return, for each quarter in which a page came, the local hours since 1970 and how many came."""
        found = []
        for quarter, pages in self._tallied("paged", ("pages",), period):
            offset = datetime.fromtimestamp(quarter * QUARTER_S, self._tz).utcoffset() or timedelta()
            found.append((int((quarter * QUARTER_S + offset.total_seconds()) // 3600), pages))
        return found

    def noisiest(self, period: Period, most: int = -1) -> tuple[NoisyAlert, ...]:
        """Return the alerts that came most often. One problem counts once, as the alert that was first."""
        rows = sorted(self._tallied("alert", ("fired", "acted"), period), key=lambda row: -row[1])
        whole = sum(count for _, count, _ in rows)
        least = rows[min(most, len(rows)) - 1][1] if most > 0 and rows else 0
        query = "SELECT began, title, source FROM problem WHERE alert = ? AND {} ORDER BY began DESC LIMIT 1"
        found = []
        for alert, count, acted in rows:
            if count >= least:  # of as many the one that came last is first
                for latest, title, source in self._ask(query, period, before=(alert,)):
                    one = NoisyAlert(title=title, source=source, count=count, share=count / whole, acted_on=acted)
                    found.append((-count, -latest, alert, one))
        return tuple(one for *_, one in sorted(found)[: most if most >= 0 else None])

    def marks(self, period: Period) -> Marks:
        """Return how many were marked as what."""
        sums = self._sums(period)
        return Marks(actionable=sums.actionable, noise=sums.noise, unmarked=sums.unmarked)

    def _sums(self, period: Period) -> Sums:
        """Return what the period's problems add up to."""
        rows = self._of_products(period)
        return Sums(**{name: sum(row[at] for row in rows) for at, name in enumerate(VALUES, 1)})

    def _of_products(self, period: Period) -> list[tuple[Any, ...]]:
        """Return each product with the sums of its problems."""
        if period not in self._known:
            self._known[period] = self._tallied("product", tuple(VALUES), period)
        return self._known[period]

    def _interruptions(self, period: Period) -> Interruptions:
        found = {"business": 0, "off": 0, "sleep": 0}
        for hour, pages in self._paged_hours(period):
            found[_word(hour)] += pages
        return Interruptions(**found)

    def shifts(self, period: Period) -> Shifts:
        """Return how the pages fell on shifts of twelve hours. One in which nobody watched, and none came, is none."""
        found: dict[int, int] = {}
        for begin, end, offset in offsets(period, self._tz):
            for first, last in self._history.watched(begin, end, self._now):
                numbers = (int((at + offset - SHIFT_FROM_H * 3600) // SHIFT_S) for at in (first, last - 1))
                found |= {shift: found.get(shift, 0) for shift in range(next(numbers), next(numbers) + 1)}
        for hour, pages in self._paged_hours(period):
            shift = (hour - SHIFT_FROM_H) * 3600 // SHIFT_S
            found[shift] = found.get(shift, 0) + pages
        return Shifts(
            number=len(found),
            over=sum(count > MOST_A_SHIFT for count in found.values()),
            most=max(found.values(), default=0),
        )

    # --- how fast -----------------------------------------------------------------------------------------------------

    def _acknowledged(self, period: Period) -> AcknowledgeTimes:
        sums = self._sums(period)
        median, p90 = self._durations("had", sums.had, period)
        return AcknowledgeTimes(n=sums.had, median=median, p90=p90, never=sums.never)

    def _resolved(self, period: Period) -> ResolveTimes:
        sums = self._sums(period)
        median, p90 = self._durations("took", sums.took, period)
        return ResolveTimes(n=sums.took, median=median, p90=p90)

    def _durations(self, column: str, n: int, period: Period) -> tuple[float | None, float | None]:
        """Return the median and the ninth decile of *n* durations: the tallies say in which bin of durations each is,
        an index what stands there.
        """
        query = (
            f"SELECT {column} FROM problem INDEXED BY problem_{column} WHERE {column} >= ? AND {{}}"
            f" ORDER BY {column} LIMIT 2 OFFSET ?"
        )
        bins = self._tallied(column, ("fired",), period) if n else []
        found: list[float | None] = []
        for part in (0.5, 0.9):
            place, below, least = part * (n - 1), 0, 0
            for number, count in bins:
                least = number * BIN_S
                if below + count > int(place):
                    break
                below += count
            rows = self._ask(query, period, before=(least,), more=(int(place) - below,)) if bins else []
            found.append(rows[0][0] + (rows[-1][0] - rows[0][0]) * (place - int(place)) if rows else None)
        return found[0], found[1]

    def _quantiles(
        self, taken: str, table: str, where: str, period: Period, column: str = "began", more: tuple[Any, ...] = ()
    ) -> tuple[int, float | None, float | None]:
        """Return how many values there are, their median and their ninth decile (linear between ranks)."""
        where = where.format(f"{column} >= ? AND {column} < ?")
        values = (period.since, period.until, *more)
        ((n,),) = self._history.rows(f"SELECT count(*) FROM {table} WHERE {where}", values)
        if not n:
            return 0, None, None
        query = f"SELECT {taken} AS taken FROM {table} WHERE {where} ORDER BY taken LIMIT 2 OFFSET ?"
        found = []
        for part in (0.5, 0.9):
            place = part * (n - 1)
            rows = [row[0] for row in self._history.rows(query, (*values, int(place)))]
            found.append(rows[0] + (rows[-1] - rows[0]) * (place - int(place)))
        return n, found[0], found[1]

    # --- deploys ------------------------------------------------------------------------------------------------------

    def _dora(self, period: Period) -> tuple[int, int, float | None, RecoveryTimes]:
        (found,) = self._services(period, "''") or [(None, 0, 0, 0, 0)]
        _, deploys, own, within, failures = found
        n, median, _ = self._quantiles(
            "max(0.0, remedied - started)",
            "past_deploy",
            f"{{}} AND {_FAILED} AND remedied IS NOT NULL",
            period,
            "started",
        )
        rate = failures / (deploys - own) if deploys > own else None
        return deploys, own + within, rate, RecoveryTimes(n=n, median=median)

    def by_service(self, period: Period) -> tuple[ServiceNumbers, ...]:
        """Return the numbers of each service that deployed or fired, those that fail most first."""
        fired = {service: (n - p, p) for service, n, p in self._tallied("service", ("fired", "pages"), period)}
        days = max(1.0, (min(period.until, self._now) - period.since) / DAY_S)
        found = {}
        for service, deploys, own, within, failures in self._services(period, "service"):
            n, median, _ = self._quantiles(
                "max(0.0, remedied - started)",
                "past_deploy",
                f"{{}} AND service = ? AND {_FAILED} AND remedied IS NOT NULL",
                period,
                "started",
                (service,),
            )
            found[service] = ServiceNumbers(
                service=service,
                notifications=fired.get(service, (0, 0))[0],
                pages=fired.get(service, (0, 0))[1],
                deploys=deploys,
                deploys_a_week=round(7 * (deploys - own) / days, 2),
                rollbacks=own + within,
                failures=failures,
                change_fail_rate=failures / (deploys - own) if deploys > own else None,
                recovery_s=RecoveryTimes(n=n, median=median),
            )
        for service, (n, p) in fired.items():
            if service not in found:
                found[service] = ServiceNumbers(service=service, notifications=n, pages=p)
        return tuple(sorted(found.values(), key=lambda s: (-s.failures, -s.pages, -s.notifications, s.service)))

    def _services(self, period: Period, group: str) -> list[tuple[Any, ...]]:
        """Return group, deploys, rollbacks that were deploys, those within a deploy, and failures."""
        query = (
            f"SELECT {group}, count(*), sum(rollback),"
            f" sum({_WENT_BACK}), sum({_FAILED}) FROM past_deploy d WHERE {{}} AND kind <> 'restart' GROUP BY 1"
        )
        return self._ask(query, period, "started")

    # --- people -------------------------------------------------------------------------------------------------------

    def by_person(self, period: Period) -> tuple[PersonNumbers, ...]:
        """Return what each person acknowledged and did, who did the most first."""
        sent = "at >= ? AND at < ? AND actor <> '' AND state NOT IN ('refused', 'failed')"
        query = f"SELECT actor, count(*), sum(verb = 'roll back') FROM action WHERE {sent} GROUP BY actor"
        acted = {who: (n, back) for who, n, back in self._history.rows(query, (period.since, period.until))}
        query = (
            "SELECT acknowledged_by, count(*), sum(pages) FROM problem WHERE {} AND acknowledged_at IS NOT NULL"
            " AND acknowledged_by <> '' GROUP BY 1"
        )
        had = {who: (n, pages) for who, n, pages in self._ask(query, period)}
        found = []
        for who in acted.keys() | had.keys():
            where = "{} AND acknowledged_at IS NOT NULL AND acknowledged_by = ?"
            taken = self._quantiles("max(0.0, acknowledged_at - began)", "problem", where, period, more=(who,))
            found.append(
                PersonNumbers(
                    person=who,
                    acknowledged=had.get(who, (0, 0))[0],
                    pages_acknowledged=had.get(who, (0, 0))[1],
                    acknowledge_median_s=taken[1],
                    actions=acted.get(who, (0, 0))[0],
                    rollbacks=acted.get(who, (0, 0))[1],
                )
            )
        return tuple(sorted(found, key=lambda p: (-p.actions, -p.acknowledged, p.person)))

    # --- what a number counts -----------------------------------------------------------------------------------------

    def problems(self, number: str, period: Period, newest: int = 500) -> tuple[CountedProblem, ...]:
        """Return the problems that a number counts, the newest first."""
        names = ", ".join(CountedProblem.__struct_fields__)
        query = f"SELECT {names} FROM problem WHERE {{}} AND {PROBLEMS[number]} ORDER BY began DESC, id LIMIT ?"
        found = []
        for row in self._ask(query, period, more=(newest,)):
            fields = dict(zip(CountedProblem.__struct_fields__, row, strict=True))
            found.append(CountedProblem(**{**fields, "pages": bool(fields["pages"])}))
        return tuple(found)

    def deploys(self, number: str, period: Period, newest: int = 500) -> tuple[PastDeploy, ...]:
        """Return the deploys that a number counts, the newest first."""
        query = f"SELECT id FROM past_deploy d WHERE {{}} AND {DEPLOYS[number]} ORDER BY started DESC, id LIMIT ?"
        ids = {row[0] for row in self._ask(query, period, "started", (newest,))}
        every = self._history.deploys(period.since, period.until)
        return tuple(sorted((d for d in every if d.id in ids), key=lambda d: -d.started))

    def by_day(self, period: Period, most: int) -> tuple[tuple[str, ...], tuple[int, ...], tuple[int, ...]]:
        """Return, for at most *most* stretches of whole days in the zone: the first day as ``5/31``, how many began in
        it, and how many of those were pages.
        """
        first = datetime.fromtimestamp(period.since, self._tz).date()
        days = (datetime.fromtimestamp(period.until - 1, self._tz).date() - first).days + 1
        size = max(1, -(-days // max(1, most)))
        count = -(-days // size)
        every, pages = [0] * count, [0] * count
        for hour, number, paged in self._hours(period):
            at = (hour // 24 - (first - date(1970, 1, 1)).days) // size
            every[at] += number
            pages[at] += paged
        names = (first + timedelta(days=size * at) for at in range(count))
        return tuple(f"{name.month}/{name.day}" for name in names), tuple(every), tuple(pages)

    # --- the rest -----------------------------------------------------------------------------------------------------

    def more(self, period: Period) -> MoreNumbers:
        """Return the numbers beside those of ``--json``."""
        sums = self._sums(period)
        ((failures,),) = self._ask(f"SELECT coalesce(sum({_FAILED}), 0) FROM past_deploy WHERE {{}}", period, "started")
        return MoreNumbers(
            marks=self.marks(period),
            shifts=self.shifts(period),
            mtta=sums.had_s / sums.had if sums.had else None,
            mttr=sums.took_s / sums.took if sums.took else None,
            failures=failures,
            imported=sums.imported,
        )

    def _ask(
        self,
        query: str,
        period: Period,
        column: str = "began",
        more: tuple[Any, ...] = (),
        before: tuple[Any, ...] = (),
    ) -> list[tuple[Any, ...]]:
        """Return the rows of *query*, whose ``{}`` is the period; *before* and *more* are the values around it."""
        asked = query.replace("{}", f"{column} >= ? AND {column} < ?", 1)
        return self._history.rows(asked, (*before, period.since, period.until, *more))

    def _tallied(self, kind: str, values: tuple[str, ...], period: Period) -> list[tuple[Any, ...]]:
        return tallied(self._history.rows, kind, values, period.since, period.until)


class ServiceNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """One service's alerts and deploys. *deploys_a_week* leaves rollbacks out."""

    service: str
    notifications: int
    pages: int
    deploys: int = 0
    deploys_a_week: float = 0.0
    rollbacks: int = 0
    failures: int = 0
    change_fail_rate: float | None = None
    recovery_s: RecoveryTimes = RecoveryTimes(n=0, median=None)


class PersonNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """One person: what they acknowledged, how fast (seconds), and the actions that they sent from here."""

    person: str
    acknowledged: int
    pages_acknowledged: int
    acknowledge_median_s: float | None
    actions: int
    rollbacks: int


def _word(hour: int) -> str:
    """Return PagerDuty's word for an hour since 1970, whose first day was a Thursday; weekend nights are sleep."""
    (begin, end), (evening, morning) = BUSINESS_H, SLEEP_H
    day, hour = divmod(hour, 24)
    if hour >= evening or hour < morning:
        return "sleep"
    return "business" if (day + 3) % 7 < 5 and begin <= hour < end else "off"


def total(counts: Iterable[ProductCount]) -> int:
    """Return notifications and pages together."""
    return sum(one.notifications + one.pages for one in counts)
