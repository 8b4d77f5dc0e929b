"""Slack, as a destination."""
