"""A shell in a container by ECS Exec: the AWS CLI's command, in words, and as it is run. No call to ECS is made here.

ECS's own answer to ExecuteCommand is a session for the Systems Manager's plugin, which the CLI starts (ECS developer
guide, "Monitor Amazon ECS containers with ECS Exec"); both have to be on the machine. The task is named by its id, so
that a shell never opens in another task than the one that was picked: ECS refuses one that stopped meanwhile.
"""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Mapping

from oncall_tui.domain.action import Verb
from oncall_tui.domain.plan import Actor, Confirm, Plan
from oncall_tui.domain.service import Service
from oncall_tui.domain.service_detail import Task, short_task
from oncall_tui.errors import Refused
from oncall_tui.providers.aws.client import errors as aws_errors
from oncall_tui.providers.aws.client.session import Sessions
from oncall_tui.providers.aws.options import EcsOptions
from oncall_tui.runtime.clock import Clock

PROGRAMS = ("aws", "session-manager-plugin")


class EcsShells:
    """The implementation of base.ShellProvider, with the acting credentials of one source."""

    programs = PROGRAMS

    def __init__(self, options: EcsOptions, sessions: Sessions, clock: Clock, read_only: bool) -> None:
        self._options, self._sessions, self._clock, self._read_only = options, sessions, clock, read_only
        self._profile, self._role = sessions.acting_as()

    def shell(self, service: Service, task: Task, container: str, actor: Actor) -> Plan:
        """The command for a shell in *container* of *task*. Raises Refused where nothing may be written."""
        if self._read_only:
            raise Refused("read only: a shell can write", "start without --read-only, and without read_only: true")
        key = service.key
        where = ["--cluster", key.cluster, "--task", task.id, "--container", container]
        words = self._aws("execute-command", service, *where, "--interactive", "--command", self._options.shell)
        lines = [
            ("opens", f"{self._options.shell}, in a container that runs now: commands there can write and delete"),
            ("account", f"{key.account}  {key.region}"),
            ("service", f"{key.cluster}/{key.name}"),
            ("task", f"{task.id}  {task.revision}  {task.status}  {task.zone}".rstrip()),
            ("container", container),
            ("as", self._who()),
            ("command", shlex.join(words)),
        ]
        banner = self._sessions.banner("ecs")
        return Plan(
            id=uuid.uuid4().hex,
            verb=Verb.SHELL,
            source=service.source,
            target=service.id,
            version=task.id,
            actor=actor,
            made_at=self._clock.now(),
            title=f"Open a shell in {service.title}, task {short_task(task.id)}, container {container}",
            lines=tuple(lines),
            warnings=(f"DEMO, or custom endpoint: {banner}",) if banner else (),
            confirm=Confirm.YES,
            request={"command": words, "cluster": key.cluster, "service": key.name, "task": task.id}
            | {"container": container, "account": key.account, "region": key.region},
            commands=(shlex.join(words),),
        )

    def enabling(self, service: Service) -> str:
        """The command that lets shells be opened in the service's next tasks. It is a deploy: it is only told."""
        wanted = ("--service", service.key.name, "--enable-execute-command", "--force-new-deployment")
        return shlex.join(self._aws("update-service", service, "--cluster", service.key.cluster, *wanted))

    def keys(self) -> Mapping[str, str]:
        """A role's temporary keys, as the CLI takes them from its environment; empty where a profile says it all.

        May block for STS. Raises ActionFailed where they cannot be had. They are not to be shown, logged or kept.
        """
        if not self._role:
            return {}
        try:
            return self._sessions.keys(acting=True)
        except Exception as error:
            mapped = aws_errors.before_writing(error, self._sessions.where("ecs", "ExecuteCommand", acting=True))
            if mapped is None:
                raise
            raise mapped from error

    def _aws(self, operation: str, service: Service, *arguments: str) -> list[str]:
        words = ["aws", "ecs", operation, *arguments, "--region", service.key.region]
        if self._profile and not self._role:  # a profile on the command line stands before keys in the environment
            words += ["--profile", self._profile]
        if self._options.endpoint_url:
            words += ["--endpoint-url", self._options.endpoint_url]
        return words

    def _who(self) -> str:
        if self._role:
            return f"{self._role}: its temporary keys are handed over; by hand, use a profile of that role"
        return f"profile {self._profile}" if self._profile else "the usual chain of credentials"
