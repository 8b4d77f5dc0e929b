"""``oncall-tui``, and ``python -m oncall_tui``: the program as a process of its own."""

from __future__ import annotations

import atexit
import os
from typing import NoReturn

from oncall_tui.cli import main


def run() -> NoReturn:
    """Run the command line, and end the process at once: Python's own end takes down every module, a tenth of a second.

    What was registered to be done at the end is done. Threads are left behind, as those that hang have to be anyway.
    """
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    atexit._run_exitfuncs()
    os._exit(code)


if __name__ == "__main__":
    run()
