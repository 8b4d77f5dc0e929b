"""Screens over the board that list what the record has: events, follow-ups, and what is kept quiet."""
