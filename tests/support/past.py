"""Entries of a journal, minutes after one moment, and the history that is derived from them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.history import PastEpisode, episode_id
from oncall_tui.journal.history import History, history_path
from oncall_tui.journal.store import Store

NOW = 1_780_000_000.0
ALWAYS = (0.0, 9e9)
DAY_S = 86_400.0
PATH = "journal.db"


def entry(_kind: EntryKind, minute: float, subject: str, text: str = "", actor: str = "", **data: Any) -> Entry:
    return Entry(at=NOW + minute * 60, kind=_kind, subject=subject, text=text, actor=actor, data=data)


def fires(minute: float, subject: str = "prom/a", began: float | None = None, **data: Any) -> Entry:
    data = {"new": "firing", "began": NOW + (minute if began is None else began) * 60, "key": subject, **data}
    return entry(EntryKind.ALERT, minute, subject, data.pop("title", "5xx"), **data)


def over(minute: float, subject: str = "prom/a", **data: Any) -> Entry:
    return entry(EntryKind.ALERT, minute, subject, new="resolved", **data)


def watching(first: float, last: float) -> list[Entry]:
    found = [entry(EntryKind.WATCH, first, "board", state="started")]
    while (minute := (found[-1].at - NOW) / 60 + 5) < last:
        found.append(entry(EntryKind.WATCH, minute, "board", state="watching"))
    return [*found, entry(EntryKind.WATCH, last, "board", state="stopped")]


def sent(
    minute: float, plan: str, verb: str, target: str, actor: str = "Alice", state: str = "done", **request: Any
) -> list[Entry]:
    told = {"id": plan, "verb": verb, "source": "prod", "target": target, "version": "v", "title": verb}
    told |= {"actor": {"name": actor}, "made_at": NOW, "request": request}
    intent = entry(EntryKind.INTENT, minute, plan, verb, actor, plan=told)
    return [intent, entry(EntryKind.OUTCOME, minute + 0.1, plan, "", actor, state=state, verb=verb, target=target)]


def deploys(minute: float, name: str, arrow: str, took: float = 5, **data: Any) -> Entry:
    data = {"new": "succeeded", "service": "prod/main/api", "arrow": arrow, "started": NOW + minute * 60, **data}
    return entry(EntryKind.DEPLOY, minute + took, name, **data)


def told(began: float, alert: str = "prom/a", **fields: Any) -> Entry:
    at = NOW + began * 60
    source = alert.partition("/")[0]
    fields = {"source": source, "provider": source, "title": "5xx", **fields}
    found = PastEpisode(id=episode_id(alert, at), alert=alert, began=at, imported=True, **fields)
    return Entry(at=at, kind=EntryKind.TOLD_EPISODE, subject=found.id, data=msgspec.to_builtins(found))


def ordered(*entries: Entry | Iterable[Entry]) -> list[Entry]:
    found = [e for one in entries for e in ((one,) if isinstance(one, Entry) else one)]
    return sorted(found, key=lambda e: e.at)


def history_of(folder: Path, *entries: Entry | Iterable[Entry]) -> History:
    store = Store(folder / PATH)
    store.append([e for one in entries for e in ((one,) if isinstance(one, Entry) else one)])
    history = History(store, history_path(folder / PATH))
    history.catch_up()
    return history


def at(minute: float) -> float:
    return NOW + minute * 60


def made_folder(path: Path) -> Path:
    path.mkdir()
    return path
