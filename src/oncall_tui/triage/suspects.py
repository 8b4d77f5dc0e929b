"""Deploys that may have done it, in words that say why. Pure: from the deploys and when the episode began.

A deploy is a suspect where it had begun when the episode began and was under way then, or had ended within the
look-back before. What began later is not, and that is said too. Nothing is claimed that these rows do not show.
Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo

import msgspec

from oncall_tui.domain.deploy import BAKE_STAGE, WENT_BACK, Deploy
from oncall_tui.text.history_words import deploy_status, named, noun, stopped
from oncall_tui.text.time_format import ago, span

LOOK_BACK_S = 3600.0
TOLD_INNOCENT = 3


class Suspect(msgspec.Struct, frozen=True, gc=False):
    """One deploy that may have to do with an alert. *own*: it is of the alert's own service.

    *began* is when the alert's episode began (seconds since the epoch).
    """

    deploy: Deploy
    own: bool
    began: float

    @property
    def words(self) -> str:
        """Return the deploy's name, its time before or after the alert, and its end."""
        return self.told()

    def told(self, tz: tzinfo | None = None, now: float = 0.0) -> str:
        """The same, with the time at which it ended where a zone is given."""
        if self.deploy.started > self.began:
            return _later_words(self.deploy, self.began)
        return _words(self.deploy, self.began, tz, now)


class Suspicion(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """*suspects* are ranked: the first is what ``R`` rolls back. *innocent* began after the episode did.

    *began* is when that was. *last* is the service's last deploy, where nothing is suspect: the last before it, if one
    is known. *unread* says why there may be one that is not known (empty: all that matters was read). *wide*: it is
    part of something wide, so deploys are "also deployed".
    """

    suspects: tuple[Suspect, ...] = ()
    innocent: tuple[Suspect, ...] = ()
    began: float = 0.0
    last: Deploy | None = None
    last_at: float | None = None
    service: str = ""
    product: str = ""
    unread: str = ""
    wide: bool = False
    look_back_s: float = LOOK_BACK_S

    @property
    def first(self) -> Suspect | None:
        return self.suspects[0] if self.suspects else None

    @property
    def placed(self) -> bool:
        """Tell whether its service, or its product at least, is known."""
        return bool(self.service or self.product)

    def words(self, now: float, tz: tzinfo | None = None) -> str:
        """One line: the first suspect, or that there is none, and then how old the last deploy is."""
        if self.suspects:
            return ("also deployed: " if self.wide else "") + self.suspects[0].told(tz, now)
        if self.unread:
            return f"not known: {self.unread}"
        if not self.placed:
            return "no suspect: no known ECS service for this alert"
        of = "" if self.service else f" of {self.product}"
        none = f"no suspect: no deploy{of} in the {_look_back(self.look_back_s)} before"
        if self.last is not None:
            later = self.last.started - self.began
            after = f"{span(later)} after the alert, " if later > 0 else ""
            since = f"{after}{ago(now - self.last.started)}"
            return f"{none}; the last, {named(self.last)}, started {since}"
        if self.last_at is not None:
            return f"{none}; the last started {ago(now - self.last_at)}"
        return none


NOTHING = Suspicion()


def suspicion(
    began: float,
    service_id: str,
    own: Iterable[Deploy],
    others: Iterable[Deploy] = (),
    *,
    look_back_s: float = LOOK_BACK_S,
    last_at: float | None = None,
    unread: str = "",
    product: str = "",
) -> Suspicion:
    """*began*: when the alert's episode began; *own*: deploys of its service; *others*: of the rest of its product.

    *last_at*: when the service's last deploy began, as the service itself tells.
    """
    own = sorted(own, key=_newest_first)
    mine = [d for d in own if _suspect(d, began, look_back_s)]
    theirs = sorted((d for d in others if _suspect(d, began, look_back_s)), key=_worst_first)
    # A rollback brought back what had run well: so every other deploy stands before it.
    mine.sort(key=lambda deploy: deploy.goes_back)
    suspects = [*(Suspect(d, True, began) for d in mine), *(Suspect(d, False, began) for d in theirs)]
    # What had all traffic for longer than the look-back is as innocent as a deploy that ended then: it stands last.
    suspects.sort(key=lambda suspect: _had_all_traffic(suspect.deploy, began - look_back_s))
    later = [Suspect(d, True, began) for d in own if d.started > began]
    earlier = [d for d in own if d.started <= began]
    return Suspicion(
        suspects=tuple(suspects),
        innocent=tuple(later[:TOLD_INNOCENT]),
        began=began,
        last=None if suspects else next(iter(earlier or own), None),
        last_at=last_at,
        service=service_id,
        product=product,
        unread=unread,
        look_back_s=look_back_s,
    )


def _suspect(deploy: Deploy, began: float, look_back_s: float) -> bool:
    if deploy.started > began:
        return False
    return _ended(deploy) is None or (_ended(deploy) or 0.0) >= began - look_back_s


def _had_all_traffic(deploy: Deploy, at: float) -> bool:
    """Return whether all traffic went to its new revision already *at* that time, while it bakes or keeps old tasks."""
    return deploy.all_traffic_since is not None and deploy.all_traffic_since < at


def _ended(deploy: Deploy) -> float | None:
    """When it ended; None: it is under way. Where no end is told of one that is over, its begin stands for it."""
    if deploy.finished is not None:
        return deploy.finished
    return None if deploy.state.running else deploy.started


def _newest_first(deploy: Deploy) -> tuple[float, str]:
    return (-deploy.started, deploy.id)


def _worst_first(deploy: Deploy) -> tuple[bool, float, str]:
    """Order services that only share the product: what goes wrong comes first."""
    return (not (deploy.failed_tasks or deploy.state.bad), *_newest_first(deploy))


def _name(deploy: Deploy) -> str:
    """``prod/payments-api`` of ``prod/prod-main/payments-api``."""
    source, _, rest = deploy.service_id.partition("/")
    return f"{source}/{rest.rpartition('/')[2]}"


def _words(deploy: Deploy, began: float, tz: tzinfo | None, now: float) -> str:
    words = [f"{noun(deploy)} {deploy.arrow} of {_name(deploy)} started {_before(began - deploy.started)}"]
    ended = deploy.finished
    if deploy.taken_back is not None or deploy.state in WENT_BACK:
        words.append(deploy_status(deploy, tz, now))
    elif ended is not None and ended <= began:
        words.append(f"{deploy.state} {_before(began - ended)}")
    elif deploy.state.bad:
        words.append(str(deploy.state))
    elif deploy.state.running and deploy.all_traffic_since is not None:
        words.append(_all_traffic(deploy, began))
    if deploy.failed_tasks:
        why = f" ({deploy.failures[0].summary})" if deploy.failures else ""
        words.append(f"{stopped(deploy.failed_tasks)}{why}")
    return ", ".join(words)


def _all_traffic(deploy: Deploy, began: float) -> str:
    """``baking at 100% traffic since 9h before the alert``: what a deploy under way waits for, and since when."""
    how = "baking " if deploy.stage == BAKE_STAGE else "paused " if deploy.state.running and deploy.waits else ""
    if deploy.read_from == "CodeDeploy" and deploy.stage != BAKE_STAGE:
        how = "its old tasks still kept, "
    before = began - (deploy.all_traffic_since or began)
    about = "about " if deploy.bake_about else ""
    since = f" since {about}{_before(before)}" if before >= 1 else ""
    return f"{how}at {100 if deploy.traffic is None else deploy.traffic:.0f}% traffic{since}"


def _later_words(deploy: Deploy, began: float) -> str:
    what = f"{noun(deploy)} {deploy.arrow} of {_name(deploy)}"
    return f"{what} started {span(deploy.started - began)} after the alert: not the suspect"


def _before(seconds: float) -> str:
    return f"{span(seconds)} before the alert" if seconds >= 1 else "together with the alert"


def _look_back(seconds: float) -> str:
    return "hour" if seconds == 3600 else f"{seconds / 60:g} minutes"
