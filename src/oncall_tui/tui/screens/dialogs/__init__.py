"""Dialogs: they ask in the middle of the screen, and name the target."""
