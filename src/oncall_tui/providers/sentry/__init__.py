"""Sentry's issues, by its Web API (``getsentry/sentry-api-schema``: ``openapi-derefed.json``; docs.sentry.io/api)."""
