"""What two revisions differ in: never more than was read of both."""

from __future__ import annotations

import pytest

from oncall_tui.domain.revision import Image, Revision, changes

V1, V2 = Image("app", "r.example/api:v1"), Image("app", "r.example/api:v2")
SIZE, MORE = (("cpu", "256"), ("memory", "512")), (("cpu", "256"), ("memory", "1024"))


def rev(number: int, *images: Image, settings: tuple[tuple[str, str], ...] = ()) -> Revision:
    return Revision(task_definition=f"arn:aws:ecs:::task-definition/api:{number}", images=images, settings=settings)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (rev(41), rev(42), ("not known",)),
        (rev(41, V1, settings=SIZE), rev(42), ("not known",)),
        (rev(41), rev(42, V2, settings=MORE), ("not known",)),
        # the images of both are known, the settings of one: none of those is said to have come
        (rev(41, V1), rev(42, V2, settings=MORE), ("image api:v1 → api:v2", "what else changed is not known")),
        (rev(41, V1), rev(42, V1, settings=MORE), ("not known",)),
        (rev(41, settings=SIZE), rev(42, settings=MORE), ("memory 512 → 1024", "what else changed is not known")),
        (rev(41, V1, settings=SIZE), rev(42, V2, settings=MORE), ("image api:v1 → api:v2", "memory 512 → 1024")),
        (
            rev(41, V1, settings=SIZE),
            rev(42, V1, settings=SIZE),
            ("nothing that is compared (values and commands are not)",),
        ),
        (
            rev(41, V1, settings=SIZE),
            rev(42, V1, Image("log", "r.example/log:1"), settings=SIZE),
            ("+container log (log:1)",),
        ),
        (rev(42, V1, settings=SIZE), rev(42, V1), ("the same task definition; image digests are not known",)),
        (
            rev(42, Image("app", "api:v1", "sha256:1"), settings=SIZE),
            rev(42, Image("app", "api:v1", "sha256:2"), settings=SIZE),
            ("image api:v1: another digest under the same tag",),
        ),
        (
            rev(42, Image("app", "api:v1", "sha256:1"), settings=SIZE),
            rev(42, Image("app", "api:v1", "sha256:1"), settings=SIZE),
            ("nothing (a redeploy of the same)",),
        ),
    ],
)
def test_what_changed_or_that_it_is_not_known(old: Revision, new: Revision, words: tuple[str, ...]) -> None:
    assert changes(old, new) == words
