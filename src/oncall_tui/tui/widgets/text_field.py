"""Whether a widget takes text: a key is typed into it then, and does nothing else."""

from __future__ import annotations

import sys

from textual.widget import Widget


def takes_text(widget: Widget | None) -> bool:
    """Return whether it is a line of text. Before the first one was shown, Textual's ``Input`` is not even imported:
    the first frame is earlier without it.
    """
    module = sys.modules.get("textual.widgets._input")
    return module is not None and isinstance(widget, module.Input)
