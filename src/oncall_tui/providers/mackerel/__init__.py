"""Mackerel's alerts, by its API v0 (mackerel.io/api-docs: "Alerts", "Monitors")."""
