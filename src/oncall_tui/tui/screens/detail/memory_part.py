"""An alert's memory as lines: how often it came, a bar a day, the last time, marks and follow-ups. Pure."""

from __future__ import annotations

from oncall_tui.domain.memory import DAYS, AlertMemory
from oncall_tui.text import memory_words as words
from oncall_tui.text.time_format import moment
from oncall_tui.tui.screens.detail.parts import Part
from oncall_tui.tui.screens.detail.words import Scene, Section, as_of, line, standing
from oncall_tui.tui.widgets.text_lines import Line


def memory_section(part: Part[AlertMemory], scene: Scene) -> Section:
    """Return what the record says of the row's alert."""
    lines: list[Line] = standing(part, "memory", scene)
    memory = part.value
    if memory is not None:
        lines += memory_lines(memory, scene)
    return Section("memory", tuple(lines), as_of(part, scene))


def memory_lines(memory: AlertMemory, scene: Scene) -> list[Line]:
    """Return the lines of an alert's memory, the follow-ups first: somebody asked to be told."""
    lines: list[Line] = []
    for one in memory.follow_ups:
        owner = f"owner {one.owner}" if one.owner else "no owner"
        opened = f"opened {moment(one.opened_at, scene.tz, scene.now)} by {one.opened_by}"
        said = f" · {one.said}" if one.said else ""
        lines.append(line("follow-up", f"{one.title} · {one.state} · {owner} · {opened}{said}", "warning"))
    if not memory.total:
        return [*lines, line("memory", f"the record has no other episode of it; {_since(memory, scene)}")]
    lines.append(line("often", words.frequency(memory)))
    if memory.recent:
        lines.append(line(f"{DAYS} days", f"{words.bars(memory.days)}  {words.bars_told(memory.days)}"))
    if last := words.last_time(memory, scene.tz, scene.now):
        lines.append(line("last time", last))
    acted = words.acted_on(memory)
    never = not memory.acted and memory.total > 1
    marks = f" · {told}" if (told := words.marked(memory)) else ""
    lines.append(line("acted on", f"{acted}{marks}; {_since(memory, scene)}", "warning" if never else ""))
    return lines


def _since(memory: AlertMemory, scene: Scene) -> str:
    return words.known_since(memory, scene.tz, scene.now)
