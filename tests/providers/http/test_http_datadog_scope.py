"""Which groups a downtime's scope covers, and the scope of exactly one group."""

from __future__ import annotations

from typing import Any

import pytest

from oncall_tui.providers.datadog.active_downtime import ActiveDowntime
from oncall_tui.providers.datadog.mapping import alerting, narrowed_to, silenced
from oncall_tui.providers.datadog.schema import DatadogMonitor, GroupState, MatchingDowntime, State
from oncall_tui.providers.datadog.scope import LONGEST, Tags, UnreadableScope, covers, scope_of, tags_of

TAGS = (("env", "prod"), ("host", "web-1"), ("team", "Pay ments"), ("path", "/a:b"))


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("*", True),
        ("env:prod", True),
        ("ENV:PROD", True),
        ("env:dev", False),
        ("env:pro", False),
        ("env:*", True),
        ("env:p?od", True),
        ("zone:*", False),
        ("env:prod AND host:web-1", True),
        ("env:prod AND host:web-2", False),
        ("env:prod host:web-1", True),
        ("env:prod,host:web-1", True),
        ("env:prod,host:web-2", False),
        ("host:web-2 OR host:web-1", True),
        ("host:(web-2 OR web-1)", True),
        ("host:(web-2 OR web-3)", False),
        ("env:dev OR env:prod AND host:web-2", False),
        ("(env:dev OR env:prod) AND host:web-1", True),
        ("NOT env:dev", True),
        ("NOT NOT env:dev", False),
        ("-env:prod", False),
        ("- env:dev", True),
        ("env:prod AND NOT host:web-1", False),
        ("NOT (env:dev OR host:web-1)", False),
        ('team:"pay ments"', True),
        (r"team:pay\ ments", True),
        (r'path:"/a:b"', True),
        ("path:/a:b", True),
        ("env:pr*d AND team:pay*", True),
        ('env:"pr*d"', False),
    ],
)
def test_a_scope_covers(scope: str, expected: bool) -> None:
    assert covers(scope, TAGS) is expected


@pytest.mark.parametrize(
    "scope",
    [
        "",
        "prod",
        "env:",
        ":prod",
        "(env:prod",
        "env:prod)",
        "env:prod AND",
        "AND env:prod",
        'env:"prod',
        "env:()",
        "NOT",
        "(" * 5000,
        "(" * 200 + "env:prod" + ")" * 200,
        "NOT " * 900,
        "env:prod OR " + "x" * LONGEST,
    ],
)
def test_what_cannot_be_read_covers_nothing(scope: str) -> None:
    assert not covers(scope, TAGS)


def test_a_group_s_tags() -> None:
    assert tags_of("*") == tags_of("") == ()
    assert tags_of("host:web-1,env:prod") == (("host", "web-1"), ("env", "prod"))
    assert tags_of("path:a,b,url:http://x") == (("path", "a,b"), ("url", "http://x"))
    assert tags_of("N/A") == ()


@pytest.mark.parametrize(
    ("group", "scope"),
    [
        ("*", "*"),
        ("host:web-1", "host:web-1"),
        ("host:web-1,env:prod", "host:web-1 AND env:prod"),
        ("team:pay ments", 'team:"pay ments"'),
        ("host:N/A", "host:N/A"),
        ("word:AND", 'word:"AND"'),
        ("wild:a*", 'wild:"a*"'),
        ("minus:-1", 'minus:"-1"'),
        ('quote:a"b\\c', r'quote:"a\"b\\c"'),
        ("@http.status:500", "@http.status:500"),
        ("名:値", None),
        ("nothing", None),
    ],
)
def test_the_scope_of_exactly_one_group(group: str, scope: str | None) -> None:
    if scope is None:
        with pytest.raises(UnreadableScope):
            scope_of(group)
        return
    assert scope_of(group) == scope
    assert covers(scope, tags_of(group))
    if group != "*":
        assert not covers(scope, ())
        assert not covers(scope, [(key, value + "x") for key, value in tags_of(group)])


@pytest.mark.parametrize(
    ("query", "tags"),
    [
        ("avg(last_5m):avg:x{*} > 1", ()),
        ("avg(last_5m):avg:x{env:prod} > 1", (("env", "prod"),)),
        ("avg(last_5m):avg:x{env:prod,host:a-1} by {service} > 1", (("env", "prod"), ("host", "a-1"))),
        ("avg(last_5m):avg:x{env:prod} by {a} / avg:y{env:prod} by {a} > 1", (("env", "prod"),)),
        ("avg(last_5m):avg:x{env:prod} / avg:y{env:dev} > 1", ()),  # not all of its series
        ("avg(last_5m):avg:x{env:prod OR env:dev} > 1", ()),
        ("avg(last_5m):avg:x{!env:prod} > 1", ()),
        ("avg(last_5m):avg:x{env:pr*} > 1", ()),
        ('logs("service:web").index("*").rollup("count").last("5m") > 3', ()),
        ("", ()),
    ],
)
def test_a_query_is_narrowed_to_plain_tags_alone(query: str, tags: Tags) -> None:
    assert narrowed_to(query) == tags


def downtime(scope: str, **more: Any) -> ActiveDowntime:
    return ActiveDowntime("d1", "active", scope, by="Bob", until=2.0e9, monitor_id=1, **more)


def monitor(*scopes: str, multi: bool, query: str = "avg(last_5m):avg:x{*} by {host} > 1") -> DatadogMonitor:
    matching = tuple(MatchingDowntime(tuple(scope.split(",")), 1.0, 2.0e9) for scope in scopes)
    return DatadogMonitor(1, "Alert", multi=multi, query=query, matching_downtimes=matching)


def test_a_split_monitor_that_names_no_group_is_silenced_by_a_downtime_of_everything_alone() -> None:
    assert silenced(monitor("host:a", multi=True), "*", (), ()) is None
    assert silenced(monitor("*", multi=True), "*", (), ()) is not None
    assert silenced(monitor("host:a", multi=True), "host:b", tags_of("host:b"), (downtime("host:a"),)) is None


def test_a_monitor_that_is_not_split_is_silenced_where_datadog_says_so_and_by_whom() -> None:
    whole = monitor("env:prod", multi=False, query="avg(last_5m):avg:x{env:prod} > 1")
    assert silenced(whole, "*", (), (downtime("env:prod"),)) == downtime("env:prod")
    found = silenced(whole, "*", (), ())
    assert found is not None
    assert (found.comment, found.until) == ("by a downtime", 2.0e9)
    assert silenced(monitor(multi=False), "*", (), (downtime("env:prod"),)) is None


def test_what_the_query_is_narrowed_to_counts_for_each_group() -> None:
    split = monitor("service:web", multi=True, query="avg(last_5m):avg:x{service:web} by {host} > 1")
    assert silenced(split, "host:a", tags_of("host:a"), (downtime("service:web"),)) == downtime("service:web")
    other = monitor("service:web", multi=True)
    assert silenced(other, "host:a", tags_of("host:a"), (downtime("service:web"),)) is None


def test_the_key_names_a_group_and_not_the_name_beside_it() -> None:
    state = State({"host:a": GroupState("Alert", name="CPU of {{host.name}}"), "": GroupState("Warn", name="CPU")})
    assert list(alerting(DatadogMonitor(1, "Alert", state=state))) == ["host:a", "*"]
