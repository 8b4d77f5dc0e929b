"""The command that starts the simulator as a process of its own, wherever this package lies."""

import sys
from pathlib import Path


def command(*arguments: str) -> list[str]:
    """Return the argv with these arguments, which names its file, and not the package after ``-m``.

    A host's Python that runs a ``.pyz`` finds no package of it by name. A bundle's interpreter ignores the host's
    PYTHONHOME (``-I``), and so has its child to.
    """
    isolated = ["-I"] if sys.flags.isolated else []
    return [sys.executable, *isolated, str(Path(__file__).with_name("__main__.py")), *arguments]
