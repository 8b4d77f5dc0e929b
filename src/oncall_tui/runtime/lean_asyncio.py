"""asyncio without TLS: importing OpenSSL's bindings takes 5 ms, and no connection of ours goes through asyncio.

The HTTP clients import ``ssl`` themselves, on their pollers' threads, after the first frame.
"""

from __future__ import annotations

import sys


def import_asyncio() -> None:
    """Import asyncio as where Python was built without ``ssl`` (asyncio itself asks for that), unless it is there."""
    if "asyncio" in sys.modules or "ssl" in sys.modules:
        return
    sys.modules["ssl"] = None  # type: ignore[assignment]  # what Python takes for "cannot be imported"
    try:
        import asyncio  # noqa: F401
    finally:
        del sys.modules["ssl"]
