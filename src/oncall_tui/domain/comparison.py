"""The comparison of two revisions' builds: its link, and the commits between them.

A product's ``compare`` is a template of the link: ``https://github.com/example/payments/compare/{old_tag}...{new_tag}``.
Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import re
from collections import Counter
from urllib.parse import quote, unquote, urlsplit

import msgspec

from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.product import Product
from oncall_tui.domain.revision import Revision, versions

FIELDS = ("old_tag", "new_tag", "old_commit", "new_commit", "repository", "service")
PUBLIC = "https://github.com"
_PUBLIC_HOST = "github.com"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
AUTHORS = 3  # that are named; the others are counted
_FIELD = re.compile(r"\{([^{}]*)\}")
_REPOSITORY = re.compile(r"(?!\.+/)[\w.-]+/(?!\.+$)[\w.-]+", re.ASCII)
_COMPARE = re.compile(r"/([^/]+/[^/]+)/compare/(.+?)\.\.\.?(.+)")  # GitHub's page of a comparison


class Commit(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One commit. *title* is the first line of its message; *at* None where nobody tells when."""

    sha: str
    title: str
    author: str = ""
    at: float | None = None


class CommitRange(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The commits between two versions, as far as they were read: the newest of *total*, the newest first.

    *files* is how many files differ; with *more_files* at least so many. *behind* is how many commits the old version
    has that the new one has not: then the new one is no successor of the old one.
    """

    commits: tuple[Commit, ...]
    total: int
    files: int
    more_files: bool = False
    behind: int = 0

    @property
    def words(self) -> str:
        """``3 commits by Bob (2), Carol · 12 files changed``."""
        by = Counter(one.author or "unknown" for one in self.commits).most_common()
        named = [f"{who} ({n})" if n > 1 and len(by) > 1 else who for who, n in by[:AUTHORS]]
        named += [f"{len(by) - AUTHORS} more"] if len(by) > AUTHORS else []
        who = f" by {', '.join(named)}" if named else ""
        read = f" (the newest {len(self.commits)} were read)" if len(self.commits) < self.total else ""
        files = f"{self.files}{' or more' if self.more_files else ''} file{'' if self.files == 1 else 's'} changed"
        parts = (
            f"{self.total} commit{'' if self.total == 1 else 's'}{who}{read}",
            files,
            f"{self.behind} of the version before are not in it" if self.behind else "",
        )
        return " · ".join(part for part in parts if part)


class Comparison(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The link to what differs between two builds, or why there is none (*not_known*).

    *repository* (``OWNER/NAME``), *base* and *head* are what GitHub compares; empty where the link has not the shape of
    its page. *host* is the link's: Gitea's pages have that shape too, so only the GitHub of that host may be asked.
    """

    url: str = ""
    not_known: str = ""
    host: str = ""
    repository: str = ""
    base: str = ""
    head: str = ""

    def readable_at(self, api_url: str) -> bool:
        """Tell whether the GitHub whose API is at *api_url* can be asked for the commits."""
        return bool(self.repository and self.host) and self.host == web_host(api_url)


def web_host(api_url: str) -> str:
    """Return the host (and port) of the pages that belong to an API, in small letters.

    An API at ``https://HOST/api/v3`` is GitHub Enterprise Server's, whose pages are at HOST; the pages of
    ``https://api.github.com`` and ``https://api.NAME.ghe.com`` are there without ``api.`` ("Getting started with the
    REST API"). A loopback address stands for the public one: the drill's, or a proxy's.
    """
    address = urlsplit(api_url)
    host = address.netloc.lower()
    if address.path.rstrip("/").endswith("/api/v3"):
        return host
    return _PUBLIC_HOST if address.hostname in _LOOPBACK else host.removeprefix("api.")


def unknown_field(template: str) -> str | None:
    """Return the first ``{field}`` of *template* that there is none of; None: all are known."""
    return next((name for name in _FIELD.findall(template) if name not in FIELDS), None)


def compare(old: Revision | None, new: Revision, template: str = "", service: str = "") -> Comparison | None:
    """Return the comparison of what *new* has with what *old* had; None: nobody configured one, and none can be made.

    Without a *template* it is GitHub's page of the repository that both builds name.
    """
    template = template or _usual(old, new)
    if not template:
        return None
    if old is None:
        return Comparison(not_known="what ran before is not known")
    values = _values(old, new, service)
    missing = [name for name in dict.fromkeys(_FIELD.findall(template)) if not values.get(name)]
    if missing:
        return Comparison(
            not_known=" and ".join(_MISSING[name].format(old=old.short, new=new.short) for name in missing)
        )
    if any(
        values[f"old_{what}"] == values[f"new_{what}"] and f"{{new_{what}}}" in template for what in ("tag", "commit")
    ):
        return Comparison(not_known="both have the same version")
    address = values["repository"] if template.startswith("{repository}") else _path(values["repository"])
    known = {name: quote(value, safe="") for name, value in values.items()} | {"repository": address}
    url = _FIELD.sub(lambda found: known[found[1]], template)
    if not url.startswith(("https://", "http://")):
        return Comparison(not_known=f"the repository of {new.short} is named without its address")
    return _on_github(url)


def compare_deploy(deploy: Deploy, product: Product | None) -> Comparison | None:
    """Return the comparison of *deploy* with what ran before it, by the template of its *product*."""
    template = product.compare if product is not None else ""
    return compare(deploy.old, deploy.new, template, deploy.service_id.rpartition("/")[2])


_MISSING = {
    "old_tag": "the tag of {old} is not known",
    "new_tag": "the tag of {new} is not known",
    "old_commit": "the commit of {old} is not known",
    "new_commit": "the commit of {new} is not known",
    "repository": "the repository of {new} is not known",
    "service": "the service is not known",
}


def _usual(old: Revision | None, new: Revision) -> str:
    """Return the template of GitHub's own page, where the build names a repository there."""
    build = new.build
    if build is None or not build.repository.startswith(f"{PUBLIC}/"):
        return ""
    what = "commit" if build.commit and old is not None and old.build is not None and old.build.commit else "tag"
    return f"{{repository}}/compare/{{old_{what}}}...{{new_{what}}}"


def _values(old: Revision, new: Revision, service: str) -> dict[str, str]:
    old_tag, new_tag = versions(old, new)
    build, before = new.build, old.build
    return {
        "old_tag": old_tag,
        "new_tag": new_tag,
        "old_commit": before.commit if before else "",
        "new_commit": build.commit if build else "",
        "repository": build.repository if build else "",
        "service": service,
    }


def _path(repository: str) -> str:
    """Return ``OWNER/NAME`` of a repository's address; a template that does not begin with it wants that."""
    return quote(urlsplit(repository).path.strip("/") if "://" in repository else repository, safe="/")


def _on_github(url: str) -> Comparison:
    """Return the comparison of *url*, with what a GitHub at its host is asked for, where it has that shape."""
    address = urlsplit(url)
    found = _COMPARE.fullmatch(address.path)
    if found is None or not _REPOSITORY.fullmatch(unquote(found[1])):
        return Comparison(url=url)
    names = {"repository": unquote(found[1]), "base": unquote(found[2]), "head": unquote(found[3])}
    return Comparison(url=url, host=address.netloc.lower(), **names)
