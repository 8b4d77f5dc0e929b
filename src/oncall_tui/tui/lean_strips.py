"""Textual's strips (the lines of a screen, and pieces of them) without caches that stay empty.

Each strip of Textual 8.2.8 has seven caches from the first: a kilobyte, and most are never used. A board keeps two
thousand strips, and makes hundreds between a key and its answer. Here a cache is made when it is first asked for.
``tests/unit/test_textual_faults.py`` notices when a strip there is something else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.segment import Segment
from textual.cache import FIFOCache
from textual.strip import Strip

CACHES = {
    "_divide_cache": 4,
    "_crop_cache": 16,
    "_style_cache": 16,
    "_filter_cache": 4,
    "_line_length_cache": 4,
    "_crop_extend_cache": 4,
    "_offsets_cache": 4,
}
"""Their names, and how much each keeps."""
NOT_YET = ("_render_cache", "_link_ids", "_cell_count")
"""Further values that a strip works out when it is first asked for them."""


def make_strips_lean() -> None:
    """Have every strip made so, from now on."""
    Strip.__init__ = _begin  # type: ignore[method-assign, assignment]
    Strip.__getattr__ = _cache  # type: ignore[attr-defined]


def _begin(strip: Strip, segments: Iterable[Segment], cell_length: int | None = None) -> None:
    strip._segments = list(segments)
    strip._cell_length = cell_length
    strip._render_cache = strip._link_ids = strip._cell_count = None


def _cache(strip: Strip, name: str) -> FIFOCache[Any, Any]:
    """Python asks here for what a strip does not have."""
    if name not in CACHES:
        raise AttributeError(f"'Strip' object has no attribute {name!r}", name=name, obj=strip)
    made: FIFOCache[Any, Any] = FIFOCache(CACHES[name])
    setattr(strip, name, made)
    return made
