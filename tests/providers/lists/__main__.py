"""``python -m tests.providers.lists``: what a damaged item takes with it, in every list of every provider."""

from __future__ import annotations

import sys

from tests.providers.lists.found import lists
from tests.providers.lists.sweep import feed, table

if __name__ == "__main__":
    sys.stdout.write(table({one: list(feed(one)) for one in lists()}) + "\n")
