"""Which groups a downtime's scope covers, and the scope of exactly one group."""

from __future__ import annotations

import pytest

from oncall_tui.providers.datadog.scope import LONGEST, UnreadableScope, covers, scope_of, tags_of

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
