"""The lines that say how things are: the status line, the panes' titles, what came of actions. Pure but for Title."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, tzinfo

import msgspec

from oncall_tui.domain import on_call as on_call_times
from oncall_tui.domain.action import FOLLOWED, Verb
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.plan import Plan
from oncall_tui.domain.reading import SourceState, SourceStatus
from oncall_tui.engine.engine import Update
from oncall_tui.text.cells import count, fit, width
from oncall_tui.text.time_format import age, configured_zone, moment, span
from oncall_tui.triage.multi_service import MultiServiceIncident
from oncall_tui.tui.commands import named
from oncall_tui.tui.presenters.renewal import renewing
from oncall_tui.tui.widgets.footer import Part, StatusLine
from oncall_tui.tui.widgets.text_lines import Line

REASONS_SHOWN = 3  # of a bulk action, in its line: its own list has them all
NAME_CELLS = 40  # of a target: the word for how it ended and why has to be read at 80 columns

_WRONG = (OutcomeState.UNKNOWN, OutcomeState.FAILED, OutcomeState.REFUSED)  # the worst first
_SIGN = {
    OutcomeState.PENDING: ("…", "warning"),
    OutcomeState.DONE: ("✓", "ok"),
    OutcomeState.SENT: ("→", "ok"),
    OutcomeState.REFUSED: ("✗", "critical"),
    OutcomeState.FAILED: ("✗", "critical"),
    OutcomeState.UNKNOWN: ("?", "unknown"),
}


class Title(StatusLine):
    """A pane's title on a rule across the pane; the active one says so by its sign too."""

    def say(self, text: str, active: bool) -> None:
        self.show([("━▸ " if active else "━  ", "heading"), (text + " ", "heading" if active else "")])

    def parts(self, cells: int) -> list[Part]:
        parts = super().parts(cells)
        words = [(t, s) for t, s in parts if t.strip()]
        return [*words, ("━" * max(0, cells - sum(width(t) for t, _ in words)), "dim")]


def left(update: Update, me: str, read_only: bool, wide: bool, mine: str = "") -> list[Part]:
    """Who, and what is looked at; what switches writes off, or makes them unsafe, is loud. *mine*: see ``on_call``."""
    board = update.board
    parts: list[Part] = [(" oncall ", "heading"), (f" {me} ", "")]
    if read_only:
        parts.append((" READ ONLY ", "warning"))
    if update.journal_failure:
        parts.append((" JOURNAL FAILS ", "critical"))
    if update.shared_failure:
        parts.append((f" NOT SHARED: see {named('sources')} ", "warning"))
    if update.troubles:
        parts.append((f" BUG: see {named('sources')} ", "critical"))
    if update.notices:
        parts.append((f" JOURNAL REPLACED: see {named('sources')} ", "warning"))
    if update.skipped:
        entries = "1 journal entry" if len(update.skipped) == 1 else f"{len(update.skipped)} journal entries"
        parts.append((f" {entries} skipped: see {named('sources')} ", "warning"))
    if any(s.banner for s in board.sources.values()):
        parts.append((" DEMO, or custom endpoint ", "warning"))
    if mine:
        parts.append((f" {mine} ", "dim" if mine.startswith("not") else "heading"))
    if wide:
        accounts = count(len({(s.key.account, s.key.region) for s in board.services.values()}), "account")
        parts.append((f" {accounts} · {count(len(board.services), 'service')}", "dim"))
        if update.recorder_since is not None:
            parts.append((f" · recorder since {moment(update.recorder_since, configured_zone(), board.at)}", "dim"))
    return parts


def wide(event: MultiServiceIncident, tz: tzinfo, now: float) -> str:
    """The banner: first what matters, since a narrow screen cuts its end. *now* in seconds since the epoch."""
    return f" ! multi-service: {event.summary} since {moment(event.since, tz, now)}, probably not one deploy "


def on_call(update: Update, email: str, now: float) -> str:
    """``on call L1``, ``on call`` where the level is not told, ``not on call``; empty where it is not known.

    ``? on call L1`` where the source that told it is not read now.
    """
    mine, level = on_call_times.on_call(update.rosters, email, now)
    if mine is None:
        return ""
    lost = {s.name for s in update.board.unread if not s.current}
    sign = "" if on_call_times.is_of_now(update.rosters, lost, now) else "? "
    return f"{sign}on call{f' L{level}' if level else ''}" if mine else f"{sign}not on call"


def clock(now: float, tz: tzinfo, calls: str) -> list[Part]:
    """The time of day with its zone, which no time on screen repeats, and how many calls a second are made."""
    time = datetime.fromtimestamp(now, tz).strftime("%H:%M %Z ")
    return [(f"{calls}  " if calls else "", "dim"), (time, "")]


def right(update: Update, now: float, wide: bool, bell: bool) -> list[Part]:
    """How every source is, worst first, in as few words as fit."""
    board = update.board
    total = len(board.sources)
    parts: list[Part] = [(f"{board.live}/{total} live", "ok" if board.live == total else "critical")]
    for source in board.unread:
        style = "warning" if source.state is SourceState.WAITING else "critical"
        parts.append((" · " + _unread(source, now, wide), style))
    if words := _clocks_off(board.sources.values(), wide):
        parts.append((f" · {words}", "warning"))
    if not bell:
        parts.append((" · BELL OFF", "warning"))
    return parts


def _clocks_off(sources: Iterable[SourceStatus], wide: bool) -> str:
    """Say whose clock is off, as far as that can be told: this machine's, where two sources agree against it."""
    off = sorted((s for s in sources if s.clock_off_s), key=lambda s: -abs(s.clock_off_s))
    if not off:
        return ""
    worst = off[0].clock_off_s
    agree = [s for s in off if (s.clock_off_s > 0) == (worst > 0)]
    if len(agree) > 1:
        words = f"CLOCK HERE {span(abs(worst))} {'behind' if worst > 0 else 'ahead'}"
        return f"{words}, say {len(agree)} sources" if wide else words
    words = f"CLOCK of {off[0].name} {span(abs(worst))} {'ahead' if worst > 0 else 'behind'}"
    return f"{words}, or this machine's {'behind' if worst > 0 else 'ahead'}" if wide else words


def _unread(source: SourceStatus, now: float, wide: bool) -> str:
    if source.waits and source.state in (SourceState.WAITING, SourceState.NO_CREDENTIALS):
        return f"{source.name} {source.waits if wide else 'waits for its credentials'}"
    if source.state is SourceState.WAITING:
        return f"{source.name} reading"
    since = source.age_s(now)
    if source.state is SourceState.EXPIRED and source.login:
        return f"{source.name} EXPIRED: {named('login')} logs in"
    words = f"{source.name} {source.state.label} {age(since) if since is not None else 'never read'}"
    return f"{words}: {source.message[:28]}" if wide and source.message else words


def as_one(update: Update) -> list[Outcome]:
    """The outcomes, what was asked for in one go as one: how many of how many, and why the others were not."""
    batches: dict[str, list[Outcome]] = {}
    for outcome in update.outcomes:
        batches.setdefault(outcome.batch or outcome.plan_id, []).append(outcome)
    return [_one(update, members) if members[0].batch else members[0] for members in batches.values()]


def _one(update: Update, members: list[Outcome]) -> Outcome:
    done = sum(outcome.state in (OutcomeState.DONE, OutcomeState.SENT) for outcome in members)
    wrong = [outcome for outcome in members if outcome.state in _WRONG]
    states, hints = {outcome.state for outcome in members}, {outcome.hint for outcome in wrong}
    why = _reasons(update, wrong)
    return msgspec.structs.replace(
        members[0],
        plan_id=members[0].batch,
        target="",
        state=next(s for s in (OutcomeState.PENDING, *_WRONG, OutcomeState.SENT, OutcomeState.DONE) if s in states),
        message=f"{_done(members, done)}{': ' if why else ''}{why}",
        hint=hints.pop() if len(hints) == 1 else "",
        at=max(outcome.at for outcome in members),
    )


def _done(members: list[Outcome], done: int) -> str:
    """``2 of 3 done``; where not all is what the verb says, ``3 of 3 done (2 acknowledged, 1 marked as seen …)``."""
    counts = Counter(o.past for o in members if o.state in (OutcomeState.DONE, OutcomeState.SENT))
    plain = all(past == members[0].verb.past for past in counts)
    how = "" if plain else f" ({', '.join(f'{count} {past}' for past, count in counts.items())})"
    return f"{done} of {len(members)} done{how}"


def _reasons(update: Update, wrong: list[Outcome]) -> str:
    """Each reason once, the most frequent first, and the name of a row that has its own."""
    reasons: dict[str, list[Outcome]] = {}
    for outcome in wrong:
        reasons.setdefault(f"{outcome.state}: {outcome.message}", []).append(outcome)
    ordered = sorted(reasons.items(), key=lambda item: -len(item[1]))
    words = [
        f"{len(same)}× {reason}" if len(same) > 1 else f"{target_name(update, same[0].target)}: {reason}"
        for reason, same in ordered[:REASONS_SHOWN]
    ]
    left = sum(len(same) for _, same in ordered[REASONS_SHOWN:])
    return "; ".join([*words, *([f"and {left} more"] if left else [])])


def shown_outcome(update: Update) -> Outcome | None:
    """The outcome that is shown: the oldest that went wrong, else the newest that is under way, else the newest.

    That others could not be told hides nothing of an action itself: it is shown where no action is under way.
    """
    every = as_one(update)
    untold = [o for o in every if o.verb is Verb.TELL]
    outcomes = [o for o in every if o.verb is not Verb.TELL]
    bad = [o for o in outcomes if o.state in _WRONG]
    if bad:
        return bad[0]
    pending = [o for o in outcomes if o.state is OutcomeState.PENDING]
    shown = pending[-1:] or untold[:1] or outcomes[-1:]
    return shown[0] if shown else None


def outcome_lines(
    update: Update,
    notice: tuple[str, str] | None,
    tz: tzinfo,
    now: float,
    plan_of: Callable[[str], Plan | None] = lambda plan_id: None,
) -> list[Line]:
    """Return the outcomes' lines: failures stay until dismissed, but never hide an action under way."""
    lines: list[Line] = []
    first, every = shown_outcome(update), len(as_one(update))
    pending = [o for o in update.outcomes if o.state is OutcomeState.PENDING and o.verb in FOLLOWED]
    shown = list(dict.fromkeys(o for o in (first, *pending[-1:]) if o is not None))
    for outcome in shown:
        sign, style = _SIGN[outcome.state]
        plan = plan_of(outcome.plan_id)
        name = target_name(update, outcome.target, plan)
        short = name if width(name) <= NAME_CELLS else fit(name, NAME_CELLS)
        more = every - len(shown)
        tail = _since(outcome, now) + (f"  (+{more})" if more and outcome is first else "")
        esc = f"  {named('back')} dismisses" if outcome.state is not OutcomeState.PENDING else ""
        told = name.rpartition("/")[2] in outcome.message  # the message names it itself
        who = "" if outcome.batch or told else f"{short}: "
        words = f"{who}{outcome.message}{tail}{esc}"
        lines.append(((f" {sign} {_head(outcome)}", style), (words, "")))
        if outcome.hint:
            lines.append((("   → ", "dim"), (renewing(outcome.hint, update.board.sources.values()), "")))
    if notice:
        lines.append(((" " + notice[0], notice[1]),))
    return lines


def _head(outcome: Outcome) -> str:
    """The verb and how it stands; nothing where the message itself says what was done."""
    if outcome.batch:
        return f"{outcome.verb}: "
    over = outcome.state in (OutcomeState.DONE, OutcomeState.SENT) and outcome.verb not in FOLLOWED
    return "" if over else f"{outcome.verb}: {outcome.state}: "


def _since(outcome: Outcome, now: float) -> str:
    """How long ago it was sent, for what takes minutes."""
    if outcome.state is not OutcomeState.PENDING or outcome.verb not in FOLLOWED or not outcome.sent_at:
        return ""
    seconds = now - outcome.sent_at
    return f" · {age(seconds)}" if seconds >= 10 else ""


def target_name(update: Update, target: str, plan: Plan | None = None) -> str:
    """A name for a person: an alert's title, a service's id (a deploy's too); of what is gone, its plan's title."""
    alert = update.board.alerts.get(target)
    if alert is not None:
        return alert.title
    deploy = update.board.deploys.get(target)
    if deploy is not None:
        return deploy.service_id
    return target if target in update.board.services or plan is None else plan.title
