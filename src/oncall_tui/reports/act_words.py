"""The words for an action that has no plan in the record: the verb once, and its target by a title, never by an id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.outcome import OutcomeState


class Act(NamedTuple):
    """One action: *what* was to be done to what, its *state*, and *why* (or what came of it)."""

    what: str
    state: str
    why: str


def target_names(entries: Iterable[Entry]) -> dict[str, str]:
    """Return the titles of the alerts and the words for the deploys that *entries* tell of, by id."""
    names: dict[str, str] = {}
    for entry in entries:
        if entry.kind is EntryKind.ALERT and entry.text:
            names[entry.subject] = entry.text
        elif entry.kind is EntryKind.DEPLOY:
            told = f"{entry.data.get('service', '')} {entry.data.get('arrow', '')}".strip()
            names[entry.subject] = f"deploy {told or entry.text.partition(',')[0]}"
            if service := str(entry.data.get("service", "")):
                names.setdefault(service, service)
    return names


def act_of(entry: Entry, names: Mapping[str, str]) -> Act:
    """Return the words for an outcome or a refusal; *names* say what an id is called."""
    verb, target = str(entry.data.get("verb", "")), str(entry.data.get("target") or entry.subject)
    state = str(entry.data.get("state") or OutcomeState.REFUSED)
    why = entry.text.removeprefix(f"{verb}: ") if entry.kind is EntryKind.REFUSED else entry.text
    return Act(f"{verb} {_named(target, names)}".strip(), state, why)


def _named(target: str, names: Mapping[str, str]) -> str:
    """Return what it is called; of a deploy that nothing tells of, its service, where that is known."""
    service, _, _ = target.rpartition("/")
    return names.get(target) or names.get(service) or target
