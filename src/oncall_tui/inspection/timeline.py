"""One timeline of an alert, the deploys, the tasks and what was done: newest first, each with who and where. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from oncall_tui.domain.alert import Alert
from oncall_tui.domain.change import Change
from oncall_tui.domain.deploy import WENT_BACK, Deploy, DeployState
from oncall_tui.domain.service import Service
from oncall_tui.domain.service_detail import ServiceDetail, Task, short_task
from oncall_tui.providers.base import TimelineEvent
from oncall_tui.text.change_words import dated
from oncall_tui.text.history_words import began_by, by, deploy_status, noun, rollback_status
from oncall_tui.text.short_ids import short_ids

HERE = "here"
RUN_S = 600.0
ALERT, DEPLOY, CHANGE, TASK, EVENT, ACTION = "alert", "deploy", "change", "task", "event", "action"


class TimelineEntry(msgspec.Struct, frozen=True, gc=False):
    """One thing that happened. *at* in seconds since the epoch, UTC; *kind* is a word for what it happened to.

    *where* it is known: a source's name, or ``here`` for this machine's journal. Of what happened
    several *times*, each within ten minutes of the one before, *at* is the last and *first* the first.
    """

    at: float
    kind: str
    text: str
    by: str = ""
    where: str = ""
    times: int = 1
    first: float | None = None

    @property
    def since(self) -> float:
        """When the first of them was."""
        return self.at if self.first is None else self.first


def merge_timeline(
    alerts: Iterable[Alert] = (),
    told: Mapping[str, Sequence[TimelineEvent]] | None = None,
    deploys: Iterable[Deploy] = (),
    service: Service | None = None,
    inside: ServiceDetail | None = None,
    changes: Iterable[Change] = (),
) -> tuple[TimelineEntry, ...]:
    """Merge everything that is known, newest first; of two places that tell alike, one is kept.

    *told* is what each row's source and the journal remember, by the row's id.
    """
    deploys = tuple(deploys)
    entries = [
        *(m for a in alerts for m in _of_alert(a)),
        *(m for row_id, rows in (told or {}).items() for m in _of_told(row_id, rows)),
        *(m for d in deploys for m in _of_deploy(d)),
        *(m for c in changes for m in _of_change(c)),
        *_of_tasks(deploys, inside),
        *_of_events(service, inside),
    ]
    once = dict.fromkeys(msgspec.structs.replace(m, text=short_ids(m.text)) for m in entries)  # equal entries are one
    seen: set[tuple[int, str]] = set()
    kept: list[TimelineEntry] = []
    runs: dict[tuple[str, str, str], int] = {}  # what repeats → its place among the kept
    for entry in sorted(once, key=lambda m: (-m.at, _ORDER[m.kind], m.text)):
        same = (int(entry.at), entry.text)
        if same in seen:
            continue
        seen.add(same)
        short = _without_ids(entry)
        run = (entry.kind, short, entry.where)
        newer = kept[runs[run]] if short and run in runs else None
        if newer is not None and newer.since - entry.at <= RUN_S:
            kept[runs[run]] = msgspec.structs.replace(
                newer, text=short, times=newer.times + entry.times, first=entry.since
            )
        else:
            runs[run] = len(kept)
            kept.append(msgspec.structs.replace(entry, text=short) if entry.kind == EVENT else entry)
    return tuple(kept)


def _without_ids(entry: TimelineEntry) -> str:
    """Return the text that many tasks share; empty for an entry that stays by itself."""
    if entry.kind == TASK:
        return _TASK.sub("task ", entry.text)
    return " ".join(_TASKS.sub("", entry.text).split()).rstrip(":. ") if entry.kind == EVENT else ""


_TASK = re.compile(r"^task \S+ ")
_TASKS = re.compile(r"\(?(?:port \d+, )?\(?task [0-9a-f-]{8,}\)?[:.]?|\(task [0-9a-f-]{8,}\)")
_ORDER = {kind: n for n, kind in enumerate((ACTION, ALERT, CHANGE, DEPLOY, TASK, EVENT))}


def _of_alert(alert: Alert) -> Iterable[TimelineEntry]:
    yield TimelineEntry(alert.began, ALERT, f"began: {alert.title}", "", alert.source)


def _of_change(change: Change) -> Iterable[TimelineEntry]:
    yield TimelineEntry(change.began, CHANGE, dated(change), "", change.source)
    if change.ended is not None and change.ended - change.began >= 1:
        yield TimelineEntry(change.ended, CHANGE, f"{change.what} is over", "", change.source)


def _of_told(row_id: str, rows: Sequence[TimelineEvent]) -> Iterable[TimelineEntry]:
    source = row_id.partition("/")[0]
    for one in rows:
        kind = ACTION if one.by else ALERT
        text = f"{source}: {one.text}" if one.where == HERE and not one.by else one.text
        yield TimelineEntry(one.at, kind, text, one.by, one.where or source)


def why_stopped(task: Task) -> str:
    """``exit 137 · OutOfMemoryError: … · Essential container in task exited``: what its containers say first."""
    words = [f"exit {task.exit_code}"] if task.exit_code is not None else []
    said = [c.reason for c in task.containers]
    words += [text for text in dict.fromkeys((*said, task.reason)) if text]
    return " · ".join(words) or task.stop_code or "no reason given"


def _of_deploy(deploy: Deploy) -> Iterable[TimelineEntry]:
    what = f"{noun(deploy)} {deploy.service_id.rpartition('/')[2]} {deploy.arrow}"
    began = f"{what} started" if deploy.started_by else f"{what} started {began_by(deploy)}"
    yield TimelineEntry(deploy.started, DEPLOY, began, deploy.started_by, deploy.source)
    back = deploy.taken_back
    if back is not None and back.again_at is not None:  # that is an entry of its own: the next deploy's
        back = msgspec.structs.replace(back, again_at=None)
        deploy = msgspec.structs.replace(deploy, taken_back=back)
    if deploy.state in WENT_BACK and back is not None and back.began is not None:
        asked = f"{what}, rolling back{f' to {back.to}' if back.to else ''}"
        asked += "" if back.by else f" {by(back.by)}"
        yield TimelineEntry(back.began, DEPLOY, asked, back.by, HERE)
    if deploy.finished is not None and not deploy.state.running:
        reason = f": {deploy.reason}" if deploy.reason and deploy.state is not DeployState.SUCCEEDED else ""
        own = deploy_status(deploy) if deploy.state in WENT_BACK else str(deploy.state)
        yield TimelineEntry(deploy.finished, DEPLOY, f"{what} {own}{reason}", "", deploy.source)
    if deploy.state not in WENT_BACK and back is not None and back.ended is not None:
        yield TimelineEntry(back.ended, DEPLOY, f"{what}, {rollback_status(back)}", "", deploy.source)


def _of_tasks(deploys: Sequence[Deploy], inside: ServiceDetail | None) -> Iterable[TimelineEntry]:
    """Tasks that stopped: as the service was read from inside, and those that only a deploy remembers."""
    known: set[str] = set()
    if inside is not None:
        source = inside.service_id.partition("/")[0]
        for task in inside.tasks:
            if task.stopped is not None:
                known.add(task.id)
                text = f"task {short_task(task.id)} {task.revision} stopped: {why_stopped(task)}"
                yield TimelineEntry(task.stopped, TASK, text, "", source)
    for deploy in deploys:
        failures = [f for f in deploy.failures if f.task not in known and f.task.rpartition("/")[2] not in known]
        if inside is None and deploy.failed_tasks > len(failures) and len({f.summary for f in failures}) == 1:
            newest = max(
                failures, key=lambda f: f.at
            )  # only the newest are known one by one: the count is the deploy's
            text = f"task {deploy.new.short} stopped: {newest.summary}"
            yield TimelineEntry(newest.at, TASK, text, "", deploy.source, deploy.failed_tasks, deploy.started)
            continue
        for failure in failures:
            text = f"task {short_task(failure.task)} {deploy.new.short} stopped: {failure.summary}"
            yield TimelineEntry(failure.at, TASK, text, "", deploy.source)


def _of_events(service: Service | None, inside: ServiceDetail | None) -> Iterable[TimelineEntry]:
    if service is not None:
        yield from (TimelineEntry(at, EVENT, text, "", service.source) for at, text in service.events)
    if inside is not None:
        source = inside.service_id.partition("/")[0]
        yield from (TimelineEntry(at, EVENT, text, "", source) for at, text in inside.events)
