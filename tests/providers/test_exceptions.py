"""No exception of httpx, httpcore, ssl, the socket module, urllib3 or botocore is shown as a bug of this program."""

from __future__ import annotations

import pytest
from tests.providers.exceptions_table import AWS, HTTP, is_bug, rows

from oncall_tui import errors

LIBRARIES = [*(f"http {name}" for name in HTTP), *(f"aws {name}" for name in AWS)]


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_exception_is_a_state_with_a_hint(library: str) -> None:
    found = list(rows(library))
    assert len(found) > 20
    bugs = [row for row in found if row.read is None or row.write is None]
    assert [row for row in bugs if not is_bug(row)] == []
    assert [row for row in found if is_bug(row) and row.read is not None] == []
    for row in found:
        if row.read is None or row.write is None:
            continue
        said = str(row.read)
        assert row.read.hint, row
        assert "report" not in said, row
        assert said.isprintable(), row
        assert len(said) < 600, row
        assert type(row.write) in (errors.ActionFailed, errors.OutcomeUnknown), row
        if row.place.startswith("construction"):
            assert type(row.write) is errors.ActionFailed, row  # nothing was sent
