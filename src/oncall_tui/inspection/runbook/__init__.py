"""A runbook: fetched when a key asks for it, turned into text."""
