"""Links into AWS's console: the host of every partition, and a query of any characters."""

from __future__ import annotations

import re

import botocore.session
import pytest

from oncall_tui.inspection.logs.insights_link import link
from oncall_tui.text.aws_console import page

HOSTS = {  # a partition's console; empty: there is none on the internet
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-eusc": "console.amazonaws-eusc.eu",
    **dict.fromkeys(("aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"), ""),
}


def test_every_region_of_every_partition_has_its_own_console_or_no_link() -> None:
    session = botocore.session.Session()
    assert set(session.get_available_partitions()) == set(HOSTS)
    for partition, host in HOSTS.items():
        regions = session.get_available_regions("cloudwatch", partition)
        for region in (r for r in regions if not r.endswith("-global")):
            at = f"https://{region}.{host}/cloudwatch/home?region={region}" if host else ""
            assert page(region, "cloudwatch") == at
            assert link(region, ["/x"], 0, 1, "x").startswith(at)
            assert bool(link(region, ["/x"], 0, 1, "x")) is bool(host)


def read_back(text: str) -> str:
    """What the console's own script makes of it: each code is one unit of UTF-16."""
    units = re.sub(r"\*\*([0-9a-f]{4})|\*([0-9a-f]{2})", lambda m: chr(int(m[1] or m[2], 16)), text.replace("!", "$"))
    return units.encode("utf-16-be", "surrogatepass").decode("utf-16-be")


@pytest.mark.parametrize("query", ["plain", "a b$c*d~e'f(g)!", "決済", "🔥 \U0010ffff x", "é\n\t/"])
def test_a_query_of_any_characters_arrives_as_it_was(query: str) -> None:
    found = re.search(r"editorString~'(.*?)~source", link("eu-west-1", ["/x"], 0, 1, query))
    assert found
    assert found[1].isascii()
    assert read_back(found[1]) == query
