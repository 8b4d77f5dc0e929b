"""A revision: what a deploy puts there."""

from __future__ import annotations

import re

import msgspec

_HASH = r"[0-9a-f]{12,64}"  # a commit's, or a digest's, as a tag: nobody compares more than its beginning
SHORT_HASH = 7
SAYS_NOTHING = frozenset({"", "latest"})  # tags that are moved with each build


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


class Build(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The build of a revision, as its task definition names it; what is empty, nothing there names.

    *repository* is ``https://HOST/OWNER/NAME`` or ``OWNER/NAME``, never with a login in it; *commit* a hash; *version*
    a git tag or a branch. *lacks* says what of it could not be read.
    """

    repository: str = ""
    commit: str = ""
    version: str = ""
    author: str = ""
    lacks: str = ""

    @property
    def words(self) -> str:
        """``v1.9.0 · commit 3f2a1c9 · example/payments · by Alice``; empty: nothing is named."""
        where = self.repository.partition("://")[2].partition("/")[2] or self.repository
        parts = (
            self.version,
            f"commit {short_version(self.commit)}" if self.commit else "",
            where,
            f"by {self.author}" if self.author else "",
        )
        return " · ".join(part for part in parts if part)


class Revision(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A task definition as a service ran it. *arn* is the ECS service revision's, or empty where that is not readable.

    *settings* are comparable facts, as (name, value): cpu, memory, ports, environment names; secret and environment
    values are never read into it. *build* is None where its task definition was not read.
    """

    task_definition: str
    arn: str = ""
    images: tuple[Image, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    status: str = ""  # ACTIVE, INACTIVE, or empty where not read
    build: Build | None = None

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


def short_version(name: str) -> str:
    """A tag as it is told; of one that is a hash only the beginning."""
    return name[:SHORT_HASH] if re.fullmatch(_HASH, name) else name


def versions(old: Revision, new: Revision) -> tuple[str, str]:
    """Return the versions of both, whole: the build's own names, else the tags of the image whose tag changed.

    One is empty where it is not known, or says nothing (``latest``, a digest).
    """
    if old.build and new.build and old.build.version and new.build.version:
        return old.build.version, new.build.version
    was = {image.container: image.tag for image in old.images}
    pairs = [(was[image.container], image.tag) for image in new.images if image.container in was]
    pair = next((both for both in pairs if both[0] != both[1]), pairs[0] if pairs else ("", ""))
    return "" if pair[0] in SAYS_NOTHING else pair[0], "" if pair[1] in SAYS_NOTHING else pair[1]


def version_arrow(old: Revision | None, new: Revision) -> str:
    """``v1.8.3→v1.9.0``, old → new; empty: it is the same, or one of both is not known or says nothing (``latest``)."""
    before, now = versions(old, new) if old is not None else ("", "")
    return f"{short_version(before)}→{short_version(now)}" if before and now and before != now else ""


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
