"""`python -m tests.faults`: each fault at each source, as the screen and ``status`` tell it. About a minute."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.table import observe_all, text
from tests.faults.world import ENVIRONMENT, UNWANTED

for name in UNWANTED:
    os.environ.pop(name, None)
os.environ.update(ENVIRONMENT)
began = time.monotonic()
with tempfile.TemporaryDirectory(prefix="oncall-tui-faults-") as made:
    sys.stdout.write(text(observe_all(Path(made)), began) + "\n")
