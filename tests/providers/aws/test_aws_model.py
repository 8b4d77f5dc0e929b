"""Lists of ours that mirror one of botocore's models: each word of the model is decided upon.

``MIRRORS`` names every such list with its enumeration, and the words that were left out of it on purpose. A
new botocore that brings a new word fails here until somebody decides. ``test_no_list_is_forgotten`` finds lists in the
code that are not named.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import botocore.session
import pytest
from aws_world import SERVICES, model
from botocore.retries.standard import ThrottledRetryableChecker

from oncall_tui.domain import service_detail
from oncall_tui.domain.deploy import DeployState
from oncall_tui.providers.aws.client import errors as aws_errors
from oncall_tui.providers.aws.client.session import AWS_HOSTS
from oncall_tui.providers.aws.cloudwatch import alarm_types, metrics
from oncall_tui.providers.aws.cloudwatch import mapping as cw
from oncall_tui.providers.aws.cloudwatch import schema as cw_schema
from oncall_tui.providers.aws.ecs import codedeploy as cd
from oncall_tui.providers.aws.ecs import mapping, revision_schema, schema
from oncall_tui.providers.aws.ecs.inspect import log_destinations, logs
from oncall_tui.providers.aws.ecs.poll import codedeploy as cd_poll
from oncall_tui.providers.aws.ecs.poll import deploys
from oncall_tui.providers.aws.ecs.rollback import decide, history, snapshot, standing
from oncall_tui.tui.screens.detail import service_part, spark

SOURCE = Path(__file__).parents[3] / "src" / "oncall_tui"
ECS, CW, CODE, ELB, LOGS = "providers/aws/ecs", "providers/aws/cloudwatch", "ecs:codedeploy", "elbv2", "logs"
STATUS, CD_STATUS = "ecs.ServiceDeploymentStatus", "codedeploy.DeploymentStatus"
GOING = {"PENDING", "IN_PROGRESS", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "STOP_REQUESTED"}
STOOD = {"PENDING", "IN_PROGRESS", "SUCCESSFUL"}


class Mirror(NamedTuple):
    """*words* of the list in *file*, of *enum* (``service.Shape``); *left* are those that it leaves out, *own* ours."""

    file: str
    words: Collection[str]
    enum: str
    left: Collection[str] = ()
    own: Collection[str] = ()


MIRRORS = {
    "every type of alarm is asked for": Mirror(f"{CW}/alarm_types.py", alarm_types.ALARM_TYPES, "cloudwatch.AlarmType"),
    "states of alarms": Mirror(f"{CW}/mapping.py", cw.STATES, "cloudwatch.StateValue"),
    "comparisons": Mirror(f"{CW}/mapping.py", cw.SIGNS, "cloudwatch.ComparisonOperator"),
    "evaluations": Mirror(f"{CW}/mapping.py", cw.EVALUATION, "cloudwatch.EvaluationState"),
    "metrics that are not all there": Mirror(
        f"{CW}/metrics.py", metrics._UNREAD, "cloudwatch.StatusCode", left={"Complete"}
    ),
    "statistics that grow with the period": Mirror(
        f"{CW}/metrics.py", metrics.ADDED_UP, "cloudwatch.Statistic", left={"Average", "Minimum", "Maximum"}
    ),
    "rules that mute, or will": Mirror(
        f"{CW}/silence.py", ("ACTIVE", "SCHEDULED"), "cloudwatch.AlarmMuteRuleStatus", left={"EXPIRED"}
    ),
    "states of deploys": Mirror(f"{ECS}/mapping.py", mapping.STATES, STATUS),
    "states of deployments[]": Mirror(f"{ECS}/mapping.py", mapping.ROLLOUT, "ecs.DeploymentRolloutState"),
    "deploys that ended": Mirror(f"{ECS}/rollback/decide.py", decide.ENDED, STATUS, left=GOING),
    "deploys that are polled no more": Mirror(f"{ECS}/poll/deploys.py", deploys.ENDED, STATUS, left=GOING),
    "deploys under way": Mirror(
        f"{ECS}/rollback/decide.py",
        decide.IN_PROGRESS,
        STATUS,
        left={*decide.ENDED, *decide.ROLLING_BACK, "STOP_REQUESTED"},
    ),
    "deploys that go back": Mirror(
        f"{ECS}/rollback/decide.py",
        decide.ROLLING_BACK,
        STATUS,
        left={*decide.ENDED, *decide.IN_PROGRESS, "STOP_REQUESTED"},
    ),
    "deploys that did not stand": Mirror(f"{ECS}/rollback/snapshot.py", snapshot.DID_NOT_STAND, STATUS, left=STOOD),
    "how a deploy that did not stand ended": Mirror(f"{ECS}/rollback/standing.py", standing.HOW, STATUS, left=STOOD),
    "deploys whose tasks may still run": Mirror(
        f"{ECS}/rollback/history.py",
        ("STOPPED", "STOP_REQUESTED", "ROLLBACK_FAILED"),
        STATUS,
        left={*STOOD, "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL"},
    ),
    "controllers": Mirror(
        f"{ECS}/rollback/decide.py", ("ECS", "CODE_DEPLOY", "EXTERNAL"), "ecs.DeploymentControllerType"
    ),
    "modes": Mirror(f"{ECS}/schema.py", schema.MANAGEMENT, "ecs.ResourceManagementType", own={""}),
    "task definitions that ECS does not start": Mirror(
        f"{ECS}/rollback/history.py", history.GONE, "ecs.TaskDefinitionStatus", left={"ACTIVE"}, own={"DELETED"}
    ),
    "stops that are no failure": Mirror(
        "domain/service_detail.py",
        service_detail.NOT_FAILED,
        "ecs.TaskStopCode",
        left={"TaskFailedToStart", "EssentialContainerExited"},
    ),
    "health of tasks": Mirror(
        "tui/screens/detail/service_part.py", ("HEALTHY", "UNHEALTHY"), "ecs.HealthStatus", left={"UNKNOWN"}
    ),
    "states of tasks": Mirror(
        "tui/screens/detail/service_part.py",
        service_part._GROUPS,
        "ecs.DesiredStatus",
        own={"PROVISIONING", "ACTIVATING"},
    ),
    "log drivers": Mirror(
        f"{ECS}/inspect/log_destinations.py",
        log_destinations._DRIVERS,
        "ecs.LogDriver",
        left={"awslogs", "awsfirelens"},
        own={"none"},
    ),
    "classes of log groups": Mirror(f"{ECS}/inspect/logs.py", logs.CLASSES, "logs.LogGroupClass"),
    "states of CodeDeploy": Mirror(f"{ECS}/poll/codedeploy.py", cd_poll.STATES, CD_STATUS),
    "open in CodeDeploy": Mirror(f"{ECS}/codedeploy.py", cd.OPEN, CD_STATUS, left={"Succeeded", *cd.FELL}),
    "fell in CodeDeploy": Mirror(f"{ECS}/codedeploy.py", cd.FELL, CD_STATUS, left={"Succeeded", *cd.OPEN}),
    "known in CodeDeploy": Mirror(f"{ECS}/codedeploy.py", cd.KNOWN, CD_STATUS),
    "open for a decision": Mirror(
        f"{ECS}/rollback/decide.py", decide.CD_OPEN, CD_STATUS, left={"Succeeded", "Failed", "Stopped"}
    ),
    "ended for a decision": Mirror(f"{ECS}/rollback/decide.py", decide.CD_ENDED, CD_STATUS, left=cd.OPEN),
    "how a CodeDeploy deployment fell": Mirror(
        f"{ECS}/rollback/standing.py", standing.CD_HOW, CD_STATUS, left={"Succeeded", *cd.OPEN}
    ),
    "targets that are not well": Mirror(
        "tui/screens/detail/service_part.py",
        service_part.SICK,
        "elbv2.TargetHealthStateEnum",
        left={"initial", "healthy", *service_part.LEAVING},
    ),
    "targets that leave": Mirror(
        "tui/screens/detail/service_part.py",
        service_part.LEAVING,
        "elbv2.TargetHealthStateEnum",
        left={"initial", "healthy", *service_part.SICK},
    ),
    "thresholds that are drawn": Mirror(
        "tui/screens/detail/spark.py",
        spark._SIGNS,
        "cloudwatch.ComparisonOperator",
        left={"LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold"},
    ),
}
# Words that stand alone in the code, each with all of its enumeration: (those that mean something, those only shown)
ALONE: dict[str, tuple[set[str], set[str]]] = {
    "ecs.DeploymentStrategy": ({"ROLLING", "CANARY", "LINEAR"}, {"BLUE_GREEN"}),
    "ecs.ServiceDeploymentLifecycleStage": (
        {"BAKE_TIME", "CLEAN_UP"},
        {"RECONCILE_SERVICE", "PRE_SCALE_UP", "SCALE_UP", "POST_SCALE_UP", "TEST_TRAFFIC_SHIFT"}
        | {"POST_TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT"},
    ),
    "ecs.DeploymentLifecycleHookStatus": ({"AWAITING_ACTION"}, {"IN_PROGRESS", "SUCCEEDED", "FAILED", "TIMED_OUT"}),
    "ecs.DeploymentLifecycleHookAction": ({"ROLLBACK", "CONTINUE"}, set()),
    "ecs.StopServiceDeploymentStopType": ({"ROLLBACK"}, {"ABORT"}),
    "ecs.ServiceDeploymentRollbackMonitorsStatus": ({"DISABLED"}, {"TRIGGERED", "MONITORING", "MONITORING_COMPLETE"}),
    "ecs.SchedulingStrategy": ({"DAEMON", "REPLICA"}, set()),
    "ecs.LaunchType": (set(), {"EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"}),
    "ecs.FirelensConfigurationType": (set(), {"fluentd", "fluentbit"}),
    "ecs.StabilityStatus": (set(), {"STEADY_STATE", "STABILIZING"}),
    "codedeploy.DeploymentWaitType": ({"READY_WAIT", "TERMINATION_WAIT"}, set()),
    "codedeploy.InstanceAction": ({"KEEP_ALIVE"}, {"TERMINATE"}),
    "codedeploy.DeploymentReadyAction": ({"STOP_DEPLOYMENT"}, {"CONTINUE_DEPLOYMENT"}),
    "codedeploy.TargetLabel": ({"Green"}, {"Blue"}),
    "codedeploy.LifecycleEventStatus": (
        {"InProgress"},
        {"Pending", "Succeeded", "Failed", "Skipped", "Unknown"},
    ),
    "codedeploy.RevisionLocationType": ({"S3", "GitHub", "AppSpecContent"}, {"String"}),
    "codedeploy.DeploymentCreator": (
        {"codeDeployRollback", "user"},
        {"autoscaling", "CodeDeploy", "CodeDeployAutoUpdate", "CloudFormation", "CloudFormationRollback"}
        | {"autoscalingTermination"},
    ),
    "cloudwatch.HistoryItemType": (
        {"StateUpdate"},
        {"ConfigurationUpdate", "Action", "AlarmContributorStateUpdate", "AlarmContributorAction"},
    ),
    "cloudwatch.AlarmMuteRuleStatus": ({"SCHEDULED", "EXPIRED"}, {"ACTIVE"}),
    "cloudwatch.ActionsSuppressedBy": (set(), {"WaitPeriod", "ExtensionPeriod", "Alarm"}),
}


def enum(name: str) -> set[str]:
    service, shape = name.split(".")
    return set(model(service).shape_for(shape).enum)


@pytest.mark.parametrize("name", MIRRORS)
def test_every_word_of_the_model_is_in_the_list_or_left_out_on_purpose(name: str) -> None:
    mirror = MIRRORS[name]
    words, left, own = set(mirror.words), set(mirror.left), set(mirror.own)
    assert words & left == set()
    assert own <= words
    assert (words - own) | left == enum(mirror.enum)


@pytest.mark.parametrize("name", ALONE)
def test_every_word_of_an_enumeration_that_is_used_alone_is_decided_upon(name: str) -> None:
    meant, shown = ALONE[name]
    assert meant & shown == set()
    assert meant | shown == enum(name)


# --- members of structures --------------------------------------------------------------------------------------------


def members(service: str, shape: str) -> set[str]:
    return set(model(service).shape_for(shape).members)


def test_every_member_of_a_service_revision_is_compared_or_left_out_on_purpose() -> None:
    compared, named, derived = set(revision_schema.BESIDE), revision_schema.OF_REVISION, revision_schema.DERIVED
    assert len(compared) + len(named) + len(derived) == len(compared | named | derived)
    assert compared | named | derived == members("ecs", "ServiceRevision")


def test_what_update_service_would_restore_if_it_were_sent_is_compared_or_of_no_revision() -> None:
    sent = {"cluster", "service", "taskDefinition", "forceNewDeployment"}
    of_no_revision = {"desiredCount", "deploymentConfiguration", "availabilityZoneRebalancing", "placementConstraints"}
    of_no_revision |= {"placementStrategy", "healthCheckGracePeriodSeconds", "deploymentController", "propagateTags"}
    of_no_revision |= {"enableExecuteCommand", "enableECSManagedTags"}
    compared = members("ecs", "UpdateServiceRequest") & set(revision_schema.BESIDE)
    assert members("ecs", "UpdateServiceRequest") == sent | of_no_revision | compared
    assert of_no_revision & members("ecs", "ServiceRevision") == set()


def test_what_is_not_restored_is_documented_word_by_word() -> None:
    text = (SOURCE.parents[1] / "docs" / "rollback.md").read_text().partition("## What it does not restore")[2]
    section = " ".join(text.partition("\n## ")[0].split())
    assert [word for word in revision_schema.BESIDE.values() if word not in section] == []


def test_every_list_of_alarms_in_an_answer_is_read() -> None:
    lists = {m for m in members("cloudwatch", "DescribeAlarmsOutput") if m.endswith("Alarms")}
    assert lists == {f"{kind}s" for kind in alarm_types.ALARM_TYPES}
    answer = cw_schema.DescribeAlarms(metric_alarms=[])
    fields = {name for name in answer.__struct_encode_fields__ if name.endswith("Alarms")}
    assert fields == lists


@pytest.mark.parametrize("kind", alarm_types.ALARM_TYPES)
def test_a_field_of_an_alarm_is_one_of_the_model(kind: str) -> None:
    """What is decoded of an alarm is of one type at least, so that a name that was mistyped is seen."""
    every = set().union(*(members("cloudwatch", k) for k in alarm_types.ALARM_TYPES))
    assert set(cw_schema.CloudWatchAlarm.__struct_encode_fields__) <= every
    assert {"AlarmName", "AlarmArn", "StateValue", "StateTransitionedTimestamp"} <= members("cloudwatch", kind)


# --- errors -----------------------------------------------------------------------------------------------------------

KINDS = {
    "Denied": aws_errors.DENIED,
    "Throttled": aws_errors.THROTTLED,
    "Expired": aws_errors.EXPIRED,
}


def codes(service: str) -> Iterator[tuple[str, int]]:
    of = model(service)
    for operation in of.operation_names:
        for shape in of.operation_model(operation).error_shapes:
            told = shape.metadata.get("error", {})
            yield told.get("code", shape.name), told.get("httpStatusCode", 0)


def test_every_error_whose_name_tells_a_denial_or_a_throttle_is_one() -> None:
    found = {pair for service in (*SERVICES, "sns") for pair in codes(service)}
    denied = {code for code, _ in found if code.startswith(("AccessDenied", "Authorization", "Unauthorized"))}
    throttled = {code for code, _ in found if "Throttl" in code}
    of_groups = {f"Authorization{word}" for word in ("NotFound", "AlreadyExists", "QuotaExceeded")}  # RDS's: of a rule
    assert denied - of_groups <= aws_errors.DENIED
    assert throttled <= aws_errors.THROTTLED
    assert len(denied) > 1
    assert len(throttled) > 1


def test_every_throttle_that_botocore_knows_is_one_but_for_other_services() -> None:
    other = {"EC2ThrottledException", "TransactionInProgressException"}
    quota = {"LimitExceededException"}  # ECS's and CodeDeploy's: a quota, which waiting does not mend
    theirs = set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES)
    assert theirs - other - quota <= aws_errors.THROTTLED
    assert other | quota <= theirs
    assert not aws_errors.THROTTLED & (other | quota)


def test_the_hosts_of_every_partition_are_aws() -> None:
    """The names without their first dot: a host of AWS's own ends in one, and is no custom endpoint."""
    known = botocore.session.get_session().get_data("partitions")["partitions"]
    suffixes = {p["outputs"][key] for p in known for key in ("dnsSuffix", "dualStackDnsSuffix")}
    assert {f".{suffix}" for suffix in suffixes} == set(AWS_HOSTS)


# --- lists in the code ------------------------------------------------------------------------------------------------

LOOKED_AT = ("providers/aws", "tui/screens/detail", "inspection", "domain")
OF_SERVICE = {
    "ecs": None,
    "cloudwatch": None,
    "codedeploy": None,
    "elbv2": ("TargetHealthStateEnum",),
    "logs": ("LogGroupClass",),
}


def enums() -> list[set[str]]:
    found = []
    for service, only in OF_SERVICE.items():
        of = model(service)
        for name in only or of.shape_names:
            words = getattr(of.shape_for(name), "enum", None)
            if words:
                found.append(set(words))
    return found


def literals(path: Path) -> Iterator[tuple[int, set[str]]]:
    """The collections of words that a module writes down: tuples, lists, sets, keys of dictionaries."""
    for node in ast.walk(ast.parse(path.read_text())):
        items: list[Any] = []
        if isinstance(node, ast.Dict):
            items = list(node.keys)
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            items = list(node.elts)
        words = {i.value for i in items if isinstance(i, ast.Constant) and isinstance(i.value, str) and i.value}
        if len(words) > 1:
            yield node.lineno, words


def test_no_list_is_forgotten() -> None:
    """Two words or more of one enumeration, side by side in the code, are a list that ``MIRRORS`` names."""
    known: dict[str, list[set[str]]] = {}
    for mirror in MIRRORS.values():
        known.setdefault(mirror.file, []).append(set(mirror.words))
    all_enums, forgotten, seen = enums(), [], set()
    for folder in LOOKED_AT:
        for path in sorted((SOURCE / folder).rglob("*.py")):
            name = str(path.relative_to(SOURCE))
            for at, words in literals(path):
                if not any(len(words & of) > 1 for of in all_enums):
                    continue
                seen.add(name)
                if not any(words <= mirror for mirror in known.get(name, [])):
                    forgotten.append(f"{name}:{at} {sorted(words)}")
    assert forgotten == []
    assert {m.file for m in MIRRORS.values()} - seen <= {f"{ECS}/inspect/logs.py", f"{ECS}/schema.py"}


# --- words that no model has yet --------------------------------------------------------------------------------------


def test_a_state_that_is_not_known_is_neither_an_end_nor_a_success() -> None:
    assert mapping.STATES.get("NEW_STATE", DeployState.UNKNOWN) is DeployState.UNKNOWN
    assert not DeployState.UNKNOWN.bad
    assert cd.CodeDeployDeployment(deployment_id="d-1", status="NewState").open
    assert service_detail.stop_failed("NewCode", "", None)
    assert schema.EcsService("a", "b", "c", resource_management_type="NEW").mode == "resources managed by NEW"
    assert revision_schema.beside_words("newConfiguration") == "new configuration"
