"""A first configuration: what is found, what is written of it, and what never is."""

from __future__ import annotations

import io
import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from oncall_tui import bootstrap
from oncall_tui.cli import DONE, NOT_DONE, first_run, group
from oncall_tui.cli import init as command
from oncall_tui.cli.first_file import FIRST_LINE, found_text
from oncall_tui.cli.first_run import Answered, FoundEntry, Tried, candidates, try_all
from oncall_tui.errors import Denied, NoCredentials
from oncall_tui.runtime.clock import SystemClock

ROOT = Path(__file__).parents[2]
SECRET = "xK7pQ9zLmW3vN8rT"


def candidate(name: str, ask: Callable[[], Answered], provider: str = "ecs", **more: Any) -> FoundEntry:
    keys = {"name": name, "provider": provider, "region": "eu-west-1", "profile": name}
    return FoundEntry(section="sources", keys=keys, tried=f"profile {name}", ask=ask, **more)


def denied() -> Answered:
    raise Denied("ListClusters is denied", "needs ecs:ListClusters")


def test_one_that_fails_takes_no_other_away_and_one_account_is_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_run, "LONGEST_S", 0.3)
    hangs = threading.Event()

    def bug() -> Answered:
        raise KeyError("x")

    def late() -> Answered:
        hangs.wait(5)
        return Answered("too late")

    told: list[str] = []
    found = [
        candidate("prod", lambda: Answered("2 ECS clusters: a, b", same="ecs 1 eu-west-1")),
        candidate("admin", lambda: Answered("2 ECS clusters: a, b", same="ecs 1 eu-west-1")),
        candidate("audit", denied),
        candidate("empty", lambda: Answered("no ECS cluster there", empty=True)),
        candidate("bug", bug),
        candidate("hung", late),
    ]
    tried = try_all(found, lambda one: told.append(one.candidate.name))
    hangs.set()
    assert sorted(told) == sorted(one.name for one in found)
    assert [one.usable for one in tried] == [True, False, False, False, False, False]
    assert tried[1].problem == "the same account and region as prod"
    assert (tried[2].denied, tried[2].hint) == (True, "needs ecs:ListClusters")
    assert tried[4].problem == "bug: KeyError: 'x'"
    assert tried[5].problem == "no answer within 0 s"


def test_an_interrupt_ends_it_at_once_and_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> list[Tried]:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "candidates", lambda *_: ([], []))
    monkeypatch.setattr(command, "try_all", interrupted)
    result = CliRunner().invoke(group.cli, ["init", "--yes", str(tmp_path / "c.yaml")])
    assert (result.exit_code, list(tmp_path.iterdir())) == (NOT_DONE, [])
    assert "interrupted: nothing was written" in result.output


def test_what_is_written_is_a_configuration_and_the_rest_says_what_is_missing() -> None:
    tried = [
        Tried(candidate=candidate("prod", denied), answered=Answered("1 ECS cluster: prod-main")),
        Tried(
            candidate=candidate("audit", denied), problem="ListClusters is denied\x1b[2J", hint="needs x", denied=True
        ),
        Tried(candidate=candidate("am", denied, only_if_there=True), problem="refuses connections"),
        Tried(
            candidate=FoundEntry(
                section="escalation",
                keys={"name": "slack", "provider": "slack", "token": {"env": "SLACK_TOKEN"}, "channel": "#ops: [a]"},
                tried="$SLACK_TOKEN, $SLACK_CHANNEL",
                ask=denied,
            ),
            answered=Answered("it cannot be checked without sending a message"),
        ),
    ]
    text = FIRST_LINE + found_text(tried, bootstrap.aws_policy(), "2026-11-29T22:00:00Z")
    loaded = yaml.safe_load(text)
    assert loaded == {
        "sources": [{"name": "prod", "provider": "ecs", "region": "eu-west-1", "profile": "prod"}],
        "escalation": [{"name": "slack", "provider": "slack", "token": {"env": "SLACK_TOKEN"}, "channel": "#ops: [a]"}],
    }
    jsonschema.validate(loaded, bootstrap.config_schema())
    assert "\x1b" not in text
    assert "#   - name: audit\n" in text
    assert "refuses connections" not in text  # an Alertmanager that is not there is no entry to complete
    policy = "\n".join(
        line.removeprefix("##   ") for line in text.partition("The policy to attach")[2].splitlines()[1:]
    )
    assert json.loads(policy.partition("\n## ")[0]) == json.loads((ROOT / "config/iam/read.json").read_text())
    # what is missing is mended, and its lines uncommented
    mended = "\n".join(
        line[2:] if line.startswith("# ") and "yaml-language" not in line else line for line in text.split("\n")
    )
    assert [one["name"] for one in yaml.safe_load(mended)["sources"]] == ["prod", "audit"]


def test_the_policy_of_the_package_is_that_of_the_examples() -> None:
    assert bootstrap.aws_policy() == (ROOT / "config/iam/read.json").read_text()


def test_profiles_and_variables_become_candidates_and_no_secret_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text(
        '[default]\nregion = eu-west-1\n[profile "prod/a b"]\nrole_arn = arn:aws:iam::123456789012:role/x\n'
    )
    (tmp_path / "credentials").write_text("[default]\n[keys]\n")
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_REGION", "ap-northeast-1")
    environ = {
        "PAGERDUTY_TOKEN": SECRET,
        "DD_API_KEY": SECRET,  # without its application key it leads nowhere
        "SENTRY_AUTH_TOKEN": SECRET,
        "SENTRY_ORG": "example",
        "SLACK_WEBHOOK": SECRET,
        "SLACK_TOKEN": SECRET,
    }
    found, wrong = candidates(environ, SystemClock())
    assert wrong == []
    assert SECRET not in str([one.keys for one in found])
    keys = {one.name: one.keys for one in found}
    assert keys["default"] == {"name": "default", "provider": "ecs", "region": "eu-west-1", "profile": "default"}
    assert (keys["prod-a-b-alarms"]["profile"], keys["prod-a-b-alarms"]["region"]) == ("prod/a b", "ap-northeast-1")
    assert keys["keys"]["provider"] == "ecs"
    assert keys["pagerduty"] == {"name": "pagerduty", "provider": "pagerduty", "token": {"env": "PAGERDUTY_TOKEN"}}
    assert keys["sentry"]["token"] == {"env": "SENTRY_AUTH_TOKEN"}
    assert keys["sentry"]["organization"] == "example"
    assert "datadog" not in keys
    assert (keys["slack"]["webhook"], keys["slack-2"]["token"]) == ({"env": "SLACK_WEBHOOK"}, {"env": "SLACK_TOKEN"})


def test_an_aws_configuration_that_cannot_be_parsed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text("[profile a\nnonsense")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    found, wrong = candidates({}, SystemClock())
    assert [one.name for one in found] == ["alertmanager"]
    assert "the AWS configuration cannot be read" in wrong[0]


def test_what_a_variable_alone_cannot_configure_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_TOKEN", SECRET)
    keys = {"name": "slack", "provider": "slack", "token": {"env": "SLACK_TOKEN"}}
    with pytest.raises(NoCredentials, match="a token needs the channel beside it"):
        bootstrap.read_once("escalation", keys, SystemClock())
    assert "without sending" in bootstrap.read_once("escalation", {**keys, "channel": "#ops"}, SystemClock())
    monkeypatch.delenv("SLACK_TOKEN")
    with pytest.raises(NoCredentials, match="SLACK_TOKEN"):
        bootstrap.read_once("escalation", {**keys, "channel": "#ops"}, SystemClock())


class Terminal(io.StringIO):
    """A person at a terminal, who types these lines."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "code", "kept"),
    [("n\n", NOT_DONE, "mine"), ("", NOT_DONE, "mine"), ("y\nn\nn\n", NOT_DONE, "mine"), ("y\n\n\n", DONE, "new")],
)
def test_a_file_that_is_there_is_replaced_only_where_a_person_says_so(
    typed: str, code: int, kept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("mine")
    monkeypatch.setattr(command, "candidates", lambda *_: ([candidate("audit", denied)], []))
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    monkeypatch.setattr(sys, "stderr", err := Terminal())
    with pytest.raises(SystemExit) as end:
        group.cli.main(["init", str(path)], standalone_mode=False)
    assert end.value.code == code
    assert (path.read_text() == "mine") == (kept == "mine")
    if kept == "new":
        assert (tmp_path / "c.yaml.bak").read_text() == "mine"
        assert path.read_text().startswith(FIRST_LINE)
        assert json.loads((tmp_path / "config.schema.json").read_text()) == bootstrap.config_schema()
        assert "needs ecs:ListClusters" in err.getvalue()
    yes = CliRunner().invoke(group.cli, ["init", "--yes", str(path)])
    assert yes.exit_code == NOT_DONE
    assert "is there already" in yes.output


def test_enter_is_the_usual_answer_and_the_end_of_the_input_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for typed, usual, said in (("\n", True, True), ("\n", False, False), ("", True, False), ("n\n", True, False)):
        monkeypatch.setattr(sys, "stdin", Terminal(typed))
        assert command.ask("?", usual=usual) is said


def test_all_are_asked_at_the_same_time() -> None:
    began = time.monotonic()
    try_all([candidate(f"p{n}", lambda: (time.sleep(0.1), Answered("x"))[1]) for n in range(16)], lambda one: None)
    assert time.monotonic() - began < 1.0  # one after the other they take 1.6 s
