"""The controller of the keys that do something to a row: each call takes the row as it was drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from oncall_tui.domain.action import Verb
from oncall_tui.text.cells import count, fit_middle
from oncall_tui.tui.controllers.alert_actions import AlertActions
from oncall_tui.tui.controllers.deploy_actions import DeployActions
from oncall_tui.tui.controllers.dialogs import Dialogs
from oncall_tui.tui.controllers.login import Login
from oncall_tui.tui.controllers.offers import ON_MARKED, Offers
from oncall_tui.tui.controllers.openers import Openers
from oncall_tui.tui.controllers.planning import Planning
from oncall_tui.tui.keys import DEPLOYS, KEYS, PALETTE, RARE, VERBS, Key, label
from oncall_tui.tui.presenters.targets import ActionTarget
from oncall_tui.tui.session import PaletteEntry, RowRef, Session
from oncall_tui.tui.widgets.footer import KeyItem

TARGET_CELLS = 16  # of a name in the key bar


class Actions:
    """Every key that acts on a row, and what the key bar and the palette offer for it."""

    def __init__(self, session: Session, dialogs: Dialogs) -> None:
        self._session = session
        self.offers = Offers(session)
        login = Login(session, dialogs)
        planning = Planning(session, dialogs, login)
        self._alerts = AlertActions(session, dialogs, planning, self.offers)
        self._deploys = DeployActions(session, dialogs, planning, self.offers)
        self._openers = Openers(session, dialogs, planning, self.offers)
        self._by_key: dict[str, Callable[[RowRef], None]] = {
            "ack": self._alerts.acknowledge,
            "unack": self._alerts.unacknowledge,
            "escalate": self._alerts.escalate,
            "silence": self._alerts.silence,
            "note": self._alerts.note,
            "rollback": partial(self._deploys.do, Verb.ROLL_BACK),
            "continue": partial(self._deploys.do, Verb.CONTINUE),
            "shell": self._openers.shell,
            "logs": self._openers.logs,
            "timeline": self._openers.timeline,
            "copy": self._openers.copy,
            "login": login.begin,
            "sources": self._openers.sources,
            "oncall": self._openers.on_call,
            "handover": self._openers.handover,
        }

    def do(self, key_id: str, row: RowRef) -> None:
        """Carry out on the row what the key asks for."""
        self._by_key[key_id](row)

    # --- what is offered ----------------------------------------------------------------------------------------------

    def bar_items(self, row: RowRef) -> list[KeyItem]:
        """Return the key bar: the keys that can do something now, and their targets. ``u`` takes the place of ``a``
        where the row is acknowledged. Where rows are marked, the keys that act on them stand first.
        """
        items: list[KeyItem] = []
        first = ON_MARKED if row.marked else frozenset()
        for key in sorted(KEYS, key=lambda key: key.id not in first):
            if key.id not in VERBS:
                items += [(label(key), key.word, True)] if key.bar else []
            elif self._in_bar(key, row):
                items.append((label(key), f"{self.offers.word(key, row)}{self._named(key.id, row)}", True))
        return items

    def _in_bar(self, key: Key, row: RowRef) -> bool:
        """Tell whether this key that acts can do something now, and is one of those that the bar shows."""
        if key.id == "unack" and self.offers.offered("ack", row):
            return False
        shown = key.bar or key.id in RARE or (bool(row.marked) and key.id in ON_MARKED)
        return shown and self.offers.offered(key.id, row)

    def _named(self, key_id: str, row: RowRef) -> str:
        """Name the target of a key that acts on the row at once, or on another thing than the row."""
        if row.marked and key_id in ON_MARKED:
            return f" {count(len(row.marked), 'row')}"
        if key_id in ("ack", "unack") or (row.marked and key_id == "escalate"):
            name = self._session.name(row)
        elif key_id in ("rollback", "continue"):
            found = self.offers.deploy_target(VERBS[key_id], row)
            name = found.name.partition(": ")[0].rpartition("/")[2] if isinstance(found, ActionTarget) else ""
        else:
            return ""
        return f" {fit_middle(name, TARGET_CELLS).rstrip()}" if name else ""

    def without_keys(self, row: RowRef) -> Iterator[PaletteEntry]:
        """Return the palette's entries for verbs without a key. Each acts on the target that was listed."""
        for verb, (title, what) in PALETTE.items():
            if not self.offers.possible(verb, row):
                continue
            if verb in DEPLOYS:
                target = self.offers.deploy_target(verb, row)
                if isinstance(target, ActionTarget):
                    yield f"{title} {target.name}", what, partial(self._deploys.do, verb, row, target)
            elif alert := self.offers.alert_target(verb, row):
                yield f"{title} {alert.title}", what, partial(self._alerts.do, verb, row, alert)

    def not_now(self, row: RowRef) -> Iterator[PaletteEntry]:
        """Return the verbs without a key that the row cannot have now, and why: a search by name finds the reason."""
        for verb, (title, _) in PALETTE.items():
            if not self.offers.possible(verb, row):
                found = self.offers.deploy_target(verb, row) if verb in DEPLOYS and row.id is not None else ""
                why = found if isinstance(found, str) and found else self.offers.why_not(verb, row)
                yield f"{title}: not now", why, partial(self._session.say, f"{verb}: {why}", "warning")
