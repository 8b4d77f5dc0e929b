"""One night told by every surface at the same moments: row, detail, timeline, `deploys`, handover, journal, Slack.

``python -m tests.end_to_end.surfaces`` plays it (a bad deploy, Alice's rollback, its undoing; beside it one that the
circuit breaker takes back) and prints side by side what each surface says.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from oncall_tui import bootstrap
from oncall_tui.cli.deploys import as_object, line
from oncall_tui.cli.text_board import text_board
from oncall_tui.domain.action import Verb
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.entry import EntryKind
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest
from oncall_tui.engine.engine import Engine
from oncall_tui.inspection.timeline import merge_timeline
from oncall_tui.reports.handover import KINDS, handover
from oncall_tui.reports.handover_text import sections
from oncall_tui.tui.presenters.row_builder import RowBuilder, ViewFilter
from oncall_tui.tui.screens.detail.deploy_part import deploy_lines
from oncall_tui.tui.screens.detail.story_part import moment_lines
from oncall_tui.tui.screens.detail.words import Scene
from oncall_tui.tui.widgets.text_lines import Line
from tests.end_to_end.world import World, until, written

API, WEB = "prod/main/shop-api", "prod/main/shop-web"
NAME = "shop-api"
TOKYO = ZoneInfo("Asia/Tokyo")


def _service(at: str, **breaker: Any) -> dict[str, Any]:
    bad = {"image": "v2", "fails": {"like": "oom", "after_s": 2}}
    how = {"at": at, "desired": 2, "revision": 41, "image": "v1", "start_s": 1, "steady_s": 3, "definitions": {42: bad}}
    return {**how, "breaker": {"enable": True, **breaker}}


SCENARIO: dict[str, Any] = {
    "name": "surfaces",
    "timezone": "Asia/Tokyo",
    "me": {"name": "Alice", "email": "alice@example.com"},
    "sources": [
        {"name": "prod", "provider": "ecs", "account": "111111111111", "clusters": ["main"]},
        {"name": "prom", "provider": "alertmanager"},
    ],
    "escalation": [{"name": "chat", "provider": "slack", "channel": "#shop"}],
    "products": [{"name": "shop", "services": ["prod/main/shop-*"], "tell": ["chat"]}],
    "services": [_service(API, rollback=False, threshold=500), _service(WEB, rollback=True, threshold=3)],
    "events": [
        {"after_s": 1, "deploy": {"service": API, "revision": 42}},
        {"after_s": 1, "deploy": {"service": WEB, "revision": 42}},
        {
            "after_s": 4,
            "fire": {
                "labels": {"alertname": "Burns", "severity": "critical", "ecs_cluster": "main", "ecs_service": NAME},
                "annotations": {"summary": "shop-api burns"},
            },
        },
    ],
}  # fmt: skip


class Said(NamedTuple):
    """What each surface says of one deploy at one moment; *json* is its object of `deploys --json`."""

    deploy: Deploy
    row: str
    detail: str
    timeline: str
    deploys: str
    json: dict[str, Any]
    handover: str
    journal: str
    slack: str
    suspect: str
    status: str

    def texts(self) -> dict[str, str]:
        """By surface."""
        return {
            "row": self.row,
            "detail": self.detail,
            "t": self.timeline,
            "deploys": self.deploys,
            "deploys --json": json.dumps(self.json, ensure_ascii=False),
            "handover": self.handover,
            "journal": self.journal,
            "Slack": self.slack,
            "suspect": self.suspect,
            "status": self.status,
        }


class Night:
    """An engine on a world of its own, acting as Alice."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder, "--scenario", written(folder, SCENARIO), "--speed", "2")
        os.environ.update(self.world.told["environment"])
        config = bootstrap.load_config(str(self.world.configure(0.5)))
        self.engine: Engine = bootstrap.make_engine(config, steady_s=1.0)
        self.engine.start()

    def close(self) -> None:
        self.engine.stop()
        self.world.close()

    def newest(self, service: str) -> Deploy | None:
        found = [d for d in self.engine.update.board.deploys.values() if d.service_id == service]
        return max(found, key=lambda d: d.started, default=None)

    def act(self, verb: Verb, target: Deploy, ends: OutcomeState | None = OutcomeState.DONE) -> None:
        """Plan and send as the keys do; follow it to its end, unless none is waited for."""
        ask = ActionRequest(verb=verb, target=target.service_id, version=target.version, actor=self.engine.actor)
        plan = self.engine.actions.plan(ask).result(20)
        done = self.engine.actions.execute(plan)
        if ends is None:
            return
        outcome = done.result(60)
        assert outcome.state is ends, outcome
        assert self.engine.wait_for_notifications(8)

    def said(self, deploy_id: str) -> Said:
        """What every surface says of it now."""
        update, now = self.engine.update, self.engine.clock.now()
        deploy = update.board.deploys[deploy_id]
        scene = Scene(update, now, TOKYO, 200)
        rows = RowBuilder(TOKYO).deploys(update, ViewFilter(), now)
        row = next(r for r in rows if r.id == deploy_id)
        alert_rows = [a for a in update.triaged.alerts if a.service and a.service.id == deploy.service_id]
        service = update.board.services[deploy.service_id]
        mine = [d for d in update.board.deploys.values() if d.service_id == deploy.service_id]
        moments = merge_timeline([m for a in alert_rows for m in a.members], {}, mine, service)
        entries = self.engine.journal.since(now - 3600, KINDS)
        told = dict(sections(handover(entries, update.triaged, now - 3600, now), TOKYO))
        deployed = next(lines for name, lines in told.items() if name.startswith("Deploys"))
        board = text_board(update, now).partition("\nDEPLOYS ")[2]
        suspects = [s.told(TOKYO, now) for a in alert_rows for s in a.suspicion.suspects if s.deploy.id == deploy_id]
        return Said(
            deploy=deploy,
            row=" | ".join((*map(_text, row.cells), *(_text(cell) for extra in row.under for cell in extra))),
            detail="\n".join(map(_line, deploy_lines(deploy, scene))),
            timeline="\n".join(map(_line, moment_lines(moments, TOKYO, now))),
            deploys=line(deploy, now, TOKYO),
            json=as_object(deploy),
            handover="\n".join(one for one in deployed if f"{deploy.service_id} " in one),
            journal="\n".join(e.text for e in entries if e.kind is EntryKind.DEPLOY and e.subject == deploy_id),
            slack="\n".join(m["text"] for m in self.world.state["told"].get("chat", ())),
            suspect="\n".join(suspects),
            status="\n".join(one for one in board.splitlines() if f"{deploy.service_id} " in one),
        )


def _text(cell: Any) -> str:
    return str(cell[0] if isinstance(cell, tuple) else cell)


def _line(line: Line) -> str:
    return "".join(text for text, _ in line).rstrip()


@contextmanager
def played(folder: Path) -> Iterator[dict[str, Said]]:
    """The four moments: during the deploy, after Alice's rollback, after the breaker's, after the undoing."""
    night = Night(folder)
    try:
        found: dict[str, Said] = {}
        bad = until(lambda: (d := night.newest(API)) and d.failures and d, "the bad deploy fails", 60)
        alert = until(
            lambda: [a for a in night.engine.update.triaged.alerts if a.suspect], "the alert has a suspect", 60
        )
        assert alert
        found["during"] = night.said(bad.id)
        night.act(Verb.ROLL_BACK, night.newest(API) or bad)
        until(lambda: not night.engine.update.board.deploys[bad.id].state.running, "it is read as over", 30)
        time.sleep(1.0)  # the journal's writer and the board that told it
        found["rolled back"] = night.said(bad.id)
        web = until(lambda: (d := night.newest(WEB)) and not d.state.running and d, "the breaker took it back", 90)
        time.sleep(1.0)
        found["breaker"] = night.said(web.id)
        night.act(Verb.UNDO_ROLLBACK, night.newest(API) or bad, ends=None)  # what it brings fails again
        until(lambda: (night.newest(API) or bad).id != bad.id, "the undoing is read", 30)
        time.sleep(1.0)
        found["undone"] = night.said(bad.id)
        found["undoing"] = night.said((night.newest(API) or bad).id)
        yield found
    finally:
        night.close()


def main() -> int:
    """Play it and print what each surface says."""
    with tempfile.TemporaryDirectory() as folder, played(Path(folder)) as moments:
        for moment, said in moments.items():
            sys.stdout.write(f"\n━━ {moment} ━━\n")
            for surface, text in said.texts().items():
                sys.stdout.write(f"{surface}:\n" + "".join(f"    {one}\n" for one in text.splitlines()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
