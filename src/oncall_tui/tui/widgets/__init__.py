"""Widgets: each owns what it shows."""
