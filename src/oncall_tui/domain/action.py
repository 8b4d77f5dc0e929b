"""The verbs that an engineer can do to a row."""

from __future__ import annotations

from enum import StrEnum


class Verb(StrEnum):
    """What can be done. The value is the word in the journal and on screen."""

    ACKNOWLEDGE = "acknowledge"
    UNACKNOWLEDGE = "un-acknowledge"
    SILENCE = "silence"
    NOTE = "note"
    ESCALATE = "escalate"
    ROLL_BACK = "roll back"
