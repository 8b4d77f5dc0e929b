"""What stands between the program and a server: proxies, TLS, gateways, and answers that never end."""

from __future__ import annotations

import base64
import gzip
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.network import (
    Authority,
    Talk,
    always,
    answer,
    asked,
    dead_port,
    serving,
    trickling,
    tunnelling,
)

from oncall_tui import errors
from oncall_tui.providers.alertmanager.options import AlertmanagerOptions
from oncall_tui.providers.alertmanager.provider import AlertmanagerProvider, build
from oncall_tui.providers.base import Context, ReadRequest
from oncall_tui.providers.http.client import Http
from oncall_tui.runtime.clock import SystemClock
from oncall_tui.runtime.network import trust
from oncall_tui.runtime.secret import Secret

TOKEN = "planted-token-value-0123456789"
OURS = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
Make = Callable[..., AlertmanagerProvider]


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OURS:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("PLANTED_TOKEN", TOKEN)


@pytest.fixture
def make(real_context: Context) -> Make:
    def made(url: str, **more: Any) -> AlertmanagerProvider:
        options = AlertmanagerOptions(name="prom", provider="alertmanager", url=url, **more)
        return build(options, real_context)

    return made


def fails(provider: AlertmanagerProvider, kind: type[errors.SourceError] = errors.Offline) -> str:
    with pytest.raises(kind) as caught:
        provider.read(ReadRequest())
    assert caught.value.hint
    said = str(caught.value)
    assert said.isprintable()
    assert TOKEN not in said
    assert len(said) < 500
    return said


def reads(provider: AlertmanagerProvider) -> None:
    assert provider.read(ReadRequest()).alerts == ()


# --- proxies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_a_dead_proxy_is_named_and_not_the_server(make: Make, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    dead = dead_port()
    with serving(always(answer())) as server:
        monkeypatch.setenv(variable, f"http://me:s3cretpass@127.0.0.1:{dead}")
        said = fails(make(server.url))
    assert f"the proxy http://me:•••@127.0.0.1:{dead} (${variable}) refuses connections" in said
    assert "put 127.0.0.1 into NO_PROXY" in said
    assert str(server.port) not in said
    assert "s3cretpass" not in said


def test_a_dead_proxy_before_tls_is_named(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{dead_port()}")
    assert "($HTTPS_PROXY) refuses connections" in fails(make("https://am.example"))


def test_a_proxy_without_an_address_is_named(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://no-such-proxy.invalid:3128")

    def nothing(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nothing)
    assert "no address for no-such-proxy.invalid, the proxy of $HTTPS_PROXY" in fails(make("https://am.example"))


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("login", ["", "me:s3cretpass@"])
def test_a_proxy_that_wants_a_login_says_so(
    make: Make, monkeypatch: pytest.MonkeyPatch, scheme: str, login: str
) -> None:
    seen: list[bytes] = []
    wants = always(answer(b"<html>log in</html>", "407 Proxy Authentication Required"), seen)
    with serving(wants) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"http://{login}127.0.0.1:{proxy.port}")
        said = fails(make(f"{scheme}://am.example"))
    assert "(407)" in said
    assert "$ALL_PROXY" in said
    assert ("correct user and password in ALL_PROXY" if login else "put USER:PASSWORD@ into ALL_PROXY") in said
    basic = base64.b64encode(b"me:s3cretpass")
    assert (basic in seen[0]) is bool(login)
    assert "s3cretpass" not in said


def test_a_proxy_that_does_not_connect_is_named(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(always(answer(b"no", "403 Forbidden"))) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        said = fails(make("https://am.example"))
    assert "($https_proxy) does not connect to am.example: 403 Forbidden" in said


def test_what_comes_through_a_proxy_names_it(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(always(answer(b"bad gateway", "502 Bad Gateway"))) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "10.0.0.0/8,10.0.*")
        said = fails(make("http://am.example:9093"))
    assert f"am.example:9093 answered 502: bad gateway, through the proxy http://127.0.0.1:{proxy.port}" in said
    assert "10.0.*" in said


@pytest.mark.parametrize("no_proxy", ["127.0.0.1", "127.0.0.0/8", "*", "::1/128, 127.0.0.1:{port}"])
def test_no_token_reaches_a_proxy_where_no_proxy_covers(
    make: Make, monkeypatch: pytest.MonkeyPatch, no_proxy: str
) -> None:
    through: list[bytes] = []
    straight: list[bytes] = []
    with serving(always(answer(), through)) as proxy, serving(always(answer(), straight)) as server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", no_proxy.format(port=server.port))
        reads(make(server.url, bearer_token=Secret("env", ("PLANTED_TOKEN",))))
    assert not through
    assert TOKEN.encode() in straight[0]


def test_a_proxy_is_used_where_nothing_covers(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    with serving(always(answer(), seen)) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "other.example, ::1/128")
        reads(make("http://am.example:9093"))
    assert seen[0].startswith(b"GET http://am.example:9093/api/v2/alerts HTTP/1.1\r\n")


def test_tls_goes_through_a_proxy(make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    seen: list[bytes] = []
    inside: list[bytes] = []
    with serving(always(answer(), inside), authority.server_tls()) as server, serving(tunnelling(seen)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://me:s3cretpass@127.0.0.1:{proxy.port}")
        reads(make(server.url, ca_file=str(authority.file), bearer_token=Secret("env", ("PLANTED_TOKEN",))))
    assert seen[0].startswith(f"CONNECT 127.0.0.1:{server.port} ".encode())
    assert TOKEN.encode() not in seen[0]
    assert b"Proxy-Authorization" not in inside[0]
    assert TOKEN.encode() in inside[0]


def test_a_proxy_that_is_asked_by_tls(make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    seen: list[bytes] = []
    with (
        serving(always(answer()), authority.server_tls()) as server,
        serving(tunnelling(seen), authority.server_tls()) as proxy,
    ):
        monkeypatch.setenv("https_proxy", f"https://127.0.0.1:{proxy.port}")
        reads(make(server.url))
    assert seen[0].startswith(b"CONNECT ")


def test_a_write_that_a_proxy_stopped_was_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    http = Http(source="prom", url="http://am.example", clock=SystemClock())
    with serving(always(answer(b"", "407 Proxy Authentication Required"))) as proxy:
        for port, words in ((dead_port(), "refuses connections"), (proxy.port, "(407)")):
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
            http.close()
            with pytest.raises(errors.ActionFailed, match="not sent") as caught:
                http.write("POST", "/x", bytes, {})
            assert words in str(caught.value)
            assert "$http_proxy" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("socks5h://127.0.0.1:1080", "oncall-tui[socks]"),
        ("socks4://127.0.0.1:1080", "socks4 is not"),
        ("http://me:s3cretpass@proxy:port", "its port is no number"),
    ],
)
def test_a_proxy_variable_that_cannot_be_used_is_named(
    make: Make, monkeypatch: pytest.MonkeyPatch, value: str, words: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", value)
    said = fails(make("http://am.example:9093"))
    assert "$ALL_PROXY" in said
    assert words in said
    assert "s3cretpass" not in said


# --- TLS --------------------------------------------------------------------------------------------------------------


def test_an_authority_is_added_by_setting_or_variable(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    folder = tmp_path / "authorities"
    folder.mkdir()
    (folder / "ours.crt").write_bytes(authority.file.read_bytes())
    with serving(always(answer()), authority.server_tls()) as server:
        said = fails(make(server.url))
        assert "is not trusted" in said
        assert "ca_file" in said
        reads(make(server.url, ca_file=str(authority.file)))
        with monkeypatch.context() as patch:
            patch.setenv("SSL_CERT_FILE", str(authority.file))
            reads(make(server.url))
            other = Authority(tmp_path, "another authority")
            patch.setenv("SSL_CERT_FILE", str(other.file))
            assert "is not trusted" in fails(make(server.url))
        monkeypatch.setenv("SSL_CERT_DIR", str(folder))
        reads(make(server.url))


def test_a_variable_takes_no_public_authority_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from oncall_tui.runtime.network.trust import tls_context

    public = tls_context().cert_store_stats()["x509_ca"]
    monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path).file))
    assert tls_context().cert_store_stats()["x509_ca"] == public + 1
    assert public > 50


def test_check_names_what_cannot_be_used_of_the_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert trust.mistakes() == ()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path}:{tmp_path / 'no'}")
    file, folder = trust.mistakes()
    assert file.startswith("$SSL_CERT_FILE names ")
    assert folder == f"$SSL_CERT_DIR names {tmp_path / 'no'}, which does not exist"


def test_a_file_that_changed_is_read_again(make: Make, tmp_path: Path) -> None:
    first, second = Authority(tmp_path, "first"), Authority(tmp_path, "second")
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(first.file.read_bytes())
    with serving(always(answer()), second.server_tls()) as server:
        provider = make(server.url, ca_file=str(trusted))
        fails(provider)
        trusted.write_bytes(second.file.read_bytes() + b"\n")
        reads(provider)


def test_the_certificates_faults_are_told_apart(make: Make, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    for name, days, words in (("other.example", 30, "is for another name"), ("127.0.0.1", -2, "has expired")):
        with serving(always(answer()), authority.server_tls(name, days=days)) as server:
            assert words in fails(make(server.url, ca_file=str(authority.file)))

    def plainly(connection: socket.socket) -> None:
        connection.recv(10)
        connection.sendall(answer(b"", "400 Bad Request"))

    with serving(plainly) as plain:
        assert "does not speak TLS there" in fails(make(plain.url.replace("http:", "https:")))


def test_a_client_certificate(make: Make, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("oncall")
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    stranger, its_key = Authority(tmp_path, "a stranger").issue("stranger")
    with serving(always(answer()), authority.server_tls(clients=True)) as server:
        trusted = {"ca_file": str(authority.file)}
        reads(make(server.url, client_cert=str(certificate), client_key=str(key), **trusted))
        reads(make(server.url, client_cert=str(both), **trusted))
        said = fails(make(server.url, **trusted), errors.NoCredentials)
        assert "wants a client certificate" in said
        assert "set client_cert" in said
        provider = make(server.url, client_cert=str(stranger), client_key=str(its_key), **trusted)
        assert f"client_cert ({stranger})" in fails(provider, errors.NoCredentials)


def _pem_files(tmp_path: Path) -> dict[str, Path]:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("one")
    _, other_key = authority.issue("two")
    _, locked = authority.issue("three", passphrase=b"hidden")
    files = {"certificate": certificate, "key": key, "other": other_key, "locked": locked}
    files["missing"] = tmp_path / "missing.pem"
    files["empty"] = tmp_path / "empty.pem"
    files["empty"].write_bytes(b"")
    files["text"] = tmp_path / "text.pem"
    files["text"].write_text("hello")
    files["broken"] = tmp_path / "broken.pem"
    files["broken"].write_bytes(certificate.read_bytes()[:200] + b"\n-----END CERTIFICATE-----\n")
    files["pipe"] = tmp_path / "pipe.pem"
    os.mkfifo(files["pipe"])
    files["folder"] = tmp_path / "folder.pem"
    files["folder"].mkdir()
    files["below"] = files["text"] / "x.pem"
    files["loop"] = tmp_path / "loop.pem"
    files["loop"].symlink_to(files["loop"])
    return files


@pytest.mark.parametrize("how", ["ca_file", "SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_an_authoritys_file_that_cannot_be_used_is_named(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str
) -> None:
    files = _pem_files(tmp_path)
    for name in ("missing", "empty", "text", "broken", "pipe", "folder", "below", "loop", "key"):
        if how == "SSL_CERT_DIR" and name == "folder":
            continue
        more = {"ca_file": str(files[name])} if how == "ca_file" else {}
        if how != "ca_file":
            monkeypatch.setenv(how, str(files[name]))
        said = fails(make("https://127.0.0.1:1", **more))
        assert f"{how} names {files[name]}, which" in said, name
        if how == "ca_file":
            assert "refuses" in fails(make("http://127.0.0.1:1", **more))  # plain http needs none of it


@pytest.mark.parametrize(
    ("certificate", "key", "words"),
    [
        ("missing", "key", "client_cert names"),
        ("certificate", "missing", "client_key names"),
        ("certificate", "", "has no private key: name its file as client_key"),
        ("certificate", "other", "do not belong together"),
        ("certificate", "locked", "wants a passphrase"),
        ("certificate", "certificate", "has no private key"),
        ("pipe", "key", "is not a regular file"),
        ("text", "key", "has nothing in PEM format"),
        ("broken", "key", "cannot be read as certificate and key"),
        ("key", "key", "cannot be read as certificate and key"),
    ],
)
def test_a_client_certificate_that_cannot_be_used_is_named(
    make: Make, tmp_path: Path, certificate: str, key: str, words: str
) -> None:
    files = _pem_files(tmp_path)
    named = {"client_cert": str(files[certificate]), "client_key": str(files[key]) if key else ""}
    said = fails(make("https://127.0.0.1:1", **named), errors.NoCredentials)
    assert words in said
    assert "client_" in said or "passphrase" in said


# --- gateways ---------------------------------------------------------------------------------------------------------


def test_headers_are_sent_and_their_secrets_redacted(make: Make) -> None:
    seen: list[bytes] = []
    headers = {"X-Scope-OrgID": "payments", "X-Gateway-Token": Secret("env", ("PLANTED_TOKEN",))}
    with serving(always(answer(f"bad token {TOKEN}".encode(), "500 No"), seen)) as server:
        fails(make(server.url, headers=headers))
    assert b"X-Scope-OrgID: payments\r\n" in seen[0]
    assert f"X-Gateway-Token: {TOKEN}\r\n".encode() in seen[0]


def test_a_403_names_what_a_gateway_may_miss(make: Make) -> None:
    with serving(always(answer(b'{"message": "no"}', "403 Forbidden"))) as server:
        said = fails(make(server.url), errors.Denied)
    for words in ("path is wrong", "headers", "auth: sigv4"):
        assert words in said
    with serving(always(answer(b'{"message": "Missing Authentication Token"}', "403 Forbidden"))) as server:
        said = fails(make(server.url), errors.Denied)
    assert "set auth: sigv4, or check the url's path" in said


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Again", "308 There"])
def test_a_redirect_carries_no_secret_elsewhere(make: Make, status: str) -> None:
    elsewhere: list[bytes] = []
    with serving(always(answer(), elsewhere)) as other:
        moved = answer(b"", status, Location=f"{other.url}/login?token={TOKEN}")
        with serving(always(moved)) as server:
            headers = {"X-Gateway-Token": Secret("env", ("PLANTED_TOKEN",))}
            fails(make(server.url, headers=headers), errors.SourceError)
    assert not elsewhere


@pytest.mark.parametrize(
    "echo",
    [
        "me:{password}",
        "{basic}",
        "{basic_percent}",
        "{basic_percent_lower}",
        "{basic_twice}",
        "{basic_json}",
        "{basic_bare}",
        "{basic_html}",
        "{basic_all}",
    ],
)
def test_a_login_that_is_echoed_is_redacted_however_it_is_spelt(
    make: Make, monkeypatch: pytest.MonkeyPatch, echo: str
) -> None:
    password = "pa?ss>w/ord~~~"
    monkeypatch.setenv("PLANTED_PASSWORD", password)
    basic = base64.b64encode(f"me:{password}".encode()).decode()
    assert "=" in basic
    percent = basic.replace("=", "%3D").replace("/", "%2F").replace("+", "%2B")
    forms = {
        "password": password,
        "basic": basic,
        "basic_percent": percent,
        "basic_percent_lower": percent.replace("%3D", "%3d").replace("%2F", "%2f"),
        "basic_twice": percent.replace("%", "%25"),
        "basic_json": basic.replace("=", "\\u003d").replace("/", "\\/"),
        "basic_bare": basic.rstrip("="),
        "basic_html": basic.replace("=", "&#61;"),
        "basic_all": "".join(f"%{ord(c):02X}" for c in basic),
    }
    body = f"bad login: {echo.format(**forms)} (end)".encode()
    with serving(always(answer(body, "500 No"))) as server:
        said = fails(make(server.url, username="me", password=Secret("env", ("PLANTED_PASSWORD",))))
    assert "bad login: " in said
    assert "•••" in said
    for form in forms.values():
        assert form[6:] not in said


# --- bounds -----------------------------------------------------------------------------------------------------------


def _bomb(connection: socket.socket) -> None:
    asked(connection)
    packed = gzip.compress(gzip.compress(bytes(80 << 20)))
    connection.sendall(answer(packed, Content_Encoding="gzip, gzip"))


def _endless(connection: socket.socket) -> None:
    asked(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(bytes(1 << 20))


@pytest.mark.parametrize("talk", [_bomb, _endless])
def test_an_answer_is_bounded_in_size(make: Make, talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oncall_tui.runtime.network.limits.MAX_BODY", 4 << 20)
    with serving(talk) as server:
        said = fails(make(server.url), errors.Malformed)
    assert "MiB" in said


def test_an_encoding_that_was_not_asked_for_is_said(make: Make) -> None:
    with serving(always(answer(b"\x1b\x02", Content_Encoding="br"))) as server:
        assert "Content-Encoding (br)" in fails(make(server.url), errors.Malformed)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX-Slow: ",
        b"HTTP/1.1 500 No\r\nContent-Length: 100000\r\n\r\n",
    ],
)
def test_a_trickle_is_given_up(make: Make, monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
    """One byte after the other, each in time: the body, a header, a status line, a hint before the answer."""
    monkeypatch.setattr("oncall_tui.providers.http.client.TOTAL_S", 0.3)
    over: list[bool] = []
    with serving(trickling(head, lambda: bool(over))) as server:
        said = fails(make(server.url), errors.SourceError)
    over.append(True)
    assert "in all to answer" in said or "answered 500" in said or not head
