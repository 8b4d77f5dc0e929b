"""The build of a task definition: repository, commit, version and author, by configured names. Pure.

Values of environment variables may be secrets: only what stands under a configured name is looked at, and nothing of
the rest is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from oncall_tui.domain.revision import Build
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.options import BuildInfo, BuildPlaces
from oncall_tui.text.cells import clean

LONGEST = 200
_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")  # SHA-1 or SHA-256, whole or shortened
_REF = re.compile(r"[^\s~^:?*\[\\]{1,100}")  # what git takes as the name of a tag or a branch (git-check-ref-format)
_SSH = re.compile(r"(?:[\w.-]+@)?([\w.-]+):(?!/)([\w./-]+)")  # git@github.com:example/payments.git
_PATH = re.compile(r"(?!\.+(/|$))[\w.-]+(/(?!\.+(/|$))[\w.-]+)+")


def take(definition: w.EcsTaskDefinition, tags: Iterable[w.EcsTag], info: BuildInfo, lacks: str = "") -> Build:
    """Return what is named, and take every value of variables and labels out of *definition*."""
    held: dict[str, dict[str, str]] = {"env": {}, "label": {}, "tag": {t.key: t.value or "" for t in tags}}
    for container in definition.container_definitions:
        for variable in container.environment:
            held["env"].setdefault(variable.name, variable.value or "")
            variable.value = None
        for name, value in (container.docker_labels or {}).items():
            held["label"].setdefault(name, value or "")
        container.docker_labels = None
    secret = {v.name for c in definition.container_definitions for v in c.secrets}
    for name in secret:  # a name that is a secret in one container is none to look at in another
        held["env"].pop(name, None)
    commit, version = _first(info.commit, held), _first(info.version, held)
    return Build(
        repository=repository(_first(info.repository, held)),
        commit=commit.lower() if _COMMIT.fullmatch(commit) else "",
        version=version if _REF.fullmatch(version) else "",
        author=_first(info.author, held),
        lacks=lacks,
    )


def _first(places: BuildPlaces, held: Mapping[str, Mapping[str, str]]) -> str:
    """Return the first of *places* that has a value, cleaned; what is too long to be a name is none."""
    for place in places if isinstance(places, tuple) else (places,):
        kind, name = place.where
        text = clean(held[kind].get(name, "")).strip()
        if text and len(text) <= LONGEST:
            return text
    return ""


def repository(text: str) -> str:
    """``https://HOST/OWNER/NAME`` or ``OWNER/NAME`` of any way to name it, without a login; empty: it names none."""
    if ssh := _SSH.fullmatch(text):
        text = f"https://{ssh[1]}/{ssh[2]}"
    text = text.removesuffix("/").removesuffix(".git")
    if "://" not in text:
        head, _, rest = text.partition("/")
        text = f"https://{text}" if "." in head and "/" in rest else text
        if "://" not in text:
            return text if _PATH.fullmatch(text) else ""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        place = f"{host}:{parts.port}" if parts.port else host
    except ValueError:
        return ""
    path = parts.path.strip("/")
    if parts.scheme not in ("http", "https", "ssh", "git") or not host or not _PATH.fullmatch(path):
        return ""
    if parts.scheme in ("ssh", "git"):  # the port is that of another protocol
        place = host
    return f"{'http' if parts.scheme == 'http' else 'https'}://{place}/{path}"
