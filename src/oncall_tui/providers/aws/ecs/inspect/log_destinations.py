"""Containers' log destinations, from their task definitions. Pure.

The names of streams: ``prefix/container/task`` for ``awslogs`` (ECS API reference, LogConfiguration; without a prefix
Docker's id of the container), ``PREFIXcontainer-firelens-task`` for FireLens with Fluent Bit's ``cloudwatch_logs``
(the tag that ECS gives a container's lines, behind ``log_stream_prefix``).
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from oncall_tui.domain.logs import LogDestination
from oncall_tui.providers.aws.ecs import schema as w

SAID = 120  # characters of an option
_ROUTED = {  # FireLens' outputs: Fluent Bit's Name or Fluentd's @type -> what it is, and the options that say where
    "cloudwatch_logs": ("CloudWatch Logs", ("log_group_name", "log_stream_name", "region")),
    "cloudwatch": ("CloudWatch Logs", ("log_group_name", "log_stream_name", "region")),
    "kinesis_firehose": ("Data Firehose", ("delivery_stream", "region")),
    "firehose": ("Data Firehose", ("delivery_stream", "region")),
    "kinesis_streams": ("Kinesis", ("stream", "region")),
    "kinesis": ("Kinesis", ("stream", "region")),
    "s3": ("S3", ("bucket", "region")),
    "datadog": ("Datadog", ("host", "dd_service", "dd_source")),
    "splunk": ("Splunk", ("host", "port", "index")),
    "es": ("Elasticsearch", ("host", "port", "index")),
    "opensearch": ("OpenSearch", ("host", "port", "index")),
    "newrelic": ("New Relic", ("host",)),
    "nrlogs": ("New Relic", ("host",)),
    "loki": ("Loki", ("host", "port")),
    "http": ("HTTP", ("host", "port")),
    "forward": ("another log router", ("host", "port")),
}
_SHORT = {"log_group_name": "group", "log_stream_name": "stream", "delivery_stream": "stream"}
_DRIVERS = {  # log drivers besides awslogs and awsfirelens, and the options that say where
    "splunk": ("Splunk", ("splunk-url", "splunk-index")),
    "gelf": ("Graylog (gelf)", ("gelf-address",)),
    "syslog": ("syslog", ("syslog-address",)),
    "fluentd": ("fluentd", ("fluentd-address",)),
    "json-file": ("a file on the container instance (json-file)", ()),
    "journald": ("the journal of the container instance (journald)", ()),
    "none": ("nowhere: the driver is none", ()),
}


def places(definitions: Iterable[w.EcsTaskDefinition], region: str, service: str) -> tuple[LogDestination, ...]:
    """Each container's place, of the revisions that run, each place once; *region* is the service's own."""
    found: dict[LogDestination, None] = {}
    for definition in definitions:
        router = next((c for c in definition.container_definitions if c.firelens_configuration), None)
        family = definition.task_definition_arn.rsplit("/", 1)[-1].partition(":")[0]
        for container in definition.container_definitions:
            found[_place(container, router, region, (service, family))] = None
    return tuple(sorted(found, key=lambda p: not p.readable))


def _place(
    container: w.EcsContainer, router: w.EcsContainer | None, region: str, names: tuple[str, ...]
) -> LogDestination:
    config = container.log_configuration
    if config is None or not config.log_driver:
        return LogDestination(
            container=container.name, driver="", where="no log driver is configured (on EC2 Docker's own, json-file)"
        )
    options = {k: _said(v) for k, v in (config.options or {}).items() if v}
    if config.log_driver == "awslogs":
        return _awslogs(container.name, options, region, names)
    if config.log_driver == "awsfirelens":
        return _firelens(container.name, options, router, region, names)
    what, keys = _DRIVERS.get(config.log_driver, (config.log_driver, ()))
    return LogDestination(container=container.name, driver=config.log_driver, where=_where(what, keys, options))


def _awslogs(container: str, options: dict[str, str], region: str, names: tuple[str, ...]) -> LogDestination:
    group, there = options.get("awslogs-group", ""), options.get("awslogs-region", "") or region
    begin = options.get("awslogs-stream-prefix", "")
    note = "" if begin else "its streams are named by Docker's ids: a task's lines cannot be picked"
    return LogDestination(
        container=container,
        driver="awslogs",
        where=f"{group} in {there}",
        readable=bool(group),
        group=group,
        region=there,
        prefix=f"{begin}/{container}/" if begin else "",
        note=note or _shared(group, begin, names),
    )


def _firelens(
    container: str, options: dict[str, str], router: w.EcsContainer | None, region: str, names: tuple[str, ...]
) -> LogDestination:
    output = (options.get("name") or options.get("@type") or "").lower()
    if not output:
        return LogDestination(container=container, driver="awsfirelens", where=_own_file(router))
    what, keys = _ROUTED.get(output, (output, ("host", "port")))
    where = f"FireLens → {_where(what, keys, options)}"
    group, begin = options.get("log_group_name", ""), options.get("log_stream_prefix", "")
    if what != "CloudWatch Logs" or not group or "$(" in group + begin:
        return LogDestination(container=container, driver="awsfirelens", where=where)
    fixed = "log_stream_name" in options  # one stream for every task
    return LogDestination(
        container=container,
        driver="awsfirelens",
        where=where,
        readable=True,
        group=group,
        region=options.get("region", "") or region,
        prefix="" if fixed else f"{begin}{container}-firelens-",
        note="all its tasks write one stream: a task's lines cannot be picked"
        if fixed
        else _shared(group, begin, names),
    )


def _own_file(router: w.EcsContainer | None) -> str:
    if router is None or router.firelens_configuration is None:
        return "FireLens, and no container of the task routes it"
    options = router.firelens_configuration.options or {}
    value = _said(options.get("config-file-value") or "")
    kind = router.firelens_configuration.type or "its router"
    return f"FireLens → as {kind}'s own configuration in {router.name} says{f': {value}' if value else ''}"


def _shared(group: str, begin: str, names: tuple[str, ...]) -> str:
    """A group whose name and prefix name neither the service nor its task definition may be many services'."""
    if any(name and name in f"{group}/{begin}" for name in names):
        return ""
    return "by its name the group is not this service's alone: other services' lines may be among these; t picks a task"


def _where(what: str, keys: tuple[str, ...], options: dict[str, str]) -> str:
    told = [f"{_SHORT.get(key, key)} {options[key]}" for key in keys if options.get(key)]
    return f"{what}: {', '.join(told)}" if told else what


def _said(value: str) -> str:
    """An option's value, fit for a message: of a URL what says where, never a login or a path's token."""
    value = "".join(c if c.isprintable() else " " for c in value).strip()
    if "://" in value and not value.startswith("arn:"):
        parts = urlsplit(value)
        value = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return value[:SAID]
