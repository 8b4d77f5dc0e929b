"""The past of alarms and deploys, from the simulated account in this process; requests are of botocore's model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from aws_world import error, model
from botocore.validate import ParamValidator

from oncall_tui.domain.alert import Severity
from oncall_tui.domain.told import HistoryPage, HistorySpan
from oncall_tui.errors import Denied
from oncall_tui.providers.aws.cloudwatch.past import PAGE
from oncall_tui.providers.aws.cloudwatch.provider import CloudWatchProvider
from oncall_tui.providers.aws.ecs.past import AT_ONCE
from oncall_tui.providers.aws.ecs.provider import EcsProvider
from oncall_tui.providers.aws.options import CloudWatchOptions, EcsOptions
from oncall_tui.providers.base import Context
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.simulator.scenarios.reader import parse
from oncall_tui.simulator.server.messages import Request
from oncall_tui.simulator.start import RunningWorld, open_world

DAY = 86_400.0
PREFIX = {"ecs": "AmazonEC2ContainerServiceV20141113", "cloudwatch": "GraniteServiceVersion20100801"}
HEAD = """
name: past
sources:
  - {name: prod, provider: ecs, account: "111111111111", region: ap-northeast-1, clusters: [main]}
  - {name: alarms, provider: cloudwatch, of: prod, severity: {critical: ["*-critical"]}}
"""
SERVICE = """
services:
  - at: prod/main/api
    revision: 42
    by: alice
    definitions: {38: {}, 39: {by: bob}, 40: {}, 41: {}}
    history:
      - {revision: 38, days: 100}
      - {revision: 39, days: 60}
      - {revision: 40, days: 30}
      - {revision: 41, days: 20, status: ROLLBACK_SUCCESSFUL, breaker: true}
      - {revision: 41, days: 15}
      - {revision: 40, days: 14.9}
      - {revision: 42, days: 5}
"""


class Wire:
    """The AWS sources of a world, asked without a socket. *spoil* may raise, or change an answer."""

    def __init__(self, text: str) -> None:
        self.world: RunningWorld = open_world(parse(HEAD + text, "test.yaml"), manual=True)
        self.clock = FakeClock(self.world.story.world.timeline.now())
        self.span = HistorySpan(self.clock.now() - 90 * DAY, self.clock.now() + 1)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.spoil: Callable[[str, dict[str, Any], dict[str, Any]], dict[str, Any]] = lambda o, p, answer: answer

    def transport(self, source: str, service: str) -> Callable[[str, dict[str, Any], bool], bytes]:
        peer = self.world.story.world.peers[source]

        def send(operation: str, params: dict[str, Any], acting: bool) -> bytes:
            report = ParamValidator().validate(params, model(service).operation_model(operation).input_shape)
            assert not report.has_errors(), report.generate_report()
            self.asked.append((operation, params))
            sent = {k: v.timestamp() if isinstance(v, datetime) else v for k, v in params.items()}
            headers = {"x-amz-target": f"{PREFIX[service]}.{operation}", "authorization": "drill"}
            answer = peer.handle(Request("POST", "/", {}, headers, json.dumps(sent).encode()))
            told = json.loads(answer.body)
            if answer.status >= 400:
                raise error(operation, told["__type"], told["message"], answer.status)
            return json.dumps(self.spoil(operation, params, told)).encode()

        return send

    def alarms(self, **more: Any) -> CloudWatchProvider:
        made = CloudWatchOptions(name="alarms", provider="cloudwatch", region="ap-northeast-1", **more)
        return CloudWatchProvider(made, Context("alarms", "", self.clock), self.transport("alarms", "cloudwatch"))

    def ecs(self, **more: Any) -> EcsProvider:
        made = EcsOptions(name="prod", provider="ecs", region="ap-northeast-1", **more)
        return EcsProvider(made, Context("prod", "", self.clock), self.transport("prod", "ecs"))

    def pages(self, provider: CloudWatchProvider | EcsProvider, span: HistorySpan | None = None) -> list[HistoryPage]:
        """Every page, as an import reads them: what has to be waited for is waited for."""
        found: list[HistoryPage] = []
        after: str | None = ""
        while after is not None:
            found.append(provider.history(span or self.span, after))
            self.clock.advance(found[-1].wait_s)
            after = found[-1].after
            assert len(found) < 1000
        return found


@pytest.fixture
def wire() -> Iterator[Callable[[str], Wire]]:
    made: list[Wire] = []

    def make(text: str) -> Wire:
        made.append(Wire(text))
        return made[-1]

    yield make
    for one in made:
        one.world.close()


def lacks(pages: list[HistoryPage]) -> list[str]:
    return list(dict.fromkeys(f"{p.scope}: {p.message}" for page in pages for p in page.problems))


# --- CloudWatch ---

ALARMS = """
services: [{at: prod/main/api}]
alarms:
  - {name: api-5xx-critical, service: prod/main/api}
  - {name: TargetTracking-service/main/api-AlarmLow-x}
  - {name: all, any_of: [api-5xx-critical]}
past:
"""


def over(*entries: tuple[str, float, float]) -> str:
    return ALARMS + "".join(f"  - {{days: {d}, minutes: {m}, alarm: {{name: {n}}}}}\n" for n, d, m in entries)


def test_times_in_alarm_are_told_by_their_beginnings_and_ends(wire: Callable[[str], Wire]) -> None:
    one = wire(over(("api-5xx-critical", 12, 30), ("all", 9, 5), ("TargetTracking-service/main/api-AlarmLow-x", 3, 5)))
    pages = one.pages(one.alarms(severity={"critical": ("*-critical",)}))
    told = [f for page in pages for f in page.firings]
    assert [(f.alert.title, f.only_end) for f in told] == [
        ("api-5xx-critical", False),
        ("api-5xx-critical", True),
        ("all", False),
        ("all", True),
    ]
    first = told[0].alert
    assert first.began == pytest.approx(one.clock.now() - 12 * DAY, abs=1)
    assert told[1].ended == pytest.approx(first.began + 1800, abs=1)
    assert (first.severity, first.hint.service, first.hint.cluster) == (Severity.CRITICAL, "api", "main")
    assert told[2].alert.hint.service == "api"  # of its one part
    assert lacks(pages) == [
        "alarms: CloudWatch keeps an alarm's history for 30 days, and tells nothing of what was before"
    ]


def test_every_page_of_the_history_is_read_oldest_first_and_the_same_again(wire: Callable[[str], Wire]) -> None:
    one = wire(over(*(("api-5xx-critical", 29 - n * 0.1, 5.0) for n in range(120))))
    pages = one.pages(one.alarms())
    told = [f for page in pages for f in page.firings]
    assert len(told) == 240
    assert [page.read_to for page in pages] == sorted(page.read_to for page in pages)
    assert sum(o == "DescribeAlarmHistory" for o, _ in one.asked) == -(-240 // PAGE)
    second = next(page.after for page in pages if page.after and " " in page.after)
    fresh = one.alarms()
    assert second is not None
    assert fresh.history(one.span, second).firings == one.alarms().history(one.span, second).firings != ()


def test_a_token_of_an_earlier_run_that_is_good_no_more_costs_no_item(wire: Callable[[str], Wire]) -> None:
    one = wire(over(*(("api-5xx-critical", 29 - n * 0.1, 5.0) for n in range(80))))
    pages = one.pages(one.alarms())
    second = next(page.after for page in pages if page.after and " " in page.after)
    assert second is not None
    at, _, _ = second.partition(" ")
    rest = [f for page in pages[1:] for f in page.firings]
    again: list[Any] = []
    after: str | None = f"{at} token-of-last-month"
    provider = one.alarms()
    while after is not None:
        page = provider.history(one.span, after)
        again += page.firings
        after = page.after
    assert [f for f in again if f.alert.began > float(at)] == [f for f in rest if f.alert.began > float(at)]


def test_an_item_that_is_cut_off_is_read_by_its_summary_and_one_without_a_time_is_named(
    wire: Callable[[str], Wire],
) -> None:
    one = wire(over(("api-5xx-critical", 12, 30), ("all", 9, 5)))

    def spoil(operation: str, params: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if operation == "DescribeAlarmHistory":
            for item in answer["AlarmHistoryItems"]:
                item["HistoryData"] = item["HistoryData"][:30]
            answer["AlarmHistoryItems"][0]["Timestamp"] = None
        return answer

    one.spoil = spoil
    pages = one.pages(one.alarms())
    assert [(f.alert.title, f.only_end) for page in pages for f in page.firings][1:] == [("all", False), ("all", True)]
    assert any("1 of 4 history items" in words and "without a time" in words for words in lacks(pages))


def test_of_a_deleted_alarm_the_name_is_left(wire: Callable[[str], Wire]) -> None:
    one = wire(over(("api-5xx-critical", 12, 30)))

    def spoil(operation: str, params: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        return {"MetricAlarms": []} if operation == "DescribeAlarms" else answer

    one.spoil = spoil
    told = [f for page in one.pages(one.alarms()) for f in page.firings]
    assert [(f.alert.id, f.alert.hint.service) for f in told] == [("alarms/api-5xx-critical", "")] * 2


# --- ECS ---


def test_services_are_named_without_a_description(wire: Callable[[str], Wire]) -> None:
    one = wire("services:\n" + "".join(f"  - {{at: prod/main/s{n:03}}}\n" for n in range(130)))
    provider = one.ecs(account="222222222222")
    found, after = [], ""
    while True:
        page = provider.service_names(after)
        found += page.services
        if page.after is None:
            break
        after = page.after
    assert [name.id for name in found] == [f"prod/main/s{n:03}" for n in range(130)]
    key = found[0].key
    assert (key.account, key.region, key.cluster, key.name) == ("222222222222", "ap-northeast-1", "main", "s000")
    assert {o for o, _ in one.asked} == {"ListClusters", "ListServices"}


def test_the_deploys_of_ninety_days_are_told_as_the_board_told_them(wire: Callable[[str], Wire]) -> None:
    one = wire(SERVICE)
    pages = one.pages(one.ecs())
    told = [d for page in pages for d in page.deploys]
    assert [(d.arrow, d.state, d.kind, d.failed) for d in told] == [
        (":38→:39", "succeeded", "deploy", False),
        (":39→:40", "succeeded", "deploy", False),
        (":40→:41", "rolled back", "deploy", True),
        (":40→:41", "succeeded", "deploy", True),
        (":41→:40", "succeeded", "rollback", False),
        (":40→:42", "succeeded", "deploy", False),
    ]
    assert told[4].rolls_back == told[3].id
    assert told[3].remedied == told[4].ended
    assert {d.service for d in told} == {"prod/main/api"}
    assert all(d.ended is not None and d.ended > d.started and d.id.startswith("prod/main/api/") for d in told)
    assert ["bob" in d.by for d in told] == [True, *[False] * 5]
    assert lacks(pages) == []


def test_a_page_that_is_read_in_another_run_is_the_same(wire: Callable[[str], Wire]) -> None:
    text = "services:\n" + "".join(
        f"  - {{at: prod/main/s{n:02}, revision: 12, history: [{{revision: 12, days: {n + 1}}}]}}\n" for n in range(25)
    )
    one = wire(text)
    pages = one.pages(one.ecs())
    whole = [d.id for page in pages for d in page.deploys]
    assert len(whole) == len(set(whole)) == 25
    for stop, page in list(enumerate(pages[:-1]))[::5]:
        provider, rest, after = one.ecs(), [], page.after
        while after is not None:
            again = provider.history(one.span, after)
            one.clock.advance(again.wait_s)
            rest += [d.id for d in again.deploys]
            after = again.after
        assert [d.id for p in pages[: stop + 1] for d in p.deploys] + rest == whole
    assert max(len({d.service for d in page.deploys}) for page in pages) <= AT_ONCE
    assert pages[-1].how_far == "25 of 25 services"


def test_no_page_takes_more_calls_than_the_shared_budget_has(wire: Callable[[str], Wire]) -> None:
    one = wire("services:\n" + "".join(f"  - {{at: prod/main/s{n:02}}}\n" for n in range(60)))
    began = one.clock.monotonic()
    pages = one.pages(one.ecs())
    calls = sum(page.calls for page in pages)
    assert calls == len(one.asked)
    assert any(page.wait_s > 0 for page in pages)
    assert calls <= 30 + 8.0 * (one.clock.monotonic() - began) + 60


def test_another_controllers_services_and_a_denied_call_are_said_and_the_rest_is_kept(
    wire: Callable[[str], Wire],
) -> None:
    one = wire(SERVICE + "  - {at: prod/main/green, controller: CODE_DEPLOY}\n")
    pages = one.pages(one.ecs())
    assert len([d for page in pages for d in page.deploys]) == 6
    assert any("CODE_DEPLOY" in words for words in lacks(pages))

    def denied(operation: str, params: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if operation in ("ListServiceDeployments",):
            raise error(operation, "AccessDeniedException", "User is not authorized to perform: ecs:X", 400)
        return answer

    one.spoil = denied
    pages = one.pages(one.ecs())
    assert [d for page in pages for d in page.deploys] == []
    assert any(words.startswith("deploys of cluster main") for words in lacks(pages))
    assert sum(o == "ListServiceDeployments" for o, _ in one.asked[-6:]) == 1


def test_who_deployed_is_left_out_where_task_definitions_are_denied(wire: Callable[[str], Wire]) -> None:
    one = wire(SERVICE)

    def denied(operation: str, params: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if operation == "DescribeTaskDefinition":
            raise error(operation, "AccessDeniedException", "not authorized", 400)
        return answer

    one.spoil = denied
    pages = one.pages(one.ecs())
    assert {d.by for page in pages for d in page.deploys} == {""}
    assert sum(o == "DescribeTaskDefinition" for o, _ in one.asked) == 2  # once with its tags, once without
    assert any(words.startswith("who deployed") for words in lacks(pages))


def test_a_damaged_deploy_is_named_and_hides_no_other(wire: Callable[[str], Wire]) -> None:
    one = wire(SERVICE)

    def spoil(operation: str, params: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if operation == "DescribeServiceDeployments":
            answer["serviceDeployments"][0]["createdAt"] = "yesterday"
        return answer

    one.spoil = spoil
    pages = one.pages(one.ecs())
    assert len([d for page in pages for d in page.deploys]) == 5
    assert any("deploys of prod/main/api" in words and "createdAt" in words for words in lacks(pages))


def test_a_source_that_may_read_nothing_raises(wire: Callable[[str], Wire]) -> None:
    one = wire(SERVICE)

    def denied(operation: str, params: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        raise error(operation, "AccessDeniedException", "not authorized", 400)

    one.spoil = denied
    with pytest.raises(Denied):
        one.ecs().history(one.span, "")
