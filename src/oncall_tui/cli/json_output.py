"""The types of what ``--json`` prints: each command encodes a struct, and ``schema`` describes the same struct."""

from __future__ import annotations

from typing import Annotated

import msgspec

JsonTime = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]  # RFC 3339, UTC, whole seconds
