"""Statistics in words: each number with its definition, as text, as CSV and as an object for a script. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import Any

import msgspec

from oncall_tui.reports.statistics import (
    NoisyAlert,
    Numbers,
    PersonNumbers,
    ProductCount,
    ServiceNumbers,
    Shifts,
    Statistics,
)
from oncall_tui.text.cells import clean, fit, width
from oncall_tui.text.json_types import many, stamped_type
from oncall_tui.text.time_format import moment, span, stamp, zone

NOT_KNOWN = "not known"
NO_PRODUCT = "(no product)"
_TIMES = frozenset({"since", "until"})


class StatisticsRow(msgspec.Struct, frozen=True):
    """One number: *id* names it, *now* and *before* are its words, *means* its definition."""

    id: str
    label: str
    now: str
    before: str
    means: str


class StatisticsTable(msgspec.Struct, frozen=True):
    """One list of numbers. Of *columns* the first is text, and so are those named in *texts*."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    texts: frozenset[str] = frozenset()


def rows(s: Statistics, tz: tzinfo) -> tuple[StatisticsRow, ...]:
    """Return each number of both periods, in the order in which they are shown."""
    now, before, more = s.now, s.before, s.more
    name = zone(tz, now.until)
    marked = more.marks.actionable + more.marks.noise
    return (
        StatisticsRow(
            "notifications", "Notifications", _count(now.notifications), _count(before.notifications),
            "what began in this time and pages nobody; alerts of several sources that are one row count once, and so do"
            " firings with less than thirty quiet minutes between them",
        ),
        StatisticsRow(
            "pages", "Pages", _count(now.pages), _count(before.pages),
            "the same of what pages (the configuration's `pages`)",
        ),
        StatisticsRow(
            "noise", "Marked as noise", _marked(now, more.marks.noise, marked), "",
            "what engineers marked as noise, of what they marked; the rest is not counted as either",
        ),
        StatisticsRow(
            "interruptions", "Interruptions", _interruptions(now), _interruptions(before),
            f"pages by when they came, a pager's by when its incident began, {name}: business 8–18 Mon–Fri, sleep 22–8"
            " every day, off the rest (PagerDuty's hours; weekend nights are sleep)",
        ),
        StatisticsRow(
            "shifts", "Shifts over two pages",
            _shifts(now, more.shifts), "",
            f"shifts of twelve hours, from 08:00 and 20:00 {name}, with more pages than the two that Google's “Being"
            " On-Call” allows, of those that somebody watched",
        ),
        StatisticsRow(
            "acknowledge", "Time to acknowledge",
            _times(now.acknowledge_s, more.mtta, "MTTA"), _times(before.acknowledge_s),
            "from when it began until the first acknowledgement or mark as seen, of what was acknowledged; p90: nine of"
            " ten took no longer; the mean (MTTA) misleads",
        ),
        StatisticsRow(
            "never", "Never acknowledged", _never(now), _never(before),
            "what was over before anybody acknowledged it: counted apart, and in no time",
        ),
        StatisticsRow(
            "resolve", "Time to resolve", _times(now.resolve_s, more.mttr, "MTTR"), _times(before.resolve_s),
            "from when it began until it was over, of what somebody saw the end of, or its source told; the mean (MTTR)"
            " misleads",
        ),
        StatisticsRow(
            "deploys", "Deploys", _count(now.deploys), _count(before.deploys),
            "deployments that began, rollbacks among them; restarts of what ran are none",
        ),
        StatisticsRow(
            "rollbacks", "Rollbacks", _count(now.rollbacks), _count(before.rollbacks),
            "an earlier version deployed again, by a deploy of its own or within the one that failed",
        ),
        StatisticsRow(
            "change_fail_rate", "Change fail rate",
            _rate(now.change_fail_rate, more.failures), _rate(before.change_fail_rate),
            "deployments that failed or were rolled back, of all that were no rollbacks (DORA; `--by service`: services"
            " are not to be blended)",
        ),
        StatisticsRow(
            "recovery", "Failed deployment recovery", _recovery(now), _recovery(before),
            "from the start of a deployment that failed until its rollback, or the next good deployment, was through"
            " (DORA)",
        ),
        StatisticsRow(
            "lead_time", "Lead time, rework rate", NOT_KNOWN, NOT_KNOWN,
            "neither when a change was committed nor why a deployment was made is in the record",
        ),
    )  # fmt: skip


def lines(s: Statistics, tz: tzinfo) -> list[str]:
    """Return everything as text: the numbers, products, hours, alerts, and what each number means."""
    told = [title(s, tz), coverage(s), ""]
    told += _aligned([("", "this time", "before"), *((r.label, r.now, r.before or "–") for r in rows(s, tz))])
    told += ["", "By product", *text_table(by_product(s.now.by_product))]
    if s.now.by_hour is not None:
        told += ["", f"By hour of the day, {zone(tz, s.now.until)}", *hours(s.now.by_hour)]
    told += ["", "Noisiest alerts", *text_table(noisiest(s.now.noisiest))]
    return [*told, "", *meanings(s, tz)]


def title(s: Statistics, tz: tzinfo) -> str:
    """``Statistics: 30 Oct 22:09 to 29 Nov 22:09 JST, beside 30 Sep 22:09 to 30 Oct 22:09``."""
    return f"Statistics: {_period(s.now, tz)} {zone(tz, s.now.until)}, beside {_period(s.before, tz)}"


def coverage(s: Statistics) -> str:
    """Say how much of the time anybody watched, and so what the numbers do not know."""
    told = f"Coverage: {_percent(s.now.coverage)} (before: {_percent(s.before.coverage)})"
    if s.more.imported:
        told += f", {s.more.imported} alerts imported"
    return told if s.now.coverage >= 0.995 else f"{told}. What fired and ended unwatched is not counted"


def meanings(s: Statistics, tz: tzinfo) -> list[str]:
    """Return each number's definition."""
    return ["What each number means", *(f"  {row.label}: {row.means}" for row in rows(s, tz))]


def as_object(s: Statistics) -> dict[str, Any]:
    """For ``--json``: times are RFC 3339 UTC, and what cannot be known is null."""
    return {**_object(s.now), "before": _object(s.before)}


def output_type() -> Any:
    """Return the type of that object; a list *by_…* is there where it was asked for."""
    numbers = stamped_type(Numbers, _TIMES)
    fields: list[Any] = [(field.name, field.type) for field in msgspec.structs.fields(numbers)]
    fields.append(("before", numbers))
    for name, kind in (("alert", NoisyAlert), ("service", ServiceRow), ("person", PersonNumbers)):
        rows_of = many(stamped_type(kind, _TIMES))
        fields.append((f"by_{name}", rows_of | msgspec.UnsetType, msgspec.UNSET))
    return msgspec.defstruct("StatisticsOutput", fields, namespace={"__doc__": Numbers.__doc__})


def _object(numbers: Numbers) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(numbers)
    lists = {name: list(value) for name, value in found.items() if isinstance(value, tuple)}
    return {**found, **lists, "since": stamp(numbers.since), "until": stamp(numbers.until)}


# --- tables -----------------------------------------------------------------------------------------------------------


def by_product(counts: Iterable[ProductCount]) -> StatisticsTable:
    """Return the products' counts."""
    found = tuple((p.product or NO_PRODUCT, p.notifications, p.pages) for p in counts)
    return StatisticsTable(("product", "notifications", "pages"), found)


def by_hour(hours: Sequence[int], pages: Sequence[int]) -> StatisticsTable:
    """Return the hours' counts; *hours* count pages too."""
    found = tuple((f"{hour:02}", hours[hour] - pages[hour], pages[hour]) for hour in range(24))
    return StatisticsTable(("hour", "notifications", "pages"), found)


def noisiest(alerts: Iterable[NoisyAlert]) -> StatisticsTable:
    """Return the alerts that came most often."""
    found = tuple((a.title, a.source, a.count, a.share, a.acted_on) for a in alerts)
    return StatisticsTable(("title", "source", "count", "share", "acted_on"), found, frozenset({"source"}))


class ServiceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One service's numbers in one row."""

    service: str
    notifications: int
    pages: int
    deploys: int
    deploys_a_week: float
    rollbacks: int
    failures: int
    change_fail_rate: float | None
    recovery_n: int
    recovery_median_s: float | None


def by_service(found: Iterable[ServiceNumbers]) -> StatisticsTable:
    """Return the services' numbers."""
    return StatisticsTable(
        ServiceRow.__struct_fields__,
        tuple(
            (
                *(s.service, s.notifications, s.pages, s.deploys, s.deploys_a_week, s.rollbacks, s.failures),
                *(s.change_fail_rate, s.recovery_s.n, s.recovery_s.median),
            )
            for s in found
        ),
    )


def by_person(found: Iterable[PersonNumbers]) -> StatisticsTable:
    """Return the people's numbers."""
    columns = PersonNumbers.__struct_fields__
    return StatisticsTable(columns, tuple(msgspec.structs.astuple(p) for p in found))


def text_table(table: StatisticsTable) -> list[str]:
    """Return a table as lines of text."""
    if not table.rows:
        return ["  none"]
    heads = [name.removesuffix("_s").replace("_", " ") for name in table.columns]
    return _aligned([heads, *([_cell(n, v) for n, v in zip(table.columns, r, strict=True)] for r in table.rows)], table)


def csv_text(columns: Sequence[str], found: Iterable[Sequence[Any]]) -> str:
    """Return a table as CSV (RFC 4180): a header, then a line a row; what cannot be known is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_plain(value) for value in row] for row in found)
    return out.getvalue()


def csv_numbers(s: Statistics) -> str:
    """Return every number of ``--json`` as CSV: its name, its value, and that of the period before."""
    now, before = (dict(_flat(_object(n))) for n in (s.now, s.before))
    return csv_text(("number", "value", "before"), [(name, now[name], before.get(name)) for name in now])


def _flat(found: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in found.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif not isinstance(value, (list, tuple)):
            yield f"{prefix}{name}", value


def _plain(value: Any) -> Any:
    """One cell: text from outside begins no formula in a spreadsheet."""
    if isinstance(value, str):
        value = clean(value)
        return f"'{value}" if value[:1] in ("=", "+", "-", "@") else value
    return "" if value is None else value


def objects(table: StatisticsTable) -> list[dict[str, Any]]:
    """Return a table's rows for ``--json``."""
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def hours(counts: Sequence[int]) -> list[str]:
    """Return the counts under the hours, in two lines of twelve."""
    cell = max(3, *(len(str(count)) + 1 for count in counts))
    found = []
    for first in (0, 12):
        found.append("  " + "".join(f"{hour:02}".rjust(cell) for hour in range(first, first + 12)))
        found.append("  " + "".join(str(count).rjust(cell) for count in counts[first : first + 12]))
    return found


# --- one number -------------------------------------------------------------------------------------------------------


def _count(value: int | None) -> str:
    return NOT_KNOWN if value is None else str(value)


def _marked(n: Numbers, noise: int, marked: int) -> str:
    if not marked:
        return NOT_KNOWN if n.notifications is None else "none is marked"
    return f"{noise} of {marked} marked"


def _shifts(n: Numbers, s: Shifts) -> str:
    return NOT_KNOWN if n.pages is None or not s.number else f"{s.over} of {s.number}, most {s.most}"


def _interruptions(n: Numbers) -> str:
    i = n.interruptions
    return NOT_KNOWN if i is None else f"{i.business} business, {i.off} off, {i.sleep} sleep"


def _times(found: Any, mean: float | None = None, name: str = "") -> str:
    if found is None:
        return NOT_KNOWN
    if not found.n:
        return "none"
    means = f" ({name} {span(mean)})" if mean is not None else ""
    return f"median {span(found.median)}, p90 {span(found.p90)} of {found.n}{means}"


def _never(n: Numbers) -> str:
    return NOT_KNOWN if n.acknowledge_s is None else str(n.acknowledge_s.never)


def _rate(rate: float | None, failures: int | None = None) -> str:
    if rate is None:
        return NOT_KNOWN
    return f"{_percent(rate)}" + (f", {failures} failed" if failures is not None else "")


def _recovery(n: Numbers) -> str:
    if n.recovery_s is None:
        return NOT_KNOWN
    return f"median {span(n.recovery_s.median)} of {n.recovery_s.n}" if n.recovery_s.median is not None else "none"


def _percent(part: float) -> str:
    """``87 %``; never 0 or 100 of what is only near that."""
    if 0 < part < 0.005:
        return "under 1 %"
    return "over 99 %" if 0.995 <= part < 1 else f"{part * 100:.0f} %"


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if name.endswith("_s"):
        return span(value)
    if name in ("share", "change_fail_rate"):
        return _percent(value)
    return clean(str(value))


def _period(n: Numbers, tz: tzinfo) -> str:
    return f"{moment(n.since, tz, n.until, day=True)} to {moment(n.until, tz, n.until, day=True)}"


def _aligned(found: Sequence[Sequence[str]], table: StatisticsTable | None = None) -> list[str]:
    """Return rows under each other; numbers of a table stand at the right of their columns."""
    widths = [max(width(row[at]) for row in found) for at in range(len(found[0]))]
    left = {0} if table else set(range(len(widths)))
    if table:
        left |= {at for at, name in enumerate(table.columns) if name in table.texts}
    told = []
    for row in found:
        cells = [
            fit(c, w) if at in left else " " * (w - width(c)) + c
            for at, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        told.append(f"  {'   '.join(cells)}".rstrip())
    return told
