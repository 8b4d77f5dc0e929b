"""Holds an AWS answer, as it came over the wire, against botocore's model of it."""

from functools import cache
from typing import Any

import botocore.session

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "double": (int, float),
    "float": (int, float),
    "boolean": (bool,),
    "timestamp": (int, float),
}


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def faults_of(service: str, operation: str, answer: object) -> list[str]:
    """Members that the model does not know, values of another type, and words that an enumeration does not have."""
    return list(_faults(_model(service).operation_model(operation).output_shape, answer, operation))


def enums_of(service: str, operation: str, answer: object) -> list[str]:
    """The same of an answer that a client has parsed already (XML): words that an enumeration does not have."""
    assert isinstance(answer, dict)
    told = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
    return faults_of(service, operation, told)


def error_names(service: str, operation: str) -> set[str]:
    """The errors that the model gives an operation."""
    return {shape.name for shape in _model(service).operation_model(operation).error_shapes}


def _faults(shape: Any, value: Any, path: str) -> list[str]:
    if shape is None:
        return [] if value == {} else [f"{path}: no output was expected"]
    kind = shape.type_name
    if kind == "structure":
        return _structure(shape, value, path)
    if kind == "list":
        if not isinstance(value, list):
            return [f"{path}: expected a list"]
        return [it for index, item in enumerate(value) for it in _faults(shape.member, item, f"{path}[{index}]")]
    if kind == "map":
        return [it for key, item in value.items() for it in _faults(shape.value, item, f"{path}.{key}")]
    wrong_type = not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")
    if wrong_type:
        return [f"{path}: expected {kind}, got {value!r}"]
    if getattr(shape, "enum", None) and value not in shape.enum:
        return [f"{path}: {value!r} is none of {shape.enum}"]
    return []


def _structure(shape: Any, value: Any, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: expected a structure"]
    found = [f"{path}: {name} is missing" for name in shape.required_members if name not in value]
    for name, item in value.items():
        if name in shape.members:
            found += _faults(shape.members[name], item, f"{path}.{name}")
        else:
            found.append(f"{path}: {name} is unknown")
    return found
