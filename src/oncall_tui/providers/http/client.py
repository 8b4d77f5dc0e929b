"""The client: one exchange, and what its answer means."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from oncall_tui import errors
from oncall_tui.providers.decoding import decoder
from oncall_tui.providers.http.limits import retry_after, used_up
from oncall_tui.providers.http.text import MESSAGE_LIMIT, error_text, sanitize
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.secret import Secret

if TYPE_CHECKING:
    import ssl

    import httpx

CONNECT_S = 2.0
READ_S = 5.0
TOTAL_S = 30.0  # the read time-out restarts with every byte: a trickle would otherwise hold a thread for ever
HUNG_S = 1.5  # a request that takes so long hangs, and another one goes beside it: an action never waits for a read
MAX_BODY = 64 * 1024 * 1024

T = TypeVar("T")
Params = Sequence[tuple[str, str]]


class NotFound(errors.Malformed):
    """The other side has no such thing (404): the caller knows whether that is a wrong URL or an answer."""


class TooSlow(errors.Offline):
    """The answer did not come in time: where a list was asked for, a smaller page of it might."""


class _Broken(Exception):
    """An exchange that brought no whole answer. *sent* tells whether the request may have arrived."""

    def __init__(self, message: str, *, sent: bool, garbled: bool = False, slow: bool = False, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.sent, self.garbled, self.slow, self.hint = message, sent, garbled, slow, hint

    def unread(self) -> errors.SourceError:
        """Return the error's meaning for a read."""
        kind = errors.Malformed if self.garbled else TooSlow if self.slow else errors.Offline
        return kind(self.message, self.hint)


class _Answer(msgspec.Struct):
    """The response: *cut* says why the body is not whole (empty: it is)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: _Broken | None = None


class Http:
    """One HTTP API of one source. Thread-safe: its poller, its actions and who looks share it.

    *authorization* gives the header's value and may block for a secret's command; so does *login*, where an API wants
    its secrets in headers of its own. *secrets* are forgotten on a 401, so that a rotated token is read anew. *serial*
    is a lock held over each request, for an API that wants one at a time; it is not waited for long. *error_words*
    turns a status and an error body into words. *read_right* and *write_right* name what the login has to be allowed
    (``the scope event:read``), for hints.
    """

    def __init__(
        self,
        *,
        source: str,
        url: str,
        clock: Clock,
        authorization: Callable[[], str] | None = None,
        login: Callable[[], Mapping[str, str]] | None = None,
        secrets: tuple[Secret, ...] = (),
        headers: Mapping[str, str] | None = None,
        serial: threading.Lock | None = None,
        error_words: Callable[[int, bytes], str] = error_text,
        read_right: str = "",
        write_right: str = "",
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.source = source
        self.url = url.rstrip("/")
        self.host = urlsplit(url).netloc.rpartition("@")[2]
        self.calls = 0
        self.held_until = 0.0  # a 429 asked for no call before this (monotonic)
        self._ahead_s: float | None = None  # the server's clock minus our monotonic one
        self.pause_s: float | None = None  # the last answer said that no call is left for so many seconds
        self._clock = clock
        self._authorization = authorization
        self._login = login
        self._secrets = secrets
        self._headers = dict(headers or {})
        self._serial = serial
        self._error_words = error_words
        self._rights = (read_right, write_right)
        self._transport = transport
        self._client: httpx.Client | None = None
        self._lock = threading.Lock()
        self._encoded: set[str] = set()  # header values made from secrets: an error body may echo these too

    # --- what providers call -------------------------------------------------------------------------------------

    def get(self, path: str, into: type[T], params: Params = ()) -> T:
        """Read *path* as *into*. Raises errors.SourceError; NotFound (a Malformed) on 404."""
        return self.page(path, into, params)[0]

    def page(self, path: str, into: type[T], params: Params = ()) -> tuple[T, Mapping[str, str]]:
        """Do as ``get``, and return the answer's headers: some APIs name the next page there."""
        try:
            answer = self._exchange("GET", path, params, None, {})
        except _Broken as broken:
            raise broken.unread() from None
        if not 200 <= answer.status < 300:
            raise self._unread(answer, path)
        if answer.cut is not None:
            raise answer.cut.unread()
        return self._decode(answer.body, into), answer.headers

    def write(
        self,
        method: str,
        path: str,
        into: type[T],
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """Make one attempt to change something. Raises ActionFailed (nothing changed) or OutcomeUnknown (no answer).

        *into* is the answer's type; ``bytes`` takes whatever came.
        """
        content = None if body is None else msgspec.json.encode(body)
        try:
            answer = self._exchange(method, path, (), content, headers or {})
        except errors.SourceError as error:  # its secret could not be read: nothing was sent
            raise errors.ActionFailed(f"not sent: {error.message}", error.hint) from None
        except _Broken as broken:
            if broken.sent:
                raise errors.OutcomeUnknown(
                    f"sent, but {broken.message}", "it is read again to learn what happened"
                ) from None
            raise errors.ActionFailed(f"not sent: {broken.message}", broken.hint) from None
        self._judge(answer)
        if into is bytes:
            return answer.body  # type: ignore[return-value]
        try:
            if answer.cut is None:
                return self._decode(answer.body, into)
        except errors.Malformed:
            pass
        raise errors.OutcomeUnknown(
            f"{self.host} answered {answer.status}, but not in its API's format",
            "it is read again to learn what happened",
        )

    def server_now(self) -> float:
        """Now by the server's clock, seconds since the epoch: what is sent is compared with that one."""
        skew = self.skew_s
        return self._clock.now() + (skew if abs(skew) > 2.0 else 0.0)

    @property
    def skew_s(self) -> float:
        """The server's clock minus ours, as far as its Date headers tell (whole seconds); also where ours was set."""
        return 0.0 if self._ahead_s is None else self._ahead_s + self._clock.monotonic() - self._clock.now()

    def sanitize(self, text: str, limit: int = MESSAGE_LIMIT) -> str:
        """Do as the module's ``sanitize``; remove what was made from secrets (a Basic header) too."""
        for value in self._encoded:
            if len(value) >= 4:
                text = text.replace(value, "•••")
        return sanitize(text, limit)

    def renew(self) -> None:
        """Read the secrets anew at the next request."""
        for secret in self._secrets:
            secret.forget()

    def close(self) -> None:
        """Drop the connections; a later request opens new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    # --- one exchange ----------------------------------------------------------------------------------------------

    def _exchange(
        self, method: str, path: str, params: Params, content: bytes | None, headers: Mapping[str, str]
    ) -> _Answer:
        sending = {**self._headers, **headers}
        if content is not None:
            sending["Content-Type"] = "application/json"
        if self._authorization is not None:
            value = self._authorization()
            self._encoded.add(value.rpartition(" ")[2])
            sending["Authorization"] = value
        if self._login is not None:
            sending.update(self._login())
        if self._serial is None:
            return self._attempt(method, path, params, content, sending)
        turn = self._serial.acquire(timeout=HUNG_S)
        try:
            return self._attempt(method, path, params, content, sending)
        finally:
            if turn:
                self._serial.release()

    def _attempt(
        self, method: str, path: str, params: Params, content: bytes | None, headers: Mapping[str, str]
    ) -> _Answer:
        import httpx

        self.calls += 1
        started = self._clock.monotonic()
        try:
            with self._open().stream(
                method, self.url + path, params=list(params) or None, content=content, headers=headers
            ) as response:
                self._note_clock(response.headers)
                self.pause_s = used_up(response.headers)
                body, cut = self._body(response, started)
                return _Answer(response.status_code, response.headers, body, cut)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise self._broken(error) from None

    def _body(self, response: httpx.Response, started: float) -> tuple[bytes, _Broken | None]:
        import httpx

        parts: list[bytes] = []
        size = 0
        cut = None
        try:
            for part in response.iter_bytes():
                parts.append(part)
                size += len(part)
                if size > MAX_BODY:
                    cut = _Broken(f"{self.host} sent over {MAX_BODY >> 20} MiB", sent=True, garbled=True)
                elif self._clock.monotonic() - started > TOTAL_S:
                    cut = _Broken(f"{self.host} took over {TOTAL_S:.0f} s to answer", sent=True, slow=True)
                if cut is not None:
                    break
        except httpx.TimeoutException:
            cut = _Broken(f"{self.host} stopped answering for {READ_S:.0f} s", sent=True, slow=True)
        except (httpx.TransportError, httpx.DecodingError):
            cut = _Broken(f"the answer of {self.host} was cut off", sent=True, garbled=True)
        return b"".join(parts), cut

    def _open(self) -> httpx.Client:
        import httpx

        with self._lock:
            if self._client is None:
                self._client = httpx.Client(
                    timeout=httpx.Timeout(READ_S, connect=CONNECT_S, pool=CONNECT_S),
                    follow_redirects=False,
                    transport=self._transport,
                    verify=_trust(self.url),
                    headers={"User-Agent": "oncall-tui", "Accept": "application/json"},
                )
            return self._client

    def _note_clock(self, headers: Mapping[str, str]) -> None:
        with suppress(ValueError, TypeError, OverflowError):  # no Date, or none that is one: the last one stands
            self._ahead_s = parsedate_to_datetime(headers.get("date", "")).timestamp() - self._clock.monotonic()

    def _broken(self, error: Exception) -> _Broken:
        """Return a transport error's meaning, in words. Only errors from before the request was sent say sent=False."""
        import httpx

        host = self.host
        if isinstance(error, httpx.ConnectTimeout):
            return _Broken(f"no connection to {host} within {CONNECT_S:.0f} s", sent=False, hint="is the network up?")
        if isinstance(error, httpx.PoolTimeout):
            return _Broken(f"earlier requests to {host} still hang", sent=False)
        if isinstance(error, httpx.ConnectError):
            return self._unconnected(str(error))
        if isinstance(error, httpx.ProxyError):
            return _Broken(f"the proxy refused: {self.sanitize(str(error), 120)}", sent=False, hint="see $HTTPS_PROXY")
        if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol | httpx.LocalProtocolError):
            return _Broken(f"{host}: {self.sanitize(str(error), 120)}", sent=False, hint="check the source's url")
        if isinstance(error, httpx.TimeoutException):
            return _Broken(f"{host} did not answer within {READ_S:.0f} s", sent=True, slow=True)
        return _Broken(f"{host} dropped the connection", sent=True)

    def _unconnected(self, said: str) -> _Broken:
        lower = said.lower()
        if "certificate" in lower:
            hint = "set SSL_CERT_FILE to the authority's certificate"
            return _Broken(f"the certificate of {self.host} is not trusted", sent=False, hint=hint)
        if "name or service" in lower or "name resolution" in lower or "no address" in lower or "nodename" in lower:
            return _Broken(f"no address for {self.host}", sent=False, hint="check the url, and that names resolve")
        if "refused" in lower:
            return _Broken(f"{self.host} refuses connections", sent=False, hint="is it running, is the port right?")
        return _Broken(f"no connection to {self.host}: {self.sanitize(said, 120)}", sent=False)

    # --- what an answer means --------------------------------------------------------------------------------------

    def _decode(self, body: bytes, into: type[T]) -> T:
        try:
            return decoder(into).decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            if body.lstrip()[:1] == b"<":
                raise errors.Malformed(
                    f"{self.host} sent a web page instead of JSON", "a login page or a proxy answers in its place?"
                ) from None
            what = self.sanitize(str(error), 120) if body.strip() else "an empty body"
            raise errors.Malformed(
                f"{self.host} sent an answer that does not match its API: {what}", "check the url"
            ) from None

    def _said(self, answer: _Answer) -> str:
        text = self.sanitize(self._error_words(answer.status, answer.body[:65536]))
        return f": {text}" if text else ""

    def _unread(self, answer: _Answer, path: str) -> errors.SourceError:
        status, said = answer.status, self._said(answer)
        if status == 401:
            self.renew()
            return errors.Expired(f"{self.host} does not accept the login{said}", self._renewal())
        if 300 <= status < 400:
            return self._redirected(answer)
        if status in (402, 403, 407):
            hint = "the login needs the right to read this"
            return errors.Denied(f"{self.host} denies GET {path}{said}", _named(hint, self._rights[0]))
        if status == 404:
            return NotFound(f"{self.host} has no {path}{said}", "check the source's url")
        if status == 429:
            wait = retry_after(answer.headers, self.server_now())
            asked = "" if wait is None else f", again in {wait:.0f} s"
            return errors.Throttled(f"{self.host} asks for fewer calls{asked}{said}", retry_after_s=wait)
        if status >= 500 or status == 408:
            return errors.Offline(f"{self.host} answered {status}{said}")
        return errors.Malformed(f"{self.host} answered {status} to GET {path}{said}", "check the source's options")

    def _redirected(self, answer: _Answer) -> errors.SourceError:
        to = urlsplit(answer.headers.get("location", ""))
        here = urlsplit(self.url)
        place = self.sanitize(f"{to.netloc.rpartition('@')[2] or self.host}{to.path}", 120)  # its query may hold tokens
        if to.hostname == here.hostname and to.scheme != here.scheme:
            return errors.Malformed(f"{self.host} redirects to {to.scheme}", f"set the source's url to {to.scheme}://…")
        return errors.Expired(f"{self.host} redirects to {place}: a login page?", self._renewal())

    def _renewal(self) -> str:
        if not self._secrets:
            return "log in there, or configure the source's credentials"
        where = "renew the token at " + ", ".join(secret.place for secret in self._secrets)
        rights = " and ".join(right for right in self._rights if right)
        return f"{where}, with {rights}" if rights else where

    def _judge(self, answer: _Answer) -> None:
        """Return where a write was accepted; raise ActionFailed or OutcomeUnknown where not."""
        status = answer.status
        if 200 <= status < 300:
            return
        said = self._said(answer)
        if status >= 500 or status == 408:
            raise errors.OutcomeUnknown(
                f"sent, but {self.host} answered {status}{said}", "it is read again to learn more"
            )
        if status == 401:
            self.renew()
            raise errors.ActionFailed(f"{self.host} does not accept the login{said}", self._renewal())
        if 300 <= status < 400:  # these APIs never redirect a write that they took
            error = self._redirected(answer)
            raise errors.ActionFailed(error.message, error.hint)
        if status == 429:
            wait = retry_after(answer.headers, self.server_now())
            self.held_until = self._clock.monotonic() + (wait or 0.0)
            raise errors.ActionFailed(
                f"{self.host} asks for fewer calls{said}", "" if wait is None else f"try again in {wait:.0f} s"
            )
        hint = _named("the login needs the right to do this", self._rights[1]) if status in (402, 403, 407) else ""
        raise errors.ActionFailed(f"{self.host} refused it with {status}{said}", hint)


def _named(hint: str, right: str) -> str:
    return f"{hint}: {right}" if right else hint


_contexts: dict[str, Any] = {}
_contexts_lock = threading.Lock()


def _trust(url: str) -> ssl.SSLContext:
    """One TLS context for all clients (a bundle of authorities is megabytes); for http, one that trusts nobody."""
    import ssl

    import httpx

    kind = "https" if url.startswith("https:") else "http"
    with _contexts_lock:
        if kind not in _contexts:
            made = httpx.create_ssl_context() if kind == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            _contexts[kind] = made
        context: ssl.SSLContext = _contexts[kind]
        return context
