"""Sentry, simulated."""
