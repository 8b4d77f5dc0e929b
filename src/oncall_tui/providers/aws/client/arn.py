"""ARNs taken apart: ``arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`` (AWS General Reference)."""

from __future__ import annotations

from sys import intern

import msgspec


class Arn(msgspec.Struct, frozen=True, gc=False):
    """An ARN's parts; empty strings where the text is no ARN. *resource* is all after the fifth colon."""

    region: str = ""
    account: str = ""
    resource: str = ""

    @property
    def name(self) -> str:
        """The last part of the resource's path."""
        return self.resource.rsplit("/", 1)[-1]

    @property
    def path(self) -> tuple[str, ...]:
        """The resource's path without its type: ``(cluster, service, id)`` of a service deployment."""
        return tuple(self.resource.split("/")[1:])


def parse(text: str) -> Arn:
    """*text*'s parts. Never raises."""
    parts = text.split(":", 5)
    return Arn(intern(parts[3]), intern(parts[4]), parts[5]) if len(parts) == 6 else Arn(resource=text)


SINGLE_SIGN_ON = "AWSReservedSSO_"  # the roles of IAM Identity Center, whose sessions are named by their people


def person(principal: str) -> str:
    """Return an IAM ARN's person, without the account: ``alice``, or ``role/session``. Never raises.

    A session of single sign-on is its person: ``assumed-role/AWSReservedSSO_Operator_0123/alice`` is alice (IAM
    Identity Center user guide, "Referencing permission sets").
    """
    path = parse(principal).path
    if len(path) == 2 and path[0].startswith(SINGLE_SIGN_ON):
        return path[1]
    return "/".join(path)
