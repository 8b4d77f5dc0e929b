"""Pages of AWS's console: its host depends on the region's partition. Pure."""

from __future__ import annotations

import re

_HOSTS = (  # of the partitions whose console is reached over the internet
    (re.compile(r"cn-\w+-\d+"), "console.amazonaws.cn"),
    (re.compile(r"us-gov-\w+-\d+"), "console.amazonaws-us-gov.com"),
    (re.compile(r"eusc-\w+-\w+-\d+"), "console.amazonaws-eusc.eu"),
    (re.compile(r"[a-z]{2}-[a-z]+-\d+"), "console.aws.amazon.com"),
)


def page(region: str, service: str) -> str:
    """The console's page of *service* in *region*; empty where no console is known, since a wrong link is worse."""
    host = next((host for regions, host in _HOSTS if regions.fullmatch(region)), "")
    return host and f"https://{region}.{host}/{service}/home?region={region}"
