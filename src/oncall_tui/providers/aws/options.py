"""The options of an AWS source. No I/O is imported here."""

from __future__ import annotations

import re

import msgspec

from oncall_tui.providers.options import SourceOptions

QUEUE_NAME = r"[A-Za-z0-9_-]{1,80}"  # SQS developer guide, "Quotas"; a FIFO queue's ends in .fifo
QUEUE_URL = r"https?://[^/\s]+/(?:\d{12}/)?[A-Za-z0-9_-]{1,80}"


class BuildPlace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place in a task definition: a container's environment variable, its docker label, or a tag of the whole."""

    env: str = ""
    label: str = ""
    tag: str = ""

    def __post_init__(self) -> None:
        if sum(map(bool, (self.env, self.label, self.tag))) != 1:
            raise ValueError("expected one of env, label and tag, with a name")

    @property
    def where(self) -> tuple[str, str]:
        """(``env``, ``label`` or ``tag``, the name there)."""
        return ("env", self.env) if self.env else ("label", self.label) if self.label else ("tag", self.tag)


BuildPlaces = BuildPlace | tuple[BuildPlace, ...]


class BuildInfo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The places where a task definition names its build: of several the first that has a value.

    The usual places are the image annotations of the OCI image specification, as docker labels, and genova's tag. No
    environment variable is one of them: its value may be a secret.
    """

    repository: BuildPlaces = (BuildPlace(label="org.opencontainers.image.source"),)
    commit: BuildPlaces = (BuildPlace(label="org.opencontainers.image.revision"),)
    version: BuildPlaces = (BuildPlace(tag="genova.build"), BuildPlace(label="org.opencontainers.image.version"))
    author: BuildPlaces = ()


class AwsOptions(SourceOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The endpoint and the credentials of AWS calls; every AWS source shares these.

    *region*: empty takes the profile's or the environment's. *profile*: a name in ``~/.aws/config``; empty takes the
    default chain. *role_arn*: assumed on top of it. *act_profile* and *act_role_arn*: what writes are made with; empty
    takes what reads. *endpoint_url*: instead of AWS (a simulation, a VPC endpoint); a banner tells that it is in use.
    *account*: the twelve digits, where it should not be taken from what is read.
    """

    region: str = ""
    profile: str = ""
    act_profile: str = ""
    role_arn: str = ""
    act_role_arn: str = ""
    endpoint_url: str = ""
    account: str = ""


class EcsOptions(AwsOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account and region whose ECS services and deploys are read.

    *clusters*: names or globs. Where all are plain names, ``ecs:ListClusters`` is never called. *shell*: what a shell
    in a container starts. *build_info*: where a task definition names repository, commit, version and author.
    """

    clusters: tuple[str, ...] = ("*",)
    shell: str = "/bin/sh"
    build_info: BuildInfo = BuildInfo()


class CloudWatchOptions(AwsOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account and region whose CloudWatch alarms are read.

    *severity*: severity word -> globs of alarm names; the worst that matches counts, else ``warning``.
    *show_target_tracking*: show the alarms that target-tracking scaling keeps for itself, which sit in ALARM normally.
    """

    severity: dict[str, tuple[str, ...]] = {}
    show_target_tracking: bool = False


class RdsOptions(AwsOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account and region whose databases' events are read.

    *databases*: names or globs of DB instances and clusters. Nothing is done to them from here.
    """

    databases: tuple[str, ...] = ("*",)


class EventBridgeOptions(AwsOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One SQS queue that an EventBridge rule fills.

    *queue*: its URL, or its name in this account and region (which needs ``sqs:GetQueueUrl`` besides).
    """

    queue: str

    def __post_init__(self) -> None:
        if self.queue.endswith(".fifo"):
            raise ValueError(
                "queue: expected a standard queue: one that is first-in-first-out is held up by one message"
            )
        if not (re.fullmatch(QUEUE_NAME, self.queue) or re.fullmatch(QUEUE_URL, self.queue)):
            raise ValueError("queue: expected a queue's URL or its name, as oncall-events")
