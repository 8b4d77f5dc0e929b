"""Deploys and changes that may have done it, in words that say why. Pure: from them and when the episode began.

Either is a suspect where it had begun when the episode began and was under way then, or had ended within the look-back
before. What began later is not, and that is said too: but what began while nothing of the problem fired is judged by
the firing after it. A change of which it is only known between which times it began is cleared where the earlier of
them is after the alert, and is weak evidence where only the later one is. Nothing is claimed that these rows do not
show. docs/changes.md says in which order they stand. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import tzinfo

import msgspec

from oncall_tui.domain.change import AUTOSCALING, Change, ChangeKind, began_later
from oncall_tui.domain.deploy import BAKE_STAGE, WENT_BACK, Deploy
from oncall_tui.text.change_words import THE_ALERT, before_alert, beside_alert
from oncall_tui.text.history_words import back_of, deploy_status, named, noun, stopped
from oncall_tui.text.time_format import ago, span
from oncall_tui.triage.firings import QuietTime

LOOK_BACK_S = 3600.0
SOON_S = 600.0  # what autoscaling took away, or what went wrong, so shortly before the alert may well have done it
TOLD_INNOCENT = 3
FIRED_AGAIN = "it fired again"
BY_ITSELF = "it had fired again before, without a deploy"
END_UNSEEN = "whether it had ended by then is not known"
# What breaks a thing by itself. A release or an event that another system tells of may be the deploy that ECS shows.
_HARMS = frozenset({ChangeKind.DATABASE, ChangeKind.CONFIGURATION, ChangeKind.MAINTENANCE, ChangeKind.ALARM})


class Suspect(msgspec.Struct, frozen=True, gc=False):
    """One deploy that may have to do with an alert. *own*: it is of the alert's own service.

    *began* is when the alert's episode began (seconds since the epoch); where the deploy began while the alert was
    quiet, when that fired *again*. *doubt* says why it is weak evidence then; empty: it is not.
    """

    deploy: Deploy
    own: bool
    began: float
    again: bool = False
    doubt: str = ""

    @property
    def at(self) -> float:
        """When the deploy started (seconds since the epoch)."""
        return self.deploy.started

    @property
    def possible(self) -> bool:
        """Tell whether it is weak evidence: the alert comes back by itself, or may not have been quiet at all."""
        return bool(self.doubt)

    @property
    def words(self) -> str:
        """Return the deploy's name, its time before or after the alert, and its end."""
        return self.told()

    def told(self, tz: tzinfo | None = None, now: float = 0.0) -> str:
        """The same, with the time at which it ended where a zone is given."""
        if began_later(self.deploy.started, self.began):
            return _later_words(self.deploy, self.began)
        words = _words(self.deploy, self.began, FIRED_AGAIN if self.again else THE_ALERT, tz, now)
        return f"{words}; possibly the suspect: {self.doubt}" if self.doubt else words


class SuspectChange(msgspec.Struct, frozen=True, gc=False):
    """One change that may have to do with an alert. *own*: it is of no other service than the alert's.

    *began*, *again* and *doubt* are as a suspected deploy's.
    """

    change: Change
    own: bool
    began: float
    again: bool = False
    doubt: str = ""

    @property
    def at(self) -> float:
        """When the change began (seconds since the epoch)."""
        return self.change.began

    @property
    def possible(self) -> bool:
        """Tell whether it may have begun before the alert, or after it: nobody tells which; or else is in doubt."""
        return bool(self.doubt) or self._astride

    @property
    def _astride(self) -> bool:
        return began_later(self.change.began, self.began) and not began_later(self.change.earliest, self.began)

    @property
    def words(self) -> str:
        """Return what it is, who did it, and its time before or after the alert."""
        words = beside_alert(self.change, self.began, FIRED_AGAIN if self.again else THE_ALERT)
        return f"{words}; possibly the suspect: {self.doubt}" if self.doubt and not self._astride else words

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

    *began* is when that was, *quiet* when nothing of it fired since. *last* is the service's last deploy, where
    nothing is suspect: the last before it, if one is known. *unread* says why there may be a deploy that is not known
    (empty: all that matters was read), *changes_unread* the same of a change; *changes_read*: its product names
    sources of changes, and all were read. *wide*: it is part of something wide, so deploys are "also deployed".
    """

    suspects: tuple[Suspect | SuspectChange, ...] = ()
    innocent: tuple[Suspect | SuspectChange, ...] = ()
    began: float = 0.0
    quiet: tuple[QuietTime, ...] = ()
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

    def of(self, deploy: Deploy) -> Suspect | None:
        """Return *deploy* as it is suspected; None: it is not."""
        return next((one for one in self.deploys if one.deploy.id == deploy.id), None)

    def fired_at(self, started: float) -> float | None:
        """Since when it had fired already as a deploy *started* (both seconds since the epoch); None: it did not."""
        if not began_later(started, self.began) or any(q.may_hold(started, started) for q in self.quiet):
            return None
        return max((q.again for q in self.quiet if began_later(started, q.again)), default=self.began)

    @property
    def change_first(self) -> Change | None:
        """The change that stands first as strong evidence; None: a deploy does, or nothing is more than weak."""
        return self.first.change if isinstance(self.first, SuspectChange) and self.first.strong else None

    @property
    def in_doubt(self) -> str:
        """Why the first suspect may not be it: only weak evidence is found, and not all was read. Empty: it stands."""
        first = self.first
        weak = first is not None and (first.possible if isinstance(first, Suspect) else not first.strong)
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
    quiet: tuple[QuietTime, ...] = (),
    changes: Iterable[Change] = (),
    look_back_s: float = LOOK_BACK_S,
    last_at: float | None = None,
    unread: str = "",
    changes_unread: str = "",
    changes_read: bool = False,
    product: str = "",
) -> Suspicion:
    """*began*: when the alert's episode began; *own*: deploys of its service; *others*: of the rest of its product;
    *quiet*: when nothing of it fired since; *changes*: of its service, its product, or of its own alarm.

    *last_at*: when the service's last deploy began, as the service itself tells.
    """
    own, others = sorted(own, key=_newest_first), tuple(others)
    judge = _Judge(began, look_back_s, quiet, tuple(own if service_id else others))
    deploys = _deploys(judge, own, others)
    found, later_changes = _changes(judge, service_id, changes)
    later = [Suspect(d, True, began) for d in own if judge.cleared(d.started, d.started)]
    earlier = [d for d in own if not began_later(d.started, began)]
    return Suspicion(
        suspects=tuple(_ranked(deploys, found, look_back_s)) if found else tuple(deploys),
        innocent=(*later[:TOLD_INNOCENT], *later_changes[:TOLD_INNOCENT]),
        began=began,
        quiet=quiet,
        last=None if deploys or found else next(iter(earlier or own), None),
        last_at=last_at,
        service=service_id,
        product=product,
        unread=unread,
        changes_unread=changes_unread,
        changes_read=changes_read,
        look_back_s=look_back_s,
    )


class _Judge(msgspec.Struct, frozen=True, gc=False):
    """The rule by which firing a deploy or a change is judged. *deploys* are those that the firings may come from."""

    began: float
    look_back_s: float
    quiet: tuple[QuietTime, ...]
    deploys: tuple[Deploy, ...]

    def cleared(self, first: float, last: float) -> bool:
        """Tell whether the alert was firing already when that began (between *first* and *last*)."""
        return began_later(first, self.began) and self._quiet(first, last) is None

    def firing(self, first: float, last: float) -> tuple[float, bool, str] | None:
        """Return the begin of the firing, whether it is one after the first, and what is in doubt; None: cleared."""
        if not began_later(first, self.began):
            return self.began, False, ""
        found = self._quiet(first, last)
        if found is None:
            return None
        doubt = "" if found.holds(first, last) else END_UNSEEN
        return found.again, True, doubt or (BY_ITSELF if self._by_itself(found, first) else "")

    def _quiet(self, first: float, last: float) -> QuietTime | None:
        return next((one for one in reversed(self.quiet) if one.may_hold(first, last)), None)

    def _by_itself(self, found: QuietTime, at: float) -> bool:
        """Tell whether it had fired again before, and nothing was deployed in the quiet time before that.

        What fired again until a rollback was done is of what was rolled back.
        """
        back = max((done for d in self.deploys if (done := _gone_since(d)) is not None and done < at), default=0.0)
        return any(
            one.again < found.again
            and one.again > back
            and not any(not d.goes_back and one.may_hold(d.started, d.started) for d in self.deploys)
            for one in self.quiet
        )

    def suspect(self, deploy: Deploy, own: bool) -> Suspect | None:
        """Return *deploy* as a suspect; None: it is none."""
        firing = self.firing(deploy.started, deploy.started)
        ended = _ended(deploy)
        if firing is None or (ended is not None and ended < firing[0] - self.look_back_s):
            return None
        return Suspect(deploy, own, *firing)


def _gone_since(deploy: Deploy) -> float | None:
    """When its rollback was done, or it was, being a rollback; None: neither."""
    if deploy.goes_back:
        return deploy.finished if deploy.finished is not None else deploy.started
    back = back_of(deploy)
    return None if back is None else back.ended if back.ended is not None else back.began


def _deploys(judge: _Judge, own: Iterable[Deploy], others: Iterable[Deploy]) -> list[Suspect]:
    """The suspected deploys: those of the service, the newest first, then those of its product."""
    mine = [found for d in own if (found := judge.suspect(d, True))]
    theirs = [found for d in others if (found := judge.suspect(d, False))]
    theirs.sort(key=lambda suspect: (not suspect.again, *_worst_first(suspect.deploy)))
    # A rollback brought back what had run well: so every other deploy stands before it.
    mine.sort(key=lambda suspect: suspect.deploy.goes_back)
    suspects = [*mine, *theirs]
    # What had all traffic for longer than the look-back is as innocent as a deploy that ended then: it stands last.
    suspects.sort(key=lambda one: (one.possible, _had_all_traffic(one.deploy, one.began - judge.look_back_s)))
    return suspects


def _changes(
    judge: _Judge, service_id: str, changes: Iterable[Change]
) -> tuple[list[SuspectChange], list[SuspectChange]]:
    """The suspected changes, and those of the service or of its product's own things that began later."""
    found: list[SuspectChange] = []
    later: list[SuspectChange] = []
    for change in changes:
        own = change.service_id in ("", service_id) or change.kind is ChangeKind.ALARM
        firing = judge.firing(change.earliest, change.began)
        if firing is None:
            later += [SuspectChange(change, own, judge.began)] if own else []
        elif change.ended is None or change.ended >= firing[0] - judge.look_back_s:
            found.append(SuspectChange(change, own, *firing))
    if len(found) > 1:
        found.sort(key=_strongest_first)
    if len(later) > 1:
        later.sort(key=_strongest_first)
    return found, later


def _ranked(
    deploys: Sequence[Suspect], changes: Sequence[SuspectChange], look_back_s: float
) -> list[Suspect | SuspectChange]:
    """Both: deploys keep their order, and changes theirs; a change stands before the first deploy that it beats."""
    ranked: list[Suspect | SuspectChange] = []
    place = 0
    for deploy in deploys:
        while place < len(changes) and _beats(changes[place], deploy, look_back_s):
            ranked.append(changes[place])
            place += 1
        ranked.append(deploy)
    return [*ranked, *changes[place:]]


def _beats(change: SuspectChange, suspect: Suspect, look_back_s: float) -> bool:
    """Tell whether *change* is the likelier cause: it is strong evidence, and surely began after the deploy did.

    A deploy of the service that goes wrong is no likelier for what happened beside it; and what another service's
    change did stands behind the service's own deploys. A deploy that went before the alert fired again is not what
    goes wrong then.
    """
    deploy = suspect.deploy
    if not change.strong:
        return False
    if suspect.possible or deploy.goes_back or _had_all_traffic(deploy, suspect.began - look_back_s):
        return True
    if not suspect.own:
        return change.own or change.change.earliest > suspect.at
    if not change.own or change.change.earliest <= suspect.at:
        return False
    went = change.again and not suspect.again and deploy.state.bad and _ended(deploy) is not None
    return went or not _goes_wrong(deploy, change.began)


def _goes_wrong(deploy: Deploy, began: float) -> bool:
    """Tell whether its tasks stop, or it failed, and that at or shortly before *began*."""
    ended = _ended(deploy)
    return bool(deploy.failed_tasks or deploy.state.bad) and (ended is None or ended >= began - SOON_S)


def _strongest_first(one: SuspectChange) -> tuple[bool, bool, float, str]:
    return (not one.strong, not one.own, -one.change.earliest, one.change.id)


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


def _words(deploy: Deploy, began: float, alert: str, tz: tzinfo | None, now: float) -> str:
    words = [f"{noun(deploy)} {deploy.arrow} of {_name(deploy)} started {before_alert(began - deploy.started, alert)}"]
    ended = deploy.finished
    if deploy.taken_back is not None or deploy.state in WENT_BACK:
        words.append(deploy_status(deploy, tz, now))
    elif ended is not None and ended <= began:
        words.append(f"{deploy.state} {before_alert(began - ended, alert)}")
    elif deploy.state.bad:
        words.append(str(deploy.state))
    elif deploy.state.running and deploy.all_traffic_since is not None:
        words.append(_all_traffic(deploy, began, alert))
    if deploy.failed_tasks:
        why = f" ({deploy.failures[0].summary})" if deploy.failures else ""
        words.append(f"{stopped(deploy.failed_tasks)}{why}")
    return ", ".join(words)


def _all_traffic(deploy: Deploy, began: float, alert: str) -> str:
    """``baking at 100% traffic since 9h before the alert``: what a deploy under way waits for, and since when."""
    how = "baking " if deploy.stage == BAKE_STAGE else "paused " if deploy.state.running and deploy.waits else ""
    if deploy.read_from == "CodeDeploy" and deploy.stage != BAKE_STAGE:
        how = "its old tasks still kept, "
    seconds = began - (deploy.all_traffic_since or began)
    about = "about " if deploy.bake_about else ""
    since = f" since {about}{before_alert(seconds, alert)}" if seconds >= 1 else ""
    return f"{how}at {100 if deploy.traffic is None else deploy.traffic:.0f}% traffic{since}"


def _later_words(deploy: Deploy, began: float) -> str:
    what = f"{noun(deploy)} {deploy.arrow} of {_name(deploy)}"
    return f"{what} started {span(deploy.started - began)} after the alert: not the suspect"


def _look_back(seconds: float) -> str:
    return "hour" if seconds == 3600 else f"{seconds / 60:g} minutes"
