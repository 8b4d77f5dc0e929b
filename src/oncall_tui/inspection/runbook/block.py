"""A block of a runbook's text, and how much of a page is read."""

import msgspec

BLOCKS, CHARACTERS = 2_000, 4_000  # at most, of a page and of a block


class Block(msgspec.Struct, frozen=True, gc=False):
    """One block: *kind* is heading, text, item, code, quote, row or rule; *indent* is in cells."""

    kind: str
    text: str = ""
    indent: int = 0


RULE = Block("rule", "─" * 20)
