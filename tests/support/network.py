"""Servers on loopback for what stands between: TLS with an authority made now, proxies, answers that trickle."""

from __future__ import annotations

import datetime
import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from oncall_tui.testing.server import dead_port as dead_port

Talk = Callable[[socket.socket], None]


class RawServer:
    """A server that hands each connection to *talk*, on a thread of its own."""

    def __init__(self, talk: Talk, tls: ssl.SSLContext | None = None) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._talk, self._tls = talk, tls
        self.port = self._listening.getsockname()[1]
        self.over = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def close(self) -> None:
        self.over.set()
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with suppress(OSError, ssl.SSLError), connection:
            if self._tls is not None:
                with self._tls.wrap_socket(connection, server_side=True) as secured:
                    self._talk(secured)
            else:
                self._talk(connection)


@contextmanager
def serving(talk: Talk, tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    server = RawServer(talk, tls)
    try:
        yield server
    finally:
        server.close()


def asked(connection: socket.socket) -> bytes:
    """The head of one request, and its body as far as it came with it."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            break
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"content-length: *(\d+)", head.lower())  # closing with some of it unread would be a reset
    while found and len(body) < int(found[1]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answer(body: bytes = b"[]", status: str = "200 OK", **headers: str) -> bytes:
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{more}\r\n".encode() + body


def always(data: bytes, seen: list[bytes] | None = None) -> Talk:
    """A server that answers every connection with *data*, and keeps what it was asked."""

    def talk(connection: socket.socket) -> None:
        request = asked(connection)
        if seen is not None:
            seen.append(request)
        connection.sendall(data)

    return talk


def trickling(head: bytes, server_over: Callable[[], bool], gap_s: float = 0.02) -> Talk:
    """A server that sends *head*, and then one byte after the other, for ever."""

    def talk(connection: socket.socket) -> None:
        asked(connection)
        connection.sendall(head)
        while not server_over():
            connection.sendall(b"x")
            threading.Event().wait(gap_s)

    return talk


def tunnelling(seen: list[bytes]) -> Talk:
    """A proxy that connects to wherever CONNECT says, and passes bytes on."""

    def talk(connection: socket.socket) -> None:
        head = asked(connection)
        seen.append(head)
        host, _, port = head.split()[1].decode().rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port)), 5) as further:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pass, args=(further, connection), daemon=True)
            back.start()
            _pass(connection, further)
            back.join(5)

    return talk


def _pass(here: socket.socket, there: socket.socket) -> None:
    with suppress(OSError):
        while data := here.recv(65536):
            there.sendall(data)
    with suppress(OSError):
        there.shutdown(socket.SHUT_WR)


class Authority:
    """A certificate authority of this test's, and certificates by it. Its files are made in *folder*."""

    def __init__(self, folder: Path, name: str = "test authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._builder(self._name, self._key).add_extension(x509.BasicConstraints(True, None), True)
        self.file = folder / f"{name.replace(' ', '-')}.pem"
        self.file.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *, days: int = 30, passphrase: bytes = b"") -> tuple[Path, Path]:
        """(certificate, key) for the address 127.0.0.1 where *name* is that, else for that name."""
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            alternative = x509.DNSName(name)
        made = self._builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key, days)
        made = made.add_extension(x509.SubjectAlternativeName([alternative]), False)
        pem = made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        certificate, secret = self._folder / f"{name}-{days}.crt.pem", self._folder / f"{name}-{days}.key.pem"
        certificate.write_bytes(pem)
        how = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how))
        return certificate, secret

    def server_tls(self, name: str = "127.0.0.1", *, days: int = 30, clients: bool = False) -> ssl.SSLContext:
        """A server's context with a certificate for *name*; *clients*: it wants one of this authority from each."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(name, days=days))
        if clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.file)
        return context

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, days: int = 30) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=60))
            .not_valid_after(now + datetime.timedelta(days=days))
        )
