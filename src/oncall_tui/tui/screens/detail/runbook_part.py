"""The runbook as lines: where there is one, and its text once a key asked for it. Pure."""

from __future__ import annotations

from oncall_tui.inspection.runbook.block import Block
from oncall_tui.inspection.runbook.fetch import RunbookAddress
from oncall_tui.tui.screens.detail.parts import Part, Runbook
from oncall_tui.tui.screens.detail.words import Scene, Section, as_of, hint, line, standing
from oncall_tui.tui.widgets.text_lines import Line

_STYLES = {"heading": "bold", "quote": "dim", "rule": "dim"}
_SIGNS = {"code": "│ ", "quote": "▌ "}


def runbook_section(places: tuple[RunbookAddress, ...], part: Part[Runbook], scene: Scene) -> Section:
    """The runbook's place, and its text. It is read where a key asks for it, not by itself."""
    if not places:
        nothing = line("none", "no runbook is known: neither the product nor the alert names one")
        return Section("runbook", (nothing, hint("runbook: of the product, a URL or a Markdown file")))
    lines: list[Line] = []
    for place in places:
        lines.append(line("where", f"{place.where}  ({place.told_by})"))
    if not part.asked:
        lines.append(
            ((f" {'b':<9} ", "key"), ("reads it here" + (", once more the next" if len(places) > 1 else ""), ""))
        )
    else:
        lines += standing(part, "runbook", scene)
        if part.value is not None:
            lines.append(line("read from", part.value.where, "dim"))
            lines += [_block(block) for block in part.value.blocks]
    return Section("runbook", tuple(lines), as_of(part, scene))


def _block(block: Block) -> Line:
    if not block.text.strip():
        return (("", ""),)
    sign = _SIGNS.get(block.kind, "")
    return ((" " * (block.indent + 1) + sign, "dim"), (block.text, _STYLES.get(block.kind, "")))
