"""A change that another system tells of finds its service as an alert does, and stays the same object meanwhile."""

from __future__ import annotations

from types import MappingProxyType

import msgspec
from tests.support.fakes import service
from tests.unit.test_triage import board

from oncall_tui.domain.alert import ServiceHint
from oncall_tui.domain.board import Board
from oncall_tui.domain.change import Change, ChangeKind
from oncall_tui.triage.change_places import ChangePlaces

RELEASE = Change(
    id="errors/release:v1",
    source="errors",
    kind=ChangeKind.RELEASE,
    what="Sentry release v1 of api",
    resource="api",
    began=1_800_000_000.0,
    hint=ServiceHint(cluster="main", service="api"),
)
PLAIN = msgspec.structs.replace(RELEASE, id="errors/plain", hint=ServiceHint())


def seen(*services: str) -> Board:
    return msgspec.structs.replace(
        board(),
        services=MappingProxyType({one: service(one) for one in services}),
        changes=MappingProxyType({one.id: one for one in (RELEASE, PLAIN)}),
    )


def test_a_hint_finds_the_one_service_that_it_names() -> None:
    places = ChangePlaces()
    first = places.place(seen("prod/main/api", "prod/jobs/api"))
    assert first.changes[RELEASE.id].service_id == "prod/main/api"
    assert first.changes[PLAIN.id] is PLAIN
    assert places.place(seen("prod/main/api", "prod/jobs/api")).changes[RELEASE.id] is first.changes[RELEASE.id]


def test_what_is_not_there_or_not_the_only_one_is_no_service() -> None:
    places = ChangePlaces()
    assert places.place(seen()).changes[RELEASE.id].service_id == ""
    assert places.place(seen("prod/main/api", "dev/main/api")).changes[RELEASE.id].service_id == ""
    assert places.place(seen("prod/main/api")).changes[RELEASE.id].service_id == "prod/main/api"
