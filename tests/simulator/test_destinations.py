"""The drill's Slack, Events v2 and SNS take what their documentation takes, keep it, and refuse the rest."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from urllib.error import HTTPError

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from oncall_tui.simulator.scenarios.reader import ScenarioError, parse
from oncall_tui.simulator.services.slack import WEBHOOK
from oncall_tui.simulator.start import RunningWorld, open_world

WORLD = """
name: told
sources:
  - {name: pager, provider: pagerduty}
escalation:
  - {name: chat, provider: slack, channel: "#ops"}
  - {name: page, provider: pagerduty-events, service: payments}
  - {name: topic, provider: sns}
"""
Posting = Callable[..., tuple[int, Any]]


@pytest.fixture
def drill() -> Iterator[RunningWorld]:
    opened = open_world(parse(WORLD, "told.yaml"), manual=True)
    yield opened
    opened.close()


@pytest.fixture
def post(drill: RunningWorld) -> Posting:
    def send(name: str, path: str, body: object, token: str = "drill-account") -> tuple[int, Any]:
        data = json.dumps(body).encode() if not isinstance(body, bytes) else body
        headers = {"Authorization": f"Bearer {token}"}
        asked = urllib.request.Request(drill.told["endpoints"][name] + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(asked, timeout=5) as answer:
                return answer.status, _read(answer.read())
        except HTTPError as error:
            return error.code, _read(error.read())

    return send


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()


def state(drill: RunningWorld) -> Any:
    with urllib.request.urlopen(f"{drill.told['control']}/_drill/state", timeout=5) as answer:
        return json.load(answer)


def test_a_message_is_kept_as_a_person_reads_it_and_its_thread_too(drill: RunningWorld, post: Posting) -> None:
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "a &amp; b"}}
    asked = {"channel": "#ops", "text": "5xx &lt;1&gt;", "blocks": [section]}
    status, first = post("chat", "/chat.postMessage", asked)
    assert (status, first["ok"]) == (200, True)
    post("chat", "/chat.postMessage", {**asked, "thread_ts": first["ts"]})
    one, two = state(drill)["told"]["chat"]
    assert (one["text"], one["blocks"], one["thread"]) == ("5xx <1>", ["a & b"], "")
    assert two["thread"] == one["ts"] == first["ts"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"channel": "#other", "text": "a"}, "channel_not_found"),
        ({"channel": "#ops"}, "no_text"),
        ({"channel": "#ops", "text": "a", "thread_ts": "1.0"}, "thread_not_found"),
        ({"channel": "#ops", "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": "#ops", "blocks": [{"text": {"text": "x" * 3001}}]}, "invalid_blocks"),
        (b"{", "invalid_payload"),
    ],
)
def test_slacks_errors_have_status_200(drill: RunningWorld, post: Posting, body: object, error: str) -> None:
    assert post("chat", "/chat.postMessage", body) == (200, {"ok": False, "error": error})
    assert state(drill)["told"]["chat"] == []


def test_a_wrong_token_and_a_wrong_webhook(post: Posting) -> None:
    assert post("chat", "/chat.postMessage", {}, token="other")[1]["error"] == "invalid_auth"
    assert post("chat", "/services/other", {"text": "a"}) == (404, "no_service")
    assert post("chat", WEBHOOK, {"text": "a"}) == (200, "ok")
    assert post("chat", WEBHOOK, {}) == (400, "no_text")


def event(**more: Any) -> dict[str, Any]:
    payload = {"summary": "it burns", "source": "api", "severity": "critical"}
    return {"routing_key": "drill-account", "event_action": "trigger", "dedup_key": "k", "payload": payload, **more}


def test_an_event_makes_an_incident_and_the_same_key_no_second_one(drill: RunningWorld, post: Posting) -> None:
    status, answer = post("page", "/v2/enqueue", event())
    assert (status, answer["status"], answer["dedup_key"]) == (202, "success", "k")
    post("page", "/v2/enqueue", event())
    (incident,) = state(drill)["incidents"]
    assert (incident["title"], incident["incident_key"], incident["urgency"]) == ("it burns", "k", "high")
    told = state(drill)["told"]["page"]
    assert [one["kind"] for one in told] == ["enqueue", "enqueue"]
    assert all("routing_key" not in one for one in told)
    assert post("page", "/v2/enqueue", event(event_action="resolve"))[0] == 202
    assert state(drill)["incidents"][0]["status"] == "resolved"


def test_a_change_event_makes_none(drill: RunningWorld, post: Posting) -> None:
    change = {"routing_key": "drill-account", "payload": {"summary": "rolled back"}}
    assert post("page", "/v2/change/enqueue", change)[0] == 202
    assert state(drill)["incidents"] == []
    assert state(drill)["told"]["page"][0]["payload"]["summary"] == "rolled back"


@pytest.mark.parametrize(
    "wrong",
    [
        {"routing_key": "other"},
        {"event_action": "page"},
        {"dedup_key": "k" * 256},
        {"payload": {"summary": "", "source": "api", "severity": "critical"}},
        {"payload": {"summary": "x" * 1025, "source": "api", "severity": "critical"}},
        {"payload": {"summary": "x", "severity": "critical"}},
        {"payload": {"summary": "x", "source": "api", "severity": "bad"}},
    ],
)
def test_an_event_that_is_none_is_refused(drill: RunningWorld, post: Posting, wrong: dict[str, Any]) -> None:
    status, answer = post("page", "/v2/enqueue", event(**wrong))
    assert status == 400
    assert answer["errors"]
    assert state(drill)["told"]["page"] == []


def test_a_message_to_a_topic(drill: RunningWorld) -> None:
    config = Config(retries={"total_max_attempts": 1})
    keys = {"aws_access_key_id": "drill", "aws_secret_access_key": "drill"}
    url = drill.told["endpoints"]["topic"]
    sns = boto3.client("sns", endpoint_url=url, region_name="ap-northeast-1", config=config, **keys)
    arn = drill.told["config"]["escalation"][2]["topic_arn"]
    assert sns.publish(TopicArn=arn, Subject="s & t", Message="決済 <a>")["MessageId"] == "drill-1"
    assert [(one["subject"], one["message"]) for one in state(drill)["told"]["topic"]] == [("s & t", "決済 <a>")]
    for wrong in ({"Subject": "x" * 100}, {"Subject": "a\nb"}, {"TopicArn": arn + "x"}):
        with pytest.raises(ClientError):
            sns.publish(**{"TopicArn": arn, "Message": "m", **wrong})


def test_faults_are_answers_of_their_own_kind(drill: RunningWorld, post: Posting) -> None:
    def fault(name: str, kind: str) -> None:
        world = drill.story.world
        world.faults.remove()
        world.faults.add({"source": name, "kind": kind}, list(world.peers))

    fault("chat", "denied")
    assert post("chat", "/chat.postMessage", {})[1] == {"ok": False, "error": "missing_scope"}
    assert post("chat", WEBHOOK, {}) == (403, "invalid_token")
    fault("chat", "throttle")
    assert post("chat", "/chat.postMessage", {})[0] == 429
    fault("page", "throttle")
    assert post("page", "/v2/enqueue", event())[1]["status"] == "throttle exceeded"
    fault("page", "denied")
    assert post("page", "/v2/enqueue", event())[0] == 400


def test_a_name_that_is_taken_is_told_with_its_line() -> None:
    with pytest.raises(ScenarioError, match=r"told.yaml:6: escalation: the name 'pager' is here twice"):
        open_world(parse(WORLD.replace("name: chat", "name: pager"), "told.yaml"))
