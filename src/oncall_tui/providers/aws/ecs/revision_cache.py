"""Immutable answers, read once: service revisions, task definitions, why a task stopped. Bounded, and shared by
the poller's and the action's thread."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import msgspec

from oncall_tui import errors
from oncall_tui.domain.deploy import TaskFailure
from oncall_tui.domain.revision import Build, Revision
from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.errors import NOT_OFFERED
from oncall_tui.providers.aws.client.lru import Lru
from oncall_tui.providers.aws.client.rate_limit import Priority
from oncall_tui.providers.aws.ecs import build_info
from oncall_tui.providers.aws.ecs import mapping as rows
from oncall_tui.providers.aws.ecs import revision_schema as r
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.options import BuildInfo
from oncall_tui.providers.lists import Damage

REVISIONS_A_CALL = 20
NO_TAGS = "the tags of task definitions cannot be read"


class RevisionCache:
    """The caches of one source, and the calls that fill them."""

    def __init__(self, client: AwsClient, info: BuildInfo = BuildInfo()) -> None:  # noqa: B008 - it is frozen
        self._client, self._info = client, info
        self._tags = True  # may they be read?
        self.revisions: Lru[str, r.EcsServiceRevision] = Lru(4000)
        self.definitions: Lru[str, w.EcsTaskDefinition] = Lru(2000)
        self.builds: Lru[str, Build] = Lru(2000)  # of those task definitions
        self.specs: Lru[str, str] = Lru(200)  # an AppSpec's hash -> its content
        self.tasks: Lru[str, tuple[str, float, TaskFailure | None]] = Lru(4000)  # ARN -> (task definition, began, why)

    def read_revisions(self, arns: Iterable[str], priority: Priority, damage: Damage | None = None) -> None:
        """DescribeServiceRevisions of those not yet known, 20 a call. Raises SourceError or RateLimited."""
        todo = [a for a in dict.fromkeys(arns) if a and a not in self.revisions]
        for at in range(0, len(todo), REVISIONS_A_CALL):
            chunk = todo[at : at + REVISIONS_A_CALL]
            answer = self._client.read(
                r.DescribeServiceRevisions, "DescribeServiceRevisions", priority, damage, serviceRevisionArns=chunk
            )
            for found in _typed(answer, damage):
                self.revisions.put(found.service_revision_arn, found)

    def read_definition(self, arn: str, priority: Priority, again: bool = False) -> w.EcsTaskDefinition:
        """DescribeTaskDefinition; *again* for its status, the one thing of it that changes. Raises as above."""
        known = self.definitions.get(arn)
        if known is None or again:
            answer = self._describe(arn, priority)
            known = answer.task_definition
            lacks = "" if self._tags else NO_TAGS
            self.builds.put(arn, build_info.take(known, answer.tags, self._info, lacks))
            self.definitions.put(arn, known)
        return known

    def _describe(self, arn: str, priority: Priority) -> w.DescribeTaskDefinition:
        """Ask for it with its tags, which is one call; without them where only that can be had."""
        ask = partial(self._client.read, w.DescribeTaskDefinition, "DescribeTaskDefinition", priority)
        if not self._tags:
            return ask(taskDefinition=arn)
        try:
            return ask(taskDefinition=arn, include=["TAGS"])
        except NOT_OFFERED:
            answer = ask(taskDefinition=arn)  # where this fails too, tags are asked for again the next time
            self._tags = False
            return answer

    def read_tasks(self, cluster: str, arns: Iterable[str], priority: Priority, damage: Damage | None = None) -> None:
        """DescribeTasks of those stopped ones not yet known: a hundred at most. Raises SourceError or RateLimited."""
        todo = [a for a in arns if a not in self.tasks]
        if not todo:
            return
        answer = self._client.read(w.DescribeTasks, "DescribeTasks", priority, damage, cluster=cluster, tasks=todo)
        for task in answer.tasks:
            self.tasks.put(task.task_arn, (task.task_definition_arn, task.created_at or 0.0, rows.failure(task)))

    def definition_of(self, revision_arn: str) -> str:
        """The task definition's ARN of a service revision; empty where it was not read."""
        found = self.revisions.get(revision_arn)
        return found.task_definition if found else ""

    def revision(self, revision_arn: str = "", task_definition: str = "") -> Revision:
        """The domain's revision from what is known now; no call is made."""
        made = self.revisions.get(revision_arn) if revision_arn else None
        name = made.task_definition if made else task_definition
        definition, build = (self.definitions.get(name), self.builds.get(name)) if name else (None, None)
        return rows.revision(name or "?", made, definition, build)

    def differs(self, one: str, other: str) -> tuple[str, ...]:
        """Return two service revisions' differences outside their task definitions; none if either is unknown."""
        a, b = self.revisions.get(one), self.revisions.get(other)
        if a is None or b is None:
            return ()
        names = dict.fromkeys((*r.BESIDE, *a.beside, *b.beside))
        return tuple(r.beside_words(name) for name in names if a.beside.get(name) != b.beside.get(name))


def _typed(answer: r.DescribeServiceRevisions, damage: Damage | None) -> list[r.EcsServiceRevision]:
    try:
        return answer.typed(damage)
    except msgspec.ValidationError as error:  # names the field, never a value
        raise errors.Malformed(f"DescribeServiceRevisions: the answer is not what AWS promises ({error})") from error
