"""The doors by which this process changes anything at a source: open, or shut for good.

There are two, ``providers/http/client.py: Http.write`` and ``providers/aws/client/client.py: AwsClient.write``, and
both ask here first. A program that only reads (``mcp``) shuts them before it reads its first source.
"""

from __future__ import annotations

import threading

from oncall_tui.errors import ActionFailed

_shut = threading.Event()


def shut() -> None:
    """Let nothing be written by this process any more. There is no way to open them again."""
    _shut.set()


def must_be_open() -> None:
    """Raise ActionFailed where nothing may be written: nothing was sent."""
    if _shut.is_set():
        raise ActionFailed("not sent: this program only reads")
