"""The command that opens a shell: what it names, as whom, quoted, without a secret."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import pytest
from tests.support.fakes import ALICE, service

from oncall_tui.domain.plan import Confirm
from oncall_tui.domain.service_detail import Task
from oncall_tui.errors import ActionFailed, Refused
from oncall_tui.providers.aws.client.session import Sessions
from oncall_tui.providers.aws.ecs.provider import EcsProvider

TASK = Task(
    id="0123456789abcdef0123456789abcdef",
    arn="arn:aws:ecs:ap-northeast-1:111111111111:task/main/0123456789abcdef0123456789abcdef",
    task_definition="arn:aws:ecs:ap-northeast-1:111111111111:task-definition/api:42",
    status="RUNNING",
    desired="RUNNING",
    zone="ap-northeast-1a",
    can_exec=True,
)
Make = Callable[..., EcsProvider]
API = service("prod/main/api")


def command(provider: EcsProvider, container: str = "app") -> list[str]:
    plan = provider.shells.shell(API, TASK, container, ALICE)
    assert plan.commands == (shlex.join(plan.request["command"]),)
    return list(plan.request["command"])


def test_it_names_the_task_by_its_id(ecs: Make) -> None:
    assert command(ecs()) == [
        *("aws", "ecs", "execute-command", "--cluster", "main", "--task", TASK.id, "--container", "app"),
        *("--interactive", "--command", "/bin/sh", "--region", "ap-northeast-1"),
    ]


@pytest.mark.parametrize(
    ("options", "tail"),
    [
        ({"profile": "prod"}, ["--profile", "prod"]),
        ({"profile": "prod", "act_profile": "prod-operator"}, ["--profile", "prod-operator"]),
        (
            {"profile": "prod", "role_arn": "arn:aws:iam::111111111111:role/read", "act_profile": "op"},
            ["--profile", "op"],
        ),
        ({"profile": "prod", "role_arn": "arn:aws:iam::111111111111:role/both"}, []),
        ({"profile": "prod", "act_role_arn": "arn:aws:iam::111111111111:role/act"}, []),
        ({"endpoint_url": "http://127.0.0.1:1"}, ["--endpoint-url", "http://127.0.0.1:1"]),
    ],
)
def test_it_acts_as_whom_writes_do(ecs: Make, options: dict[str, str], tail: list[str]) -> None:
    provider = ecs(**options)
    assert command(provider)[14:] == tail
    words = dict(provider.shells.shell(API, TASK, "app", ALICE).lines)["as"]
    role = options.get("act_role_arn") or ("" if "act_profile" in options else options.get("role_arn", ""))
    assert words.startswith(role or (f"profile {tail[1]}" if "profile" in options else "the usual chain"))


def test_what_has_signs_of_a_shell_stays_one_word(ecs: Make) -> None:
    provider = ecs(shell="/bin/sh -c 'ls; id'")
    words = command(provider, "app; rm -rf $HOME `id`")
    assert words[words.index("--container") + 1] == "app; rm -rf $HOME `id`"
    assert words[words.index("--command") + 1] == "/bin/sh -c 'ls; id'"
    (copied,) = provider.shells.shell(API, TASK, "app; rm -rf $HOME `id`", ALICE).commands
    assert shlex.split(copied) == words


def test_the_plan_says_what_it_is(ecs: Make) -> None:
    plan = ecs(endpoint_url="http://127.0.0.1:1").shells.shell(API, TASK, "app", ALICE)
    assert plan.confirm is Confirm.YES
    assert plan.title == "Open a shell in prod/api, task 01234567, container app"
    lines = dict(plan.lines)
    assert lines["account"] == "111111111111  ap-northeast-1"
    assert lines["service"] == "main/api"
    assert lines["task"] == f"{TASK.id}  :42  RUNNING  ap-northeast-1a"
    assert "can write" in lines["opens"]
    assert plan.warnings == ("DEMO, or custom endpoint: endpoint http://127.0.0.1:1",)


def test_read_only_has_no_shell(ecs: Make) -> None:
    with pytest.raises(Refused, match="read only"):
        ecs(read_only=True).shells.shell(API, TASK, "app", ALICE)


def test_how_to_enable_it_is_a_command_to_read(ecs: Make) -> None:
    assert ecs(profile="prod").shells.enabling(API) == (
        "aws ecs update-service --cluster main --service api --enable-execute-command --force-new-deployment "
        "--region ap-northeast-1 --profile prod"
    )


def test_a_role_s_keys_go_by_the_environment_and_nowhere_else(ecs: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"AWS_ACCESS_KEY_ID": "drill-id", "AWS_SECRET_ACCESS_KEY": "drill-key", "AWS_SESSION_TOKEN": "drill-token"}
    asked: list[bool] = []

    def keys(self: Sessions, acting: bool) -> dict[str, str]:
        asked.append(acting)
        return found

    monkeypatch.setattr(Sessions, "keys", keys)
    provider = ecs(act_role_arn="arn:aws:iam::111111111111:role/act")
    assert provider.shells.keys() == found
    assert asked == [True]
    assert not any(value in repr(provider.shells.shell(API, TASK, "app", ALICE)) for value in found.values())
    assert ecs(profile="prod").shells.keys() == {}  # the profile says it all
    assert asked == [True]


def test_the_session_s_own_keys_are_the_ones(ecs: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "drill-token")
    named = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_SESSION_TOKEN": "drill-token"}
    assert ecs()._sessions.keys(acting=True) == named
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    assert "AWS_SESSION_TOKEN" not in ecs()._sessions.keys(acting=True)


def test_keys_that_cannot_be_had_are_told_as_not_done(ecs: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import SSOTokenLoadError

    def keys(self: Sessions, acting: bool) -> Any:
        raise SSOTokenLoadError(error_msg="it is not there")

    monkeypatch.setattr(Sessions, "keys", keys)
    with pytest.raises(ActionFailed, match="expired"):
        ecs(act_role_arn="arn:aws:iam::111111111111:role/act").shells.keys()
