"""PagerDuty, REST API v2 (``PagerDuty/api-schema``: ``reference/REST/openapiv3.json``)."""
