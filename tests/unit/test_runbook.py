"""Runbooks: from which place, what is refused, and how a page becomes text. The network is loopback alone."""

from __future__ import annotations

import ipaddress
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.support.fakes import alert

from oncall_tui.domain.product import Product
from oncall_tui.errors import Denied, Malformed, Offline, SourceError, Throttled
from oncall_tui.inspection.runbook import fetch as runbook
from oncall_tui.inspection.runbook.document_text import blocks
from oncall_tui.inspection.runbook.fetch import Page, RunbookAddress, forbidden, places, read

ANSWERS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "/book.md": (200, {"Content-Type": "text/markdown; charset=utf-8"}, "# 決済\n\nRestart **it**.".encode()),
    "/wiki": (200, {"Content-Type": "text/html"}, b"<h1>Payments</h1><p>Restart <b>it</b>."),
    "/latin": (200, {"Content-Type": "text/plain; charset=iso-8859-1"}, "caf\xe9".encode("latin-1")),
    "/pdf": (200, {"Content-Type": "application/pdf"}, b"%PDF"),
    "/zeros": (200, {"Content-Type": "text/plain"}, b"a\x00b"),
    "/long": (200, {"Content-Type": "text/plain"}, b"x" * (runbook.LIMIT + 1)),
    "/moved": (302, {"Location": "/book.md"}, b""),
    "/round": (302, {"Location": "/round"}, b""),
    "/up": (301, {"Location": "https://127.0.0.1/book.md"}, b""),
    "/file": (301, {"Location": "file:///etc/passwd"}, b""),
    "/metadata": (302, {"Location": "http://169.254.169.254/latest/meta-data/"}, b""),
    "/login": (200, {"Content-Type": "text/html"}, b"<form><input type=password></form>Log in"),
    "/401": (401, {}, b""),
    "/404": (404, {}, b""),
    "/429": (429, {}, b""),
    "/500": (500, {}, b""),
    "/empty": (200, {"Content-Type": "text/html"}, b"<script>render()</script>"),
    "/gzip": (200, {"Content-Type": "text/plain", "Content-Encoding": "gzip"}, b"x"),
}


class Handler(BaseHTTPRequestHandler):
    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        status, headers, body = ANSWERS[self.path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):  # it stops to listen where it is too long
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def wiki() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def configured(where: str) -> RunbookAddress:
    return RunbookAddress(where, "product p", True)


def told(where: str) -> RunbookAddress:
    return RunbookAddress(where, "prom's alert", False)


def test_a_page_is_read_as_text(wiki: str) -> None:
    assert read(configured(f"{wiki}/book.md")) == Page(f"{wiki}/book.md", "markdown", "# 決済\n\nRestart **it**.")
    assert read(configured(f"{wiki}/wiki")).kind == "html"
    assert read(configured(f"{wiki}/latin")).text == "café"


def test_a_redirect_is_followed_on_the_same_scheme(wiki: str) -> None:
    assert read(configured(f"{wiki}/moved")).where == f"{wiki}/book.md"


@pytest.mark.parametrize(
    ("path", "error", "says"),
    [
        ("/pdf", Malformed, "application/pdf, not text"),
        ("/zeros", Malformed, "not text"),
        ("/long", Malformed, "longer than 1 MB"),
        ("/round", Malformed, "more than 3 times"),
        ("/up", Denied, "another scheme: https://127.0.0.1/book.md"),
        ("/file", Denied, "another scheme"),
        ("/metadata", Denied, "link-local"),
        ("/401", Denied, "wants a login"),
        ("/404", Malformed, "404"),
        ("/429", Throttled, "fewer calls"),
        ("/500", Offline, "500"),
        ("/gzip", Malformed, "compressed"),
    ],
)
def test_what_is_not_read_says_why_and_what_to_do(wiki: str, path: str, error: type[SourceError], says: str) -> None:
    with pytest.raises(error) as caught:
        read(configured(wiki + path))
    assert says in caught.value.message
    assert caught.value.hint


def test_a_login_page_and_a_page_without_text_are_said_to_be_that(wiki: str) -> None:
    with pytest.raises(Denied, match="login page"):
        blocks(read(configured(f"{wiki}/login")))
    with pytest.raises(Malformed, match="that page has no text"):
        blocks(read(configured(f"{wiki}/empty")))


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.170.2",
        "fe80::1",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "168.63.129.16",
        "100.100.100.200",
        "240.0.0.1",
    ],
)
def test_no_address_of_metadata_or_of_no_host_is_asked(address: str) -> None:
    assert forbidden(ipaddress.ip_address(address), loopback=True)
    with pytest.raises(Denied, match="that is not read"):
        read(configured("http://wiki.example.com/"), resolve=lambda host, port: ["10.0.0.7", address])


@pytest.mark.parametrize(
    "address", ["10.0.0.7", "192.168.1.1", "172.16.0.9", "93.184.216.34", "2001:db8::1", "fd12::7"]
)
def test_a_wiki_inside_ones_own_network_is_no_secret(address: str) -> None:
    assert not forbidden(ipaddress.ip_address(address), loopback=False)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_asked_where_the_configuration_says_so_and_never_for_an_alert(wiki: str, address: str) -> None:
    assert forbidden(ipaddress.ip_address(address), loopback=False)
    assert not forbidden(ipaddress.ip_address(address), loopback=True)
    Handler.asked.clear()
    with pytest.raises(Denied, match="this machine itself"):
        read(told(wiki + "/book.md"))
    assert Handler.asked == []


def test_a_name_that_sends_on_to_this_machine_is_refused(wiki: str) -> None:
    port = wiki.rpartition(":")[2]
    with pytest.raises(Denied, match="this machine"):
        read(configured(f"http://wiki.example.com:{port}/"), resolve=lambda host, _: ["10.0.0.7", "127.0.0.1"])


@pytest.mark.parametrize(
    "where",
    [
        "ftp://wiki.example.com/x",
        "file:///etc/passwd",
        "javascript://x",
        "gopher://x/",
        "http:///x",
        "http://[::1",
        "http://h:99999/",
    ],
)
def test_only_http_and_https_are_read(where: str) -> None:
    for place in (configured(where), told(where)):
        with pytest.raises((Denied, Malformed)):
            read(place)


def test_a_url_with_a_login_is_not_read_and_not_repeated() -> None:
    with pytest.raises(Denied) as caught:
        read(configured("https://alice:drill-account@wiki.example.com/x"))
    assert "drill-account" not in str(caught.value)


def test_a_name_that_is_not_known_and_nobody_listening_say_so(wiki: str) -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise OSError("no name")

    with pytest.raises(Offline, match="has no address"):
        read(configured("http://wiki.example.com/"), resolve=unknown)
    with pytest.raises(Offline, match=r"127\.0\.0\.1"):
        read(configured("http://127.0.0.1:9/"))


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_file_is_found_beside_the_configuration_or_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "pay.md").write_text("# Pay")
    assert read(configured("books/pay.md"), (tmp_path / "none", tmp_path)).text == "# Pay"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read(configured("~/books/pay.md")).text == "# Pay"
    with pytest.raises(Malformed, match="no such file"):
        read(configured("books/other.md"), (tmp_path,))


def test_an_alert_may_name_no_file(tmp_path: Path) -> None:
    (tmp_path / "pay.md").write_text("secret")
    for where in (str(tmp_path / "pay.md"), "pay.md", "/etc/passwd"):
        with pytest.raises(Denied, match="may not name a file"):
            read(told(where), (tmp_path,))


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    for where in (tmp_path / "pipe.md", tmp_path, Path("/dev/zero")):
        with pytest.raises(Denied):
            read(configured(str(where)))
    (tmp_path / "long.md").write_bytes(b"x" * (runbook.LIMIT + 1))
    with pytest.raises(Malformed, match="longer than"):
        read(configured(str(tmp_path / "long.md")))


def test_the_products_runbook_comes_first_then_what_alerts_name() -> None:
    product = Product(name="p", runbook="https://wiki.example.com/p")
    one = alert("prom/a", annotations=(("runbook_url", "https://wiki.example.com/a"), ("summary", "x")))
    same = alert("pager/b", annotations=(("runbook", "https://wiki.example.com/p"),))
    found = places(product, (one, same))
    assert [(p.where, p.trusted) for p in found] == [
        ("https://wiki.example.com/p", True),
        ("https://wiki.example.com/a", False),
    ]
    assert places(None, (alert(),)) == ()


# --- text -------------------------------------------------------------------------------------------------------------


def told_by(page: Page) -> list[tuple[str, str]]:
    return [(b.kind, b.text) for b in blocks(page) if b.text]


def test_markdown_is_rendered() -> None:
    text = """
Payments
========
Is it **down**? See [the board](https://grafana.example.com/d/1) and *this*.
Second line.

## Restart
1. Look at `aws ecs **x**`
   and wait
- [ ] tell [#team](#anchor)
  - nested

```sh
aws ecs update-service --force   # *stays*
```
> careful

| a | b |
|---|---|
| 1 | 2 |
---
![graph](http://x.example.com/g.png)
<!-- secret -->
"""
    assert told_by(Page("x", "markdown", text)) == [
        ("heading", "Payments"),
        ("text", "Is it down? See the board <https://grafana.example.com/d/1> and this. Second line."),
        ("heading", "Restart"),
        ("item", "1. Look at `aws ecs **x**` and wait"),
        ("item", "• [ ] tell #team"),
        ("item", "• nested"),
        ("code", "aws ecs update-service --force   # *stays*"),
        ("quote", "careful"),
        ("row", "a | b"),
        ("row", "1 | 2"),
        ("rule", "─" * 20),
        ("text", "[picture: graph]"),
    ]


@pytest.mark.parametrize(
    ("text", "blocks_"),
    [
        ("[/prod] down [red]x[/]", [("text", "[/prod] down [red]x[/]")]),
        ("[x](javascript:alert(1))", [("text", "[x](javascript:alert(1))")]),
        ("[x](<https://a.example.com/?q=\\u007f決済>)", [("text", "x <https://a.example.com/?q=\\u007f決済>")]),
        ("a &#27;[31m b&#x9b;2J", [("text", "a \ufffd[31m b\ufffd2J")]),
        ("<script>x()</script> **b**", [("text", "<script>x()</script> b")]),
        ("<div onclick=x>\n\n# T", [("text", "<div onclick=x>"), ("heading", "T")]),
        ("```\n<!-- gone -->kept **a**\n", [("code", "kept **a**")]),
        ("~~~sh\n- no item\n~~~\nafter", [("code", "- no item"), ("text", "after")]),
        ("    indented *a*", [("code", "indented *a*")]),
        ("| a | `b` |\n|:--|--:|\n| **1** | [l](https://l.example.com) |\n| only |", [
            ("row", "a | `b`"), ("row", "1 | l <https://l.example.com>"), ("row", "only | "),
        ]),
        ("[the wiki][w]\n\n[w]: https://w.example.com 'title'", [("text", "the wiki <https://w.example.com>")]),
        ("<https://a.example.com> <a@example.com>", [("text", "https://a.example.com a@example.com")]),
        ("3) three\n4) four\n\n   more of it", [("item", "3) three"), ("item", "4) four"), ("text", "more of it")]),
        ("one  \ntwo\\\nthree", [("text", "one"), ("text", "two"), ("text", "three")]),
        ("snake_case_name and 2*3*4", [("text", "snake_case_name and 234")]),
        ("-\n- b", [("item", "•"), ("item", "• b")]),
        ("> # Head\n> - item", [("heading", "Head"), ("item", "• item")]),
    ],
)  # fmt: skip
def test_markdown_that_is_odd_or_hostile_is_text(text: str, blocks_: list[tuple[str, str]]) -> None:
    assert told_by(Page("x", "markdown", text)) == blocks_


@pytest.mark.parametrize(
    "text",
    [">" * 30_000 + " deep", "\n".join("  " * i + "- deep" for i in range(300)), "> - " * 5_000 + "deep"],
    ids=["quotes", "lists", "both"],
)
def test_nesting_has_an_end_and_what_is_not_shown_is_said(text: str) -> None:
    found = told_by(Page("x", "markdown", f"begin\n\n{text}\n\nend"))
    assert found[0] == ("text", "begin")
    assert ("quote", "… lists or quotes are nested too deep here: a part of the page is not shown") in found


def test_a_huge_page_is_cut_and_says_so() -> None:
    found = blocks(Page("x", "markdown", "a\n" * 400_000))
    assert found[-1].text == "… the rest of the page is not shown"
    assert sum(len(b.text) for b in found) < 100_000


def test_no_start_of_the_program_pays_for_markdown() -> None:
    code = "import sys, oncall_tui.cli.status, oncall_tui.engine.engine, oncall_tui.inspection.runbook.document_text"
    done = subprocess.run([sys.executable, "-c", f"{code}; sys.exit('markdown_it' in sys.modules)"], check=False)
    assert done.returncode == 0


def test_html_is_text_without_scripts_styles_and_furniture() -> None:
    text = """<html><head><title>T</title><style>p{}</style></head><body><nav><a href=/>Home</a></nav>
    <script>alert(1)</script><main><h2>Restart &amp; wait</h2>
    <p>See <a href="/board">the board</a> or <a href="javascript:x()">this</a>.</p>
    <ol><li>first<li><p>second</p><ul><li>inner</li></ul></ol>
    <pre><code>aws ecs
  list</code></pre><table><tr><th>a<th>b<tr><td>1<td>2</table>
    <div hidden>not seen</div></main><footer>Imprint</footer></body>"""
    assert told_by(Page("https://wiki.example.com/pay", "html", text)) == [
        ("heading", "Restart & wait"),
        ("text", "See the board <https://wiki.example.com/board> or this."),
        ("item", "1. first"),
        ("item", "2. second"),
        ("item", "• inner"),
        ("code", "aws ecs"),
        ("code", "  list"),
        ("row", "a | b"),
        ("row", "1 | 2"),
    ]


@pytest.mark.parametrize(
    "text",
    ["<" * 300_000, "<!--" * 80_000, "<a " * 100_000, "<div>" * 60_000, "&" * 300_000, "<!" * 150_000, "</" * 150_000],
    ids=lambda text: repr(text[:4]),
)
def test_a_page_that_is_made_to_be_hard_ends_and_is_bounded(text: str) -> None:
    try:
        found = blocks(Page("x", "html", f"<p>begin</p>{text}"))
    except Malformed:
        return
    assert len(found) <= 2_001
    assert sum(len(b.text) for b in found) < 1_000_000


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "*a" * 50_000,
        "`" * 100_000,
        "![](" * 30_000,
        "<!--" * 30_000,
        "_" * 90_000,
        "|-" * 50_000,
        "[a]: /b\n" * 30_000,
        "- a\n" * 100_000,
        "|a|\n|-|\n" * 50_000,
        "&amp;" * 60_000,
        "\\" * 100_000,
    ],
    ids=lambda text: repr(text[:4]),
)
def test_markdown_that_is_made_to_be_hard_ends(text: str) -> None:
    assert blocks(Page("x", "markdown", "begin\n\n" + text))
