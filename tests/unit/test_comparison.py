"""The link that compares two builds, and the words for the commits between them."""

from __future__ import annotations

import pytest
from tests.support.fakes import deploy

from oncall_tui.domain.comparison import Commit, CommitRange, compare, compare_deploy
from oncall_tui.domain.product import Product
from oncall_tui.domain.revision import Build, Image, Revision, version_arrow

OLD, NEW = "6b1f0d4c2a9e8573b0c4d1e6f7a8392b5c6d7e80", "e24c7a15d9b3f6081a5c4e7d2b9f8036c1d5a7e4"
HOME = "https://github.com/example/payments"


def rev(number: int, tag: str = "", build: Build | None = None) -> Revision:
    images = (Image("proxy", "r.example/proxy:v1"), Image("app", f"r.example/api:{tag}")) if tag else ()
    return Revision(task_definition=f"arn:aws:ecs:::task-definition/api:{number}", images=images, build=build)


@pytest.mark.parametrize(
    ("old", "new", "arrow"),
    [
        ("v1.8.3", "v1.9.0", "v1.8.3→v1.9.0"),
        ("latest", "v1.9.0", ""),  # it says nothing
        ("v1.9.0", "v1.9.0", ""),
        ("v1.8.3", "", ""),
        (OLD, NEW, "6b1f0d4→e24c7a1"),
    ],
)
def test_versions_beside_the_revisions(old: str, new: str, arrow: str) -> None:
    assert version_arrow(rev(41, old), rev(42, new)) == arrow


def test_the_build_s_own_name_wins_over_the_image_s_tag() -> None:
    old, new = rev(41, "aaaa", Build(version="release-6")), rev(42, "bbbb", Build(version="release-7"))
    assert version_arrow(old, new) == "release-6→release-7"


def test_a_digest_is_no_version() -> None:
    old, new = (Revision(task_definition=f"x/api:{n}", images=(Image("app", f"r/api@sha256:{n}"),)) for n in (1, 2))
    assert version_arrow(old, new) == ""


@pytest.mark.parametrize(
    ("template", "url"),
    [
        (f"{HOME}/compare/{{old_tag}}...{{new_tag}}", f"{HOME}/compare/v1.8.3...release%2F1.9%20%23x"),
        ("{repository}/compare/{old_commit}...{new_commit}", f"{HOME}/compare/{OLD}...{NEW}"),
        (
            "https://git.example.com/{repository}/-/compare?from={old_tag}&of={service}",
            "https://git.example.com/example/payments/-/compare?from=v1.8.3&of=api",
        ),
    ],
)
def test_values_are_percent_encoded_in_a_template(template: str, url: str) -> None:
    old = rev(41, "v1.8.3", Build(repository=HOME, commit=OLD, version="v1.8.3"))
    new = rev(42, "v1.9.0", Build(repository=HOME, commit=NEW, version="release/1.9 #x"))
    found = compare(old, new, template, "api")
    assert found is not None
    assert found.url == url


@pytest.mark.parametrize(
    ("old", "new", "template", "words"),
    [
        (rev(41, "v1"), rev(42, "latest"), "https://x.example/{old_tag}/{new_tag}", "the tag of :42 is not known"),
        (rev(41), rev(42), "https://x.example/{new_commit}", "the commit of :42 is not known"),
        (rev(41, "v1"), rev(42, "v1"), "https://x.example/{old_tag}/{new_tag}", "both have the same version"),
        (None, rev(42, "v1"), "https://x.example/{new_tag}", "what ran before is not known"),
        (
            rev(41, "v1"),
            rev(42, "v2", Build(repository="example/payments")),
            "{repository}/{new_tag}",
            "the repository of :42 is named without its address",
        ),
    ],
)
def test_where_there_is_no_link_it_is_said_why(old: Revision | None, new: Revision, template: str, words: str) -> None:
    found = compare(old, new, template)
    assert found is not None
    assert (found.url, found.not_known) == ("", words)


def test_github_s_own_page_needs_no_template_and_tells_what_to_ask_for() -> None:
    old, new = (rev(n, f"v{n}", Build(repository=HOME, commit=c)) for n, c in ((41, OLD), (42, NEW)))
    found = compare(old, new)
    assert found is not None
    assert (found.url, found.repository) == (f"{HOME}/compare/{OLD}...{NEW}", "example/payments")
    assert (found.base, found.head) == (OLD, NEW)
    assert compare(rev(41, "v1"), rev(42, "v2")) is None  # nobody named a repository


@pytest.mark.parametrize("path", ["../..", "example/..", "example/pay%2Fments", "exa mple/x"])
def test_nothing_but_a_repository_is_asked_for(path: str) -> None:
    found = compare(rev(41, "v1"), rev(42, "v2"), f"https://github.com/{path}/compare/{{old_tag}}...{{new_tag}}")
    assert found is not None
    assert not found.readable_at("https://api.github.com")


@pytest.mark.parametrize(
    ("host", "api_url", "readable"),
    [
        ("github.com", "https://api.github.com", True),
        ("GitHub.com", "https://api.github.com/", True),
        ("git.example.com", "https://api.github.com", False),  # Gitea's pages have the same shape
        ("api.github.com", "https://api.github.com", False),
        ("github.com@git.example.com", "https://api.github.com", False),
        ("github.com:8443", "https://api.github.com", False),
        ("ghe.example.com", "https://ghe.example.com/api/v3", True),
        ("api.example.com", "https://api.example.com/api/v3/", True),
        ("github.com", "https://ghe.example.com/api/v3", False),
        ("team.ghe.com", "https://api.team.ghe.com", True),
        ("github.com", "http://127.0.0.1:4001", True),  # the drill's
        ("github.com", "https://localhost:8443/api/v3", False),
        ("", "", False),
    ],
)
def test_only_the_github_whose_page_it_is_can_be_asked(host: str, api_url: str, readable: bool) -> None:
    found = compare(rev(41, "v1"), rev(42, "v2"), f"https://{host}/pay/api/compare/{{old_tag}}...{{new_tag}}")
    assert found is not None
    assert found.readable_at(api_url) is readable


def test_a_deploy_is_compared_by_its_product_s_template() -> None:
    product = Product(name="api", compare="https://x.example/{service}/{old_tag}..{new_tag}")
    found = compare_deploy(deploy(), product)
    assert found is not None
    assert found.url == "https://x.example/api/v41..v42"
    assert compare_deploy(deploy(), None) is None


def commits(*authors: str, **more: object) -> CommitRange:
    found = tuple(Commit(sha=NEW, title="x", author=who) for who in authors)
    return CommitRange(**{"commits": found, "total": len(found), "files": 2, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (commits("Bob"), "1 commit by Bob · 2 files changed"),
        (commits("Bob", "Carol", "Bob", files=1), "3 commits by Bob (2), Carol · 1 file changed"),
        (commits("A", "B", "C", "D", "E"), "5 commits by A, B, C, 2 more · 2 files changed"),
        (commits(), "0 commits · 2 files changed"),
        (
            commits("Bob", total=900, files=300, more_files=True),
            "900 commits by Bob (the newest 1 were read) · 300 or more files changed",
        ),
        (commits("Bob", behind=4), "1 commit by Bob · 2 files changed · 4 of the version before are not in it"),
    ],
)
def test_commits_in_words(found: CommitRange, words: str) -> None:
    assert found.words == words
