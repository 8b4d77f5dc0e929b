"""Hints that say how to renew a login: with the key that runs the command. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from oncall_tui.domain.reading import SourceStatus
from oncall_tui.runtime.login_program import without_device_code
from oncall_tui.tui.commands import named


def renewed_by(hint: str, sources: Iterable[SourceStatus]) -> SourceStatus | None:
    """Return the source whose login the command in *hint* renews; None: it names no such command."""
    return next((s for s in sources if s.login and any(each in hint for each in _written(" ".join(s.login)))), None)


def _written(login: str) -> tuple[str, str]:
    """The login's command as a hint writes it: as it is, and as an older AWS CLI takes it."""
    return login, without_device_code(login)


def renewing(hint: str, sources: Iterable[SourceStatus], where: str = "") -> str:
    """*hint*; where it is the command that renews a source's login, the key that runs it stands first.

    *where* says on which screen the key works, if not on the one that shows the hint.
    """
    return f"{named('login')}{where} logs in, or run: {hint}" if renewed_by(hint, sources) else hint
