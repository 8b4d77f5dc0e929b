"""One Alertmanager, as its verbs' handlers see it: the alert as it is, what moved, words and commands.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from oncall_tui import errors
from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check
from oncall_tui.domain.plan import ActionRequest, Actor, Plan
from oncall_tui.providers.alertmanager.api import AlertmanagerApi, safe_id
from oncall_tui.providers.alertmanager.known_silences import GOSSIP_S, KnownSilences
from oncall_tui.providers.alertmanager.mapping import AlertmanagerRows
from oncall_tui.providers.alertmanager.options import AlertmanagerOptions
from oncall_tui.providers.alertmanager.schema import AlertmanagerAlert, ListedSilence
from oncall_tui.providers.alertmanager.time_intervals import TimeIntervals
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.http import HandlerContext, listed, reference
from oncall_tui.providers.write_grace import SETTLE_S, WriteGrace
from oncall_tui.runtime.clock import Clock
from oncall_tui.text.time_format import ago, local_time

_CLASSIC = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class CurrentAlert(msgspec.Struct, frozen=True):
    """One alert as it is now; *others* are alerts that its labels also match."""

    row: Alert
    silences: tuple[ListedSilence, ...] = ()
    others: tuple[AlertmanagerAlert, ...] = ()
    silenced_by: tuple[str, ...] = ()


class AlertmanagerHandlerContext(HandlerContext[CurrentAlert]):
    """Reads one alert with its silences, and compares it with the version that was on screen."""

    gone = "resolved: Alertmanager does not have it any more"

    def __init__(
        self,
        options: AlertmanagerOptions,
        api: AlertmanagerApi,
        known: KnownSilences,
        intervals: TimeIntervals,
        clock: Clock,
        read_only: bool,
    ) -> None:
        super().__init__(options.name, api.http, clock, read_only)
        self.options = options
        self.api = api
        self._known = known
        self._intervals = intervals
        self._rows = AlertmanagerRows(options, known, read_only)

    def target(self, ask: ActionRequest, board: Board) -> Alert:
        """The row that is meant. Raises Refused where it is not on the board, has no labels, or may not be written."""
        alert = super().target(ask, board)
        if alert.source != self.source or not alert.labels:
            raise errors.Refused(f"{ask.target} is not an alert with labels of {self.source}")
        return alert

    def acts_on(self, alert: Alert) -> bool:
        """Return whether it is not resolved; ``target`` refuses an alert of another source."""
        return alert.state is not AlertState.RESOLVED

    def pin(self, alert: Alert) -> dict[str, Any]:
        """Name it by its labels, and by the fingerprint that Alertmanager makes of them."""
        return {"labels": dict(alert.labels), "fingerprint": alert.native_id}

    def find(self, pin: Mapping[str, Any]) -> CurrentAlert | None:
        """Read the alert again, and what else its labels match; None: it is gone. Raises errors.SourceError."""
        labels, fingerprint = pin["labels"], pin["fingerprint"]
        found = self.api.matching(labels)
        for item in found:
            if item.fingerprint == fingerprint and item.labels == labels:
                others = tuple(a for a in found if a.fingerprint != fingerprint)
                return self._current(item, others)
        return None

    def _current(self, item: AlertmanagerAlert, others: tuple[AlertmanagerAlert, ...]) -> CurrentAlert:
        """One alert with what keeps it quiet, as far as any of the Alertmanagers behind this address knows."""
        now = self.http.server_now()
        for silence_id in self._known.holding(item.fingerprint, item.status.silencedBy, now):
            self.silence(silence_id)  # for what ``holding`` says next
        ids = self._known.holding(item.fingerprint, item.status.silencedBy, now)
        held = tuple(self._known.get(i) or i for i in ids)
        silences = tuple(one for one in held if isinstance(one, ListedSilence))
        intervals: tuple[str, ...] = ()
        if not held and item.status.mutedBy is not None:
            intervals = self._intervals.of(item.labels).get(item.fingerprint, ())
        return CurrentAlert(self._rows.row(item, held, intervals), silences, others, ids)

    def silence(self, silence_id: str) -> ListedSilence | None:
        """The newest that is known of one silence; None: no Alertmanager here told of it lately."""
        read = self.api.silence(safe_id(silence_id))
        return self._known.recent(silence_id) if read is None else self._known.learn(read)

    def not_yet(self, sent: WriteGrace, plan: Plan, receipt: Receipt | None, waiting: str, missing: str) -> Check:
        """Judge what does not show: PENDING for as long as it may still come, then FAILED.

        Where there are several Alertmanagers one may not know for a while what another one took.
        """
        several = sent.waited_s(plan) >= SETTLE_S and self.several(taken=receipt is not None)
        return sent.absent(plan, waiting, missing, within_s=GOSSIP_S if several else SETTLE_S)

    def several(self, taken: bool) -> bool:
        """Return whether this one is of a cluster; where that cannot be read, what was *taken* is given the time."""
        try:
            return len(self.api.status().cluster.peers or ()) > 1
        except errors.SourceError:
            return taken

    def unmoved(self, version: str, seen: CurrentAlert) -> Alert:
        """The row as it is, where it is still what *version* says; else Refused, saying what moved."""
        row = seen.row
        if not version or row.version == version:
            return row
        identity, _, began = version.rpartition("|")
        if identity == f"{row.id}|{row.state}" and began != f"{row.began:.0f}":
            raise errors.Refused(
                f"it ended and began again at {local_time(row.began, self.http.server_now())}: check again"
            )
        raise errors.Refused(self.state_words(row))

    def state_words(self, row: Alert) -> str:
        """``acknowledged by Bob, 20s ago, until 03:27 UTC``: who has it, from when to when."""
        parts = [str(row.state) + (f" by {', '.join(row.by)}" if row.by else "")]
        if row.by_at is not None:
            parts.append(ago(self.http.server_now() - row.by_at))
        if row.until is not None:
            parts.append(f"until {local_time(row.until, self.http.server_now())}")
        return ", ".join(parts)

    def names(self, others: Iterable[AlertmanagerAlert]) -> tuple[str, ...]:
        """Other alerts in words, a hundred of them and how many more."""
        return listed([self._name(item) for item in others])

    def _name(self, item: AlertmanagerAlert) -> str:
        row_title = item.labels.get("alertname", item.fingerprint)
        rest = ", ".join(f"{k}={v}" for k, v in sorted(item.labels.items()) if k != "alertname")
        return f"{row_title} ({rest})" if rest else row_title

    # --- commands to copy ------------------------------------------------------------------------------------------

    def add_command(self, silence: dict[str, Any], made_at: float, for_s: float) -> str:
        """The same silence by hand: amtool where it needs no login, else curl with a reference to the secret."""
        values = [f'{_named(m["name"])}="{_escaped(m["value"])}"' for m in silence["matchers"]]
        if not self._login() and all(v.isprintable() for v in (*values, silence["comment"])):
            return shlex.join(
                [
                    "amtool",
                    f"--alertmanager.url={self.options.url}",
                    "silence",
                    "add",
                    f"--author={silence['createdBy']}",
                    f"--duration={for_s:.0f}s",
                    f"--comment={silence['comment']}",
                    *values,
                ]
            )
        body = msgspec.json.encode({**silence, "startsAt": iso(made_at), "endsAt": iso(made_at + for_s)}).decode()
        return f"{self._curl()} --json {shlex.quote(body)} {shlex.quote(self.http.url + '/api/v2/silences')}"

    def extend_command(self, silence: dict[str, Any], extends: dict[str, Any], until: float) -> str:
        """The same extension by hand."""
        if not self._login() and silence["comment"].isprintable():
            words = ["amtool", f"--alertmanager.url={self.options.url}", "silence", "update", f"--end={iso(until)}"]
            return shlex.join([*words, f"--comment={silence['comment']}", extends["id"]])
        body = msgspec.json.encode({**extends, "endsAt": iso(until)}).decode()
        return f"{self._curl()} --json {shlex.quote(body)} {shlex.quote(self.http.url + '/api/v2/silences')}"

    def expire_command(self, ids: Iterable[str]) -> str:
        """The same un-acknowledgement by hand."""
        if not self._login():
            return shlex.join(["amtool", f"--alertmanager.url={self.options.url}", "silence", "expire", *ids])
        urls = " ".join(shlex.quote(f"{self.http.url}/api/v2/silence/{i}") for i in ids)
        return f"{self._curl()} -X DELETE {urls}"

    def _login(self) -> str:
        options = self.options
        if options.bearer_token is not None:
            return f'-H "Authorization: Bearer {reference(options.bearer_token)}"'
        if options.password is not None:
            return f'-u {shlex.quote(options.username)}:"{reference(options.password)}"'
        return ""

    def _curl(self) -> str:
        return f"curl -sS {self._login()}".strip()


def author(actor: Actor) -> str:
    """Return the actor for createdBy: the e-mail, else the name."""
    return actor.email or actor.name


def iso(at: float) -> str:
    """RFC 3339 in UTC, milliseconds."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _named(name: str) -> str:
    """A label's name as matchers have it: one that is not of the classic alphabet (since 0.27) stands in quotes."""
    return name if _CLASSIC.fullmatch(name) else f'"{_escaped(name)}"'


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
