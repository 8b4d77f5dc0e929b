"""Markdown as blocks of text: CommonMark 0.31 and tables, by markdown-it. Pure.

HTML in it stays as it is written, because it is text here and no markup. A link is shown as ``words <address>``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oncall_tui.inspection.runbook.block import BLOCKS, CHARACTERS, RULE, Block

if TYPE_CHECKING:
    from collections.abc import Iterable

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

NESTING = 40  # quotes and lists inside each other: the parser leaves out what is deeper
LINES = 5_000  # of a page, at most: 2,000 blocks rarely need as many, and parsing holds up the screen's thread
DEEPEST_INDENT = 12  # cells
TOO_DEEP = Block("quote", "… lists or quotes are nested too deep here: a part of the page is not shown")
CUT = Block("quote", "… the rest of the page is not shown")


def markdown(text: str) -> list[Block]:
    """Return the blocks of a Markdown page: headings, items, code as it stands, quotes, table rows, paragraphs."""
    parser = _parser()
    lines = _without_comments(text).expandtabs(4).splitlines()
    reader = _Reader(parser)
    reader.read(parser.parse("\n".join(lines[:LINES]), reader.references))
    return [*reader.found, CUT] if len(lines) > LINES else reader.found


def _parser() -> MarkdownIt:
    """Return a parser of blocks alone: ``_Reader`` reads the text of each, as much as it shows."""
    from markdown_it import MarkdownIt  # only a runbook needs it, and it takes 20 ms

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": NESTING}).enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]  # an address is shown as it is written
    return parser


def _without_comments(text: str) -> str:
    parts = []
    while (begin := text.find("<!--")) >= 0 and (end := text.find("-->", begin)) >= 0:
        parts.append(text[:begin])
        text = text[end + 3 :]
    return "".join((*parts, text))


class _Reader:
    """The blocks of one page, from the parser's tokens."""

    def __init__(self, parser: MarkdownIt) -> None:
        self._parser = parser
        self.references: dict[str, object] = {}
        self.found: list[Block] = []
        self._lists: list[str] = []  # the sign of the next item of each open list; empty once it was shown
        self._quotes = 0
        self._cells: list[str] = []
        self._heading = False
        self._cell = False

    def read(self, tokens: Iterable[Token]) -> None:
        """Read the page's tokens, until there are more blocks than are shown."""
        for token in tokens:
            if len(self.found) > BLOCKS:
                return
            self._take(token)
            if token.level >= NESTING - 1 and self.found[-1:] != [TOO_DEEP]:
                self.found.append(TOO_DEEP)
            if token.level == 0 and token.nesting <= 0 and self.found and self.found[-1].text:
                self.found.append(Block("text"))

    def _take(self, token: Token) -> None:
        kind = token.type
        if kind in ("fence", "code_block"):
            self.found += [Block("code", line.rstrip(), 2) for line in token.content.splitlines()[:BLOCKS]]
        elif kind == "hr":
            self.found.append(RULE)
        elif kind == "inline":
            self._inline(self._text(token.content))
        elif kind in ("bullet_list_open", "ordered_list_open"):
            self._lists.append("")
        elif kind in ("bullet_list_close", "ordered_list_close"):
            self._lists.pop()
        elif kind == "list_item_open":
            self._lists[-1] = f"{token.info}{token.markup}" if token.info else "•"
        elif kind == "list_item_close" and self._lists[-1]:
            self._inline("")  # an item without a text
        elif kind in ("blockquote_open", "blockquote_close"):
            self._quotes += token.nesting
        elif kind in ("heading_open", "heading_close"):
            self._heading = token.nesting > 0
        elif kind in ("th_open", "td_open", "th_close", "td_close"):
            self._cell = token.nesting > 0
        elif kind == "tr_close":
            self.found.append(Block("row", " | ".join(self._cells)))
            self._cells = []

    def _inline(self, text: str) -> None:
        if self._cell:
            self._cells.append(text)
            return
        inside = min(DEEPEST_INDENT, 2 * (len(self._lists) - 1)) + 1 if self._lists else 0
        kind = "heading" if self._heading else "quote" if self._quotes else "text"
        for line in text.split("\n"):
            if self._lists and (sign := self._lists[-1]):
                self._lists[-1] = ""
                self.found.append(Block("item", f"{sign} {line}".rstrip(), inside))
            else:
                self.found.append(Block(kind, line, 2 if kind == "quote" else inside + 2 if inside else 0))

    def _text(self, content: str) -> str:
        """Return a block's text: emphasis without its signs, code with them; a line break where one is asked for."""
        tokens: list[Token] = []
        self._parser.inline.parse(content[:CHARACTERS], self._parser, self.references, tokens)
        told, links = [], []
        for token in tokens:
            if token.type in ("text", "text_special"):
                told.append(token.content)
            elif token.type == "code_inline":
                told.append(f"`{token.content}`")
            elif token.type == "image":
                told.append(f"[picture: {token.content}]")
            elif token.type == "softbreak":
                told.append(" ")
            elif token.type == "hardbreak":
                told.append("\n")
            elif token.type == "link_open":
                links.append((len(told), str(token.attrGet("href") or "")))
            elif token.type == "link_close":
                begin, address = links.pop()
                if not address.startswith("#") and address.removeprefix("mailto:") != "".join(told[begin:]):
                    told.append(f" <{address}>")
        return "".join(told)
