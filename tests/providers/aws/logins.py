"""Sources whose keys come from whatever a test puts around them, and what a poll of one would say."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from oncall_tui import errors
from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.rate_limit import TokenBucket
from oncall_tui.providers.aws.client.session import Sessions
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.options import EcsOptions
from oncall_tui.runtime.clock import FakeClock

NOBODY = "http://127.0.0.1:9"  # where nobody listens: a call that gets so far is refused there
HOLDS = {"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "wJalrXUtnFEMI"}
LATER, BEFORE = "2099-01-01T00:00:00Z", "2001-01-01T00:00:00Z"


def sessions(**more: Any) -> Sessions:
    return Sessions(
        EcsOptions(**{"name": "prod", "provider": "ecs", "region": "eu-west-1", "endpoint_url": NOBODY} | more)
    )


def asked(made: Sessions) -> errors.SourceError:
    """What a poll would say. Anything but a SourceError would be "bug in this provider"."""
    with pytest.raises(errors.SourceError) as caught:
        AwsClient(made, "ecs", TokenBucket(FakeClock()), Counter()).read(w.ListClusters, "ListClusters")
    assert caught.value.message
    assert caught.value.hint
    return caught.value


def said(**more: Any) -> errors.SourceError:
    return asked(sessions(**more))


def said_at_last(words: str, **more: Any) -> errors.SourceError:
    """What is said once the search for keys came to *words*: on a busy machine a short wait ends before that."""
    made, until = sessions(**more), time.monotonic() + 20
    while words not in (error := asked(made)).message and error.message.startswith("still waiting"):
        assert time.monotonic() < until, error.message
    return error


def profile(folder: Path, *lines: str, name: str = "prod", file: str = "config") -> None:
    with (folder / file).open("a") as config:
        config.write(f"[{'profile ' if file == 'config' else ''}{name}]\n" + "\n".join(lines) + "\n")


def works(error: errors.SourceError) -> bool:
    """The call was signed and sent: it is the other side that is not there."""
    return isinstance(error, errors.Offline) and NOBODY in error.message
