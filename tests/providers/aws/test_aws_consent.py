"""Ten incidents that ship, on the real adapters: no write that changes a service goes out by ``y`` alone unless a
deploy of it is the incident's own doing, or is under way and fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from drill_world import Drill

from oncall_tui import errors
from oncall_tui.actions.plan_enricher import PlanEnricher
from oncall_tui.domain.action import FOLLOWED
from oncall_tui.domain.board import Board, merge
from oncall_tui.domain.plan import ActionRequest, Actor, Confirm, Plan
from oncall_tui.domain.product import Product
from oncall_tui.domain.reading import Reading, SourceState, SourceStatus
from oncall_tui.journal import Journal
from oncall_tui.providers.base import Provider
from oncall_tui.triage.triager import Rules, TriagedBoard, Triager

ALICE = Actor("Alice", "alice@example.com")
# scenario: the service whose newest deploy did it; empty: no deploy did
CULPRITS = {
    "bad-image": "shop-api",
    "out-of-memory": "payments-api",
    "health-check": "catalog-api",
    "configuration": "orders-api",
    "capacity": "",
    "dependency": "",
    "two-deploys": "cart-api",
    "older-alert": "",
    "flapping": "",
    "expired-login": "media-upload",
}
CORE = ("bad-image", "capacity", "expired-login")  # of each kind one; the others with --everything
ASKED = {"capacity": "search-api", "dependency": "billing-api"}


class Played:
    """One scenario, read by the real providers on a clock that is moved by hand."""

    def __init__(self, name: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.drill = Drill("--scenario", name)
        for key, value in self.drill.told["environment"].items():
            patch.setenv(key, value)
        config = self.drill.told["config"]
        self.kinds = {s["name"]: s["provider"] for s in config["sources"]}
        self.providers: dict[str, Provider] = {n: self.drill.provider(n) for n in self.kinds}
        products = tuple(
            Product(name=p["name"], services=tuple(p["services"]), alerts=p.get("alerts", {}))
            for p in config.get("products", ())  # none of them protected: consent has to do without
        )
        self.triager = Triager(Rules(products=products))
        self.journal = Journal(folder / f"{name}.db", self.drill.clock.now)
        self.readings: dict[str, Reading] = {}
        self.states: dict[str, SourceState] = {}

    def close(self) -> None:
        self.journal.close(1.0)
        self.drill.close()

    def triage(self) -> TriagedBoard:
        """All sources read until nothing of them is due at once."""
        for name, provider in self.providers.items():
            try:
                self.readings[name] = self.drill.read(provider)
                self.states[name] = SourceState.OK
            except errors.SourceError as error:
                self.states[name] = SourceState(error.state)
        statuses = [
            SourceStatus(name=n, provider=k, state=self.states[n], read_at=self.drill.clock.now())
            for n, k in self.kinds.items()
        ]
        return self.triager.triage(merge(1, self.drill.clock.now(), statuses, tuple(self.readings.values())))

    def plans(self, triaged: TriagedBoard) -> Iterator[Plan]:
        """Every write that changes a service, from its own row and from that of its newest deploy."""
        dresser = PlanEnricher(lambda: triaged, self.journal, ALICE)
        for service in triaged.services:
            handlers = self.providers[service.source].handlers()
            deploy = triaged.board.deploys.get(service.deploy_id)
            version = deploy.version if deploy else ""
            for target in dict.fromkeys((service.id, deploy.id if deploy else service.id)):
                for verb in sorted(FOLLOWED):
                    try:
                        made = handlers[verb].plan(
                            ActionRequest(verb=verb, target=target, version=version, actor=ALICE), triaged.board
                        )
                    except errors.OncallError:
                        continue
                    yield dresser.enrich(made)


def fails(board: Board, plan: Plan) -> bool:
    """Is its newest deploy under way and unhealthy, as the board has it?"""
    path = f"{plan.source}/{plan.request['cluster']}/{plan.request['service']}"
    service = board.services[path]
    deploy = board.deploys.get(service.deploy_id)
    return deploy is not None and deploy.state.running and (deploy.failed_tasks > 0 or not service.running)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in CORE else pytest.mark.everything) for name in sorted(CULPRITS)]
)
def test_only_what_the_incident_is_of_goes_by_y(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    played = Played(name, tmp_path, monkeypatch)
    counted = {Confirm.YES: 0, Confirm.NAME: 0}
    said: list[str] = []
    try:
        for wait in (0.0, 40.0, 60.0, 120.0):
            played.drill.advance(wait)
            triaged = played.triage()
            for plan in played.plans(triaged):
                counted[plan.confirm] += 1
                name_of = plan.request["service"]
                if plan.confirm is Confirm.NAME:
                    assert plan.confirm_name == name_of
                    if name_of == ASKED.get(name):
                        said += plan.warnings
                    continue
                fires = any(a.service and a.service.name == name_of for a in triaged.alerts)
                own = name_of == CULPRITS[name] and fires
                assert own or fails(triaged.board, plan), (plan.title, plan.warnings, plan.stands)
    finally:
        played.close()
    assert counted[Confirm.NAME] > 0
    if name == "expired-login":
        assert counted[Confirm.YES] == 0  # nothing of it can be read, so nothing can be planned
    elif CULPRITS[name]:
        assert counted[Confirm.YES] > 0, "what did it is not asked for"
    else:
        assert counted[Confirm.YES] == 0
    if name in ASKED:
        assert any("no deploy is suspected" in w and "has run for 2d" in w for w in said), said
