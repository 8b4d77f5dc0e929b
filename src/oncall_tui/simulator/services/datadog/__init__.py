"""Datadog, simulated."""
