"""The people on call for each product, now and next: the lines (pure), and the modal that shows them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime, tzinfo
from types import MappingProxyType

from textual.app import ComposeResult
from textual.containers import Vertical

from oncall_tui.domain import on_call as on_call_times
from oncall_tui.domain.on_call import OnCallShift, Roster
from oncall_tui.domain.product import Product
from oncall_tui.engine.engine import Engine
from oncall_tui.text.cells import fit, width
from oncall_tui.text.time_format import ago, moment
from oncall_tui.tui.screens.dialogs.modals import Text
from oncall_tui.tui.widgets.text_lines import Line

PERSON_CELLS = 24
UNTIL_CELLS = 19
REDRAW_S = 1.0


class OnCallView(Text):
    """The on-call modal: the last reading shows at once, and a new one replaces it."""

    box_width = 84

    def __init__(self, engine: Engine, tz: tzinfo) -> None:
        self._engine, self._tz = engine, tz
        self._coming = engine.on_call.refresh()
        super().__init__("On call", self._newest())

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield from self.body(self._lines, indent=6)

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(REDRAW_S, self._redraw)
        if self._coming:
            self.run_worker(self._told(self._coming), exit_on_error=False)

    async def _told(self, coming: Sequence[Future[Roster]]) -> None:
        for future in coming:
            await asyncio.wrap_future(future)
            self._redraw()

    def _redraw(self) -> None:
        newest = self._newest()
        if newest == self._lines:
            return
        self._lines = newest
        self.show_body(newest)

    def _newest(self) -> list[Line]:
        engine = self._engine
        products = engine.rules.products
        lost = {s.name: s.state.label for s in engine.update.board.unread if not s.current}
        return lines(engine.on_call.rosters, products, engine.actor.email, engine.clock.now(), self._tz, lost)


def lines(
    rosters: Sequence[Roster],
    products: Sequence[Product],
    email: str,
    now: float,
    tz: tzinfo,
    lost: Mapping[str, str] = MappingProxyType({}),
) -> list[Line]:
    """Whether I am, how each source was read, then who is on call: by product, and by policy where no product is.

    *lost* are the sources that are not read now, each with the word for it: of them nothing is said to be so now.
    """
    if not rosters:
        return [_plain("No source reads on-call schedules."), _hint("configure a pagerduty source")]
    zone = datetime.fromtimestamp(now, tz).strftime("%Z")
    found: list[Line] = [_me(rosters, email, now, lost)]
    found += [line for r in rosters for line in _source(r, now, tz, zone, lost.get(r.source, ""))]
    policies = [policy for roster in rosters for policy in _policies(roster, products)]
    policies.sort(key=lambda policy: policy.order)
    for policy in policies:
        found += [_plain(""), policy.head(len(rosters) > 1)]
        found += [_shift_line(one, now, tz) for one in policy.shifts]
    nobody = [p.name for p in products if not any(p in policy.products for policy in policies)]
    if nobody and policies:
        found += [_plain(""), (("No on-call known for: ", "dim"), (", ".join(nobody), ""))]
        found.append(_hint("a product is found by its name, or by alerts: {pagerduty_service: …}"))
    return found


class _Policy:
    """One policy of one source, and the products that it is for."""

    def __init__(
        self, source: str, title: str, there: Sequence[OnCallShift], products: Sequence[Product], number: int
    ) -> None:
        self.source, self.title, self.shifts = source, title, there
        self.products = [p for p in products if there[0].is_for(p)]
        first = products.index(self.products[0]) if self.products else len(products)
        self.order = (first, number)

    def head(self, several: bool) -> Line:
        policy, of = self.title, f" · {self.source}" if several else ""
        if self.products:
            return ((", ".join(p.name for p in self.products), "bold"), (f"  policy {policy}{of}", "dim"))
        services = ", ".join(self.shifts[0].services)
        return ((policy, "bold"), (f"  policy{of}{f' · pages for {services}' if services else ''}", "dim"))


def _policies(roster: Roster, products: Sequence[Product]) -> Iterable[_Policy]:
    by_policy: dict[str, list[OnCallShift]] = {}
    for one in roster.shifts:
        by_policy.setdefault(one.policy_key, []).append(one)
    titles = on_call_times.policy_titles(roster.shifts)
    return [
        _Policy(roster.source, titles[key], there, products, at) for at, (key, there) in enumerate(by_policy.items())
    ]


def _me(rosters: Sequence[Roster], email: str, now: float, lost: Mapping[str, str]) -> Line:
    mine, level = on_call_times.on_call(rosters, email, now)
    at = f" at level {level}" if level else ""
    if mine is not None and not on_call_times.is_of_now(rosters, lost, now):
        return _plain(f"? You were {'on' if mine else 'not on'} call{at} when it was read last.", "stale")
    if mine:
        return (("You are on call", "bold"), (f"{at}.", "bold"))
    return _plain("You are not on call." if mine is False else "It is not known whether you are on call.")


def _source(roster: Roster, now: float, tz: tzinfo, zone: str, lost: str) -> list[Line]:
    """How it was read: what is shown is never more than it was then. *lost*: the word for its source, not read now."""
    name = f"{roster.source}: "
    if roster.message:
        since = now - roster.read_at if roster.read_at is not None else None
        known = f"as of {moment(roster.read_at, tz, now)}, {ago(since)}" if roster.read_at is not None else "never read"
        again = "; asking again…" if roster.asking else ""
        found: list[Line] = [((name, "bold"), (f"? {known}{again}: {roster.message}", "critical"))]
        return [*found, _hint(roster.hint)] if roster.hint else found
    if roster.read_at is None:
        words = "reading…" if roster.asking else "not read yet"
        return [((name, "bold"), (words, "warning"))]
    old = now - roster.read_at
    if lost:
        known = f"? {lost} now, as of {moment(roster.read_at, tz, now)}, {ago(old)}"
        return [((name, "bold"), (f"{known}{', reading…' if roster.asking else ''} · times are {zone}", "critical"))]
    words = f"read {ago(old)}{', reading…' if roster.asking else ''} · times are {zone}"
    empty = [_plain("It names no policy, and nobody who is on call.", "warning")] if not roster.shifts else []
    lacks = [_plain(roster.lacks, "warning")] if roster.lacks else []
    return [((name, "bold"), (words, "warning" if old > on_call_times.OLD_S else "dim")), *lacks, *empty]


def _shift_line(one: OnCallShift, now: float, tz: tzinfo) -> Line:
    """Level, who, until when, and who then."""
    level = (f" L{one.level:<3} ", "dim")
    who = one.person or "nobody"
    name = (fit(who, max(PERSON_CELLS, width(who))) + " ", "" if one.person else "critical")
    after = f"then {one.next_person}" if one.next_person else ""
    if one.next_at is not None and one.next_person and one.next_at != one.until:
        after += f" from {when(one.next_at, now, tz)}"
    if one.until is None:
        until = "always" if one.person else ""
    else:
        until = f"until {when(one.until, now, tz)}"
        if one.until <= now:
            return level, name, (f"{until}: over, {ago(now - one.until)}; {after or 'not read since'}", "stale")
    return level, name, (f"{fit(until, max(UNTIL_CELLS, width(until)))} {after}".rstrip(), "")


def when(at: float, now: float, tz: tzinfo) -> str:
    """``03:12`` today, ``Mon 09:00`` within six days of today, else ``30 Nov 09:00``."""
    there, today = datetime.fromtimestamp(at, tz), datetime.fromtimestamp(now, tz).date()
    days = abs((there.date() - today).days)
    date = "%-d %b" if there.year == today.year else "%-d %b %Y"
    return there.strftime("%H:%M" if not days else "%a %H:%M" if days < 7 else f"{date} %H:%M")


def _plain(text: str, style: str = "") -> Line:
    return ((text, style),)


def _hint(text: str) -> Line:
    return (("→ ", "key"), (text, ""))
