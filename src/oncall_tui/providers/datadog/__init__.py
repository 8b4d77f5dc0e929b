"""Datadog's monitors and downtimes (``DataDog/datadog-api-client-python``: ``.generator/schemas/v1`` and ``v2``)."""
