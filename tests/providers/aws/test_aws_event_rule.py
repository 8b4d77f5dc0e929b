"""The rule and the queue that ship, for CloudFormation and for Terraform, are held to each other and to the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from oncall_tui.providers.aws.eventbridge.mapping import _MAKERS, DATABASES
from oncall_tui.providers.aws.eventbridge.queue import HIDDEN_S

FOLDER = Path(__file__).parents[3] / "config" / "eventbridge"


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short functions, as plain text."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: f"!{suffix} {node.value}")


def stack() -> dict[str, Any]:
    found: dict[str, Any] = yaml.load((FOLDER / "cloudformation.yaml").read_text(), Loader)
    return {name: one["Properties"] for name, one in found["Resources"].items()}


def test_the_rule_sends_what_the_code_has_a_use_for_and_nothing_else() -> None:
    pattern = stack()["Rule"]["EventPattern"]["$or"]
    sent = {(source, kind) for one in pattern for source in one["source"] for kind in one["detail-type"]}
    used = {one for one in _MAKERS if one[0] != "aws.monitoring"}
    assert {" ".join(one) for one in sent} == {" ".join(one) for one in used} | DATABASES
    assert [one["detail"] for one in pattern if "detail" in one] == [{"lastStatus": ["STOPPED"]}]


def test_the_queue_takes_from_its_rule_alone_and_keeps_an_hour() -> None:
    found = stack()
    (statement,) = found["QueuePolicy"]["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": "!GetAtt Rule.Arn"}}
    assert found["Queue"]["MessageRetentionPeriod"] == 3600
    assert found["Queue"]["VisibilityTimeout"] == HIDDEN_S
    assert "RedrivePolicy" not in found["Queue"]


def test_terraform_has_the_same() -> None:
    text, rule = (FOLDER / "main.tf").read_text(), stack()["Rule"]["EventPattern"]["$or"]
    listed = re.findall(r"\{ source = \[\"([\w.-]+)\"\], \"detail-type\" = \[([^\]]+)\]", text)
    assert [(source, re.findall(r"\"([^\"]+)\"", kinds)) for source, kinds in listed] == [
        (one["source"][0], one["detail-type"]) for one in rule
    ]
    assert 'detail = { lastStatus = ["STOPPED"] }' in text
    assert '"aws:SourceArn" = aws_cloudwatch_event_rule.events.arn' in text
    assert re.search(r"message_retention_seconds\s+= 3600", text)
    assert re.search(rf"visibility_timeout_seconds = {HIDDEN_S}\b", text)
    assert text.count("{") == text.count("}")
    assert text.count("(") == text.count(")")
