"""``stats``: what notified, paged, was acknowledged and deployed in a time, beside the time before it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from oncall_tui import bootstrap
from oncall_tui.cli.common import fail
from oncall_tui.cli.option_types import Duration, Month
from oncall_tui.cli.output import put, put_json, put_text, say
from oncall_tui.errors import JournalError
from oncall_tui.runtime.clock import SystemClock
from oncall_tui.text.time_format import named_zone

if TYPE_CHECKING:
    from oncall_tui.config.model import Config
    from oncall_tui.reports.periods import Period
    from oncall_tui.reports.statistics import StatisticsReader
    from oncall_tui.reports.statistics_text import StatisticsTable

BY = ("product", "hour", "alert", "service", "person")
THIS_MONTH = "now"


@click.command()
@click.option("--since", "back", type=Duration(), default=None, help="How far back: 12h, 7d, 90d. [default: 30d]")
@click.option(
    "--month", type=Month(), is_flag=False, flag_value=THIS_MONTH, default=None,
    help="A calendar month, 2026-10; without one, this month so far.",
)  # fmt: skip
@click.option("--by", type=click.Choice(BY), default=None, help="One table instead: a line a product, hour, …")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; times are RFC 3339 UTC.")
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated values.")
@click.pass_context
def stats(
    context: click.Context,
    back: float | None,
    month: tuple[int, int] | None,
    by: str | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Print what notified and paged, how fast it was answered, and how deploys went; beside the period before.

    It reads the journal alone. What cannot be known is "not known", and null.
    """
    from oncall_tui.journal.history import History, history_path
    from oncall_tui.reports import statistics_text as text

    if back is not None and month is not None:
        raise click.UsageError("--since and --month exclude each other.")
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other.")
    config, clock = bootstrap.load_config(context.obj["config"]), SystemClock()
    tz, now = named_zone(config.timezone), clock.now()
    period, before = _periods(month, back, tz, now)
    journal = bootstrap.open_journal(config, clock)
    history = History(journal, history_path(journal.path), journal.keep_s, clock.now)
    try:
        history.catch_up()
        reader = _reader(history, config, tz, now)
        if by is not None and as_csv:
            table = _table(reader, by, period)
            put_text(text.csv_text(table.columns, table.rows).removesuffix("\n"))
            return
        found = reader.statistics(period, before)
        if as_json:
            told = text.as_object(found)
            if by is not None and f"by_{by}" not in told:
                told[f"by_{by}"] = text.objects(_table(reader, by, period))
            put_json(told)
        elif as_csv:
            put_text(text.csv_numbers(found).removesuffix("\n"))
        elif by is not None:
            put(text.title(found, tz), text.coverage(found), "", *text.text_table(_table(reader, by, period)))
        else:
            put(*text.lines(found, tz))
        say(*journal.skipped)
    except JournalError as error:
        fail(error.message, error.hint)
    finally:
        history.close()
        journal.close()


def _periods(month: tuple[int, int] | None, back: float | None, tz: ZoneInfo, now: float) -> tuple[Period, Period]:
    from oncall_tui.reports import periods

    if month is None:
        return periods.last(30 * 86_400.0 if back is None else back, now)
    today = datetime.fromtimestamp(now, tz)
    year, number = month if month != (0, 0) else (today.year, today.month)
    if (year, number) > (today.year, today.month):
        raise click.UsageError(f"--month: {year}-{number:02} is still to come.")
    return periods.month(year, number, tz, now)


def _reader(history: Any, config: Config, tz: ZoneInfo, now: float) -> StatisticsReader:
    """Return a reader that knows what no source could tell: no deploys without an ECS account, no alerts with nothing
    else."""
    from oncall_tui.reports.statistics import StatisticsReader

    kinds = {source.provider for source in config.sources}
    return StatisticsReader(history, tz, now, alerts=bool(kinds - {"ecs"}), deploys="ecs" in kinds)


def _table(reader: StatisticsReader, by: str, period: Period) -> StatisticsTable:
    from oncall_tui.reports import statistics_text as text

    match by:
        case "product":
            return text.by_product(reader.by_product(period))
        case "hour":
            return text.by_hour(*reader.by_hour(period))
        case "alert":
            return text.noisiest(reader.noisiest(period))
        case "service":
            return text.by_service(reader.by_service(period))
        case _:
            return text.by_person(reader.by_person(period))
