"""The table of a team's journal: what ships to make it, what its failures are in words, and how `check` tells them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError
from click.testing import CliRunner
from tests.support import dynamodb
from tests.support.dynamodb import Hasty

from oncall_tui import errors
from oncall_tui.cli import group
from oncall_tui.domain.shared import Held, SharedBatch, SharedRow
from oncall_tui.providers.aws.client import rate_limit
from oncall_tui.providers.aws.dynamodb.table import JournalTable
from oncall_tui.providers.aws.options import AwsOptions

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "config" / "dynamodb"
CODE = ROOT / "src" / "oncall_tui" / "providers" / "aws" / "dynamodb" / "table.py"
pytestmark = pytest.mark.xdist_group("journal contract")  # they share what moto imports
OPTIONS = AwsOptions(name="journal", provider="dynamodb", region="eu-west-1")
BATCH = SharedBatch("A" * 13, 0, 1, (SharedRow(1, 1.8e9, "note", "s", "Alice", "", "{}"),))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    pytest.importorskip("moto.server")
    with dynamodb.server() as found:
        yield found


# --- what ships -------------------------------------------------------------------------------------------------------


def operations() -> set[str]:
    """The operations that the code asks for: the texts that botocore's model has as names."""
    import botocore.session

    known = set(botocore.session.Session().get_service_model("dynamodb").operation_names)
    tree = ast.parse(CODE.read_text())
    texts = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return texts & known


class Cfn(yaml.SafeLoader):
    """CloudFormation's own tags are names here."""


Cfn.add_multi_constructor("!", lambda loader, suffix, node: f"{suffix} {node.value}")


def template() -> dict[str, Any]:
    return yaml.load((FOLDER / "table.yaml").read_text(), Cfn)["Resources"]  # type: ignore[no-any-return]


def test_the_three_policies_allow_what_the_code_calls_and_nothing_else() -> None:
    wanted = {f"dynamodb:{name}" for name in operations()}
    assert {"dynamodb:PutItem", "dynamodb:Query", "dynamodb:DeleteItem"} < wanted
    (shipped,) = json.loads((FOLDER / "policy.json").read_text())["Statement"]
    (formed,) = template()["Share"]["Properties"]["PolicyDocument"]["Statement"]
    (terraform,) = re.findall(r"Action = \[(.*?)\]", (FOLDER / "table.tf").read_text(), re.DOTALL)
    assert set(shipped["Action"]) == set(formed["Action"]) == set(re.findall(r'"(dynamodb:\w+)"', terraform)) == wanted
    assert shipped["Resource"].endswith(":table/oncall-tui-journal")


@pytest.mark.moto
def test_the_table_that_cloudformation_makes_is_one_that_works(url: str) -> None:
    made = template()["Journal"]["Properties"]
    asked = {name: made[name] for name in ("BillingMode", "AttributeDefinitions", "KeySchema")}
    client = dynamodb.client(url)
    client.create_table(TableName="made-as-shipped", **asked)
    client.update_time_to_live(TableName="made-as-shipped", TimeToLiveSpecification=made["TimeToLiveSpecification"])
    table = dynamodb.table(url, "made-as-shipped")
    assert table.check("check here") == ()
    assert table.append(BATCH)
    assert table.snapshot().held == ()
    assert table.place == "made-as-shipped in eu-west-1"
    items = client.scan(TableName="made-as-shipped")["Items"]
    assert [item["sk"]["S"] for item in items] == ["000000000000"], "checking leaves nothing"
    terraform = (FOLDER / "table.tf").read_text()
    assert re.findall(r'(?:hash|range)_key\s+= "(\w+)"', terraform) == [k["AttributeName"] for k in asked["KeySchema"]]
    assert re.findall(r'attribute_name = "(\w+)"', terraform) == [made["TimeToLiveSpecification"]["AttributeName"]]
    assert int(items[0]["expires"]["N"]) == pytest.approx(table._clock.now() + 400 * 86_400, abs=60)


@pytest.mark.moto
def test_what_is_renewed_expires_as_late_as_what_is_put_there_now_and_what_is_fresh_costs_one_query(url: str) -> None:
    class Later(Hasty):
        days = 0.0

        def now(self) -> float:
            return super().now() + self.days * 86_400.0

    name, clock = dynamodb.create(url), Later()
    table = dynamodb.table(url, name, clock)
    assert table.append(BATCH)
    table.announce(BATCH.origin, BATCH.last)

    def days_left() -> list[int]:
        items = dynamodb.client(url).scan(TableName=name)["Items"]
        return [round((int(item["expires"]["N"]) - clock.now()) / 86_400) for item in items]

    clock.days = 199.0
    table.calls.clear()
    table.renew(BATCH)
    assert (dict(table.calls), days_left()) == ({"Query": 1}, [201, 201])
    clock.days = 250.0
    table.renew(BATCH)
    assert days_left() == [400, 400]
    assert table.read(BATCH.origin, 0) == [BATCH]


# --- what is wrong with it --------------------------------------------------------------------------------------------


@pytest.mark.moto
def test_what_is_wrong_with_the_table_is_said(url: str) -> None:
    table = dynamodb.table(url, "no-such-table")
    with pytest.raises(
        errors.Malformed, match=r"there is no table no-such-table in eu-west-1 .*config/dynamodb"
    ) as told:
        table.snapshot()
    assert told.value.state == "malformed"
    name = dynamodb.create(url)
    with pytest.raises(errors.Malformed, match=r"there is no table .* in us-east-1"):
        dynamodb.table(url, name, region="us-east-1").append(BATCH)
    other = dynamodb.create(url, keys=("id", "at"))
    with pytest.raises(errors.Malformed, match="other keys than pk and sk"):
        dynamodb.table(url, other).snapshot()
    plain = dynamodb.create(url, expires=False)
    (words,) = dynamodb.table(url, plain).check("check here")
    assert "nothing ever leaves" in words
    assert "expires" in words


@pytest.mark.moto
def test_what_others_wrote_into_it_is_said_and_not_guessed(url: str) -> None:
    name = dynamodb.create(url)
    client, table = dynamodb.client(url), dynamodb.table(url, name)
    key = {"pk": {"S": f"log#{'A' * 13}"}, "sk": {"S": "000000000000"}}
    client.put_item(
        TableName=name, Item={**key, "entries": {"B": b"no zlib"}, "last": {"N": "1"}, "format": {"N": "1"}}
    )
    with pytest.raises(errors.Malformed, match="an item that is no batch of entries: log#"):
        table.read("A" * 13, 0)
    client.put_item(TableName=name, Item={**key, "format": {"N": "2"}})
    with pytest.raises(errors.Malformed, match=r"another format .*update oncall-tui"):
        table.read("A" * 13, 0)
    client.put_item(TableName=name, Item={"pk": {"S": "now"}, "sk": {"S": "held#x"}})
    with pytest.raises(errors.Malformed, match="no slot: now held#x"):
        table.snapshot()


def client_error(code: str, operation: str, status: int = 400, text: str = "no") -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


DENIED = "User: arn:aws:iam::1:user/x is not authorized to perform: dynamodb:PutItem on resource: y"
FAILURES = [
    (client_error("ProvisionedThroughputExceededException", "PutItem"), errors.Throttled, "throttled"),
    (client_error("RequestLimitExceeded", "PutItem"), errors.Throttled, "throttled"),
    (client_error("AccessDeniedException", "PutItem", text=DENIED), errors.Denied, "needs dynamodb:PutItem"),
    (client_error("ExpiredTokenException", "PutItem"), errors.Expired, "expired"),
    (client_error("InternalServerError", "PutItem", 500), errors.Offline, "HTTP 500"),
    (client_error("SomethingNewException", "PutItem"), errors.Malformed, "refused the request"),
]


@pytest.mark.parametrize(("raised", "kind", "words"), FAILURES, ids=[f[0].response["Error"]["Code"] for f in FAILURES])
def test_each_failure_is_its_state(raised: ClientError, kind: type[errors.SourceError], words: str) -> None:
    def transport(operation: str, params: dict[str, Any], acting: bool) -> bytes:
        raise raised

    table = JournalTable(OPTIONS, "journal", 1.0, Hasty(), transport)
    with pytest.raises(kind, match=words):
        table.append(BATCH)


def test_an_answer_that_is_none_is_no_empty_journal() -> None:
    table = JournalTable(OPTIONS, "journal", 1.0, Hasty(), lambda *_: b"{}")
    with pytest.raises(errors.Malformed):
        table.snapshot()
    with pytest.raises(errors.Malformed):
        table.read("A" * 13, 0)


def test_the_heads_and_slots_are_read_to_their_last_page() -> None:
    heads = [{"pk": {"S": "now"}, "sk": {"S": f"head#{name}"}, "last": {"N": last}} for name, last in ("A3", "B4")]
    more = {"LastEvaluatedKey": {"sk": {"S": "x"}}}
    pages = [json.dumps({"Items": heads[:1]} | more), json.dumps({"Items": heads[1:]})]
    asked: list[dict[str, Any]] = []

    def transport(operation: str, params: dict[str, Any], acting: bool) -> bytes:
        asked.append(params)
        return pages[len(asked) - 1].encode()

    assert JournalTable(OPTIONS, "journal", 1.0, Hasty(), transport).snapshot().heads == {"A": 3, "B": 4}
    assert [params.get("ExclusiveStartKey") for params in asked] == [None, {"sk": {"S": "x"}}]


def test_its_own_limit_of_calls_is_throttling_with_its_wait() -> None:
    class Still(Hasty):
        def monotonic(self) -> float:
            return 5.0

    table = JournalTable(OPTIONS, "journal", 1.0, Still(), lambda *_: b'{"Items": []}')
    for _ in range(int(rate_limit.BURST)):
        table.snapshot()
    with pytest.raises(errors.Throttled) as told:
        table.snapshot()
    assert told.value.retry_after_s
    held = Held("s", "s", "x", "h", "Bob", 1.0, 1.0, "v")
    assert table.take(held), "a claim is never held back"


# --- check ------------------------------------------------------------------------------------------------------------


@pytest.mark.moto
def test_check_says_how_the_table_is(url: str, tmp_path: Path) -> None:
    run = _checker(url, tmp_path)
    name = dynamodb.create(url)
    code, said = run(name)
    assert re.search(rf"journal +dynamodb +OK +{name} in eu-west-1", said), said
    assert "endpoint http://127.0.0.1" in said
    code, said = run("no-such-table")
    assert code == 1
    assert re.search(r"journal +dynamodb +MALFORMED +there is no table no-such-table in eu-west-1", said), said
    assert "→ create it with config/dynamodb/table.yaml" in said


def _checker(url: str, folder: Path) -> Callable[[str], tuple[int, str]]:
    def run(table: str) -> tuple[int, str]:
        shared = {"table": table, "region": dynamodb.REGION, "endpoint_url": url}
        config = {
            "sources": [{"name": "prom", "provider": "alertmanager", "url": "http://127.0.0.1:9"}],
            "journal": {"path": str(folder / "journal.db"), "dynamodb": shared},
        }
        path = folder / "config.yaml"
        path.write_text(json.dumps(config))
        done = CliRunner().invoke(group.cli, ["--config", str(path), "check"])
        return done.exit_code, done.output

    return run
