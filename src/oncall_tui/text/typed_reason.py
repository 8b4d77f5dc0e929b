"""A reason that is typed to override a guardrail: one line of bounded length, because reports and lists repeat it."""

from __future__ import annotations

import unicodedata

REASON_LIMIT = 1_000  # characters
_OBEYED = frozenset({"Cc", "Cf", "Cs"})  # what a terminal may obey, or hide
_JOINERS = "\u200c\u200d"  # words and emoji of several characters have them


def typed_reason(text: str) -> str:
    """Return *text* as a reason, without blanks around it. Raises ValueError with what is wrong."""
    reason = text.strip()
    if len(reason.splitlines()) > 1:
        raise ValueError("the reason for an override has a line break: write it as one line")
    if any(unicodedata.category(char) in _OBEYED and char not in _JOINERS for char in reason):
        raise ValueError("the reason for an override has a control character: write it without")
    if len(reason) > REASON_LIMIT:
        raise ValueError(f"the reason for an override has at most {REASON_LIMIT:,} characters, not {len(reason):,}")
    return reason
