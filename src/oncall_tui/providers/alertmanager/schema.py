"""Alertmanager's own words, as far as they are used: ``gettableAlert``, ``gettableSilence`` of its OpenAPI file.

Fields that some versions lack have a default; ``mutedBy`` came with 0.28. Enumerations stay strings: a value that is
not known yet must become a row, not an error.
"""

from __future__ import annotations

import msgspec

ACK = "ACK!"  # the convention of karma and kthxbye: a silence whose comment starts so is an acknowledgement


class AlertStatus(msgspec.Struct, frozen=True, gc=False):
    """Why it is quiet, if it is: ids of silences, fingerprints of inhibiting alerts, names of time intervals."""

    state: str = ""
    silencedBy: tuple[str, ...] = ()
    inhibitedBy: tuple[str, ...] = ()
    mutedBy: tuple[str, ...] | None = ()


class AlertmanagerAlert(msgspec.Struct, frozen=True):
    """One alert as ``GET /api/v2/alerts`` lists it."""

    fingerprint: str
    labels: dict[str, str]
    startsAt: str
    status: AlertStatus
    annotations: dict[str, str] | None = None
    generatorURL: str = ""

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

    @property
    def is_ack(self) -> bool:
        return self.comment.lstrip().startswith(ACK)

    @property
    def is_active(self) -> bool:
        return self.status.state == "active"


class AlertmanagerPosted(msgspec.Struct, frozen=True):
    """The answer to a silence that was posted."""

    silenceID: str
