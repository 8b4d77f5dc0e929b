"""The calls on an Alertmanager that the provider and its actions share."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from oncall_tui import errors
from oncall_tui.providers.alertmanager.options import AlertmanagerOptions
from oncall_tui.providers.alertmanager.schema import (
    AlertmanagerAlert,
    AlertmanagerGroup,
    AlertmanagerPosted,
    GroupedAlert,
    ListedSilence,
    ServerStatus,
)
from oncall_tui.providers.http import Http, NotFound
from oncall_tui.providers.lists import Damage, Items, items, usable

Muted = Mapping[str, tuple[str, ...]]  # an alert's fingerprint -> the time intervals that mute it

# What every version's matcher parser reads alike when it stands in quotes; the rest is matched here, not there.
_PLAIN_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9_.:/@ -]+\Z")
_QUERY_LIMIT = 3000  # some proxies refuse request lines over 8 KiB, and a filter grows when it is encoded


def authorization(options: AlertmanagerOptions) -> str:
    """The header's value. May block for a secret's command; raises errors.NoCredentials."""
    if options.bearer_token is not None:
        return "Bearer " + options.bearer_token.get()
    if options.password is None:
        return ""
    login = f"{options.username}:{options.password.get()}".encode()
    return "Basic " + base64.b64encode(login).decode()


class AlertmanagerApi:
    """Typed calls. Reading raises errors.SourceError, writing errors.ActionError (see ``providers.http``)."""

    def __init__(self, http: Http, filters: tuple[str, ...] = ()) -> None:
        self.http = http
        self._filters = filters

    def raw_alerts(self) -> Items[AlertmanagerAlert]:
        """Every alert of the configured filter, undecoded."""
        return self.http.get("/api/v2/alerts", Items[AlertmanagerAlert], [("filter", f) for f in self._filters])

    def raw_silences(self) -> Items[ListedSilence]:
        """Every silence, ended ones too (the server keeps those for five days), undecoded."""
        return self.http.get("/api/v2/silences", Items[ListedSilence])

    def matching(self, labels: dict[str, str]) -> list[AlertmanagerAlert]:
        """Every alert there is now, filtered view or not, that equality matchers for *labels* match."""
        raws = self.http.get("/api/v2/alerts", Items[AlertmanagerAlert], _filters(labels))
        return [alert for alert in usable(raws, AlertmanagerAlert) if alert.has(labels)]

    def muted(self, labels: dict[str, str]) -> Muted:
        """The active alerts that *labels* match and a time interval mutes, with its name.

        Empty *labels*: of all that the configured filter lets through. An alert is in a group of each route that takes
        it, and muted where all of them are. Raises Malformed where a group cannot be read: its alerts may be heard.
        """
        filters = _filters(labels) if labels else [("filter", f) for f in self._filters]
        params = [*filters, ("silenced", "false"), ("inhibited", "false")]
        damage = Damage()
        groups = items(
            self.http.get("/api/v2/alerts/groups", Items[AlertmanagerGroup], params), AlertmanagerGroup, damage
        )
        found: dict[str, tuple[str, ...]] = {}
        heard: set[str] = set()
        for group in groups:
            for alert in items(group.alerts, GroupedAlert, damage):
                names = alert.status.mutedBy or ()
                found[alert.fingerprint] = tuple(dict.fromkeys((*found.get(alert.fingerprint, ()), *names)))
                if not names:
                    heard.add(alert.fingerprint)
        if damage.lost:
            raise errors.Malformed(f"{self.http.host} sent groups that do not match its API: {damage.words()}")
        return {fingerprint: names for fingerprint, names in found.items() if fingerprint not in heard}

    def status(self) -> ServerStatus:
        """The server's configuration and its peers."""
        return self.http.get("/api/v2/status", ServerStatus)

    def silences(self) -> list[ListedSilence]:
        """Every silence that can be read."""
        return usable(self.raw_silences(), ListedSilence)

    def silence(self, silence_id: str) -> ListedSilence | None:
        """One silence by id, None where there is none."""
        try:
            return self.http.get(f"/api/v2/silence/{silence_id}", ListedSilence)
        except NotFound:
            return None

    def post(self, silence: dict[str, Any]) -> str:
        """Make a silence, or replace the one of the same id. Returns its id."""
        return self.http.write("POST", "/api/v2/silences", AlertmanagerPosted, silence).silenceID

    def expire(self, silence_id: str) -> None:
        """End a silence now. One that is gone already is a 404, and at 0.25 a 500: OutcomeUnknown, to be read again."""
        self.http.write("DELETE", f"/api/v2/silence/{silence_id}", bytes)


def _filters(labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """The matchers of *labels* that every version reads alike, as many as a request line has room for."""
    params: list[tuple[str, str]] = []
    room = _QUERY_LIMIT
    for name, value in labels.items():
        matcher = f'{name}="{value}"'
        if _PLAIN_NAME.match(name) and _PLAIN_VALUE.match(value) and (room := room - len(matcher)) > 0:
            params.append(("filter", matcher))
    return params


def safe_id(silence_id: str) -> str:
    """*silence_id* where it can stand in a path; raises errors.ActionFailed where not."""
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", silence_id):
        raise errors.ActionFailed("the silence's id is not one")
    return silence_id
