"""How long, as people write it."""

from __future__ import annotations

import re

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(text: str) -> float:
    """``90m``, ``1h30m``, ``1d``, ``30s`` as seconds. Raises ValueError, in words, for anything else."""
    parts = re.findall(r"(\d{1,5})([smhd])", text.strip())
    total = sum(int(number) * _UNITS[unit] for number, unit in parts)
    if not total or "".join(n + u for n, u in parts) != text.strip():
        raise ValueError(f"{text!r} is not a time: write 90m, 1h30m or 1d")
    return total
