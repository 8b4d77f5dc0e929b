"""The IAM policies that ship, and the decision table that is documented, are held to the code."""

from __future__ import annotations

import ast
import json
import re
from fnmatch import fnmatchcase
from pathlib import Path

import botocore.session
from aws_world import SERVICES

from oncall_tui.providers.aws.ecs.rollback.decision_table import TABLE

ROOT = Path(__file__).parents[3]
CODE = ROOT / "src" / "oncall_tui" / "providers" / "aws"
# A call of AWS's own that another one needs: CreateDeployment registers the AppSpec that it is given (CodeDeploy's user
# guide, "Permissions required"), so that its permission is needed, and no code makes the call.
# And a shell is opened by the AWS CLI, with the acting profile.
NEEDED_BESIDE = {"codedeploy:RegisterApplicationRevision", "ecs:ExecuteCommand"}


def calls() -> tuple[set[str], set[str]]:
    """What the code reads and what it writes, as ``service:Operation``, from every wire.read and wire.write."""
    session = botocore.session.Session()
    iam = {"elbv2": "elasticloadbalancing"}  # where IAM calls it otherwise than botocore
    of = {op: iam.get(s, s) for s in (*SERVICES, "sns", "sqs") for op in session.get_service_model(s).operation_names}
    read, write = set(), set()
    for path in CODE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr == "publish":  # SNS speaks XML, past the wire
                write.add("sns:Publish")
            if isinstance(node, ast.Call):
                by_partial = bool(node.args) and isinstance(node.func, ast.Name) and node.func.id == "partial"
                called = node.args[0] if by_partial else node.func
                if isinstance(called, ast.Attribute) and called.attr in ("read", "write"):
                    names = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                    found = {f"{of[n]}:{n.removesuffix('Batch')}" for n in names if n in of}  # of SQS's, one for both
                    (read if called.attr == "read" else write).update(found)
    return read, write


def allowed(name: str) -> set[str]:
    policy = json.loads((ROOT / "config" / "iam" / name).read_text())
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def test_the_policies_allow_what_the_code_calls_and_nothing_else() -> None:
    read, write = calls()
    assert {"ecs:DescribeServices", "codedeploy:BatchGetDeployments", "cloudwatch:DescribeAlarms"} <= read
    assert {"ecs:StopServiceDeployment", "ecs:UpdateService", "codedeploy:StopDeployment"} <= write
    taken = {c for c in read if c.startswith("sqs:")}  # by whoever has such a source, of its own queue
    assert taken == allowed("events.json")
    read -= taken
    assert {c for c in read if not any(fnmatchcase(c, a) for a in allowed("read.json"))} == set()
    assert {c for c in write if not any(fnmatchcase(c, a) for a in allowed("act.json"))} == set()
    assert {a for a in allowed("read.json") if not any(fnmatchcase(c, a) for c in read)} == set()
    assert {a for a in allowed("act.json") if not any(fnmatchcase(c, a) for c in write)} == NEEDED_BESIDE


def test_the_documented_table_is_the_code_s() -> None:
    text = (ROOT / "docs" / "rollback.md").read_text()
    rows = [tuple(c.strip() for c in line.strip("|").split("|")) for line in text.splitlines() if line.startswith("| ")]
    assert rows[1:] == [(line.value, *told) for line, told in TABLE.items()]


def test_only_rollback_is_ever_sent_as_a_stop_type() -> None:
    sent = {found for path in CODE.rglob("*.py") for found in re.findall(r"stopType=\"(\w+)\"", path.read_text())}
    assert sent == {"ROLLBACK"}
