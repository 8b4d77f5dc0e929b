"""Which proxy serves which URL: the variables, NO_PROXY, and what cannot be used of them."""

from __future__ import annotations

import pytest

from oncall_tui.errors import Offline
from oncall_tui.runtime.network.proxies import ProxyRules
from oncall_tui.runtime.secret import redact

PROXY = "http://proxy.example:3128"


def through(url: str, no_proxy: str = "", **more: str) -> bool:
    return (
        ProxyRules({"http_proxy": PROXY, "https_proxy": PROXY, "no_proxy": no_proxy, **more}).proxy_for(url) is not None
    )


DIRECT = [  # (url, NO_PROXY): not through the proxy
    ("http://[::1]:9093/", "::1"),
    ("http://[::1]:9093/", "[::1]"),
    ("http://[::1]:9093/", "::1/128"),
    ("http://[::1]:9093/", "[::1]:9093"),
    ("http://[::1]:9093/", "[::1]/128:9093"),
    ("http://[0:0:0:0:0:0:0:1]:9093/", "::1"),
    ("http://[fd12::7]/", "fd00::/8"),
    ("http://[fe80::1%25eth0]/", "fe80::/10"),
    ("http://[::ffff:10.1.2.3]/", "10.0.0.0/8"),
    ("http://10.1.2.3:9093", "10.0.0.0/8"),
    ("http://10.1.2.3:9093", "10.9.9.9/8"),
    ("http://10.1.2.3:9093", "10.0.0.0/8:9093x, 10.1.2.3:9093"),
    ("http://127.0.0.1:9093", " 127.0.0.1 "),
    ("http://am.corp.example/", "corp.example"),
    ("http://am.corp.example/", ".corp.example"),
    ("http://am.corp.example/", "*.corp.example"),
    ("http://corp.example/", ".corp.example"),
    ("http://corp.example/", "corp.example"),
    ("http://AM.Corp.Example./", "am.corp.EXAMPLE"),
    ("http://am.corp.example/", "am.corp.example."),
    ("http://am.corp.example:9093/", "corp.example:9093"),
    ("http://am.corp.example/", "corp.example:80"),
    ("https://am.corp.example/", "corp.example:443"),
    ("http://am.corp.example/", "other,\tcorp.example\n"),
    ("http://am.corp.example/", "other corp.example"),
    ("http://169.254.169.254/latest/meta-data/", ""),
    ("http://169.254.170.2/v2/credentials", "other"),
    ("http://[fd00:ec2::254]/latest/meta-data/", ""),
    ("http://anything/", "*"),
    ("http://anything/", "a, * ,b"),
    ("http://bücher.example/", "xn--bcher-kva.example"),
    ("http://xn--bcher-kva.example/", "bücher.example"),
    ("http://am.corp.example/", "http://corp.example"),
    ("http://am.corp.example/", "10.0.0.0/99, corp.example"),
]
PROXIED = [
    ("http://[::2]/", "::1/128"),
    ("http://[::1]:9094/", "[::1]:9093"),
    ("http://11.1.2.3/", "10.0.0.0/8"),
    ("http://notcorp.example/", "corp.example"),
    ("http://corp.example.evil/", "corp.example"),
    ("http://am.corp.example:9094/", "corp.example:9093"),
    ("https://am.corp.example/", "http://corp.example"),
    ("http://10.1.2.3/", "1.2.3"),
    ("http://ten.example/", "10.0.0.0/8"),
    ("http://anything/", ""),
    ("http://anything/", " , ,"),
    ("http://[::10.1.2.3]/", "10.0.0.0/8"),
]


@pytest.mark.parametrize(("url", "no_proxy"), DIRECT)
def test_no_proxy_covers(url: str, no_proxy: str) -> None:
    assert not through(url, no_proxy)


@pytest.mark.parametrize(("url", "no_proxy"), PROXIED)
def test_no_proxy_does_not_cover(url: str, no_proxy: str) -> None:
    assert through(url, no_proxy)


@pytest.mark.parametrize(
    "entry",
    [
        "10.0.0.0/99",
        "::1/129",
        "[::1",
        "host:port",
        "host:99999",
        "10.*",
        "a*b",
        "in_va lid|x",
        "::zz",
        "/8",
        "x/8",
        "-",
        "http://",
    ],
)
def test_an_entry_that_cannot_be_used_is_skipped_and_named(entry: str) -> None:
    rules = ProxyRules({"http_proxy": PROXY, "NO_PROXY": f"ok.example,{entry},[fd00::]/8"})
    assert rules.proxy_for("http://ok.example/") is None
    assert rules.proxy_for("http://[fd00::1]/") is None
    proxy = rules.proxy_for("http://else.example/")
    assert proxy is not None
    assert proxy.ignored
    assert all(part in entry for part in proxy.ignored)
    assert proxy.ignored[-1] in rules.ignored_words
    assert "$NO_PROXY" in rules.mistakes()[0]


@pytest.mark.parametrize(
    ("env", "url", "expected"),
    [
        ({"HTTP_PROXY": PROXY}, "http://x/", "HTTP_PROXY"),
        ({"HTTP_PROXY": PROXY}, "https://x/", ""),
        ({"HTTPS_PROXY": PROXY}, "https://x/", "HTTPS_PROXY"),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other"}, "https://x/", "https_proxy"),
        ({"https_proxy": "", "HTTPS_PROXY": PROXY}, "https://x/", ""),
        ({"https_proxy": " \t"}, "https://x/", ""),
        ({"ALL_PROXY": PROXY}, "https://x/", "ALL_PROXY"),
        ({"ALL_PROXY": PROXY}, "http://x/", "ALL_PROXY"),
        ({"all_proxy": PROXY, "http_proxy": ""}, "http://x/", ""),
        ({"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}, "http://x/", ""),
        ({"http_proxy": PROXY, "REQUEST_METHOD": "GET"}, "http://x/", "http_proxy"),
        ({"http_proxy": PROXY, "no_proxy": "", "NO_PROXY": "x"}, "http://x/", "http_proxy"),
        ({}, "http://x/", ""),
    ],
)
def test_the_variables(env: dict[str, str], url: str, expected: str) -> None:
    proxy = ProxyRules(env).proxy_for(url)
    assert (proxy.variable if proxy else "") == expected


@pytest.mark.parametrize(
    ("value", "url", "user", "password"),
    [
        (" http://proxy:3128/ ", "http://proxy:3128", "", ""),
        ("proxy:3128", "http://proxy:3128", "", ""),
        ("//proxy:3128", "http://proxy:3128", "", ""),
        ("proxy", "http://proxy:80", "", ""),
        ("HTTPS://Proxy.Example", "https://proxy.example:443", "", ""),
        ("socks5h://localhost:1080", "socks5h://localhost:1080", "", ""),
        ("socks5://localhost", "socks5://localhost:1080", "", ""),
        ("http://[::1]:3128", "http://[::1]:3128", "", ""),
        ("http://[::1]", "http://[::1]:80", "", ""),
        ("http://al%40ice:p%3Ass@proxy:3128", "http://proxy:3128", "al@ice", "p:ss"),
        ("http://u:p@ss/w?o#rd%@proxy:3128", "http://proxy:3128", "u", "p@ss/w?o#rd%"),
        ("http://user@proxy:3128", "http://proxy:3128", "user", ""),
    ],
)
def test_a_proxy_variable_in_its_forms(value: str, url: str, user: str, password: str) -> None:
    proxy = ProxyRules({"http_proxy": value}).proxy_for("http://x/")
    assert proxy is not None
    assert (proxy.url, proxy.user, proxy.password) == (url, user, password)
    if user and not password:
        assert user not in proxy.shown + repr(proxy) + redact(f"echo {user}")
    if password:
        assert password not in proxy.shown + repr(proxy)
        assert password not in redact(f"echo {password}")
        assert ProxyRules({"http_proxy": proxy.url_with_login}).proxy_for("http://x/") == proxy


@pytest.mark.parametrize(
    "value",
    [
        "ftp://proxy:21",
        "socks4://user:s3cretpass@proxy:1080",
        "socks://proxy",
        "http://",
        "http://user:s3cretpass@",
        "http://user:s3cretpass@proxy:99999",
        "http://user:s3cretpass@proxy:0",
        "http://user:s3cretpass@proxy:port",
        "http://user:s3cretpass",
        "http://::1:3128",
        "http://[::zz]:3128",
        "http://pro xy:3128",
        "http://pro\x1bxy:3128",
        "none",  # a name: it is used, and fails as no address
        "=",
        "://",
    ],
)
def test_a_variable_that_cannot_be_used_is_named_without_its_password(value: str) -> None:
    rules = ProxyRules({"ALL_PROXY": value, "no_proxy": "covered.example"})
    assert rules.proxy_for("https://covered.example/") is None
    if value == "none":
        assert rules.proxy_for("https://am.example/") is not None
        return
    with pytest.raises(Offline) as caught:
        rules.proxy_for("https://am.example/")
    said = str(caught.value)
    assert "$ALL_PROXY" in said
    assert "NO_PROXY" in said
    assert "am.example" in said
    assert "s3cretpass" not in said
    assert said.isprintable()
    assert "$ALL_PROXY" in rules.mistakes()[0]
