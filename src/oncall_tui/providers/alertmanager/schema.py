"""Alertmanager's own words, as far as they are used: ``gettableAlert``, ``gettableSilence`` of its OpenAPI file.

Fields that some versions lack have a default; ``mutedBy`` came with 0.28, and only groups fill it in. Enumerations stay
strings: a value that is not known yet must become a row, not an error.
"""

from __future__ import annotations

from typing import Any

import msgspec

from oncall_tui.providers.lists import Items, Spared

ACK = "ACK!"  # the convention of karma and kthxbye: a silence whose comment starts so is an acknowledgement


class AlertStatus(msgspec.Struct, frozen=True, gc=False):
    """Why it is quiet, if it is: ids of silences, fingerprints of inhibiting alerts, names of time intervals."""

    state: str = ""
    silencedBy: tuple[str, ...] = ()
    inhibitedBy: tuple[str, ...] = ()
    mutedBy: tuple[str, ...] | None = None


class GroupedAlert(msgspec.Struct, frozen=True, gc=False):
    """One alert in a group: only there is ``mutedBy`` filled in."""

    fingerprint: str
    status: AlertStatus


class AlertmanagerGroup(msgspec.Struct, frozen=True, gc=False):
    """The alerts that one route notifies of together; an alert is in a group of each route that takes it."""

    alerts: Items[GroupedAlert]


class ClusterStatus(msgspec.Struct, frozen=True):
    peers: tuple[Any, ...] | None = None


class ServerConfig(msgspec.Struct, frozen=True):
    original: str = ""


class ServerStatus(msgspec.Struct, frozen=True):
    """The answer of ``GET /api/v2/status``, as far as it is used."""

    cluster: ClusterStatus = ClusterStatus()
    config: ServerConfig = ServerConfig()


class AlertmanagerAlert(msgspec.Struct, frozen=True):
    """One alert as ``GET /api/v2/alerts`` lists it."""

    fingerprint: str
    labels: dict[str, str]
    startsAt: str
    status: AlertStatus
    annotations: Spared[dict[str, str] | None] = None
    generatorURL: Spared[str] = ""

    def has(self, labels: dict[str, str]) -> bool:
        """Return whether equality matchers for *labels* match it. An empty value matches a missing label."""
        return all(self.labels.get(name, "") == value for name, value in labels.items())


class AlertmanagerMatcher(msgspec.Struct, frozen=True, order=True, omit_defaults=False):
    """One condition of a silence."""

    name: str
    value: str
    isRegex: bool = False
    isEqual: bool = True


class SilenceStatus(msgspec.Struct, frozen=True):
    """``pending``, ``active`` or ``expired``."""

    state: str = ""


class ListedSilence(msgspec.Struct, frozen=True):
    """One silence as it is listed. Its stamps stay text: an update has to carry the very same ``startsAt``."""

    id: str
    matchers: tuple[AlertmanagerMatcher, ...]
    startsAt: str
    endsAt: str
    createdBy: str = ""
    comment: str = ""
    updatedAt: str = ""
    status: SilenceStatus = SilenceStatus()
    annotations: dict[str, str] | None = None  # since 0.32

    @property
    def is_ack(self) -> bool:
        return self.comment.lstrip().startswith(ACK)

    @property
    def is_active(self) -> bool:
        return self.status.state == "active"

    def update(self) -> dict[str, Any]:
        """The body that keeps all of it: an update replaces the whole silence, and what it lacks is lost.

        Only with the same id, start and very matchers is it an update; else Alertmanager makes a second silence.
        """
        body = msgspec.to_builtins(self)
        return {name: body[name] for name in _POSTED if body[name] is not None}


# postableSilence of the OpenAPI file: tests hold it to the fields of ListedSilence.
_POSTED = ("id", "matchers", "startsAt", "endsAt", "createdBy", "comment", "annotations")


class AlertmanagerPosted(msgspec.Struct, frozen=True):
    """The answer to a silence that was posted."""

    silenceID: str
