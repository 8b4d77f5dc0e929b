"""The keys that the drill takes, nothing of this machine's own AWS configuration, and a short time-out on the line."""

from __future__ import annotations

import pytest
from botocore.config import Config

from oncall_tui.providers.aws.client import rate_limit as budget
from oncall_tui.providers.aws.client import session
from tests.faults.world import UNWANTED


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in UNWANTED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "drill")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "drill")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(session, "CONFIG", session.CONFIG.merge(Config(read_timeout=0.3)))
    monkeypatch.setattr(budget, "_shared", {})
