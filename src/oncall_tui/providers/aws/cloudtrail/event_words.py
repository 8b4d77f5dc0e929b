"""CloudTrail's names of calls → words, and what each was done to. Pure.

The names of calls and of their parameters are those of each service's API reference; CloudTrail writes parameters with
a small first letter. A call that is not listed here has its own name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from oncall_tui.domain.change import ChangeKind
from oncall_tui.providers.aws.client import arn


class CallWords(NamedTuple):
    """How a call is told: ``WORDS THING``, where *thing* is the parameter that names it."""

    words: str
    kind: ChangeKind
    thing: str


_CONFIGURATION, _SCALING = ChangeKind.CONFIGURATION, ChangeKind.SCALING
_ALARM, _DATABASE = ChangeKind.ALARM, ChangeKind.DATABASE
CALLS = {
    "UpdateService": CallWords("update of service", _CONFIGURATION, "service"),
    "CreateService": CallWords("creation of service", _CONFIGURATION, "serviceName"),
    "DeleteService": CallWords("deletion of service", _CONFIGURATION, "service"),
    "StopTask": CallWords("stop of task", _CONFIGURATION, "task"),
    "RegisterTaskDefinition": CallWords("new task definition of", _CONFIGURATION, "family"),
    "DeregisterTaskDefinition": CallWords("end of task definition", _CONFIGURATION, "taskDefinition"),
    "RegisterScalableTarget": CallWords("bounds of autoscaling of", _SCALING, "resourceId"),
    "DeregisterScalableTarget": CallWords("end of autoscaling of", _SCALING, "resourceId"),
    "PutScalingPolicy": CallWords("scaling policy of", _SCALING, "resourceId"),
    "DeleteScalingPolicy": CallWords("deletion of a scaling policy of", _SCALING, "resourceId"),
    "PutScheduledAction": CallWords("scheduled scaling of", _SCALING, "resourceId"),
    "PutRolePolicy": CallWords("edited policy of role", _CONFIGURATION, "roleName"),
    "DeleteRolePolicy": CallWords("deleted policy of role", _CONFIGURATION, "roleName"),
    "AttachRolePolicy": CallWords("policy attached to role", _CONFIGURATION, "roleName"),
    "DetachRolePolicy": CallWords("policy detached from role", _CONFIGURATION, "roleName"),
    "UpdateAssumeRolePolicy": CallWords("edited trust of role", _CONFIGURATION, "roleName"),
    "ModifyTargetGroup": CallWords("edit of target group", _CONFIGURATION, "targetGroupArn"),
    "ModifyTargetGroupAttributes": CallWords("edit of target group", _CONFIGURATION, "targetGroupArn"),
    "RegisterTargets": CallWords("targets added to", _CONFIGURATION, "targetGroupArn"),
    "DeregisterTargets": CallWords("targets taken from", _CONFIGURATION, "targetGroupArn"),
    "PutMetricAlarm": CallWords("edit of alarm", _ALARM, "alarmName"),
    "PutCompositeAlarm": CallWords("edit of alarm", _ALARM, "alarmName"),
    "DeleteAlarms": CallWords("deletion of alarm", _ALARM, "alarmNames"),
    "DisableAlarmActions": CallWords("actions switched off of alarm", _ALARM, "alarmNames"),
    "EnableAlarmActions": CallWords("actions switched on of alarm", _ALARM, "alarmNames"),
    "SetAlarmState": CallWords("state set by hand of alarm", _ALARM, "alarmName"),
    "ModifyDBInstance": CallWords("edit of database", _DATABASE, "dBInstanceIdentifier"),
    "RebootDBInstance": CallWords("reboot of database", _DATABASE, "dBInstanceIdentifier"),
    "ModifyDBCluster": CallWords("edit of database cluster", _DATABASE, "dBClusterIdentifier"),
    "FailoverDBCluster": CallWords("failover of database cluster", _DATABASE, "dBClusterIdentifier"),
    "AuthorizeSecurityGroupIngress": CallWords("opened security group", _CONFIGURATION, "groupId"),
    "RevokeSecurityGroupIngress": CallWords("closed security group", _CONFIGURATION, "groupId"),
    "PutParameter": CallWords("edit of parameter", _CONFIGURATION, "name"),
    "DeleteParameter": CallWords("deletion of parameter", _CONFIGURATION, "name"),
    "UpdateSecret": CallWords("edit of secret", _CONFIGURATION, "secretId"),
    "PutSecretValue": CallWords("new value of secret", _CONFIGURATION, "secretId"),
}
_DEPTH = 6  # of parameters in parameters


def told(name: str, request: dict[str, Any]) -> tuple[str, str, ChangeKind]:
    """(what was done, the thing that it was done to, its kind): ``edit of alarm api-5xx``."""
    call = CALLS.get(name)
    if call is None:
        thing = next(iter(texts(request)), "")
        return f"{name} of {short(thing)}" if thing else name, short(thing), ChangeKind.OTHER
    thing = short(_first(request.get(call.thing)))
    if name == "UpdateService":
        words, kind = _service_update(request)
        return f"{words} {thing}", thing, kind
    forced = name == "RebootDBInstance" and request.get("forceFailover") is True
    words = "reboot with failover of database" if forced else call.words
    return f"{words} {thing}".rstrip(), thing, call.kind


def _service_update(request: dict[str, Any]) -> tuple[str, ChangeKind]:
    if definition := request.get("taskDefinition"):
        return f"deploy of {short(str(definition))} to service", _CONFIGURATION
    if request.get("forceNewDeployment") is True:
        return "forced deploy of service", _CONFIGURATION
    if (count := request.get("desiredCount")) is not None:
        return f"desired count set to {count} of service", _SCALING
    return "update of service", _CONFIGURATION


def texts(value: Any, depth: int = 0) -> Iterator[str]:
    """Every text in a call's parameters, the outermost first where they stand first."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list) and depth < _DEPTH:
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner, depth + 1)


def short(thing: str) -> str:
    """``payments-api`` of a target group's ARN or of ``service/prod-main/payments-api``; another name stays whole."""
    if thing.startswith("arn:"):
        resource = arn.parse(thing).resource
        kind, slash, path = resource.partition("/")
        if kind == "targetgroup":
            return path.partition("/")[0]
        if ":" in kind or not slash:  # alarm:NAME, whose name may hold slashes
            return resource.partition(":")[2] or resource
        return resource.rsplit("/", 1)[-1]
    return thing.rpartition("/")[2] if thing.startswith("service/") else thing


def _first(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(one) for one in value[:3])
    return str(value) if value is not None else ""
