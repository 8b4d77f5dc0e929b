"""What a deploy was built from: read by configured names alone, with the task definition's one call."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from aws_world import World, error
from test_aws_ecs_read import settle

from oncall_tui.domain.deploy import Deploy
from oncall_tui.providers.aws.ecs.build_info import repository
from oncall_tui.providers.aws.ecs.provider import EcsProvider
from oncall_tui.providers.aws.options import BuildInfo, BuildPlace
from oncall_tui.runtime.clock import FakeClock

Make = Callable[..., EcsProvider]
COMMIT = "3f2a1c9d0b7e4a5f8c6d1e2f3a4b5c6d7e8f9a0b"
LABELS = {
    "org.opencontainers.image.source": "https://robot:hidden@github.com/example/payments.git",
    "org.opencontainers.image.revision": COMMIT,
    "com.example.other": "nobody asked for this label",
}
CONFIGURED = BuildInfo(
    commit=(BuildPlace(env="ABSENT"), BuildPlace(env="GIT_COMMIT")),
    author=BuildPlace(env="GIT_AUTHOR"),
    repository=BuildPlace(env="REPOSITORY"),
)


def deploy_of(provider: EcsProvider, clock: FakeClock) -> Deploy:
    (deploy,) = settle(provider, clock).deploys
    return deploy


def test_the_usual_labels_and_tags_are_read_with_no_more_calls(ecs: Make, world: World, clock: FakeClock) -> None:
    world.rolling("main", "api")
    world.container = {"dockerLabels": LABELS}
    world.tags = [{"key": "genova.build", "value": "release-7"}, {"key": "team", "value": "payments"}]
    provider = ecs()
    deploy = deploy_of(provider, clock)
    assert deploy.new.build is not None
    assert deploy.new.build.words == "release-7 · commit 3f2a1c9 · example/payments"
    assert world.asked["DescribeTaskDefinition"] == 2  # the old one and the new one: as many as without tags
    assert "hidden" not in repr(deploy)
    assert "nobody asked" not in repr(provider._known.definitions._values)


def test_only_configured_variables_are_read_and_secrets_never(ecs: Make, world: World, clock: FakeClock) -> None:
    world.rolling("main", "api")
    world.container = {
        "environment": [
            {"name": "GIT_COMMIT", "value": COMMIT.upper()},
            {"name": "GIT_AUTHOR", "value": "Bob \x1b[31m<bob@example.com>"},
            {"name": "DATABASE_URL", "value": "not to be kept"},
        ],
        "secrets": [{"name": "REPOSITORY", "valueFrom": "not to be kept either"}],
    }
    provider = ecs(build_info=CONFIGURED)
    build = deploy_of(provider, clock).new.build
    assert build is not None
    assert (build.commit, build.author, build.repository) == (COMMIT, "Bob ␛[31m<bob@example.com>", "")
    held = repr((provider._known.definitions._values, provider._known.builds._values))
    assert "not to be kept" not in held
    assert "DATABASE_URL" in held  # its name is compared


@pytest.mark.parametrize("value", ["correct horse", "sk-not-a-commit", "", "x" * 9000])
def test_what_is_no_commit_is_not_shown_as_one(ecs: Make, world: World, clock: FakeClock, value: str) -> None:
    world.rolling("main", "api")
    world.container = {"environment": [{"name": "GIT_COMMIT", "value": value}]}
    build = deploy_of(ecs(build_info=CONFIGURED), clock).new.build
    assert build is not None
    assert build.words == ""


def test_where_tags_alone_are_denied_the_rest_is_read_and_it_is_said(ecs: Make, world: World, clock: FakeClock) -> None:
    world.rolling("main", "api")
    describe = world.DescribeTaskDefinition

    def refuse(taskDefinition: str, include: tuple[str, ...] = ()) -> object:
        if include:
            raise error(
                "DescribeTaskDefinition", "AccessDeniedException", "not authorized to perform: ecs:ListTagsForResource"
            )
        return describe(taskDefinition)

    world.DescribeTaskDefinition = refuse  # type: ignore[method-assign]
    deploy = deploy_of(ecs(), clock)
    assert deploy.new.build is not None
    assert (deploy.new.build.words, deploy.new.build.lacks) == ("", "the tags of task definitions cannot be read")
    assert deploy.started_by == "ci/build"
    assert world.asked["DescribeTaskDefinition"] == 3  # once with tags, and each once without


@pytest.mark.parametrize(
    ("named", "read"),
    [
        ("git@github.com:example/payments.git", "https://github.com/example/payments"),
        ("ssh://git@github.com:2222/example/payments.git", "https://github.com/example/payments"),
        ("github.com/example/payments/", "https://github.com/example/payments"),
        ("https://git.example.com:8443/a/b/c", "https://git.example.com:8443/a/b/c"),
        ("http://git.example.com/a/b?token=hidden#x", "http://git.example.com/a/b"),
        ("example/payments", "example/payments"),
        ("payments", ""),
        ("javascript:alert(1)", ""),
        ("https://git.example.com/a b/c", ""),
        ("https://[::1", ""),
    ],
)
def test_a_repository_by_any_way_to_name_it(named: str, read: str) -> None:
    assert repository(named) == read


def test_a_place_is_one_of_three() -> None:
    with pytest.raises(ValueError, match="one of env, label and tag"):
        msgspec.convert({"env": "A", "tag": "B"}, BuildPlace)
