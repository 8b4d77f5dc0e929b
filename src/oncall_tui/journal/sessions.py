"""Sessions of this machine: whether the process that wrote something still runs."""

from __future__ import annotations

import os
import socket


def lives(pid: int) -> bool:
    """Tell whether a process of this machine has that number; a number that none can have is nobody's."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def is_gone(session: str) -> bool:
    """Tell whether *session* (``HOST PID NUMBER``, see ``Claims``) is one of this machine whose process has ended."""
    host, _, rest = session.rpartition(" ")[0].rpartition(" ")
    return host == socket.gethostname() and rest.isascii() and rest.isdigit() and not lives(int(rest))
