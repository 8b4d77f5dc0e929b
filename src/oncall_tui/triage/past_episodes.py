"""Firings that a source tells of afterwards → episodes, by the rule of ``triage.episodes``. Pure.

The firings of one alert come oldest first, or newest first. An episode is over once the source's past is read to thirty
quiet minutes after its last firing; until then it is held here. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from oncall_tui.domain.alert import QUIET_S, Alert, AlertState
from oncall_tui.domain.history import PastDeploy, PastEpisode, episode_id
from oncall_tui.domain.told import ServiceName, ToldFiring
from oncall_tui.triage.episodes import SAME_S, key_of
from oncall_tui.triage.grouping import ServiceIndex
from oncall_tui.triage.product_lookup import ProductLookup
from oncall_tui.triage.ranking import pages
from oncall_tui.triage.triager import Rules

PAGED = "dedup:"  # before the deduplication key of a page


class HeldEpisode(msgspec.Struct, frozen=True):
    """An episode that may go on. *latest* is the newest firing's begin. *cut*: it began before what is read."""

    told: PastEpisode
    latest: float
    cut: bool = False


class PastJoiner:
    """Finds the service, the product and whether it pages by the rules of the board."""

    def __init__(self, rules: Rules, services: Iterable[ServiceName]) -> None:
        self._rules = rules
        self._index = ServiceIndex(services)
        self._products = ProductLookup(rules.products)

    def episode(self, alert: Alert) -> PastEpisode:
        """Return the episode that begins with this firing of *alert*."""
        service = self._index.find(alert.hint)
        product = self._products.of_alerts((alert,), service)
        key = key_of(alert)
        return PastEpisode(
            id=episode_id(key, alert.began),
            alert=key,
            source=alert.source,
            provider=alert.provider,
            title=alert.title,
            began=alert.began,
            service=service.id if service is not None else "",
            product=product.name if product else "",
            pages=pages(msgspec.structs.replace(alert, state=AlertState.FIRING), self._rules.pages),
            problem=_elsewhere(alert),
            imported=True,
        )

    def deploy(self, told: PastDeploy) -> PastDeploy:
        """Return the deploy with its service's product."""
        product = self._products.of_service(told.service)
        return msgspec.structs.replace(told, product=product.name if product else "", imported=True)


def _elsewhere(alert: Alert) -> str:
    """Return the name that the same problem has elsewhere: an alarm's ARN, or the alert that a page was sent for."""
    own = key_of(alert)
    named = next((key for key in alert.keys if key != own and not key.startswith(PAGED)), "")
    return named or next((key.removeprefix(PAGED) for key in alert.keys if key.startswith(PAGED)), "")


class EpisodeFolder:
    """Folds one source's firings into episodes. *held*: what an earlier run left, as ``held`` tells it of this one."""

    def __init__(self, begin: Callable[[Alert], PastEpisode], held: Iterable[HeldEpisode] = ()) -> None:
        self._begin = begin
        self._held = {one.told.alert: one for one in held}
        self._over: list[HeldEpisode] = []

    @property
    def held(self) -> tuple[HeldEpisode, ...]:
        """Return the episodes that may go on."""
        return tuple(self._held.values())

    def take(self, firing: ToldFiring) -> None:
        """Take the next firing, or the end of one."""
        key = key_of(firing.alert)
        old = self._held.get(key)
        if firing.only_end:
            self._held[key] = self._ended(old, firing)
            return
        if old is not None and _apart(old.told, firing):
            self._over.append(old)
            old = None
        made = self._begin(firing.alert)
        self._held[key] = _begun(made, firing) if old is None else _with(old, firing, made)

    def over(self, read_to: float) -> list[PastEpisode]:
        """Hand out the episodes that cannot go on, now that the past is read to *read_to* (epoch seconds)."""
        for key, one in list(self._held.items()):
            if one.told.ended is not None and read_to - one.told.ended > QUIET_S:
                self._over.append(self._held.pop(key))
        return self._handed()

    def rest(self) -> list[PastEpisode]:
        """Hand out what is left at the end of the past: what still fires, or has only just gone quiet."""
        self._over += self._held.values()
        self._held = {}
        return self._handed()

    def _handed(self) -> list[PastEpisode]:
        found, self._over = [one.told for one in self._over if not one.cut], []
        return sorted(found, key=lambda told: (told.began, told.id))

    def _ended(self, old: HeldEpisode | None, firing: ToldFiring) -> HeldEpisode:
        if old is None:  # it began before what is read: only known so that its next firing begins no episode
            return HeldEpisode(msgspec.structs.replace(self._begin(firing.alert), ended=firing.ended), 0.0, cut=True)
        if old.told.ended is not None:
            return old
        return msgspec.structs.replace(old, told=msgspec.structs.replace(old.told, ended=firing.ended))


def _apart(told: PastEpisode, firing: ToldFiring) -> bool:
    """Tell whether the firing is of a later, or of an earlier, episode."""
    if told.ended is not None and firing.alert.began - told.ended > QUIET_S:
        return True
    return firing.ended is not None and told.began - firing.ended > QUIET_S


def _begun(made: PastEpisode, firing: ToldFiring) -> HeldEpisode:
    told = msgspec.structs.replace(
        made,
        ended=firing.ended,
        end_known=firing.end_known,
        acknowledged_at=firing.acknowledged_at,
        acknowledged_by=firing.acknowledged_by,
    )
    return HeldEpisode(told, firing.alert.began)


def _with(old: HeldEpisode, firing: ToldFiring, made: PastEpisode) -> HeldEpisode:
    """The episode with one more firing, or with what is told anew of the same one; *made* is that firing's own."""
    began, told = firing.alert.began, old.told
    changes: dict[str, object] = {"pages": told.pages or made.pages}
    if not told.service:
        changes |= {"service": made.service, "product": told.product or made.product}
    first = firing.acknowledged_at
    if first is not None and (told.acknowledged_at is None or first < told.acknowledged_at):
        changes |= {"acknowledged_at": first, "acknowledged_by": firing.acknowledged_by}
    if began >= old.latest - SAME_S:  # of several the newest tells whether it goes on
        changes |= {"ended": firing.ended, "end_known": firing.end_known}
        changes |= {"firings": told.firings + 1} if began > old.latest + SAME_S else {}
    elif began < told.began - SAME_S:  # the newest were told first
        changes |= {"id": made.id, "began": began, "title": made.title, "firings": told.firings + 1}
    return HeldEpisode(msgspec.structs.replace(told, **changes), max(old.latest, began), old.cut)
