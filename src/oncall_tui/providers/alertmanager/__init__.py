"""Alertmanager, API v2 (``prometheus/alertmanager``: ``api/v2/openapi.yaml``)."""
