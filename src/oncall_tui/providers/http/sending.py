"""The common part of destinations over HTTP: their messages cannot be read back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from oncall_tui import errors
from oncall_tui.providers.http.text import sanitize

LINES = 40
LINE_LIMIT = 1_000


@contextmanager
def one_attempt(where: str) -> Iterator[None]:
    """Turn what goes wrong with one write: an unreadable secret is ActionFailed, OutcomeUnknown says where to check."""
    try:
        yield
    except errors.SourceError as error:
        raise errors.ActionFailed(f"not sent: {error.message}", error.hint) from None
    except errors.OutcomeUnknown as error:
        raise errors.OutcomeUnknown(error.message, f"it cannot be read back: check {where}") from None


def lines(text: str) -> str:
    """Text of several lines fit to be sent: secrets redacted, control characters gone, each line and all of it cut."""
    return "\n".join(sanitize(line, LINE_LIMIT) for line in text.splitlines()[:LINES]).strip()


def link(url: str) -> str:
    """*url* where it is one that may be followed, else nothing."""
    good = url.startswith(("https://", "http://")) and url.isprintable() and not any(c in " <>|\"'" for c in url)
    return url if good and len(url) <= LINE_LIMIT else ""
