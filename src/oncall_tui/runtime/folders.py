"""The places of this program's files: the configuration that is looked for, and the state folder.

The standard library alone: a shell's completion imports it, and has a tenth of a second.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

CONFIG_VARIABLE = "ONCALL_TUI_CONFIG"
TEAM_FILE = Path("/etc/oncall-tui/config.yaml")
STATE_FOLDER = "~/.local/state/oncall-tui"


def own_file(environ: Mapping[str, str]) -> Path:
    """Your own configuration: where ``init`` writes it (XDG Base Directory Specification)."""
    base = environ.get("XDG_CONFIG_HOME", "")
    folder = Path(base) if base.startswith("/") else Path("~/.config").expanduser()
    return folder / "oncall-tui" / "config.yaml"


def state_folder(environ: Mapping[str, str]) -> str:
    """Return the state folder, ``~`` not yet expanded (XDG Base Directory Specification)."""
    base = environ.get("XDG_STATE_HOME", "")
    return os.path.join(base, "oncall-tui") if base.startswith("/") else STATE_FOLDER
