"""The configuration: what it accepts, what it says of every mistake, and what it never says."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.configuration import OPTIONS, SOURCE, Colour, Inner, box, mistakes, refused, write

from oncall_tui import config
from oncall_tui.errors import ConfigurationError
from oncall_tui.providers.registry import destination_types, options_types

ROOT = Path(__file__).parents[2]
LITERAL = "xK7pQ9zLmW3vN8rT"


# --- what is accepted -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "\n", "# only words\n", "---\n", "{}", "\ufeff# a byte order mark\n"])
def test_nothing_said_loads_with_a_warning(text: str) -> None:
    loaded = config.load_text(text.lstrip("\ufeff"), OPTIONS)
    assert loaded.sources == ()
    assert loaded.timezone == "UTC"
    assert loaded.pages == ({"severity": "critical"}, {"provider": "pagerduty", "urgency": "high"})
    assert "no source is configured" in loaded.warnings[0]


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ("count: -12", "count", -12),
        ("count: 1_000", "count", 1000),
        ("share: 1", "share", 1.0),
        ("share: 0.25", "share", 0.25),
        ("share: 1e-2", "share", 0.01),
        ("flag: true", "flag", True),
        ("flag: False", "flag", False),
        ("mode: slow", "mode", "slow"),
        ("either: pages", "either", "pages"),
        ("either: false", "either", False),
        ("clusters: [a-*, 'b[0-9]']", "clusters", ("a-*", "b[0-9]")),
        ("clusters: []", "clusters", ()),
        ("inner: {size: 3, colour: green}", "inner", Inner(size=3, colour=Colour.GREEN)),
        ("table: {a: [b, c]}", "table", {"a": ("b", "c")}),
        ("interval_s: 5", "interval_s", 5.0),
        ("interval_s: null", "interval_s", None),
        ("token: ", "token", None),
        ("login: [aws, sso, login]", "login", ("aws", "sso", "login")),
    ],
)
def test_a_value_of_every_type(fields: str, name: str, value: object) -> None:
    found = getattr(box(fields), name)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("written", "kind", "where"),
    [
        ("{env: AM_TOKEN}", "env", ("AM_TOKEN",)),
        ("{file: /run/secrets/am}", "file", ("/run/secrets/am",)),
        ("{file: ~/token}", "file", ("~/token",)),
        ("{command: [pass, show, '1']}", "command", ("pass", "show", "1")),
    ],
)
def test_a_secret_is_a_place(written: str, kind: str, where: tuple[str, ...]) -> None:
    token = box(f"token: {written}").token
    assert (token.kind, token.where) == (kind, where)


def test_what_pages_is_told_by_globs() -> None:
    text = "pages: [{severity: 'crit*'}, {team: 'pay*', urgency: high}, {state: no data}]"
    assert config.load_text(text, OPTIONS).pages == (
        {"severity": "crit*"},
        {"team": "pay*", "urgency": "high"},
        {"state": "no data"},
    )


def test_an_anchor_may_be_used_again() -> None:
    text = f"sources:\n  {SOURCE}, clusters: &all ['*']}}\n  {SOURCE.replace('one', 'two')}, clusters: *all}}\n"
    assert [source.name for source in config.load_text(text, OPTIONS).sources] == ["one", "two"]


# --- every mistake, with its place ------------------------------------------------------------------------------------

HAS_BOX = f"sources:\n  {SOURCE}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        # keys
        (
            "products: [{name: a, compare: 'https://x.example/{old_tga}...{new_tag}'}]",
            r'1:31: .*compare: expected fields of \{old_tag\}, .*found "\{old_tga\}"; did you mean \{old_tag\}\?',
        ),
        (
            "products: [{name: a, compare: 'ftp://x.example/{old_tag}'}]",
            "compare: expected a URL like",
        ),
        ("products: [{name: a, compare: 'https://x.example/{old_tag'}]", "compare: expected a link's template"),
        ("tiemzone: UTC", '1:1: expected one of the keys me, .*, found the key "tiemzone"; did you mean timezone\\?'),
        ("me: {nmae: A, name: B}", '1:6: me: .*found the key "nmae"; did you mean name\\?'),
        ("me: {email: a@b}", r"1:5: me: expected the key name \(a string\), found none"),
        ("read_only: true\nread_only: false", "2:1: expected each key once, found a key again that line 1 has already"),
        ("? [a]\n: b", "1:3: expected a string as key, found a list"),
        ("1: b", r"1:1: expected a string as key, found a number \(1\): put it in quotes"),
        ("<<: {read_only: true}", "1:1: expected a key, found a merge .*write its keys out"),
        # wrong types
        ("me: Alice", "1:5: me: expected a mapping with the keys name, email or nothing|a string"),
        ("me: {name: yes}", r"1:12: me.name: expected a string, found a boolean \(yes\): put it in quotes"),
        ("me: {name: 5}", r"me.name: expected a string, found a number \(5\): put it in quotes"),
        ("me: {name: 2026-11-22}", r"found a date \(2026-11-22\): put it in quotes"),
        ("me: {name: ''}", "1:12: me.name: expected a string, found an empty one"),
        ("me: {name: }", "me.name: expected a string, found nothing"),
        (
            "read_only: yes",
            r"1:12: read_only: expected true or false, found a boolean \(yes\); did you mean true\?",
        ),
        ("read_only: off", "did you mean false\\?"),
        ("read_only: 'true'", "read_only: expected true or false, found a string; did you mean true\\?"),
        ("steady_s: '60'", "1:11: steady_s: expected a number, found a string; did you mean 60, without quotes\\?"),
        ("steady_s: 1:30", "steady_s: expected a number, found a number \\(1:30\\)"),
        ("steady_s: .inf", "steady_s: expected a number"),
        ("steady_s: 0", "steady_s: expected a number above 0, found 0"),
        ("sources: {}", r"1:10: sources: expected a list \(a mapping.*, found a mapping"),
        ("sources:", "sources: expected a list .*, found nothing"),
        ("pages: {severity: critical}", "pages: expected a list .*found a mapping"),
        ("screen: {keys: [a]}", r"screen.keys: expected a mapping \(name: a string\), found a list"),
        ("screen: {keys: {acknowledge: ''}}", "screen.keys.acknowledge: expected a string, found an empty one"),
        ("- a", "1:1: expected a mapping with the keys me, .*, found a list"),
        ("words", "1:1: expected a mapping .*, found a string"),
        ("me: !!python/object:os.system {name: A}", "1:5: me: .*found a tag"),
        # sources
        (
            "sources: [{name: a, provider: boxx}]",
            '1:31: .*provider: expected one of box, .*"boxx"; did you mean box\\?',
        ),
        ("sources: [{name: a, provdier: box}]", 'expected the key provider .*"provdier"; did you mean provider\\?'),
        ("sources: [{name: a}]", r"1:11: sources\[0\]: expected the key provider \(one of box, .*\), found none"),
        ("sources: [{name: a, provider: box}]", r"expected the key url \(a string\), found none"),
        ("sources: [one]", r"1:11: sources\[0\]: expected a mapping with the keys .*, found a string"),
        (f"{HAS_BOX}}}\n  {SOURCE}}}", '3:12: .*name: expected each name once, found "one", which line 2 has already'),
        (
            HAS_BOX.replace("one", "expected") + "}",
            "name: expected another name, found 'expected', which is reserved for",
        ),
        (HAS_BOX.replace("one", "a/b") + "}", 'name: expected a name without spaces, .*, found "a/b"'),
        (
            HAS_BOX.replace("http://host:1", "host:9093") + "}",
            "url: expected a URL like .*found no http:// or https://",
        ),
        (HAS_BOX.replace("http:", "ftp:") + "}", "url: expected a URL like .*found another scheme"),
        (HAS_BOX.replace(":1", ":99999") + "}", "url: expected a URL like .*found something that is not a URL"),
        (HAS_BOX.replace("host", "me:pw@host") + "}", "expected a URL without a name and password in it"),
        (
            HAS_BOX + ", clusters: prod}",
            r"clusters: expected a list \(a string each\), found a string: .*write \[ENTRY\]",
        ),
        (HAS_BOX + ", clusters: ['a[']}", r'clusters\[0\]: expected a glob with each \[ closed by \], found "a\["'),
        (HAS_BOX + ", clusters: ['']}", r"clusters\[0\]: expected a string, found an empty one"),
        (HAS_BOX + ", mode: fats}", 'mode: expected one of fast, slow, found "fats"; did you mean fast\\?'),
        (HAS_BOX + ", inner: {colour: gren}}", 'colour: expected one of red, green, found "gren"; did you mean green'),
        (HAS_BOX + ", either: 3}", "either: expected true or false or pages, found a number"),
        (HAS_BOX + ", count: 1.5}", "count: expected a whole number, found a number \\(1.5\\)"),
        (HAS_BOX + ", count: 010}", "count: expected a whole number, found a number \\(010\\)"),
        (HAS_BOX + ", share: 2}", "share: expected at most 1"),
        (HAS_BOX + ", interval_s: -1}", "interval_s: expected a number above 0, found -1"),
        (HAS_BOX + ", low: 10}", r"2:\d+: sources\[0\].low: expected at most high"),
        # what pages, and products
        ("timezone: Asia/Tokio", '1:11: timezone: .*, found "Asia/Tokio"; did you mean Asia/Tokyo\\?'),
        ("timezone: tokyo", "did you mean Asia/Tokyo\\?"),
        ("timezone: ../etc/passwd", "timezone: expected a time zone like"),
        ("timezone: Asia", "timezone: expected a time zone like"),
        ("pages: [{severity: critcal}]", 'expected one of critical, .*, found "critcal"; did you mean critical\\?'),
        ("pages: [{provider: pagrduty}]", "did you mean pagerduty\\?"),
        ("pages: [{urgency: urgent}]", "expected one of high, low"),
        ("pages: [{team: '[a'}]", "pages\\[0\\].team: expected a glob"),
        ("pages: [{team: ''}]", "pages\\[0\\].team: expected a string, found an empty one"),
        (HAS_BOX + ", severity: {}}", "expected one of the keys"),
        ("pages: [{}]", r"pages\[0\]: expected at least one field or label, found none"),
        (
            f"{HAS_BOX}}}\npages: [{{source: onn}}]",
            '3:18: .*expected .* the sources one, found "onn"; did you mean one',
        ),
        ("products: [{name: a, services: [prod/a]}]", r'services\[0\]: expected SOURCE/CLUSTER/SERVICE.*"prod/a"'),
        ("products: [{name: a}, {name: a}]", r"1:30: products\[1\].name: expected each name once"),
        ("products: [{name: a, alerts: {team: '[x'}}]", "alerts.team: expected a glob"),
        # no YAML at all
        ("a: b: c", "1:5: expected YAML, found a second `: ` on one line"),
        ("a:\n  - b\n  c: d", "3:3: expected YAML, found a line among a list's entries"),
        ("a: b\n c: d", "2:3: expected YAML, found a second `: `"),
        ("a:\n    b: 1\n  c: 2", "3:3: expected YAML, found a line that fits in nowhere above it"),
        ("a: @here", "1:4: expected YAML, found a character that no string begins with"),
        ('a: "half', "expected YAML, found a string in quotes that does not end"),
        ("a: - b", "1:4: expected YAML, found a list's entry"),
        ('a: "\\d"', "1:5: expected YAML, found a \\\\ in double quotes"),
        ("a: {b: 1\nc: 2}\n", "expected YAML, found a .list. or {mapping}"),
        ("a: 1\nbare\n", "expected YAML, found a key without"),
        ("look_back_s: 1h", '1:14: look_back_s: expected a number of seconds, found "1h"; did you mean 3600'),
        ("steady_s: 1h30m", "did you mean 5400"),
        ("steady_s: soon", "expected a number, found a string$"),
        ("me: {name: A, pagerduty_id: P1}", 'expected one of the keys name, email, found the key "pagerduty_id"'),
        ("me:\n\tname: A", "2:1: expected YAML, .*a tab; YAML indents with spaces"),
        ("a: [1, 2", "expected YAML, found "),
        ("a: *nowhere", r"1:4: expected YAML, found an alias .* without its anchor"),
        ("a: 1\n---\nb: 2", "2:1: expected YAML, found a second document"),
        ("a: \x07", "expected YAML"),
        ("a: &a [*a]", "expected one of the keys"),
        ("\ud800", "expected text in UTF-8"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, line: str) -> None:
    found = mistakes(text)
    assert any(re.search(line, one) for one in found), found
    assert all(one.startswith("c.yaml") for one in found)


def test_all_mistakes_come_at_once_and_in_order() -> None:
    with pytest.raises(ConfigurationError) as caught:
        config.load_text("tiemzone: UTC\nread_only: yes\nsources: [{name: a}]\nme: {}\n", OPTIONS, "c.yaml")
    assert caught.value.message == "4 mistakes in the configuration"
    assert [line.split(":")[1] for line in caught.value.mistakes] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("piece", "times", "line"),
    [
        ("[", 500, "1:25: expected at most 24 levels, found more"),
        ("[", 100_000, "1:25: expected at most 24 levels, found more"),
        ("- ", 100_000, "expected at most 24 levels, found more"),
        ("{a: ", 100_000, "expected at most 24 levels, found more"),
        ("- a\n", 60_000, "expected at most 50000 entries, found more"),
    ],
)
def test_what_would_blow_up_is_stopped_first(piece: str, times: int, line: str) -> None:
    found = mistakes(piece * times)
    assert len(found) == 1
    assert line in found[0]


def test_a_flood_of_mistakes_ends() -> None:
    assert len(mistakes("sources: [" + "x, " * 1000 + "]")) == 51


def test_aliases_cannot_stand_for_a_billion_entries() -> None:
    many = ", ".join(["*s"] * 3000)
    text = f"sources:\n  - &s {{name: a, provider: box, url: 'http://h', clusters: [{'a, ' * 40}]}}\nproducts: []\n"
    text = text.replace("\nproducts", f"\n  - {{name: b, provider: box, url: 'http://h', tokens: [{many}]}}\nproducts")
    assert len(mistakes(text)) == 51
    bomb = f"products:\n  - {{name: p, services: &s [{'a/b/c, ' * 5000}]}}\n" + "".join(
        f"  - {{name: p{n}, services: *s}}\n" for n in range(20)
    )
    assert "through its aliases" in "".join(mistakes(bomb))


# --- secrets never come out -------------------------------------------------------------------------------------------

PLANTED = [
    "token: {0}",
    "token: '{0}'",
    "token: [{0}]",
    "token: {{{0}}}",
    "token: {{{0}: x}}",
    "token: {{env: '{0}!'}}",
    "token: {{env: [{0}]}}",
    "token: {{file: {0}}}",
    "token: {{command: {0}}}",
    "token: {{command: [a, {{b: {0}}}]}}",
    "token: {{command: []}}, count: '{0}'",
    "token: {{env: A, file: {0}}}",
    "token: {{value: {0}}}",
    "token: !{0} x",
    "token: *{0}",
    "token: ab,{0}",
    "token: ab, {0}, count: x",
    "token: {0}: x",
    'token: "{0}',
    "token: '{0}' x",
    "tokne: {0}",
    "tokens: {0}",
    "tokens: [{0}]",
    "tokens: [{{{0}}}]",
    "url: 'http://me:{0}@h'",
    "url: '{0}'",
    "count: {0}",
    "inner: {0}",
    "table: {0}",
    "login: {0}",
    "login: [a, [{0}]]",
]


@pytest.mark.parametrize("planted", PLANTED)
def test_a_literal_secret_is_refused_and_not_repeated(planted: str) -> None:
    found = mistakes(f"sources:\n  {SOURCE}, {planted.format(LITERAL)}}}\n")
    assert found
    assert LITERAL not in "\n".join(found)
    assert LITERAL[4:12] not in "\n".join(found)


def test_what_a_secret_is_instead() -> None:
    assert "a secret: {env: NAME}, {file: PATH} or {command: [ARG, …]}, never a literal, found a string" in "".join(
        mistakes(f"sources:\n  {SOURCE}, token: {LITERAL}}}\n")
    )
    near = mistakes(f"sources:\n  {SOURCE}, token: {{evn: {LITERAL}}}}}\n")
    assert near[0].endswith("found another key; did you mean env?")


SECRET_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=6).map(
    lambda end: LITERAL + end
)


@given(SECRET_TEXT, st.sampled_from(PLANTED))
@settings(max_examples=150, deadline=None)
def test_no_planted_literal_comes_out(literal: str, planted: str) -> None:
    error = refused(f"sources:\n  {SOURCE}, {planted.format(literal)}}}\n", OPTIONS)
    assert LITERAL not in str(error)
    assert error is None or error.__suppress_context__ or error.__context__ is None


WORDS = "sources me name box provider pages products timezone UTC yes null 1 1e9 0x1F screen keys token env url <<"
PIECES = st.sampled_from([*"{}[]:,-#&*!|>'\"%@`?~=\n\t ", "  ", "- ", ": ", *WORDS.split()])


@given(st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=40).map("".join)))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_text_makes_anything_but_a_configuration_error(text: str) -> None:
    error = refused(text, OPTIONS)
    assert error is None or (error.mistakes and all(line.isprintable() for line in error.mistakes))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_nor_does_an_example_with_something_changed(data: st.DataObject) -> None:
    text = (ROOT / "config/example.yaml").read_text()
    at = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(at, min(len(text), at + 30)))
    put = data.draw(st.lists(PIECES, max_size=4).map("".join))
    error = refused(text[:at] + put + text[end:], options_types())
    assert error is None or error.mistakes


@given(st.binary(max_size=60))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nor_do_any_bytes(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "bytes.yaml"
    path.write_bytes(data)
    with contextlib.suppress(ConfigurationError):
        config.load_files([path], OPTIONS)


# --- what ships -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["example.yaml", "minimal.yaml", "commands/commands.yaml"])
def test_the_examples_load(name: str) -> None:
    loaded = config.load_files([ROOT / "config" / name], options_types(), destination_types())
    assert loaded.sources
    assert loaded.warnings == ()


def test_the_example_has_every_provider() -> None:
    loaded = config.load_files([ROOT / "config/example.yaml"], options_types(), destination_types())
    assert {source.provider for source in loaded.sources} == set(options_types())


def test_the_template_loads_as_it_is_and_with_its_examples(tmp_path: Path) -> None:
    text = config.template()
    assert config.load_text(text, options_types()).sources == ()
    active = "\n".join(line.removeprefix("# ") for line in text.splitlines() if not line.startswith("##"))
    loaded = config.load_files([write(tmp_path / "c.yaml", active)], options_types(), destination_types())
    assert {source.provider for source in loaded.sources} == set(options_types())
    assert {destination.provider for destination in loaded.escalation} == set(destination_types())
    assert loaded.warnings == ()


def test_the_template_names_every_key() -> None:
    names = {name.rsplit(".")[-1] for name in config.known_settings(options_types(), destination_types())}
    assert sorted(name for name in names if not re.search(rf"\b{name}:", config.template())) == []


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("provider: cloudwatch, severity: {crit: ['*']}", 'severity: .*found "crit"; did you mean critical'),
        ("provider: cloudwatch, severity: {'crit*': ['*']}", 'severity: expected one of critical, .*"crit'),
        ("provider: cloudwatch, severity: {critical: ['[a']}", "severity.critical.0.: expected a glob"),
        ("provider: ecs, account: 123456789012", "account: expected a string, found a number .*put it in quotes"),
        ("provider: ecs, cluster: [a]", 'found the key "cluster"; did you mean clusters'),
        ("provider: pagerduty, token: {env: A}, urgencies: [hgh]", 'found "hgh"; did you mean high'),
        ("provider: pagerduty", "expected the key token .a secret: "),
        ("provider: alertmanager, url: 'http://h', username: a", "expected username and password: both, or none"),
        (
            "provider: alertmanager, url: 'http://h', username: a, bearer_token: {env: A}",
            r"1:89: sources\[0\].bearer_token: expected either this, or username and password",
        ),
    ],
)
def test_mistakes_in_the_options_that_ship(source: str, line: str) -> None:
    error = refused(f"sources: [{{name: a, {source}}}]", options_types())
    assert re.search(line, str(error)), str(error)


SLACK = "{name: chat, provider: slack, webhook: {env: W}}"


def escalation(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        config.load_text(textwrap.dedent(text), options_types(), "c.yaml", destination_types())
    return caught.value.mistakes


@pytest.mark.parametrize(
    ("destination", "line"),
    [
        ("provider: slak, webhook: {env: W}", 'provider: expected one of slack, .*found "slak"; did you mean slack'),
        ("provider: slack", "expected webhook, or token and channel: one of both"),
        ("provider: slack, webhook: {env: A}, token: {env: B}, channel: c", "expected webhook, or token and channel"),
        ("provider: slack, token: {env: A}", "token: expected a token needs the channel beside it"),
        ("provider: slack, webhook: {env: A}, channel: c", "channel: expected a webhook has its own"),
        (
            "provider: slack, webhook: 'https://hooks.example.com/services/drill'",
            "webhook: expected a secret: .*found a string",
        ),
        ("provider: pagerduty-events", "expected the key routing_key .a secret: "),
        ("provider: pagerduty-events, routing_key: {env: A}, url: x", "url: expected a URL"),
        ("provider: sns, topic_arn: managers", "topic_arn: expected arn:aws:sns:REGION:ACCOUNT:TOPIC"),
        ("provider: sns, topic: x", 'expected the key topic_arn|found the key "topic"; did you mean topic_arn'),
    ],
)
def test_mistakes_in_the_destinations(destination: str, line: str) -> None:
    (mistake, *_) = escalation(f"escalation: [{{name: a, {destination}}}]")
    assert re.search(line, mistake), mistake
    assert mistake.startswith("c.yaml:1:")
    assert "services/drill" not in mistake


def test_who_is_told_has_to_be_a_destination_and_all_mistakes_come_at_once() -> None:
    text = f"""\
    escalation: [{SLACK}]
    products:
      - {{name: pay, tell: [chta, chat]}}
      - {{name: web, ownr: me, tell: [nobody-at-all]}}
    timezone: Asia/Tokio
    """
    found = escalation(text)
    assert [re.sub(r".*c.yaml:(\d+:\d+): ([^:]+):.*", r"\1 \2", line) for line in found] == [
        "3:24 products[0].tell[0]",
        "4:17 products[1]",
        "4:34 products[1].tell[0]",
        "5:11 timezone",
    ]
    assert found[0].endswith('expected one of the destinations chat, found "chta"; did you mean chat?')


def test_one_may_be_told_at_a_destination_of_the_other_file(tmp_path: Path) -> None:
    team = write(tmp_path / "team.yaml", f"escalation: [{SLACK}]")
    own = write(tmp_path / "own.yaml", "products: [{name: pay, tell: [chat]}]")
    loaded = config.load_files([team, own], options_types(), destination_types())
    assert loaded.products[0].tell == ("chat",)
    assert [d.name for d in loaded.escalation] == ["chat"]


def test_a_name_twice_is_a_mistake() -> None:
    assert "chat" in escalation(f"escalation: [{SLACK}, {SLACK}]")[0]


def test_known_settings_go_into_every_type() -> None:
    names = config.known_settings(OPTIONS)
    assert {"me.name", "products[].owner", "sources[box].inner.size", "sources[box].token", "screen.keys"} <= set(names)
    assert len(names) == len(set(names))


def _actions(name: str) -> set[str]:
    policy = json.loads((ROOT / "config/iam" / name).read_text())
    assert policy["Version"] == "2012-10-17"
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        assert statement["Resource"]
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def test_what_reads_and_what_acts_are_apart() -> None:
    read, act = _actions("read.json"), _actions("act.json")
    assert not read & act
    verbs = {action.split(":")[1] for action in read}
    assert all(re.match("(List|Describe|Get|BatchGet|FilterLogEvents|LookupEvents)", verb) for verb in verbs)
    assert not any(re.match("(List|Describe|Get|BatchGet)", action.split(":")[1]) for action in act)


def test_reading_the_configuration_imports_little() -> None:
    code = (
        "import sys, oncall_tui.config as c; from oncall_tui.providers.options import SourceOptions as S;"
        "c.load_text('sources: [{name: a, provider: b}]', {'b': S});"
        "print(*sorted({m.split('.')[0] for m in sys.modules}), 'oncall_tui.providers.registry' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *modules, registry = done.stdout.split()
    assert registry == "False"
    assert not {"textual", "httpx", "boto3", "botocore", "asyncio", "sqlite3", "difflib"} & set(modules)


def test_a_view_that_is_no_filter_is_a_mistake_with_its_place() -> None:
    text = "screen: {views: {mine: 'by:alice !~^up', slow: '~(slow|late)'}}"
    assert config.load_text(text, OPTIONS).screen.views["mine"] == "by:alice !~^up"
    found = mistakes("screen:\n  views:\n    good: pay\n    bad: 'team:~(unclosed'\n")
    assert len(found) == 1
    assert "4:10" in found[0]
    assert "screen.views.bad" in found[0]
    assert "not a regular expression: (unclosed" in found[0]
