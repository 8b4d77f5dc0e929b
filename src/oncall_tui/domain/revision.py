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
    def loaded(self) -> bool:
        """Return whether its task definition was read, so that it can be compared with another."""
        return bool(self.images and self.settings)

    @property
    def family_revision(self) -> str:
        """``payments-api:42``, from the task definition's ARN."""
        return self.task_definition.rsplit("/", 1)[-1]

    @property
    def short(self) -> str:
        """``:42``, or the whole name where there is no number."""
        name, sep, number = self.family_revision.rpartition(":")
        return f":{number}" if sep and name else self.family_revision


def changes(old: Revision, new: Revision) -> tuple[str, ...]:
    """Return the differences from *old* to *new*, in words; say so where there are none or they are not known."""
    found = changed_settings(old, new)
    same = old.task_definition == new.task_definition
    if not same and not (old.loaded and new.loaded):
        return (*found, "what else changed is not known") if found else ("not known",)
    if found:
        return found
    if not same:
        return ("nothing that is compared (values and commands are not)",)
    images = (*old.images, *new.images)
    renewed = bool(old.images and new.images) and all(i.digest or "@sha256:" in i.image for i in images)
    return ("nothing (a redeploy of the same)" if renewed else "the same task definition; image digests are not known",)


def changed_settings(old: Revision, new: Revision) -> tuple[str, ...]:
    """Return the known differences from *old* to *new*, in words: ``memory 512 → 1024``, ``environment −FEATURE_X``.

    Only what was read of both is compared: what was read of one alone differs in nothing that is known.
    """
    words = _changed_images(old, new) if old.images and new.images else []
    if old.settings and new.settings:
        before, after = dict(old.settings), dict(new.settings)
        names = dict.fromkeys((*before, *after))
        words += [
            _difference(name, before.get(name, ""), after.get(name, ""))
            for name in names
            if before.get(name, "") != after.get(name, "")
        ]
    return tuple(words)


def _changed_images(old: Revision, new: Revision) -> list[str]:
    before, after = {i.container: i for i in old.images}, {i.container: i for i in new.images}
    words = []
    for name, image in after.items():
        was = before.get(name)
        if was is None:
            words.append(f"+container {name} ({image.short})")
        elif was.image != image.image:
            words.append(f"image {was.short} → {image.short}")
        elif was.digest and image.digest and was.digest != image.digest:
            words.append(f"image {image.short}: another digest under the same tag")
    return words + [f"−container {name}" for name in before if name not in after]


def _difference(name: str, was: str, now: str) -> str:
    if "environment" in name or "secrets" in name:
        gone = [f"−{n}" for n in was.split() if n not in now.split()]
        new = [f"+{n}" for n in now.split() if n not in was.split()]
        return " ".join((name, *gone, *new))
    return f"{name} {was or 'none'} → {now or 'none'}"
