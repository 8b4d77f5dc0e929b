"""The settings of HTTP, of every source and destination: what is accepted, and how a mistake reads."""

from __future__ import annotations

from typing import Any

import pytest

from oncall_tui.config.load import load_text
from oncall_tui.errors import ConfigurationError
from oncall_tui.providers.options import HttpDestinationOptions, HttpSourceOptions
from oncall_tui.providers.registry import destination_types, options_types
from oncall_tui.runtime.secret import Secret

SOURCES = {
    "alertmanager": "url: 'https://h'",
    "pagerduty": "token: {env: A}",
    "sentry": "organization: o, token: {env: A}",
    "datadog": "api_key: {env: A}, application_key: {env: B}",
    "mackerel": "api_key: {env: A}",
}
OWN = {  # the headers that each source makes from its login
    name: kind.own_headers
    for name, kind in options_types().items()
    if issubclass(kind, HttpSourceOptions) and kind.own_headers
}
DESTINATIONS = {"slack": "webhook: {env: A}", "pagerduty-events": "routing_key: {env: A}"}
GOOD = (
    "headers: {X-Scope-OrgID: payments, X-Gateway-Token: {env: GATEWAY_TOKEN}}, ca_file: /etc/ca.pem, "
    "client_cert: ~/client.pem, client_key: ~/client.key"
)


def loaded(key: str, provider: str, base: str, more: str) -> Any:
    text = f"{key}:\n  - {{name: it, provider: {provider}, {base}, {more}}}\n"
    return getattr(load_text(text, options_types(), destinations=destination_types()), key)[0]


def mistake(key: str, provider: str, base: str, more: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        loaded(key, provider, base, more)
    return str(caught.value)


EVERY = [("sources", *pair) for pair in SOURCES.items()] + [("escalation", *pair) for pair in DESTINATIONS.items()]


def test_every_http_provider_is_looked_at() -> None:
    sources = {name for name, kind in options_types().items() if issubclass(kind, HttpSourceOptions)}
    destinations = {name for name, kind in destination_types().items() if issubclass(kind, HttpDestinationOptions)}
    assert sources == set(SOURCES)
    assert destinations == set(DESTINATIONS)
    assert set(OWN) == sources - {"alertmanager"}  # its login may be a gateway's
    assert sources == {name for name, kind in options_types().items() if not hasattr(kind, "profile")} | {
        "alertmanager"
    }


@pytest.mark.parametrize(("key", "provider", "base"), EVERY)
def test_the_settings_are_taken(key: str, provider: str, base: str) -> None:
    options = loaded(key, provider, base, GOOD)
    assert options.headers["X-Scope-OrgID"] == "payments"
    assert isinstance(options.headers["X-Gateway-Token"], Secret)
    assert (options.ca_file, options.client_cert, options.client_key) == ("/etc/ca.pem", "~/client.pem", "~/client.key")


WRONG = {
    "headers: {Authorization: 'Bearer literal-token'}": ("Authorization is a secret|own login", "literal-token"),
    "headers: {Cookie: session=literal-token}": ("Cookie is a secret", "literal-token"),
    "headers: {X-Api-Key: literal-token}": ("X-Api-Key is a secret|own login", "literal-token"),
    "headers: {X-Auth-Token: literal-token}": ("X-Auth-Token is a secret", "literal-token"),
    "headers: {Host: other.example}": ("Host is set by oncall-tui itself", ""),
    "headers: {content-length: '5'}": ("content-length is set by oncall-tui itself", ""),
    "headers: {Proxy-Authorization: {env: A}}": ("set by oncall-tui itself", ""),
    "headers: {'X Space': a}": ("expected names of headers|names of headers", ""),
    "headers: {'X:Colon': a}": ("names of headers", ""),
    "headers: {X-Tenant: 'ä'}": ("no header can carry", ""),
    "headers: {X-Tenant: ' a'}": ("no header can carry", ""),
    "headers: {X-Tenant: 5}": ("headers", ""),
    "headers: {X-Tenant: {evn: A}}": ("headers", ""),
    "headers: {X-Tenant: a, x-tenant: b}": ("stands there twice", ""),
    "headers: [a]": ("headers", ""),
    "ca_file: ca.pem": ("ca_file: .*a path from / or ~", ""),
    "client_cert: 5": ("client_cert", ""),
    "client_key: /etc/k.pem": ("client_key: .*needs its certificate", ""),
    "client_certs: /etc/k.pem": ("did you mean client_cert", ""),
}


@pytest.mark.parametrize("more", WRONG)
@pytest.mark.parametrize(("key", "provider", "base"), [EVERY[0], EVERY[1], EVERY[-1]])
def test_a_mistake_is_said_and_quotes_no_secret(key: str, provider: str, base: str, more: str) -> None:
    import re

    said = mistake(key, provider, base, more)
    words, secret = WRONG[more]
    assert re.search(words, said), said
    assert "config.yaml:2:" in said
    assert not secret or secret not in said


@pytest.mark.parametrize(
    ("provider", "header"),
    [
        ("pagerduty", "Authorization"),
        ("sentry", "authorization"),
        ("datadog", "DD-API-KEY"),
        ("mackerel", "X-Api-Key"),
        *((name, header) for name, headers in OWN.items() for header in headers),
    ],
)
def test_a_login_of_its_own_is_not_overridden(provider: str, header: str) -> None:
    said = mistake("sources", provider, SOURCES[provider], f"headers: {{{header}: {{env: B}}}}")
    assert "made from this source's own login" in said


def test_a_gateways_login_may_stand_in_a_header_where_there_is_no_other() -> None:
    header = "headers: {Authorization: {env: B}}"
    assert loaded("sources", "alertmanager", SOURCES["alertmanager"], header).headers
    for login in ("bearer_token: {env: A}", "username: me, password: {env: A}", "auth: sigv4"):
        assert "own login" in mistake("sources", "alertmanager", f"{SOURCES['alertmanager']}, {login}", header)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("auth: sigv5", "did you mean sigv4"),
        ("auth: sigv4, bearer_token: {env: A}", "either sigv4, or a login"),
        ("auth: sigv4, username: a, password: {env: A}", "either sigv4, or a login"),
        ("auth: sigv4, signing_service: ''", "signing_service"),
        ("region: eu-west-1", "region: .*auth: sigv4, which is not set"),
        ("act_role_arn: 'arn:aws:iam::123456789012:role/x'", "act_role_arn: .*not set"),
    ],
)
def test_mistakes_of_a_signature(more: str, words: str) -> None:
    import re

    assert re.search(words, mistake("sources", "alertmanager", SOURCES["alertmanager"], more))


@pytest.mark.parametrize(
    ("url", "region", "expected"),
    [
        ("https://aps-workspaces.ap-northeast-1.amazonaws.com/workspaces/ws-1/alertmanager", "", "ap-northeast-1"),
        ("https://aps-workspaces.us-gov-west-1.amazonaws.com/workspaces/ws-1/alertmanager", "", "us-gov-west-1"),
        ("https://aps-workspaces.cn-north-1.amazonaws.com.cn/workspaces/ws-1/alertmanager", "", "cn-north-1"),
        ("https://abc.execute-api.eu-west-1.amazonaws.com/prod", "", "eu-west-1"),
        ("https://vpce-1.aps-workspaces.eu-west-2.vpce.amazonaws.com/workspaces/ws-1", "", "eu-west-2"),
        ("https://gateway.example.com", "", ""),
        ("https://aps-workspaces.ap-northeast-1.amazonaws.com/x", "eu-west-1", "eu-west-1"),
    ],
)
def test_the_region_that_is_signed_for(url: str, region: str, expected: str) -> None:
    more = "auth: sigv4" + (f", region: {region}" if region else "")
    assert loaded("sources", "alertmanager", f"url: '{url}'", more).signing_region == expected
