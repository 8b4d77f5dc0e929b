"""botocore's data files, without what this program never asks of them: half of their memory is documentation, and
the endpoints of four hundred services that it does not call.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Endpoint names of the services that are called: for data, for credentials. Of others botocore would take the pattern.
ENDPOINTS = frozenset(
    {"ecs", "codedeploy", "monitoring", "logs", "sns", "elasticloadbalancing", "sts", "oidc", "portal.sso", "signin"}
    | {"rds", "application-autoscaling", "cloudtrail", "sqs"}
)
_READ: dict[str, Callable[[Path], bytes]] = {
    ".json": Path.read_bytes,
    ".json.gz": lambda path: gzip.decompress(path.read_bytes()),
}


class LeanFiles:
    """The files of botocore's loader (``botocore.loaders.Loader.file_loader``), pruned as they are read."""

    def exists(self, file_path: str) -> bool:
        """Return whether there is such a file; *file_path* is without its ending."""
        return any(Path(file_path + ending).is_file() for ending in _READ)

    def load_file(self, file_path: str) -> Any:
        """Return the file's data; None: there is no such file. Raises OSError and ValueError."""
        for ending, read in _READ.items():
            path = Path(file_path + ending)
            if path.is_file():
                data = json.loads(read(path), object_pairs_hook=_undocumented)
                return _few_endpoints(data) if path.name.startswith("endpoints.") else data
        return None


def _undocumented(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object without its documentation; a member of that name is an object, not a text."""
    return {key: value for key, value in pairs if key != "documentation" or not isinstance(value, str)}


def _few_endpoints(data: dict[str, Any]) -> dict[str, Any]:
    for partition in data["partitions"]:
        partition["services"] = {name: one for name, one in partition["services"].items() if name in ENDPOINTS}
    return data
