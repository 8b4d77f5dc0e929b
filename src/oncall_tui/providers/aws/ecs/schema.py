"""The parts of ECS's answers that are used, typed. Fields and enums: botocore's ``ecs/2014-11-13`` service model.

Each answer's own list has no default: an answer without it (a captive portal's, a proxy's) does not decode. Times are
seconds since the epoch, as ECS's JSON 1.1 carries them. Environment values are not declared here, so never kept.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Answer(msgspec.Struct, gc=False, rename="camel"):
    """What comes over the wire: unknown fields are passed over."""


class Failure(Answer):
    arn: str = ""
    reason: str = ""
    detail: str = ""


class ListClusters(Answer):
    cluster_arns: list[str]
    next_token: str = ""


class ListServices(Answer):
    service_arns: list[str]
    next_token: str = ""


class ClusterW(Answer):
    cluster_arn: str
    cluster_name: str = ""
    status: str = ""
    running_tasks_count: int = 0
    pending_tasks_count: int = 0
    active_services_count: int = 0


class DescribeClusters(Answer):
    clusters: list[ClusterW]
    failures: list[Failure] = []


class EventW(Answer):
    created_at: float = 0.0
    message: str = ""


class DeploymentW(Answer):
    id: str
    status: str = ""
    task_definition: str = ""
    desired_count: int = 0
    running_count: int = 0
    pending_count: int = 0
    failed_tasks: int = 0
    created_at: float = 0.0
    updated_at: float = 0.0
    rollout_state: str = ""
    rollout_state_reason: str = ""


class TaskSetW(Answer):
    id: str
    status: str = ""
    task_definition: str = ""
    started_by: str = ""
    external_id: str = ""
    computed_desired_count: int = 0
    running_count: int = 0
    pending_count: int = 0
    created_at: float = 0.0
    updated_at: float = 0.0
    stability_status: str = ""


class ControllerW(Answer):
    type: str = "ECS"


class BreakerConfigW(Answer):
    enable: bool = False
    rollback: bool = False


class AlarmConfigW(Answer):
    alarm_names: list[str] = []
    enable: bool = False
    rollback: bool = False


class ConfigurationW(Answer):
    strategy: str = "ROLLING"
    alarms: AlarmConfigW | None = None
    bake_time_in_minutes: int | None = None
    deployment_circuit_breaker: BreakerConfigW | None = None


class SummaryW(Answer):
    arn: str = ""
    requested_task_count: int = 0
    running_task_count: int = 0
    pending_task_count: int = 0
    requested_production_traffic_weight: float | None = None


class ServiceW(Answer):
    service_arn: str
    service_name: str
    cluster_arn: str
    status: str = ""
    desired_count: int = 0
    running_count: int = 0
    pending_count: int = 0
    task_definition: str = ""
    deployments: list[DeploymentW] = []
    task_sets: list[TaskSetW] = []
    events: list[EventW] = []
    deployment_controller: ControllerW | None = None
    deployment_configuration: ConfigurationW | None = None
    current_service_deployment: str = ""
    current_service_revisions: list[SummaryW] = []

    @property
    def controller(self) -> str:
        return self.deployment_controller.type if self.deployment_controller else "ECS"


class DescribeServices(Answer):
    services: list[ServiceW]
    failures: list[Failure] = []


class BriefW(Answer):
    """One of ListServiceDeployments."""

    service_deployment_arn: str
    created_at: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None
    target_service_revision_arn: str = ""
    status: str = ""
    status_reason: str = ""


class ListServiceDeployments(Answer):
    service_deployments: list[BriefW]
    next_token: str = ""


class HookW(Answer):
    """What runs, or waits, at a lifecycle stage; AWAITING_ACTION waits for ContinueServiceDeployment."""

    hook_id: str = ""
    target_type: str = ""
    status: str = ""
    expires_at: float | None = None
    timeout_action: str = ""


class RollbackW(Answer):
    reason: str = ""
    started_at: float | None = None
    service_revision_arn: str = ""


class BreakerW(Answer):
    status: str = ""
    failure_count: int = 0
    threshold: int = 0


class AlarmsW(Answer):
    triggered_alarm_names: list[str] = []


class ServiceDeploymentW(Answer):
    service_deployment_arn: str
    service_arn: str = ""
    cluster_arn: str = ""
    created_at: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None
    stopped_at: float | None = None
    updated_at: float | None = None
    status: str = ""
    status_reason: str = ""
    lifecycle_stage: str = ""
    lifecycle_hook_details: list[HookW] = []
    source_service_revisions: list[SummaryW] = []
    target_service_revision: SummaryW | None = None
    deployment_configuration: ConfigurationW | None = None
    rollback: RollbackW | None = None
    deployment_circuit_breaker: BreakerW | None = None
    alarms: AlarmsW | None = None

    @property
    def target_arn(self) -> str:
        return self.target_service_revision.arn if self.target_service_revision else ""

    @property
    def strategy(self) -> str:
        return self.deployment_configuration.strategy if self.deployment_configuration else "ROLLING"

    @property
    def waiting(self) -> HookW | None:
        """The hook that waits for an answer; None: none does."""
        return next((h for h in self.lifecycle_hook_details if h.status == "AWAITING_ACTION"), None)


class DescribeServiceDeployments(Answer):
    service_deployments: list[ServiceDeploymentW]
    failures: list[Failure] = []


class ContainerImageW(Answer):
    container_name: str = ""
    image_digest: str = ""
    image: str = ""


class MetricConfigurationW(Answer):
    metric_names: list[str] = []
    resolution_seconds: int = 60


class MonitoringW(Answer):
    metric_configurations: list[MetricConfigurationW] = []


class ServiceRevisionW(Answer):
    """A service revision: also what is no part of its task definition, kept only to be compared."""

    service_revision_arn: str
    task_definition: str = ""
    container_images: list[ContainerImageW] = []
    created_at: float = 0.0
    load_balancers: list[Any] = []
    network_configuration: dict[str, Any] | None = None
    capacity_provider_strategy: list[Any] = []
    service_connect_configuration: dict[str, Any] | None = None
    volume_configurations: list[Any] = []
    service_registries: list[Any] = []
    launch_type: str = ""
    monitoring: MonitoringW | None = None

    def resolution_s(self, metric: str) -> int:
        """How often ECS sends this metric of the service: every 60 s, or 20 where that was asked for."""
        told = self.monitoring.metric_configurations if self.monitoring else []
        return next((one.resolution_seconds for one in told if metric in one.metric_names), 60)


class DescribeServiceRevisions(Answer):
    service_revisions: list[ServiceRevisionW]
    failures: list[Failure] = []


class NameW(Answer):
    """A name, and never the value beside it."""

    name: str = ""


class PortW(Answer):
    container_port: int | None = None
    protocol: str = ""


_AWSLOGS = {"awslogs-group", "awslogs-region", "awslogs-stream-prefix"}
_ROUTED = {"name", "@type", "host", "port", "region", "index", "bucket", "stream", "delivery_stream", "provider"}
_ROUTED |= {"log_group_name", "log_stream_prefix", "log_stream_name", "dd_service", "dd_source"}
_DRIVERS = {"splunk-url", "splunk-index", "gelf-address", "syslog-address", "fluentd-address"}
LOG_OPTIONS = _AWSLOGS | _ROUTED | _DRIVERS | {"config-file-type", "config-file-value"}


class LogOptionsW(Answer):
    """A map of options, of which only those that are no secrets are kept: a token may stand beside them in clear."""

    options: dict[str, str | None] | None = None

    def __post_init__(self) -> None:
        self.options = {k.lower(): v for k, v in (self.options or {}).items() if v and k.lower() in LOG_OPTIONS}


class LogConfigurationW(LogOptionsW):
    """A container's log driver."""

    log_driver: str = ""


class FirelensW(LogOptionsW):
    """The mark of a container that routes the others' logs."""

    type: str = ""


class ContainerW(Answer):
    name: str = ""
    image: str = ""
    cpu: int = 0
    memory: int | None = None
    memory_reservation: int | None = None
    port_mappings: list[PortW] = []
    environment: list[NameW] = []
    secrets: list[NameW] = []
    environment_files: list[Any] = []
    log_configuration: LogConfigurationW | None = None
    firelens_configuration: FirelensW | None = None


class TaskDefinitionW(Answer):
    task_definition_arn: str
    container_definitions: list[ContainerW] = []
    cpu: str = ""
    memory: str = ""
    status: str = ""
    network_mode: str = ""
    task_role_arn: str = ""
    execution_role_arn: str = ""
    registered_at: float | None = None
    registered_by: str = ""


class DescribeTaskDefinition(Answer):
    task_definition: TaskDefinitionW


class ListTaskDefinitions(Answer):
    task_definition_arns: list[str]
    next_token: str = ""


class ListTasks(Answer):
    task_arns: list[str]
    next_token: str = ""


class TaskContainerW(Answer):
    name: str = ""
    last_status: str = ""
    health_status: str = ""
    exit_code: int | None = None
    reason: str = ""
    runtime_id: str = ""


class TaskW(Answer):
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
    created_at: float | None = None
    started_at: float | None = None
    stopped_at: float | None = None
    stopping_at: float | None = None
    containers: list[TaskContainerW] = []


class DescribeTasks(Answer):
    tasks: list[TaskW]
    failures: list[Failure] = []
