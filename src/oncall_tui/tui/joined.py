"""What a row says of a problem that several alerts make up, and of its suspect. Pure."""

from __future__ import annotations

from oncall_tui.domain.alert import AlertState
from oncall_tui.text import age, before
from oncall_tui.triage.holding import aftermath, assignment
from oncall_tui.triage.look import AlertLook
from oncall_tui.tui import progress
from oncall_tui.tui.rows import Cell


def title(look: AlertLook) -> str:
    """The leading alert's title, how often it came, and which other sources saw it: ``5xx rate ×14 +alarms``."""
    others = dict.fromkeys(o.source for o in look.others if o.source != look.alert.source)
    words = [look.alert.title, *([f"×{look.count}"] if look.count > 1 else []), *(f"+{name}" for name in others)]
    return " ".join(words)


def suspect(look: AlertLook) -> Cell:
    """The suspect in as few words as its column has room for: which deploy, how long before; or that it is not known.

    That there is none is news where the row pages, and is said there: on every row it says nothing.
    """
    first, found = look.suspicion.first, look.suspicion
    if look.alert.state is AlertState.RESOLVED:
        return ""
    if first is None:
        if found.unread:
            return ("suspect not known", "unknown")
        return ("no suspect", "dim") if found.placed and look.pages else ""
    since = look.began - first.deploy.started
    if found.wide:
        return (f"also deployed: {first.deploy.arrow} {age(since)}", "dim", f"also {first.deploy.arrow} {age(since)}")
    if not first.own:
        return (f"◂ {first.deploy.service_id.rpartition('/')[2]} {first.deploy.arrow}", "warning")
    arrow = f"◂ {first.deploy.arrow}"
    shorter = (f"{arrow} {before(since)}", f"{arrow} {age(since)}")
    if tags := progress.tags(first.deploy):
        return (f"{arrow} {tags} {before(since)}", "warning", *shorter)
    return (shorter[0], "warning", shorter[1])


def extra(look: AlertLook, now: float) -> tuple[tuple[Cell, ...], ...]:
    """The lines under the cursor's row: the suspect in words, who else saw it, that it flaps."""
    lines: list[tuple[Cell, ...]] = []
    if look.alert.state is not AlertState.RESOLVED and (look.suspicion.placed or look.suspicion.unread):
        style = "warning" if look.suspicion.suspects and not look.suspicion.wide else "dim"
        label = "suspect  " if look.suspicion.suspects else ""
        # Why its tasks died is what is wanted most: on a line of its own it is not what a narrow screen cuts off.
        words, why, reason = look.suspicion.words(now).partition(" (")
        lines.append(((f"{label}{words}", style),))
        if why:
            lines.append(((f"         ({reason}", style),))
    if (words := aftermath(look, now)) or (look.alert.moved and (words := assignment(look.alert, now))):
        lines.append(((words, "dim"),))
    if look.others:
        told = [f"{m.source}: {m.state}" + (f" by {m.by[0]}" if m.by else "") for m in look.members]
        goes = "; a goes to the pager" if look.incident and look.alert.state.asks else ""
        lines.append(((f"seen by  {' · '.join(told)}{goes}", "dim"),))
    if look.flaps:
        lines.append(((look.flaps, "dim"),))
    return tuple(lines)
