"""SNS as a destination: what is published, what came of it. The other side is the drill's SNS, over the wire."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from aws_world import error

from oncall_tui import errors
from oncall_tui.domain.alert import Severity
from oncall_tui.providers.aws.client.errors import CallContext, writing
from oncall_tui.providers.aws.sns.destination import SnsDestination, subject
from oncall_tui.providers.aws.sns.options import SnsOptions
from oncall_tui.providers.base import Message
from oncall_tui.simulator.scenarios.reader import parse
from oncall_tui.simulator.start import RunningWorld, open_world

TOPIC = "arn:aws:sns:ap-northeast-1:111111111111:managers"
WORLD = f"""
name: topics
sources: []
escalation:
  - {{name: managers, provider: sns, topic_arn: "{TOPIC}"}}
  - {{name: queue, provider: sns, topic_arn: "{TOPIC}.fifo"}}
"""


@pytest.fixture
def drill() -> Iterator[RunningWorld]:
    opened = open_world(parse(WORLD, "topics.yaml"))
    yield opened
    opened.close()


def topic(drill: RunningWorld, name: str = "managers", **more: Any) -> SnsDestination:
    written = next(it for it in drill.told["config"]["escalation"] if it["name"] == name)
    return SnsDestination(SnsOptions(**{**written, **more}))


def told(drill: RunningWorld, name: str = "managers") -> Any:
    with urllib.request.urlopen(f"{drill.told['control']}/_drill/state", timeout=5) as answer:
        return json.load(answer)["told"][name]


def message(**more: Any) -> Message:
    values: dict[str, Any] = {
        "thread": "prom/a@1",
        "title": "payments-api: 5xx over 2 %",
        "text": "critical, firing\nreason: 決済が止まっています",
        "severity": Severity.CRITICAL,
        "about": "prod/main/api",
        "actor": "Alice",
        "key": "prom/a",
        "url": "https://wiki.example.com/api",
    }
    return Message(**{**values, **more})


def test_one_message_is_published(drill: RunningWorld) -> None:
    sns = topic(drill)
    assert (sns.pages, sns.destination) == (True, "managers")
    assert sns.send(message()).data == {"destination": "managers", "message": "drill-1"}
    (one,) = told(drill)
    assert one["subject"] == "payments-api: 5xx over 2 %"
    assert one["message"] == (
        "payments-api: 5xx over 2 %\n\ncritical, firing\nreason: 決済が止まっています\n\n"
        "by Alice, with oncall-tui\nhttps://wiki.example.com/api"
    )
    assert dict(sns.preview(message()))["text"] == one["message"]


def test_a_fifo_topic_gets_its_group(drill: RunningWorld) -> None:
    topic(drill, "queue", pages=False).send(message())
    assert len(told(drill, "queue")) == 1


@pytest.mark.parametrize(
    ("title", "wanted"),
    [
        ("plain", "plain"),
        ("a\r\nb\tc", "a b c"),
        ("x" * 99, "x" * 99),
        ("x" * 100, "x" * 96 + "..."),
        ("x" * 200, "x" * 96 + "..."),
        ("\u3042" * 100, "\u3042" * 96 + "..."),
        ("\U0001f525" * 49 + "x", "\U0001f525" * 49 + "x"),
        ("\U0001f525" * 50, "\U0001f525" * 48 + "..."),
        ("検索インデックスの CPU が高い", "検索インデックスの CPU が高い"),
        ("決済\u3000API\u2028payments\u200b\x9b2J", "決済 API payments 2J"),
        ("", "oncall-tui: see the message"),
    ],
)
def test_a_subject_is_what_sns_takes(title: str, wanted: str) -> None:
    assert subject(title) == wanted
    assert len(wanted) < 100


def test_a_japanese_subject_arrives(drill: RunningWorld) -> None:
    topic(drill).send(message(title="決済が止まっています" * 20))
    assert told(drill)[0]["subject"] == ("決済が止まっています" * 10)[:96] + "..."


def test_a_denial_without_a_permission_in_its_words_names_the_call_s_own() -> None:
    refused = writing(error("Publish", "AuthorizationError", "Not authorized", 403), CallContext("sns", "Publish"))
    assert isinstance(refused, errors.ActionFailed)
    assert refused.hint == "needs sns:Publish"


def test_a_title_that_is_no_subject_is_still_whole_in_the_message(drill: RunningWorld) -> None:
    topic(drill).send(message(title="検索 \x1b[31m\n"))
    assert told(drill)[0]["message"].startswith("検索  [31m\n")


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("throttle", errors.ActionFailed, "throttled"),
        ("denied", errors.ActionFailed, "SNS:Publish"),
        ("expired", errors.ActionFailed, "expired"),
        ("error500", errors.OutcomeUnknown, "ask who reads the topic"),
        ("html", errors.OutcomeUnknown, "ask who reads the topic"),
        ("truncated", errors.OutcomeUnknown, "ask who reads the topic"),
    ],
)
def test_what_came_of_it(drill: RunningWorld, fault: str, kind: type[Exception], words: str) -> None:
    drill.story.world.faults.add({"source": "managers", "kind": fault}, list(drill.story.world.peers))
    with pytest.raises(kind, match=words):
        topic(drill).send(message())
    assert drill.story.world.calls["managers"] == {"Publish": 1}


def test_a_topic_that_is_not_there_is_failed(drill: RunningWorld) -> None:
    with pytest.raises(errors.ActionFailed, match="Topic does not exist"):
        topic(drill, topic_arn=TOPIC + "s").send(message())


def test_what_listens_nowhere_was_not_sent(drill: RunningWorld) -> None:
    sns = topic(drill)
    drill.close()
    with pytest.raises(errors.ActionFailed, match="nothing was sent"):
        sns.send(message())


def test_the_topic_is_checked(drill: RunningWorld) -> None:
    with pytest.raises(ValueError, match="topic_arn: expected"):
        topic(drill, topic_arn="managers")
