"""moto's DynamoDB for tests, on loopback: one server a process, and a table for each test."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import httpx

from oncall_tui.providers.aws.dynamodb.table import JournalTable
from oncall_tui.providers.aws.options import AwsOptions
from oncall_tui.runtime.clock import Clock

REGION = "eu-west-1"
_count = itertools.count(1)
_SIGNED = "AWS4-HMAC-SHA256 Credential=testing/20300101/{}/dynamodb/aws4_request, SignedHeaders=host, Signature=0"


class Hasty:
    """A clock that goes on by a second at each look: no call waits for the program's own limit of calls."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        self._seconds += 1.0
        return self._seconds


@contextmanager
def server() -> Iterator[str]:
    """The URL of a server that has DynamoDB loaded, which takes its time at the first call."""
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    url = f"http://{host}:{port}"
    try:
        httpx.post(f"{url}/moto-api/reset").raise_for_status()  # its state is the whole process's
        httpx.post(url, headers={"Authorization": _SIGNED.format(REGION)}, timeout=120)
        yield url
    finally:
        running.stop()


def client(url: str) -> Any:
    """A plain client of the server."""
    return boto3.client("dynamodb", region_name=REGION, endpoint_url=url)


def create(url: str, keys: tuple[str, str] = ("pk", "sk"), expires: bool = True) -> str:
    """A new table's name, made as config/dynamodb makes it."""
    name, made = f"journal-{next(_count)}", client(url)
    made.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=True)],
    )
    if expires:
        made.update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"})
    return name


def table(url: str, name: str, clock: Clock | None = None, region: str = REGION) -> JournalTable:
    """The table as one engineer's program has it."""
    options = AwsOptions(name="journal", provider="dynamodb", region=region, endpoint_url=url)
    return JournalTable(options, name, 400 * 86_400.0, clock or Hasty())
