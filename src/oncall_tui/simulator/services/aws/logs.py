"""CloudWatch Logs: the service model of 2014-03-28, AWS JSON 1.1. Groups are those that task definitions name.

Only FilterLogEvents is simulated. A page ends after a second that filled it, after a megabyte, or after two minutes of
log that were searched, so that a page may be empty and have a token, as at AWS.
"""

import json
import zlib
from collections.abc import Callable

from oncall_tui.simulator.services.aws.ecs.log_lines import SimulatedEcsLine, Writer, seconds
from oncall_tui.simulator.services.aws.ecs.model import SimulatedEcsAccount
from oncall_tui.simulator.services.aws.endpoint import AwsError, Json

MOST, LARGEST = 10_000, 1_000_000
SEARCHED_S = 120  # of one answer, where a limit does not end it sooner
DAY_MS = 86_400_000
_NEWEST_FROM_MS = 1_704_067_200_000


class LogsApi:
    """One account's logs in one region."""

    prefix = "Logs_20140328"
    version = "1.1"
    permission = "logs"

    def __init__(self, account: SimulatedEcsAccount, now: Callable[[], float]) -> None:
        self._account, self._now = account, now

    def call(self, operation: str, asked: Json) -> Json:
        """The answer, or AwsError."""
        if operation != "FilterLogEvents":
            raise AwsError("UnknownOperationException", f"{operation} is not simulated")
        return self._filter(asked)

    def resource(self, asked: Json) -> str:
        """The ARN that a denied call names."""
        return f"arn:aws:logs:{self._account.region}:{self._account.number}:log-group:{asked.get('logGroupName')}:*"

    def _writers(self, group: str, asked: Json) -> dict[str, Writer]:
        """The streams of a group that are asked for, by name."""
        names, prefix = asked.get("logStreamNames"), asked.get("logStreamNamePrefix", "")
        if names is not None and prefix:
            raise _invalid("logStreamNames and logStreamNamePrefix exclude each other")
        found, there = {}, False
        for cluster in self._account.clusters.values():
            for service in cluster.services.values():
                for task in (*service.tasks, *service.stopped):
                    for index, spec in enumerate(task.revision.definition.containers):
                        options = (spec.get("logConfiguration") or {}).get("options", {})
                        stream = _stream(spec, options, group, task.arn.rsplit("/")[-1])
                        there = there or bool(stream)
                        if stream and (stream in names if names else stream.startswith(prefix)):
                            found[stream] = Writer(service, task, spec["name"], index == 0)
        if not there and group not in self._configured():
            raise AwsError("ResourceNotFoundException", "The specified log group does not exist.")
        if names and (missing := set(names) - set(found)):
            raise AwsError("ResourceNotFoundException", f"The specified log stream does not exist: {missing.pop()}")
        return found

    def _configured(self) -> set[str]:
        every = (d for held in self._account.families.values() for d in held.values())
        configs = (c.get("logConfiguration") or {} for d in every for c in d.containers)
        return {str(c.get("options", {}).get("awslogs-group")) for c in configs}

    def _filter(self, asked: Json) -> Json:
        group = asked.get("logGroupName")
        if not isinstance(group, str) or not group:
            raise _invalid("logGroupName is needed")
        limit, newest = asked.get("limit", MOST), asked.get("startFromHead", True) is False
        if not isinstance(limit, int) or not 1 <= limit <= MOST:
            raise _invalid("limit must be between 1 and 10000")
        now = int(1000 * self._now())
        start, end = max(asked.get("startTime", 0), now - DAY_MS), min(asked.get("endTime", now), now)
        if newest and asked.get("startTime", 0) < _NEWEST_FROM_MS:
            raise _invalid("startFromHead false needs a startTime from 2024 on")
        after, newest = _token(asked.get("nextToken"), newest)
        if after is not None:
            start, end = (start, min(end, after[0])) if newest else (max(start, after[0]), end)
        by_name = self._writers(group, asked)
        events: list[Json] = []
        size = searched = 0
        for at in seconds(list(by_name.values()), start, end, newest):
            searched += 1
            for event in self._second(by_name, at, newest):
                key = (event["timestamp"], event["eventId"])
                known = after is not None and (key >= after if newest else key <= after)
                if known or not start <= key[0] <= end or event["ingestionTime"] > now:
                    continue
                size += len(event["message"]) + 26
                events.append(event)
                if len(events) >= limit or size >= LARGEST:
                    return _answer(events, key, newest)
            if searched >= SEARCHED_S:
                edge = (at * 1000, "") if newest else (at * 1000 + 999, "~")
                return _answer(events, edge, newest)
        return {"events": events, "searchedLogStreams": []}

    def _second(self, by_name: dict[str, Writer], second: int, newest: bool) -> list[Json]:
        """Every event of one second, in the order asked for."""
        found = [_event(line, name) for name, writer in by_name.items() for line in writer.second(second)]
        return sorted(found, key=lambda e: (e["timestamp"], e["eventId"]), reverse=newest)


def _stream(spec: Json, options: Json, group: str, task: str) -> str:
    """The name of a container's stream in this group; empty: it writes elsewhere."""
    if options.get("awslogs-group") == group:
        return f"{options.get('awslogs-stream-prefix', 'ecs')}/{spec['name']}/{task}"
    if options.get("log_group_name") == group and "cloudwatch" in options.get("Name", ""):
        return f"{options.get('log_stream_prefix', '')}{spec['name']}-firelens-{task}"
    return ""


def _event(line: SimulatedEcsLine, stream: str) -> Json:
    """Return a line as an event: the same line has the same id in every answer."""
    mark = zlib.crc32(line.text.encode(), zlib.crc32(stream.encode()))
    return {
        "logStreamName": stream,
        "timestamp": line.at,
        "message": line.text,
        "ingestionTime": line.seen,
        "eventId": f"{line.at:014d}{mark:042d}",
    }


def _answer(events: list[Json], last: tuple[int, str], newest: bool) -> Json:
    token = json.dumps([*last, newest], separators=(",", ":"))
    return {"events": events, "searchedLogStreams": [], "nextToken": f"drill-{token}"}


def _token(given: object, newest: bool) -> tuple[tuple[int, str] | None, bool]:
    """(The last event before this page, which way): a token keeps the way that its first question asked for."""
    if given is None:
        return None, newest
    try:
        at, id, way = json.loads(str(given).removeprefix("drill-"))
    except ValueError:
        raise _invalid("The specified nextToken is invalid.") from None
    return (at, id), way


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)
