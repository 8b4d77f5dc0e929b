"""Looks up who changed a service, its roles, its target groups and its task definitions in CloudTrail.

Calls of one reading: DescribeServices, DescribeTaskDefinition, and LookupEvents once for fifty calls that wrote in the
account, ten at the most. Where the first two cannot be read, what they would name is not looked for, and that is said.
Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from oncall_tui import errors
from oncall_tui.domain.who import WhoAnswer
from oncall_tui.providers.aws.client import arn
from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.rate_limit import Priority
from oncall_tui.providers.aws.cloudtrail.event_words import short
from oncall_tui.providers.aws.cloudtrail.lookup import Things, WhoLookup
from oncall_tui.providers.aws.ecs.inspect import schema as d
from oncall_tui.providers.aws.ecs.inspect.service import place
from oncall_tui.providers.aws.ecs.revision_cache import RevisionCache


class StandsOn(NamedTuple):
    """The names of what a service stands on, and in words what of it is not known."""

    names: tuple[str, ...]
    family: str = ""
    lacks: tuple[str, ...] = ()


class ServiceWho:
    """Asks of one source's services. Used by the queue of on-demand readings."""

    def __init__(self, source: str, ecs: AwsClient, known: RevisionCache, lookup: WhoLookup) -> None:
        self._source, self._ecs, self._known, self._lookup = source, ecs, known, lookup

    def changes(self, service_id: str, names: Sequence[str], since: float, until: float) -> WhoAnswer:
        """Return who changed it in that time (base.SupportsWho). Raises SourceError where CloudTrail cannot be read."""
        cluster, name = place(self._source, service_id)
        on = self._stands_on(cluster, name)
        things = Things(cluster, name, (*names, *on.names), on.family)
        found = self._lookup.changes(service_id, things, since, until)
        return msgspec.structs.replace(found, notes=(*on.lacks, *found.notes)) if on.lacks else found

    def _stands_on(self, cluster: str, name: str) -> StandsOn:
        try:
            answer = self._ecs.read(
                d.DescribeServiceTargets, "DescribeServices", Priority.ACT, cluster=cluster, services=[name]
            )
            if not answer.services:
                return StandsOn((), lacks=("its target groups and roles are not known: it is not there any more",))
            service = answer.services[0]
        except errors.SourceError as error:
            return StandsOn((), lacks=(f"its target groups and roles are not known: {error.message}",))
        groups = [group for group in service.groups() if group]
        names = [*groups, *(short(group) for group in groups)]
        family = arn.parse(service.task_definition).name.rpartition(":")[0]
        try:
            definition = self._known.read_definition(service.task_definition, Priority.ACT)
        except errors.SourceError as error:
            return StandsOn(tuple(names), family, (f"its roles are not known: {error.message}",))
        roles = (arn.parse(one).name for one in (definition.task_role_arn, definition.execution_role_arn) if one)
        return StandsOn((*names, *roles), family)
