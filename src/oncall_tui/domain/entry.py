"""A journal entry: one thing that was seen or done."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


class EntryKind(StrEnum):
    """An entry's kind; the value is the word in the database."""

    ALERT = "alert"  # an alert changed its state
    DEPLOY = "deploy"  # a deploy changed its state
    INTENT = "intent"  # an action is about to be sent
    OUTCOME = "outcome"  # what came of it
    REFUSED = "refused"  # an action that was not sent
    SEEN = "seen"  # somebody has seen an alert that cannot be acknowledged
    UNSEEN = "unseen"
    NOTE = "note"
    KEPT = "kept"  # an acknowledgement was extended
    SHELL = "shell"  # a shell in a container: about to be opened, and how it ended; never what was typed there
    WATCH = "watch"  # a board was opened, watches on, or was closed, and which sources it could not read
    TOLD = "told"  # a destination heard of an action, or could not be told
    MARK = "mark"  # an engineer's word on an episode: actionable, noise, or no word any more
    FOLLOW_UP = "follow-up"  # a follow-up as it is from then on: title, owner, state, alerts
    INCIDENT = "incident"  # an incident as it is from then on: title, lead, state, episodes, deploys, entries
    TOLD_EPISODE = "episode"  # an alert's past that its source told afterwards; *at* is when it began
    TOLD_DEPLOY = "told-deploy"  # a deploy that its source told of afterwards; *at* is when it started


# What a source remembered and nobody here saw: history reads it; no report takes it for what was seen.
RETOLD = (EntryKind.TOLD_EPISODE, EntryKind.TOLD_DEPLOY)
WATCH_GAP_S = 390.0  # whoever watches says so every five minutes; what is longer was not watched


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """*at* in seconds since the epoch, UTC; *subject* is a row's or a plan's id; *data* holds no secret."""

    at: float
    kind: EntryKind
    subject: str
    actor: str = ""
    text: str = ""
    data: dict[str, Any] = {}
    seq: int = 0  # given by the journal
