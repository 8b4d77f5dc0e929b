"""The profiles of this machine's AWS configuration, and whether each can list clusters and alarms.

For a first configuration: one call each, by the code of every other call (connect 2 s, read 5 s, one attempt).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import botocore.session
from botocore.exceptions import BotoCoreError

from oncall_tui.errors import NoCredentials
from oncall_tui.providers.aws.client.arn import parse
from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.rate_limit import TokenBucket
from oncall_tui.providers.aws.client.session import Sessions
from oncall_tui.providers.aws.cloudwatch.schema import DescribeAlarms
from oncall_tui.providers.aws.ecs.schema import ListClusters
from oncall_tui.providers.aws.options import AwsOptions
from oncall_tui.runtime.clock import Clock

MOST_PAGES = 5  # of a hundred clusters each
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
POLICY = Path(__file__).with_name("read_policy.json")


def profiles(environ: Mapping[str, str] = os.environ) -> tuple[tuple[str, str], ...]:
    """Return each profile with its region (empty: nobody names one); an empty name is the environment's own keys.

    Makes no call. Raises NoCredentials where the files cannot be read.
    """
    usual = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
    try:
        found = botocore.session.Session().full_config.get("profiles", {})
    except BotoCoreError as error:
        raise NoCredentials(f"the AWS configuration cannot be read: {error}", "check ~/.aws/config") from None
    named = tuple((name, str(settings.get("region") or usual)) for name, settings in found.items())
    return (*((("", usual),) if any(environ.get(key) for key in KEYS) else ()), *named)


def clusters(profile: str, region: str, clock: Clock) -> tuple[str, tuple[str, ...]]:
    """Return the account and the names of its clusters in *region*. Raises SourceError."""
    client = AwsClient(_sessions(profile, region), "ecs", TokenBucket(clock), Counter())
    arns: list[str] = []
    more: dict[str, Any] = {}
    for _ in range(MOST_PAGES):
        page = client.read(ListClusters, "ListClusters", maxResults=100, **more)
        arns += page.cluster_arns
        if not page.next_token:
            break
        more = {"nextToken": page.next_token}
    found = [parse(arn) for arn in arns]
    return (found[0].account if found else ""), tuple(arn.name for arn in found)


def alarms(profile: str, region: str, clock: Clock) -> None:
    """Ask for one alarm. Raises SourceError where alarms cannot be read."""
    client = AwsClient(_sessions(profile, region), "cloudwatch", TokenBucket(clock), Counter())
    client.read(DescribeAlarms, "DescribeAlarms", MaxRecords=1)


def policy() -> str:
    """Return the policy that reading takes, as JSON: config/iam/read.json."""
    return POLICY.read_text(encoding="utf-8")


def _sessions(profile: str, region: str) -> Sessions:
    return Sessions(AwsOptions(name=profile or "environment", provider="ecs", region=region, profile=profile))
