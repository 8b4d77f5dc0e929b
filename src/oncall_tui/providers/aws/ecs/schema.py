"""The parts of ECS's answers that are used, typed. Fields and enums: botocore's ``ecs/2014-11-13`` service model.

Each answer's own list has no default: an answer without it (a captive portal's, a proxy's) does not decode. Times are
seconds since the epoch, as ECS's JSON 1.1 carries them. The values of environment variables and labels are taken out
of an answer as soon as it was decoded (``build_info.take``), and those of secrets are not declared here.
"""

from __future__ import annotations

from sys import intern
from typing import Any

import msgspec

from oncall_tui.providers.lists import Epoch, Spared


class EcsAnswer(msgspec.Struct, gc=False, rename="camel"):
    """An answer over the wire: unknown fields are ignored."""


class EcsFailure(EcsAnswer):
    arn: str = ""
    reason: str = ""
    detail: str = ""


class ListClusters(EcsAnswer):
    cluster_arns: list[str]
    next_token: str = ""


class ListServices(EcsAnswer):
    service_arns: list[str]
    next_token: str = ""


class EcsCluster(EcsAnswer):
    cluster_arn: str
    cluster_name: str = ""
    status: str = ""
    running_tasks_count: int = 0
    pending_tasks_count: int = 0
    active_services_count: int = 0


class DescribeClusters(EcsAnswer):
    clusters: list[EcsCluster]
    failures: list[EcsFailure] = []


class EcsEvent(EcsAnswer):
    created_at: Epoch = 0.0
    message: str = ""


class EcsDeployment(EcsAnswer):
    id: str
    status: str = ""
    task_definition: str = ""
    desired_count: int = 0
    running_count: int = 0
    pending_count: int = 0
    failed_tasks: int = 0
    created_at: Epoch = 0.0
    updated_at: Epoch = 0.0
    rollout_state: str = ""
    rollout_state_reason: str = ""


class EcsTaskSet(EcsAnswer):
    id: str
    status: str = ""
    task_definition: str = ""
    started_by: str = ""
    external_id: str = ""
    computed_desired_count: int = 0
    running_count: int = 0
    pending_count: int = 0
    created_at: Epoch = 0.0
    updated_at: Epoch = 0.0
    stability_status: str = ""


class EcsController(EcsAnswer):
    type: str = "ECS"


class EcsBreakerConfig(EcsAnswer):
    enable: bool = False
    rollback: bool = False


class EcsAlarmConfig(EcsAnswer):
    alarm_names: list[str] = []
    enable: bool = False
    rollback: bool = False


class EcsCanary(EcsAnswer):
    canary_percent: float = 0.0
    canary_bake_time_in_minutes: int = 0


class EcsLinear(EcsAnswer):
    step_percent: float = 0.0
    step_bake_time_in_minutes: int = 0


class EcsConfiguration(EcsAnswer):
    strategy: str = "ROLLING"
    canary_configuration: EcsCanary | None = None
    linear_configuration: EcsLinear | None = None
    alarms: EcsAlarmConfig | None = None
    bake_time_in_minutes: int | None = None
    deployment_circuit_breaker: EcsBreakerConfig | None = None


class EcsSummary(EcsAnswer):
    arn: str = ""
    requested_task_count: int = 0
    running_task_count: int = 0
    pending_task_count: int = 0
    requested_production_traffic_weight: float | None = None


MANAGEMENT = {"": "", "CUSTOMER": "", "ECS": "Express Mode"}  # resourceManagementType -> the mode, where it has a name


class EcsService(EcsAnswer):
    service_arn: str
    service_name: str
    cluster_arn: str
    status: str = ""
    desired_count: int = 0
    running_count: int = 0
    pending_count: int = 0
    task_definition: str = ""
    deployments: list[EcsDeployment] = []
    task_sets: list[EcsTaskSet] = []
    events: Spared[list[EcsEvent]] = []
    created_at: Epoch = 0.0
    deployment_controller: EcsController | None = None
    deployment_configuration: EcsConfiguration | None = None
    current_service_deployment: str = ""
    current_service_revisions: list[EcsSummary] = []
    scheduling_strategy: str = "REPLICA"
    resource_management_type: str = ""

    @property
    def mode(self) -> str:
        """``Express Mode`` where ECS manages what belongs to the service; a word that is not known in words."""
        word = self.resource_management_type
        return MANAGEMENT.get(word, f"resources managed by {word}")

    @property
    def more_by(self) -> str:
        """How a service that wants no task comes to want some: of a DAEMON, ECS counts the instances that match."""
        daemon = self.scheduling_strategy == "DAEMON"
        return "a container instance matches it" if daemon else "the service is scaled up"

    @property
    def controller(self) -> str:
        return self.deployment_controller.type if self.deployment_controller else "ECS"


def share_words(service: EcsService) -> None:
    """Have the words that a thousand services have in common once: each answer brings its own copies, and is kept."""
    of: tuple[tuple[EcsAnswer | None, tuple[str, ...]], ...] = (
        (service, ("cluster_arn", "status", "scheduling_strategy", "resource_management_type", "task_definition")),
        *((deployment, ("status", "rollout_state", "task_definition")) for deployment in service.deployments),
        (service.deployment_controller, ("type",)),
        (service.deployment_configuration, ("strategy",)),
    )
    for one, names in of:
        for name in names if one is not None else ():
            setattr(one, name, intern(getattr(one, name)))


class DescribeServices(EcsAnswer):
    services: list[EcsService]
    failures: list[EcsFailure] = []


class EcsBrief(EcsAnswer):
    """One of ListServiceDeployments."""

    service_deployment_arn: str
    created_at: Epoch = 0.0
    started_at: Epoch | None = None
    finished_at: Epoch | None = None
    target_service_revision_arn: str = ""
    status: str = ""
    status_reason: str = ""


class ListServiceDeployments(EcsAnswer):
    service_deployments: list[EcsBrief]
    next_token: str = ""


class EcsHook(EcsAnswer):
    """A hook that runs, or waits, at a lifecycle stage; AWAITING_ACTION waits for ContinueServiceDeployment."""

    hook_id: str = ""
    status: str = ""
    expires_at: Epoch | None = None
    timeout_action: str = ""


class EcsRollback(EcsAnswer):
    reason: str = ""
    started_at: Epoch | None = None
    service_revision_arn: str = ""


class EcsBreaker(EcsAnswer):
    status: str = ""
    failure_count: int = 0
    threshold: int = 0


class EcsAlarms(EcsAnswer):
    triggered_alarm_names: list[str] = []


class EcsServiceDeployment(EcsAnswer):
    service_deployment_arn: str
    service_arn: str = ""
    cluster_arn: str = ""
    created_at: Epoch = 0.0
    started_at: Epoch | None = None
    finished_at: Epoch | None = None
    stopped_at: Epoch | None = None
    updated_at: Epoch | None = None
    status: str = ""
    status_reason: str = ""
    lifecycle_stage: str = ""
    lifecycle_hook_details: list[EcsHook] = []
    source_service_revisions: list[EcsSummary] = []
    target_service_revision: EcsSummary | None = None
    deployment_configuration: EcsConfiguration | None = None
    rollback: EcsRollback | None = None
    deployment_circuit_breaker: EcsBreaker | None = None
    alarms: EcsAlarms | None = None

    @property
    def target_arn(self) -> str:
        return self.target_service_revision.arn if self.target_service_revision else ""

    @property
    def strategy(self) -> str:
        return self.deployment_configuration.strategy if self.deployment_configuration else "ROLLING"

    @property
    def waiting(self) -> EcsHook | None:
        """The hook that waits for an answer; None: none does."""
        return next((h for h in self.lifecycle_hook_details if h.status == "AWAITING_ACTION"), None)


class DescribeServiceDeployments(EcsAnswer):
    service_deployments: list[EcsServiceDeployment]
    failures: list[EcsFailure] = []


class EcsName(EcsAnswer):
    """A name, and never the value beside it."""

    name: str = ""


class EcsVariable(EcsName):
    """An environment variable. Its *value* is looked at once, where its name is configured, and never kept."""

    value: str | None = None


class EcsTag(EcsAnswer):
    key: str = ""
    value: str | None = None


class EcsPort(EcsAnswer):
    container_port: int | None = None
    protocol: str = ""


_AWSLOGS = {"awslogs-group", "awslogs-region", "awslogs-stream-prefix"}
_ROUTED = {"name", "@type", "host", "port", "region", "index", "bucket", "stream", "delivery_stream", "provider"}
_ROUTED |= {"log_group_name", "log_stream_prefix", "log_stream_name", "dd_service", "dd_source"}
_DRIVERS = {"splunk-url", "splunk-index", "gelf-address", "syslog-address", "fluentd-address"}
LOG_OPTIONS = _AWSLOGS | _ROUTED | _DRIVERS | {"config-file-type", "config-file-value"}


class EcsLogOptions(EcsAnswer):
    """A map of options, of which only those that are no secrets are kept: a token may stand beside them in clear."""

    options: dict[str, str | None] | None = None

    def __post_init__(self) -> None:
        self.options = {k.lower(): v for k, v in (self.options or {}).items() if v and k.lower() in LOG_OPTIONS}


class EcsLogConfiguration(EcsLogOptions):
    """A container's log driver."""

    log_driver: str = ""


class EcsFirelens(EcsLogOptions):
    """The mark of a container that routes the others' logs."""

    type: str = ""


class EcsContainer(EcsAnswer):
    name: str = ""
    image: str = ""
    cpu: int = 0
    memory: int | None = None
    memory_reservation: int | None = None
    port_mappings: list[EcsPort] = []
    environment: list[EcsVariable] = []
    docker_labels: dict[str, str | None] | None = None
    secrets: list[EcsName] = []
    environment_files: list[Any] = []
    log_configuration: EcsLogConfiguration | None = None
    firelens_configuration: EcsFirelens | None = None


class EcsTaskDefinition(EcsAnswer):
    task_definition_arn: str
    container_definitions: list[EcsContainer] = []
    cpu: str = ""
    memory: str = ""
    status: str = ""
    network_mode: str = ""
    task_role_arn: str = ""
    execution_role_arn: str = ""
    registered_at: Epoch | None = None
    registered_by: str = ""


class DescribeTaskDefinition(EcsAnswer):
    task_definition: EcsTaskDefinition
    tags: Spared[list[EcsTag]] = []


class ListTaskDefinitions(EcsAnswer):
    task_definition_arns: list[str]
    next_token: str = ""


class ListTasks(EcsAnswer):
    task_arns: list[str]
    next_token: str = ""


class EcsTaskContainer(EcsAnswer):
    name: str = ""
    last_status: str = ""
    health_status: str = ""
    exit_code: int | None = None
    reason: str = ""
    runtime_id: str = ""


class EcsTask(EcsAnswer):
    task_arn: str
    task_definition_arn: str = ""
    last_status: str = ""
    desired_status: str = ""
    health_status: str = ""
    availability_zone: str = ""
    enable_execute_command: bool = False
    started_by: str = ""
    stop_code: str = ""
    stopped_reason: str = ""
    created_at: Epoch | None = None
    started_at: Epoch | None = None
    stopped_at: Epoch | None = None
    stopping_at: Epoch | None = None
    containers: list[EcsTaskContainer] = []


class DescribeTasks(EcsAnswer):
    tasks: list[EcsTask]
    failures: list[EcsFailure] = []
