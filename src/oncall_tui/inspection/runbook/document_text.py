"""A page as blocks of text to read: nothing is left in them that a screen would obey. Pure.

Links are shown as text, never opened; scripts, styles, forms and pictures are left out. The HTML standard says which
elements begin a line of their own.
"""

from __future__ import annotations

import time
from html.parser import HTMLParser
from urllib.parse import urljoin

import msgspec

from oncall_tui.errors import Denied, Malformed
from oncall_tui.inspection.runbook.block import BLOCKS, CHARACTERS, RULE, Block
from oncall_tui.inspection.runbook.fetch import ELSEWHERE, Page
from oncall_tui.inspection.runbook.markdown_text import markdown

PATIENCE_S = 2.0  # for a page that is hard to read
CHUNK = 8_192


def blocks(page: Page) -> tuple[Block, ...]:
    """The page's text. Raises Malformed or Denied where there is nothing to read."""
    if page.kind == "html":
        found = _html(page)
    elif page.kind == "markdown":
        found = markdown(page.text)
    else:
        found = [Block("text", line.rstrip()) for line in page.text.expandtabs(4).splitlines()]
    more = [Block("quote", "… the rest of the page is not shown")] if len(found) > BLOCKS else []
    found = [*(msgspec.structs.replace(b, text=b.text[:CHARACTERS]) for b in found[:BLOCKS]), *more]
    if not any(b.text.strip() for b in found):
        raise Malformed("that page has no text (a script may build it)", ELSEWHERE)
    return tuple(found)


# --- HTML -------------------------------------------------------------------------------------------------------------

_LEFT_OUT = frozenset(
    (
        "script",
        "style",
        "noscript",
        "template",
        "svg",
        "nav",
        "iframe",
        "object",
        "select",
        "button",
        "textarea",
        "canvas",
    )
)
_PARTS = (
    "p",
    "div",
    "section",
    "article",
    "main",
    "header",
    "footer",
    "aside",
    "pre",
    "blockquote",
    "details",
    "summary",
)
_LISTS = ("ul", "ol", "dl", "dt", "dd", "li", "table", "tr", "hr", "br", "figure", "figcaption", "address")
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_BLOCKS = frozenset((*_PARTS, *_LISTS)) | _HEADINGS
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
_KINDS = {"blockquote": "quote", "tr": "row", **dict.fromkeys(_HEADINGS, "heading")}


def _html(page: Page) -> list[Block]:
    reader = _HtmlReader(page.where)
    ends = time.monotonic() + PATIENCE_S
    for at in range(0, len(page.text), CHUNK):
        reader.feed(page.text[at : at + CHUNK])
        if time.monotonic() > ends or len(reader.found) > BLOCKS:
            break
    reader.feed("\n<p>")  # what waits for a tag is told; nothing more is read at the end
    reader.flush()
    told = sum(len(b.text) for b in reader.found)
    if reader.asks_for_login and told < 2_000:
        raise Denied("a login page came instead", ELSEWHERE)
    return reader.main or reader.found


class _HtmlReader(HTMLParser):
    """Collects blocks; what is in ``<main>`` or ``<article>`` apart too: the rest is the wiki's own furniture."""

    def __init__(self, where: str) -> None:
        super().__init__(convert_charrefs=True)
        self._where = where
        self.found: list[Block] = []
        self.main: list[Block] = []
        self.asks_for_login = False
        self._text: list[str] = []
        self._kind, self._prefix = "text", ""
        self._left_out: list[str] = []
        self._main = 0
        self._lists: list[int | None] = []  # the number of the last item, None where they have none
        self._pre = 0
        self._href = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "input" and (told.get("type") or "").lower() == "password":
            self.asks_for_login = True
        if self._left_out:
            if tag == self._left_out[-1]:
                self._left_out.append(tag)
            return
        if tag in _LEFT_OUT or tag == "title" or ("hidden" in told and tag not in _VOID):
            self.flush()
            self._left_out.append(tag)
            return
        if tag in _BLOCKS:
            self.flush()
            self._begin(tag)
        elif tag == "a":
            self._href = told.get("href") or ""
        elif tag == "img" and told.get("alt"):
            self._text.append(f"[picture: {told['alt']}]")
        elif tag in ("td", "th") and self._text:
            self._text.append(" | ")
        elif tag == "code" and not self._pre:
            self._text.append("`")

    def _begin(self, tag: str) -> None:
        if tag in ("main", "article"):
            self._main += 1
        elif tag in ("ul", "ol"):
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            number = self._lists[-1] if self._lists else None
            if number is not None:
                self._lists[-1] = number + 1
            self._kind, self._prefix = "item", "• " if number is None else f"{number + 1}. "
        elif tag == "pre":
            self._pre += 1
            self._kind = "code"
        elif tag == "hr":
            self._add(RULE)
        else:
            self._kind = _KINDS.get(tag, self._kind)

    def handle_endtag(self, tag: str) -> None:
        if self._left_out:
            if tag == self._left_out[-1]:
                self._left_out.pop()
            return
        if tag == "a":
            where = urljoin(self._where, self._href) if self._href and not self._href.startswith("#") else ""
            if where.startswith(("http://", "https://", "mailto:")) and where not in "".join(self._text[-2:]):
                self._text.append(f" <{where}>")
            self._href = ""
        elif tag == "code" and not self._pre:
            self._text.append("`")
        if tag not in _BLOCKS:
            return
        self.flush()
        if tag in ("main", "article"):
            self._main = max(0, self._main - 1)
        elif tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        elif tag == "pre":
            self._pre = max(0, self._pre - 1)
        if tag in ("p", "pre", "ul", "ol", "table", "blockquote") or tag in _HEADINGS:
            self._add(Block("text"))

    def handle_data(self, data: str) -> None:
        if not self._left_out:
            self._text.append(data)

    def flush(self) -> None:
        """End the block that is being read."""
        text, kind, prefix = "".join(self._text), self._kind, self._prefix
        self._text, self._prefix = [], ""
        if self._pre:
            for line in text.expandtabs(4).strip("\n").splitlines():
                self._add(Block("code", line.rstrip(), 2))
            return
        self._kind = "text"
        text = " ".join(text.split())
        if text:
            indent = 2 * max(0, len(self._lists) - 1) + 1 if kind == "item" else 2 if kind == "quote" else 0
            self._add(Block(kind, prefix + text, indent))
        elif prefix:
            self._kind, self._prefix = kind, prefix  # <li><p>: the item's text is still to come

    def _add(self, block: Block) -> None:
        for place in (self.found, self.main) if self._main else (self.found,):
            if block.text or (place and place[-1].text):
                place.append(block)
