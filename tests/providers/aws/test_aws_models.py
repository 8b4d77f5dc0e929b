"""What is left of botocore's data files is as it was, and all that is called is left."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import botocore
import botocore.session
import pytest
from botocore.loaders import JSONFileLoader

from oncall_tui.providers import aws
from oncall_tui.providers.aws.client.models import CALLED, ENDPOINTS, LeanFiles, make_lean

STS = "sts/2011-06-15/service-2"  # it gets credentials, and is read whole


def test_the_data_files_are_botocores_without_documentation_and_foreign_endpoints() -> None:
    """The loader's *file_loader* is botocore's own seam; what is read through it is else the same."""
    whole, lean = JSONFileLoader(), LeanFiles()
    data = Path(botocore.__file__).parent / "data"

    def undocumented(value: Any) -> Any:
        if isinstance(value, dict):
            kept = {k: undocumented(v) for k, v in value.items()}
            return {k: v for k, v in kept.items() if k != "documentation" or not isinstance(v, str)}
        return [undocumented(one) for one in value] if isinstance(value, list) else value

    assert lean.load_file(str(data / STS)) == undocumented(whole.load_file(str(data / STS)))
    for name in ("sts/2011-06-15/endpoint-rule-set-1", "partitions"):
        assert lean.load_file(str(data / name)) == whole.load_file(str(data / name))
    assert lean.load_file(str(data / "none")) is None
    assert [lean.exists(str(data / name)) for name in ("none", "endpoints", "partitions")] == [False, True, True]
    found, known = lean.load_file(str(data / "endpoints")), whole.load_file(str(data / "endpoints"))
    assert [p["regions"].keys() for p in found["partitions"]] == [p["regions"].keys() for p in known["partitions"]]
    called = {
        botocore.session.Session().get_service_model(service).endpoint_prefix
        for service in (*CALLED, "sts", "sso", "sso-oidc", "signin")
    }
    assert called == ENDPOINTS


def lean_session() -> Any:
    session = botocore.session.Session()
    make_lean(session.get_component("data_loader"))
    return session


def test_every_operation_that_the_code_calls_is_left_in_its_model() -> None:
    """Each text of the code that is an operation's name, but for the words for what CloudTrail tells of."""
    code = Path(aws.__file__).parent
    files = [path for path in code.rglob("*.py") if path.parent.name != "cloudtrail" and path.name != "models.py"]
    files.append(code / "cloudtrail" / "lookup.py")
    trees = [ast.parse(path.read_text()) for path in files]
    texts = {n.value for t in trees for n in ast.walk(t) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    session = botocore.session.Session()
    wanted = {s: texts & set(session.get_service_model(s).operation_names) for s in CALLED}
    wanted["elbv2"] -= {"DeregisterTargets", "RegisterTargets"}  # words of CloudTrail, in its lookup
    assert {service: set(operations) for service, operations in CALLED.items()} == wanted


@pytest.mark.parametrize("service", CALLED)
def test_what_is_left_of_a_model_is_as_it_was(service: str) -> None:
    """Request, answer and errors of each operation, down to the last member."""
    whole, lean = botocore.session.Session(), lean_session()
    full, left = whole.get_service_model(service), lean.get_service_model(service)
    assert set(left.operation_names) == set(CALLED[service])
    for name in left.operation_names:
        a, b = full.operation_model(name), left.operation_model(name)
        assert a.http == b.http
        assert told(a.input_shape) == told(b.input_shape)
        assert told(a.output_shape) == told(b.output_shape)
        assert [told(e) for e in a.error_shapes] == [told(e) for e in b.error_shapes]
    client = lean.create_client(service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    assert client.meta.endpoint_url == whole.create_client(service, region_name="eu-west-1").meta.endpoint_url


def told(shape: Any, above: tuple[str, ...] = ()) -> Any:
    """A shape in words, with all that it is made of."""
    if shape is None or shape.name in above:
        return shape and shape.name
    inner = (*above, shape.name)
    parts = dict(getattr(shape, "members", {}) or {})
    parts |= {name: getattr(shape, name) for name in ("member", "key", "value") if hasattr(shape, name)}
    meta = {k: v for k, v in shape.metadata.items() if k != "documentation"}
    return shape.name, shape.type_name, meta, {name: told(part, inner) for name, part in parts.items()}
