"""Freezes that end before they begin: known once the configuration's time zone is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from oncall_tui.config.diagnostic import Diagnostic, show
from oncall_tui.config.screen import Place, mistake
from oncall_tui.domain.guardrail import moment
from oncall_tui.text.time_format import named_zone

_UNTIL = r"guardrails\[.*\]\.freeze\.until"


def freeze_mistakes(good: Mapping[str, Any], places: Mapping[str, Place]) -> Iterator[Diagnostic]:
    """Yield a mistake for each freeze whose end is not after its beginning. *good*: the values by their paths."""
    zone = named_zone(str(good.get("timezone") or "UTC"))
    for key, until in good.items():
        begins = good.get(f"{key.removesuffix('.until')}.from")
        if not re.fullmatch(_UNTIL, key) or not until or not begins:
            continue
        if moment(until, zone) <= moment(begins, zone):
            yield mistake(places, key, f"a time after from ({begins})", show(until))
