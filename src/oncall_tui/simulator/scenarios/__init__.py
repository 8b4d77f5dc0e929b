"""The scenarios that ship, and how one is read."""
