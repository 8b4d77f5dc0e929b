"""The journal: an append-only SQLite file with its own writer thread."""

from oncall_tui.journal.journal import Intent, Journal

__all__ = ["Intent", "Journal"]
