"""A revision: what a deploy puts there."""

from __future__ import annotations

import msgspec


class Image(msgspec.Struct, frozen=True, gc=False):
    """A container's image; *digest* is empty where nobody tells it."""

    container: str
    image: str
    digest: str = ""

    @property
    def short(self) -> str:
        """``payments:v1.9.0``: the image without its registry."""
        return self.image.rsplit("/", 1)[-1]

    @property
    def tag(self) -> str:
        """``v1.9.0``; empty where the image is named by its digest, or by nothing."""
        return "" if "@" in self.short else self.short.partition(":")[2]


class Revision(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A task definition as a service ran it. *arn* is the ECS service revision's, or empty where that is not readable.

    *settings* are comparable facts, as (name, value): cpu, memory, ports, environment names; secret and environment
    values are never read into it.
    """

    task_definition: str
    arn: str = ""
    images: tuple[Image, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    status: str = ""  # ACTIVE, INACTIVE, or empty where not read

    @property
    def family_revision(self) -> str:
        """``payments-api:42``, from the task definition's ARN."""
        return self.task_definition.rsplit("/", 1)[-1]

    @property
    def short(self) -> str:
        """``:42``, or the whole name where there is no number."""
        name, sep, number = self.family_revision.rpartition(":")
        return f":{number}" if sep and name else self.family_revision


def changed_settings(old: Revision, new: Revision) -> tuple[str, ...]:
    """What differs from *old* to *new*, in words: ``memory 512 → 1024``, ``environment −FEATURE_X``."""
    before, after = dict(old.settings), dict(new.settings)
    words = []
    images_before = {i.container: i for i in old.images}
    for image in new.images:
        was = images_before.get(image.container)
        if was and was.image != image.image:
            words.append(f"image {was.short} → {image.short}")
        elif was and was.digest and image.digest and was.digest != image.digest:
            words.append(f"image {image.short}: another digest under the same tag")
    for name in dict.fromkeys((*before, *after)):
        if before.get(name, "") != after.get(name, ""):
            words.append(_difference(name, before.get(name, ""), after.get(name, "")))
    return tuple(words)


def _difference(name: str, was: str, now: str) -> str:
    if "environment" in name or "secrets" in name:
        gone = [f"−{n}" for n in was.split() if n not in now.split()]
        new = [f"+{n}" for n in now.split() if n not in was.split()]
        return " ".join((name, *gone, *new))
    return f"{name} {was or 'none'} → {now or 'none'}"
