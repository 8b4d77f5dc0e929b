"""A PagerDuty source's options. Imports no I/O."""

from __future__ import annotations

import re
from typing import ClassVar
from urllib.parse import urlsplit

from oncall_tui.providers.options import FoundIn, HttpSourceOptions
from oncall_tui.runtime.secret import Secret

URGENCIES = ("high", "low")
_ID = re.compile(r"[A-Z0-9]{3,20}")


class PagerDutyOptions(HttpSourceOptions, frozen=True, kw_only=True):
    """One PagerDuty account, as one REST API key sees it.

    *url* is ``https://api.eu.pagerduty.com`` in the EU region. *teams*, *services* (ids) and *urgencies* (``high``,
    ``low``) narrow on the server, and so does *mine*: only incidents that are assigned to whom the token belongs, or
    for the account's own key to ``me.email``. Who acts is ``me.email``: it has to be a user of the account.
    *change_events*: read the account's change events too. *schedule_edits*: and who edited schedules and escalation
    policies, which stands in the audit records.
    """

    own_headers: ClassVar[tuple[str, ...]] = ("authorization", "accept", "from")
    found_in: ClassVar[FoundIn] = ({"token": ("PAGERDUTY_TOKEN",)},)
    token: Secret
    url: str = "https://api.pagerduty.com"
    teams: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    urgencies: tuple[str, ...] = ()
    mine: bool = False
    change_events: bool = False
    schedule_edits: bool = False

    @property
    def personal(self) -> bool:
        """As the base says: whose incidents are read depends on the token, and on ``me.email``."""
        return self.mine

    def __post_init__(self) -> None:
        super().__post_init__()
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url: expected https://HOST, as https://api.eu.pagerduty.com")
        if parts.username or parts.password:
            raise ValueError("url: a login does not stand in the url; use token: {env: NAME}")
        for name, ids in (("teams", self.teams), ("services", self.services)):
            if wrong := [one for one in ids if not _ID.fullmatch(one)]:
                raise ValueError(f"{name}: expected ids as in their pages' addresses (PABC123), not {wrong[0][:40]!r}")
        if wrong := [one for one in self.urgencies if one not in URGENCIES]:
            raise ValueError(f"urgencies: expected of {', '.join(URGENCIES)}, not {wrong[0][:20]!r}")
