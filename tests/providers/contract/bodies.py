"""What requests that write have to look like: schemas written from the published ones (JSON Schema 2020-12).

Strict where the published ones are not: nothing but what is described there may be sent, and never two ways to say to
whom an incident goes. A client's test hands each request that it sees to ``check``.
"""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema


def _object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
        "additionalProperties": False,
    }


def _reference(kind: str) -> dict[str, Any]:
    return _object({"id": {"type": "string", "minLength": 1}, "type": {"const": f"{kind}_reference"}})


_STATUS = {"enum": ["acknowledged", "resolved"]}
_LEVEL = {"type": "integer", "minimum": 1}
_ASSIGNMENTS = {"type": "array", "minItems": 1, "items": _object({"assignee": _reference("user")})}
_CHANGES = {
    "status": _STATUS,
    "escalation_level": _LEVEL,
    "assignments": _ASSIGNMENTS,
    "escalation_policy": _reference("escalation_policy"),
}
# PUT of an incident takes any of these; one at a time is all that is sent: a policy beside a level starts at level 1.
_ONE_CHANGE = {"oneOf": [{"required": [name]} for name in _CHANGES]}
_TYPE = {"const": "incident_reference"}
_ID = {"type": "string", "minLength": 1}

# PagerDuty/api-schema, reference/REST/openapiv3.json: updateIncident, updateIncidents, createIncidentSnooze,
# createIncidentNote, mergeIncidents.
PAGERDUTY: dict[str, dict[str, Any]] = {
    r"PUT /incidents": _object(
        {
            "incidents": {
                "type": "array",
                "minItems": 1,
                "maxItems": 250,
                "items": {**_object({"id": _ID, "type": _TYPE}, **_CHANGES), **_ONE_CHANGE},
            }
        }
    ),
    r"PUT /incidents/[^/]+": _object({"incident": {**_object({"type": _TYPE}, **_CHANGES), **_ONE_CHANGE}}),
    r"POST /incidents/[^/]+/snooze": _object({"duration": {"type": "integer", "minimum": 1, "maximum": 604_800}}),
    r"POST /incidents/[^/]+/notes": _object({"note": _object({"content": {"type": "string", "minLength": 1}})}),
    r"PUT /incidents/[^/]+/merge": _object(
        {"source_incidents": {"type": "array", "minItems": 1, "items": _reference("incident")}}
    ),
}


def check(schemas: dict[str, dict[str, Any]], method: str, path: str, body: bytes) -> None:
    """AssertionError where the API has no such request, ``jsonschema.ValidationError`` where its body is another."""
    said = f"{method} {path}"
    found = [schema for pattern, schema in schemas.items() if re.fullmatch(pattern, said)]
    assert len(found) == 1, f"{said} is not in the schemas"
    jsonschema.Draft202012Validator(found[0]).validate(json.loads(body))
