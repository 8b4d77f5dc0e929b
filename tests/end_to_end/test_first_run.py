"""`init` on a machine with two profiles, one of them denied, and with tokens: what it finds, writes and checks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from oncall_tui import bootstrap
from oncall_tui.cli import first_run
from oncall_tui.runtime.clock import SystemClock
from tests.end_to_end.test_commands import DONE, NOT_DONE, Answer, start
from tests.end_to_end.world import World, until

AWS = """\
[profile prod]
region = ap-northeast-1
services = drill-prod

[profile audit]
region = us-east-1
services = drill-edge

[services drill-prod]
ecs =
  endpoint_url = {prod}
cloudwatch =
  endpoint_url = {alarms}

[services drill-edge]
ecs =
  endpoint_url = {edge}
cloudwatch =
  endpoint_url = {edge}
"""


def test_two_profiles_one_denied(
    make_world: Callable[..., World], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world("--scenario", "night")
    world.fault("denied", "edge")
    (tmp_path / "aws").write_text(AWS.format(**world.told["endpoints"]))
    keys = "aws_access_key_id = drill\naws_secret_access_key = drill\n"
    (tmp_path / "keys").write_text(f"[prod]\n{keys}[audit]\n{keys}")
    env = {name: value for name, value in world.env.items() if not name.startswith("AWS_ACCESS")}
    env |= {"AWS_CONFIG_FILE": str(tmp_path / "aws"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "keys")}
    path = tmp_path / "new" / "c.yaml"
    answer = Answer(start(env, "init", "--yes", str(path)))
    assert answer.code == DONE, answer
    text = path.read_text()
    assert [(one["name"], one["provider"], one["profile"]) for one in yaml.safe_load(text)["sources"]] == [
        ("prod", "ecs", "prod"),
        ("prod-alarms", "cloudwatch", "prod"),
    ]
    assert "## profile prod, ap-northeast-1: 2 ECS clusters: prod-main, prod-jobs\n" in text
    assert (
        "## profile audit, us-east-1: ListClusters is denied\n  ##   → needs ecs:ListClusters\n#   - name: audit\n"
        in text
    )
    assert '##           "ecs:ListClusters",\n' in text
    assert "audit (ecs)" in answer.err
    assert "configuration: valid, 2 sources" in answer.out
    endpoint = f"endpoint {world.told['endpoints']['prod']}"  # the profile's own
    until(lambda: endpoint in Answer(start(env, "check", "--config", str(path))).out, "the source is read")
    assert path.stat().st_mode & 0o777 == 0o600
    assert {file.name for file in path.parent.iterdir()} == {"c.yaml", "config.schema.json"}
    again = Answer(start(env, "init", "--yes", str(path)))
    assert again.code == NOT_DONE
    assert path.read_text() == text

    # an Alertmanager on this machine, and one that is not there
    for url, usable in ((world.told["endpoints"]["prom"], True), ("http://127.0.0.1:9", False)):
        monkeypatch.setattr(first_run, "ALERTMANAGER", url)
        monkeypatch.setattr(bootstrap, "aws_profiles", tuple)
        found, _ = first_run.candidates({}, SystemClock())
        (one,) = first_run.try_all(found, lambda _: None)
        assert one.usable is usable, one


def test_tokens_in_the_environment_are_read_by_their_own_source(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world("--scenario", "stack")
    at, token = world.told["endpoints"], world.told["environment"]["ONCALL_DRILL_TOKEN"]
    environ = {
        "SENTRY_TOKEN": token,
        "SENTRY_URL": at["errors"],
        "SENTRY_ORG": "example",
        "MACKEREL_APIKEY": "a-wrong-key",
        "MACKEREL_APIBASE": at["monitors"],
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(bootstrap, "aws_profiles", tuple)
    found, _ = first_run.candidates(environ, SystemClock())
    tried = {one.candidate.name: one for one in first_run.try_all(found, lambda _: None)}
    assert tried["sentry"].usable, tried["sentry"]
    assert tried["sentry"].candidate.keys["token"] == {"env": "SENTRY_TOKEN"}
    assert not tried["mackerel"].usable
    assert token not in str(tried)
