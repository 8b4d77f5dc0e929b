"""botocore's data files, without what this program never asks of them: the documentation, the operations that it does
not call, with their shapes, and the endpoints of four hundred services.

Of eleven services' 732 operations it calls 44: the others' shapes are most of a model.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from oncall_tui.runtime.decoding import plain

# Endpoint names of the services that are called: for data, for credentials. Of others botocore would take the pattern.
ENDPOINTS = frozenset(
    {"ecs", "codedeploy", "monitoring", "logs", "sns", "elasticloadbalancing", "sts", "oidc", "portal.sso", "signin"}
    | {"rds", "application-autoscaling", "cloudtrail", "sqs", "dynamodb"}
)
# The operations that are called, by botocore's names of services. Those that are not here (the ones that get
# credentials) are read whole.
CALLED = {
    "application-autoscaling": ("DescribeScalingActivities",),
    "cloudtrail": ("LookupEvents",),
    "cloudwatch": (
        *("DescribeAlarmHistory", "DescribeAlarms", "GetAlarmMuteRule", "GetMetricData", "ListAlarmMuteRules"),
        "PutAlarmMuteRule",
    ),
    "codedeploy": (
        *("BatchGetDeploymentTargets", "BatchGetDeployments", "ContinueDeployment", "CreateDeployment"),
        *("GetApplicationRevision", "GetDeployment", "ListDeployments", "StopDeployment"),
    ),
    "dynamodb": ("DeleteItem", "DescribeTimeToLive", "PutItem", "Query", "UpdateItem"),
    "ecs": (
        *("ContinueServiceDeployment", "DescribeClusters", "DescribeServiceDeployments", "DescribeServiceRevisions"),
        *("DescribeServices", "DescribeTaskDefinition", "DescribeTasks", "ExecuteCommand", "ListClusters"),
        *("ListServiceDeployments", "ListServices", "ListTaskDefinitions", "ListTasks", "StopServiceDeployment"),
        "UpdateService",
    ),
    "elbv2": ("DescribeTargetHealth",),
    "logs": ("FilterLogEvents",),
    "rds": ("DescribeEvents",),
    "sns": ("Publish",),
    "sqs": ("DeleteMessageBatch", "GetQueueAttributes", "GetQueueUrl", "ReceiveMessage"),
}
_READ: dict[str, Callable[[Path], bytes]] = {
    ".json": Path.read_bytes,
    ".json.gz": lambda path: gzip.decompress(path.read_bytes()),
}


def make_lean(loader: Any) -> None:
    """Let *loader* (``botocore.loaders.Loader``) read less: its *file_loader* is botocore's own seam, and a service is
    looked for where it is, not beside all others: for each of them botocore asks whether it has such a file.
    """
    loader.file_loader = LeanFiles()
    loader.list_available_services = lambda type_name: _folders(loader.search_paths)


class LeanFiles:
    """The files of botocore's loader (``botocore.loaders.Loader.file_loader``), pruned as they are read."""

    def exists(self, file_path: str) -> bool:
        """Return whether there is such a file; *file_path* is without its ending."""
        return any(os.path.isfile(file_path + ending) for ending in _READ)

    def load_file(self, file_path: str) -> Any:
        """Return the file's data; None: there is no such file. Raises OSError and ValueError."""
        for ending, read in _READ.items():
            path = Path(file_path + ending)
            if path.is_file():
                return _pruned(plain(read(path)), path)
        return None


def _pruned(data: Any, path: Path) -> Any:
    """Return the file's data without what is not asked of it. A model's folder is its service: ``ecs/2014-11-13``."""
    if path.name.startswith("endpoints."):
        for partition in data["partitions"]:
            partition["services"] = {name: one for name, one in partition["services"].items() if name in ENDPOINTS}
    elif path.name.startswith("service-2.json"):
        called = CALLED.get(path.parent.parent.name)
        if called is not None:
            data["operations"] = {name: one for name, one in data["operations"].items() if name in called}
            data["shapes"] = _reached(data["shapes"], data["operations"].values())
        _undocumented(data)
    return data


def _reached(shapes: dict[str, Any], operations: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the shapes of the operations' requests, answers and errors, in the file's order."""
    found: set[str] = set()
    ahead: list[Any] = [
        one
        for operation in operations
        for one in (operation.get("input"), operation.get("output"), *operation.get("errors", ()))
    ]
    while ahead:
        name = (ahead.pop() or {}).get("shape")
        if name is not None and name not in found:
            found.add(name)
            shape = shapes[name]
            ahead += (*shape.get("members", {}).values(), shape.get("member"), shape.get("key"), shape.get("value"))
    return {name: shape for name, shape in shapes.items() if name in found}


def _undocumented(model: dict[str, Any]) -> None:
    """Drop the documentation of a model, its operations, and its shapes and their members."""
    model.pop("documentation", None)
    for operation in model["operations"].values():
        operation.pop("documentation", None)
        for part in (operation.get("input"), operation.get("output"), *operation.get("errors", ())):
            if part:
                part.pop("documentation", None)
    for shape in model["shapes"].values():
        shape.pop("documentation", None)
        for member in (*shape.get("members", {}).values(), *(shape.get(name) for name in ("member", "key", "value"))):
            if member:
                member.pop("documentation", None)


def _folders(paths: Iterable[str]) -> list[str]:
    """Return the names of all services: each has a folder."""
    return sorted({name for path in paths if os.path.isdir(path) for name in os.listdir(path)})
