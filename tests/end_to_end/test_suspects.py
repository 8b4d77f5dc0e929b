"""Ten incidents on the real adapters: whose deploy is suspected of each alert, in which words, and where none is."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from oncall_tui.drill.scenario import load
from tests.end_to_end.suspects import INCIDENTS, Watched, played


@pytest.fixture(scope="module")
def incidents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Watched]]:
    with pytest.MonkeyPatch.context() as patch, played(tmp_path_factory.mktemp("incidents")) as held:
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield held


@pytest.mark.parametrize("name", INCIDENTS)
def test_the_first_suspect_and_its_words(incidents: dict[str, Watched], name: str) -> None:
    said = incidents[name].said(60.0)
    for told in INCIDENTS[name].told:
        found = said[told.title]
        suspects = ((told.first,) if told.first else ()) + told.besides
        assert found.suspects == suspects, found
        assert found.accused <= set(suspects), "accused of it for a while"
        assert found.innocent == told.innocent
        assert re.search(told.words, found.line), found.line


def test_there_are_ten_and_each_can_be_played_alone() -> None:
    assert len(INCIDENTS) == 10
    assert [load(name)["name"] for name in INCIDENTS] == list(INCIDENTS)
