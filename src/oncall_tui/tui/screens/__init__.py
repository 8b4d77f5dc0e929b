"""Screens: the board's, and those over it."""
