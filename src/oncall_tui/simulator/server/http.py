"""A small HTTP/1.1 server on loopback: a thread a connection, keep-alive, quiet, and able to misbehave on purpose."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from oncall_tui.simulator.server.messages import Request, SimulatedAnswer

_REASONS = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 302: "Found", 400: "Bad Request"}
_LARGEST_HEAD = 65536  # bytes
_EVERY_S = 0.02  # a long poll asks the world so often


class Delivery(NamedTuple):
    """An answer, and how it is delivered."""

    answer: SimulatedAnswer
    wait: Callable[[], None] | None = None
    """Called before anything is sent: a slow or a hung server."""
    silent: bool = False
    """Close the connection without an answer."""
    cut: bool = False
    """Send half of the body that was announced, then close."""
    again: Callable[[], SimulatedAnswer] | None = None
    """Ask again while the answer waits: a long poll."""


Handler = Callable[[Request], Delivery]


class Listener:
    """One listening port. It can be closed, so that connections are refused, and opened again at the same number: until
    then no other program gets it.
    """

    def __init__(self, handler: Handler, port: int = 0) -> None:
        self.port = port
        self._handler = handler
        self._lock = threading.Lock()
        self._listening: socket.socket | None = None
        self._reserved: socket.socket | None = None  # has the port while it is closed
        self._open: set[socket.socket] = set()
        self.open()

    @property
    def url(self) -> str:
        """Return the server's URL, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Listen; nothing happens where it listens already. Raises OSError where the port is taken."""
        with self._lock:
            if self._listening is not None:
                return
            listening, self._reserved = self._reserved or self._bound(), None
            listening.listen(512)
            self.port = int(listening.getsockname()[1])
            self._listening = listening
        threading.Thread(target=self._accept, args=(listening,), daemon=True).start()

    def _bound(self) -> socket.socket:
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind(("127.0.0.1", self.port))
        except OSError as error:
            bound.close()
            raise OSError(f"127.0.0.1:{self.port}: {error.strerror}") from None
        return bound

    def close(self) -> None:
        """Refuse new connections and drop those that are open."""
        with self._lock:
            listening, self._listening = self._listening, None
            held = list(self._open)
        if listening is not None:
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            listening.close()
            with contextlib.suppress(OSError), self._lock:
                self._reserved = self._bound()
        for connection in held:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with self._lock:
                if self._listening is not listening:
                    connection.close()
                    return
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader = _SimulatedReader(connection)
            while (request := reader.read()) is not None:
                if not self._answer(connection, request):
                    break
        except (OSError, ValueError):
            pass  # the other side went away, or did not speak HTTP
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _answer(self, connection: socket.socket, request: Request) -> bool:
        """Return whether the connection stays open."""
        delivery = self._handled(request)
        if delivery.again is not None:
            delivery = delivery._replace(answer=_waited(delivery.answer, delivery.again))
        if delivery.wait is not None:
            delivery.wait()
        if delivery.silent:
            return False
        body = delivery.answer.body
        sent = body[: len(body) // 2] if delivery.cut else body
        payload = b"" if request.method == "HEAD" else sent
        connection.sendall(_head(delivery.answer) + payload)
        return not delivery.cut and request.headers.get("connection", "").lower() != "close"

    def _handled(self, request: Request) -> Delivery:
        """Answer; a mistake of the world's own is a 500: a traceback on stderr would run across the board."""
        try:
            return self._handler(request)
        except Exception as error:  # noqa: BLE001
            return Delivery(
                SimulatedAnswer(500, f"drill: {error!r}".encode(), {"Content-Type": "text/plain; charset=utf-8"})
            )


def _waited(answer: SimulatedAnswer, again: Callable[[], SimulatedAnswer]) -> SimulatedAnswer:
    """Return the first answer that does not wait, or the last one when the time is over."""
    end = time.monotonic() + answer.waits_s
    while answer.waits_s and time.monotonic() < end:
        time.sleep(_EVERY_S)
        answer = again()
    return answer


def _head(answer: SimulatedAnswer) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    if answer.status != 204:
        lines.append(f"Content-Length: {len(answer.body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class _SimulatedReader:
    """Requests off one connection. A body needs a Content-Length: neither boto3 nor httpx sends chunks here."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._held = b""

    def read(self) -> Request | None:
        """The next request, or None where the other side has closed."""
        while b"\r\n\r\n" not in self._held:
            if len(self._held) > _LARGEST_HEAD or not self._more():
                return None
        head, self._held = self._held.split(b"\r\n\r\n", 1)
        first, *rest = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {}
        for line in rest:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        if headers.get("expect", "").lower() == "100-continue":
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._body(int(headers.get("content-length", "0")))
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True)
        return Request(method, unquote(parts.path), query, headers, body)

    def _body(self, length: int) -> bytes:
        while len(self._held) < length:
            if not self._more():
                raise ValueError("the body ended early")
        body, self._held = self._held[:length], self._held[length:]
        return body

    def _more(self) -> bool:
        received = self._connection.recv(65536)
        self._held += received
        return bool(received)
