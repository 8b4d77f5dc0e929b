"""Types of options, whose refusals are words: what was expected, and what was found."""

from __future__ import annotations

import math

import click

from oncall_tui.text.durations import seconds


class Number(click.ParamType):  # type: ignore[type-arg]
    """A number of at least *least* (above it, where *above*); whole, where *whole*."""

    def __init__(self, least: float = 0.0, *, above: bool = False, whole: bool = False, most: float = 1e9) -> None:
        self.name = "number"
        self._least, self._above, self._whole, self._most = least, above, whole, most

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float | int:
        text = str(value)
        try:
            number: float | int = int(text) if self._whole else float(text)
        except ValueError:
            number = math.nan
        good = number > self._least if self._above else number >= self._least  # also no nan
        if not good or number > self._most:
            kind = "a whole number" if self._whole else "a number"
            bound = "above" if self._above else "of at least"
            most = f" and at most {self._most:g}" if number > self._most else ""
            self.fail(f"expected {kind} {bound} {self._least:g}{most}, found {text!r}", param, ctx)
        return number


class Seconds(Number):
    """Seconds as a number, or a time like ``30s``, ``5m``, ``1h30m``."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float | int:
        try:
            return seconds(str(value))
        except ValueError:
            return super().convert(value, param, ctx)


class Duration(click.ParamType):  # type: ignore[type-arg]
    """``90m``, ``1h30m``, ``1d``: seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        try:
            return seconds(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Month(click.ParamType):  # type: ignore[type-arg]
    """``2026-10``: year and month; ``now``, the present one, is (0, 0)."""

    name = "month"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        year, _, month = str(value).partition("-")
        if value == "now":
            return 0, 0
        if not (len(year) == 4 and year.isdecimal() and year >= "1970" and month.isdecimal() and 1 <= int(month) <= 12):
            self.fail(f"expected a month like 2026-10, found {str(value)!r}", param, ctx)
        return int(year), int(month)
