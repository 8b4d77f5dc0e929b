"""The error tree. Each error carries a message for a person and a hint: what to do now.

Reading errors say which state a source is in; action errors say which outcome an action had. Nothing else is caught
by type anywhere, so what is not in this tree is a bug and is shown as one.
"""

from __future__ import annotations

import errno
from enum import StrEnum


class OncallError(Exception):
    """The root: *message* says what is wrong, *hint* what to do now (may be empty).

    *outcome* is the word for how an action that met it ended (see domain.outcome.OutcomeState).
    """

    outcome = "failed"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ConfigurationError(OncallError):
    """The configuration cannot be used; *mistakes* are all of them, one printable line each."""

    def __init__(self, message: str, hint: str = "", mistakes: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.mistakes = mistakes

    def __str__(self) -> str:
        return "\n".join((super().__str__(), *self.mistakes))


class JournalError(OncallError):
    """The journal cannot be opened or written."""


class SharingError(OncallError):
    """Readings cannot be shared with the boards on this machine, or a recorder's cannot be taken."""


# --- reading a source -------------------------------------------------------------------------------------------------


class SourceError(OncallError):
    """A source could not be read. *state* is the word that the board shows (see domain.reading.SourceState).

    Where whoever raises it knows no better hint, *usual_hint* says what to do about such a state.
    """

    state = "offline"
    usual_hint = "oncall-tui asks again; check the network and the endpoint"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint or self.usual_hint)


class Offline(SourceError):
    """Refused, reset, timed out, no name, a 5xx: nothing usable came back."""

    state = "offline"


class Expired(SourceError):
    """The login has run out; the hint is the command that renews it."""

    state = "expired"
    usual_hint = "log in again"


class Denied(SourceError):
    """The login is good but not allowed to do this; the hint names the missing permission."""

    state = "denied"
    usual_hint = "ask for the permission"


class Throttled(SourceError):
    """The other side asks for fewer calls. *retry_after_s* is what it asked for, in seconds, if it said."""

    state = "throttled"
    usual_hint = "oncall-tui asks again, less often; a longer interval_s or fewer readers help"

    def __init__(self, message: str, hint: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, hint)
        self.retry_after_s = retry_after_s


class NoCredentials(SourceError):
    """There is no login at all: no keys, no token, no such profile."""

    state = "no_credentials"
    usual_hint = "configure a login for this source"


class Malformed(SourceError):
    """An answer came that is not what its API promises (HTML with status 200, cut-off JSON, a missing key)."""

    state = "malformed"
    usual_hint = "oncall-tui asks again; is a proxy in between? check the source's url"


# --- acting -----------------------------------------------------------------------------------------------------------


class ActionError(OncallError):
    """An action did not end as done."""


class WayOut(StrEnum):
    """An action instead of the refused one. Each surface words it by its own keys or commands."""

    UNDO = "undo the last rollback"
    PICK = "pick another revision"
    FOLLOW = "follow the deploy"
    AGAIN = "try again in a moment"
    ROLL_BACK = "roll back"
    OVERRIDE = "override the guardrail with a reason"


class Refused(ActionError):
    """Not sent, on purpose: the target moved, could not be read first, is not able, or somebody has it already.
    Nothing was changed.

    *hint* is true on every surface; *ways* are what each of them words.
    """

    outcome = "refused"

    def __init__(self, message: str, hint: str = "", ways: tuple[WayOut, ...] = ()) -> None:
        super().__init__(message, hint)
        self.ways = ways


def unread_first(error: SourceError) -> Refused:
    """Return the refusal of an action whose target could not be read before it: its one wording."""
    return Refused(f"not sent, since its state could not be read first: {error.message}", error.hint)


class ActionFailed(ActionError):
    """The other side said no. Nothing was changed."""


class OutcomeUnknown(ActionError):
    """It was sent and nobody knows whether it took effect (time-out, 5xx, a dropped line). Read again to learn.

    *answered*: the other side said how far it got, so that what does not show then will not come later.
    """

    outcome = "unknown"

    def __init__(self, message: str, hint: str = "", answered: bool = False) -> None:
        super().__init__(message, hint)
        self.answered = answered


# What the machine lacks is no bug, wherever it is met: an import, a file, a connection.
OF_THE_MACHINE = {
    errno.EMFILE: "raise the limit of open files: ulimit -n",
    errno.ENFILE: "close programs that hold files open",
    errno.ENOMEM: "free memory",
    errno.ENOSPC: "free space on the disk",
}


def unexpected(error: BaseException, bug: str = "bug") -> tuple[str, str]:
    """Return the words for an error that nobody caught by its type, and the hint: the machine's, or a *bug*."""
    if isinstance(error, OSError) and error.errno in OF_THE_MACHINE:
        return f"this machine: {error.strerror or error}", OF_THE_MACHINE[error.errno]
    return f"{bug}: {error.__class__.__name__}: {error}", "please report it with the log"
