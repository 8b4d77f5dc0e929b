"""Deploys and changes that may have done it, in words that say why. Pure: from them and when the episode began.

Either is a suspect where it had begun when the episode began and was under way then, or had ended within the look-back
before. What began later is not, and that is said too. A change of which it is only known between which times it began
is cleared where the earlier of them is after the alert, and is weak evidence where only the later one is. Nothing is
claimed that these rows do not show. docs/changes.md says in which order they stand. Times are seconds since the epoch,
UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import tzinfo

import msgspec

from oncall_tui.domain.change import AUTOSCALING, Change, ChangeKind, began_later
from oncall_tui.domain.deploy import BAKE_STAGE, WENT_BACK, Deploy
from oncall_tui.text.change_words import beside_alert
from oncall_tui.text.history_words import deploy_status, named, noun, stopped
from oncall_tui.text.time_format import ago, span

LOOK_BACK_S = 3600.0
SOON_S = 600.0  # what autoscaling took away, or what went wrong, so shortly before the alert may well have done it
TOLD_INNOCENT = 3
# What breaks a thing by itself. A release or an event that another system tells of may be the deploy that ECS shows.
_HARMS = frozenset({ChangeKind.DATABASE, ChangeKind.CONFIGURATION, ChangeKind.MAINTENANCE, ChangeKind.ALARM})


class Suspect(msgspec.Struct, frozen=True, gc=False):
    """One deploy that may have to do with an alert. *own*: it is of the alert's own service.

    *began* is when the alert's episode began (seconds since the epoch).
    """

    deploy: Deploy
    own: bool
    began: float

    @property
    def at(self) -> float:
        """When the deploy started (seconds since the epoch)."""
        return self.deploy.started

    @property
    def words(self) -> str:
        """Return the deploy's name, its time before or after the alert, and its end."""
        return self.told()

    def told(self, tz: tzinfo | None = None, now: float = 0.0) -> str:
        """The same, with the time at which it ended where a zone is given."""
        if began_later(self.deploy.started, self.began):
            return _later_words(self.deploy, self.began)
        return _words(self.deploy, self.began, tz, now)


class SuspectChange(msgspec.Struct, frozen=True, gc=False):
    """One change that may have to do with an alert. *own*: it is of no other service than the alert's.

    *began* is when the alert's episode began (seconds since the epoch).
    """

    change: Change
    own: bool
    began: float

    @property
    def at(self) -> float:
        """When the change began (seconds since the epoch)."""
        return self.change.began

    @property
    def possible(self) -> bool:
        """Tell whether it may have begun before the alert, or after it: nobody tells which."""
        return began_later(self.change.began, self.began) and not began_later(self.change.earliest, self.began)

    @property
    def words(self) -> str:
        """Return what it is, who did it, and its time before or after the alert."""
        return beside_alert(self.change, self.began)

    def told(self, tz: tzinfo | None = None, now: float = 0.0) -> str:
        """The same: the words have no time of day, so neither *tz* nor *now* matters."""
        return self.words

    @property
    def strong(self) -> bool:
        """Tell whether it may stand before a deploy: it breaks a thing by itself, or took tasks away.

        Autoscaling answers to load: what it adds, and what it took away long before, is weak evidence.
        """
        change, counts = self.change, self.change.counts
        if self.possible:
            return False
        if change.kind is ChangeKind.SCALING:
            fewer = counts is not None and counts[1] < counts[0]
            return fewer and (change.by != AUTOSCALING or self.began - change.began <= SOON_S)
        return change.kind in _HARMS


class Suspicion(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """*suspects* are ranked, the likeliest first. *innocent* began after the episode did.

    *began* is when that was. *last* is the service's last deploy, where nothing is suspect: the last before it, if one
    is known. *unread* says why there may be a deploy that is not known (empty: all that matters was read),
    *changes_unread* the same of a change; *changes_read*: its product names sources of changes, and all were read.
    *wide*: it is part of something wide, so deploys are "also deployed".
    """

    suspects: tuple[Suspect | SuspectChange, ...] = ()
    innocent: tuple[Suspect | SuspectChange, ...] = ()
    began: float = 0.0
    last: Deploy | None = None
    last_at: float | None = None
    service: str = ""
    product: str = ""
    unread: str = ""
    changes_unread: str = ""
    changes_read: bool = False
    wide: bool = False
    look_back_s: float = LOOK_BACK_S

    @property
    def first(self) -> Suspect | SuspectChange | None:
        return self.suspects[0] if self.suspects else None

    @property
    def deploys(self) -> tuple[Suspect, ...]:
        """The suspected deploys, in their order: the first is what ``R`` rolls back."""
        return tuple(one for one in self.suspects if isinstance(one, Suspect))

    @property
    def not_known(self) -> str:
        """Why there may be a deploy or a change that is not known; empty: all that matters was read."""
        return "; ".join(dict.fromkeys(why for why in (self.unread, self.changes_unread) if why))

    @property
    def change_first(self) -> Change | None:
        """The change that stands first as strong evidence; None: a deploy does, or nothing is more than weak."""
        return self.first.change if isinstance(self.first, SuspectChange) and self.first.strong else None

    @property
    def in_doubt(self) -> str:
        """Why the first suspect may not be it: only weak evidence is found, and not all was read. Empty: it stands."""
        weak = isinstance(self.first, SuspectChange) and not self.first.strong
        return self.not_known if weak else ""

    @property
    def placed(self) -> bool:
        """Tell whether its service, or its product at least, is known."""
        return bool(self.service or self.product)

    def words(self, now: float, tz: tzinfo | None = None) -> str:
        """One line: the first suspect, or that there is none, and then how old the last deploy is.

        What was not read stands before a suspect that is weak evidence: a deploy may be hidden there.
        """
        if self.first is not None:
            also = "also changed: " if isinstance(self.first, SuspectChange) else "also deployed: "
            doubt = f"not known: {self.in_doubt}; " if self.in_doubt else ""
            return doubt + (also if self.wide else "") + self.first.told(tz, now)
        if self.unread:
            return f"not known: {self.not_known}"
        if not self.placed:
            return "no suspect: no known ECS service for this alert"
        none = self._no_deploy(now)
        return f"not known: {self.changes_unread}; {none}" if self.changes_unread else f"no suspect: {none}"

    def _no_deploy(self, now: float) -> str:
        """Say what was looked for, and how old the last deploy is."""
        what = "deploy or change" if self.changes_read else "deploy"
        of = "" if self.service else f" of {self.product}"
        none = f"no {what}{of} in the {_look_back(self.look_back_s)} before"
        what = "the last deploy" if self.changes_read else "the last"
        if self.last is not None:
            later = self.last.started - self.began
            after = f"{span(later)} after the alert, " if later > 0 else ""
            return f"{none}; {what}, {named(self.last)}, started {after}{ago(now - self.last.started)}"
        if self.last_at is not None:
            return f"{none}; {what} started {ago(now - self.last_at)}"
        return none


NOTHING = Suspicion()


def suspicion(
    began: float,
    service_id: str,
    own: Iterable[Deploy],
    others: Iterable[Deploy] = (),
    *,
    changes: Iterable[Change] = (),
    look_back_s: float = LOOK_BACK_S,
    last_at: float | None = None,
    unread: str = "",
    changes_unread: str = "",
    changes_read: bool = False,
    product: str = "",
) -> Suspicion:
    """*began*: when the alert's episode began; *own*: deploys of its service; *others*: of the rest of its product;
    *changes*: of its service, its product, or of its own alarm.

    *last_at*: when the service's last deploy began, as the service itself tells.
    """
    own = sorted(own, key=_newest_first)
    deploys = _deploys(began, own, others, look_back_s)
    found, later_changes = _changes(began, service_id, changes, look_back_s)
    later = [Suspect(d, True, began) for d in own if began_later(d.started, began)]
    earlier = [d for d in own if not began_later(d.started, began)]
    return Suspicion(
        suspects=tuple(_ranked(deploys, found, began - look_back_s)) if found else tuple(deploys),
        innocent=(*later[:TOLD_INNOCENT], *later_changes[:TOLD_INNOCENT]),
        began=began,
        last=None if deploys or found else next(iter(earlier or own), None),
        last_at=last_at,
        service=service_id,
        product=product,
        unread=unread,
        changes_unread=changes_unread,
        changes_read=changes_read,
        look_back_s=look_back_s,
    )


def _deploys(began: float, own: Iterable[Deploy], others: Iterable[Deploy], look_back_s: float) -> list[Suspect]:
    """The suspected deploys: those of the service, the newest first, then those of its product."""
    mine = [d for d in own if _suspect(d, began, look_back_s)]
    theirs = sorted((d for d in others if _suspect(d, began, look_back_s)), key=_worst_first)
    # A rollback brought back what had run well: so every other deploy stands before it.
    mine.sort(key=lambda deploy: deploy.goes_back)
    suspects = [*(Suspect(d, True, began) for d in mine), *(Suspect(d, False, began) for d in theirs)]
    # What had all traffic for longer than the look-back is as innocent as a deploy that ended then: it stands last.
    suspects.sort(key=lambda suspect: _had_all_traffic(suspect.deploy, began - look_back_s))
    return suspects


def _changes(
    began: float, service_id: str, changes: Iterable[Change], look_back_s: float
) -> tuple[list[SuspectChange], list[SuspectChange]]:
    """The suspected changes, and those of the service or of its product's own things that began later."""
    found: list[SuspectChange] = []
    later: list[SuspectChange] = []
    for change in changes:
        own = change.service_id in ("", service_id) or change.kind is ChangeKind.ALARM
        if began_later(change.earliest, began):
            later += [SuspectChange(change, own, began)] if own else []
        elif change.ended is None or change.ended >= began - look_back_s:
            found.append(SuspectChange(change, own, began))
    if len(found) > 1:
        found.sort(key=_strongest_first)
    if len(later) > 1:
        later.sort(key=_strongest_first)
    return found, later


def _ranked(
    deploys: Sequence[Suspect], changes: Sequence[SuspectChange], long_since: float
) -> list[Suspect | SuspectChange]:
    """Both: deploys keep their order, and changes theirs; a change stands before the first deploy that it beats."""
    ranked: list[Suspect | SuspectChange] = []
    place = 0
    for deploy in deploys:
        while place < len(changes) and _beats(changes[place], deploy, long_since):
            ranked.append(changes[place])
            place += 1
        ranked.append(deploy)
    return [*ranked, *changes[place:]]


def _beats(change: SuspectChange, suspect: Suspect, long_since: float) -> bool:
    """Tell whether *change* is the likelier cause: it is strong evidence, and surely began after the deploy did.

    A deploy of the service that goes wrong is no likelier for what happened beside it; and what another service's
    change did stands behind the service's own deploys.
    """
    deploy = suspect.deploy
    if not change.strong:
        return False
    if deploy.goes_back or _had_all_traffic(deploy, long_since):
        return True
    if not suspect.own:
        return change.own or change.change.earliest > suspect.at
    return change.own and change.change.earliest > suspect.at and not _goes_wrong(deploy, change.began)


def _goes_wrong(deploy: Deploy, began: float) -> bool:
    """Tell whether its tasks stop, or it failed, and that at or shortly before *began*."""
    ended = _ended(deploy)
    return bool(deploy.failed_tasks or deploy.state.bad) and (ended is None or ended >= began - SOON_S)


def _strongest_first(one: SuspectChange) -> tuple[bool, bool, float, str]:
    return (not one.strong, not one.own, -one.change.earliest, one.change.id)


def _suspect(deploy: Deploy, began: float, look_back_s: float) -> bool:
    if began_later(deploy.started, began):
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
