"""How long, as people write it."""

from __future__ import annotations

import re

_UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(text: str) -> float:
    """``90m``, ``2h``, ``1d`` as seconds. Raises ValueError, in words, for anything else."""
    found = re.fullmatch(r"(\d{1,5})([mhd])", text.strip())
    if not found or int(found[1]) == 0:
        raise ValueError(f"{text!r} is not a time: write 90m, 2h or 1d")
    return int(found[1]) * _UNITS[found[2]]
