"""The options of an ECS or a CloudWatch source. No I/O is imported here."""

from __future__ import annotations

from oncall_tui.providers.options import SourceOptions


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
    in a container starts.
    """

    clusters: tuple[str, ...] = ("*",)
    shell: str = "/bin/sh"


class CloudWatchOptions(AwsOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account and region whose CloudWatch alarms are read.

    *severity*: severity word -> globs of alarm names; the worst that matches counts, else ``warning``.
    *show_target_tracking*: show the alarms that target-tracking scaling keeps for itself, which sit in ALARM normally.
    """

    severity: dict[str, tuple[str, ...]] = {}
    show_target_tracking: bool = False
