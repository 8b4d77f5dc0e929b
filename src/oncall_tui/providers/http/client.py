"""The client: one exchange, and what its answer means."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from oncall_tui import errors
from oncall_tui.providers.http.failures import Broken, Route, broken, wants_login
from oncall_tui.providers.http.limits import retry_after, used_up
from oncall_tui.providers.http.settings import NO_SETTINGS, HttpSettings
from oncall_tui.providers.http.text import MESSAGE_LIMIT, error_text, sanitize
from oncall_tui.providers.lists import UNDECODABLE, decode, what_came
from oncall_tui.runtime import write_doors
from oncall_tui.runtime.answers import answered
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.network.clients import READ_S, open_client
from oncall_tui.runtime.network.limits import TOTAL_S, time_left, time_limit, unpacked
from oncall_tui.runtime.network.proxies import ProxyRules
from oncall_tui.runtime.secret import Secret, keep_secret

if TYPE_CHECKING:
    import httpx

HUNG_S = 1.5  # a request that takes so long hangs, and another one goes beside it: an action never waits for a read

T = TypeVar("T")
Params = Sequence[tuple[str, str]]


class NotFound(errors.Malformed):
    """The other side has no such thing (404): the caller knows whether that is a wrong URL or an answer."""


class _Answer(msgspec.Struct):
    """The response: *cut* says why the body is not whole (empty: it is)."""

    status: int
    headers: Mapping[str, str]
    body: bytearray
    cut: Broken | None = None


class Http:
    """One HTTP API of one source. Thread-safe: its poller, its actions and the screens share it.

    *authorization* gives the header's value and may block for a secret's command; so does *login*, where an API wants
    its secrets in headers of its own. *secrets* are forgotten on a 401, so that a rotated token is read anew. *serial*
    is a lock held over each request, for an API that wants one at a time; it is not waited for long. *error_words*
    turns a status and an error body into words. *read_right* and *write_right* name what the login has to be allowed
    (``the scope event:read``), for hints. *settings* are what the options say of every request (headers, certificates,
    a signature).
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
        settings: HttpSettings = NO_SETTINGS,
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
        self._secrets = (*secrets, *settings.secrets)
        self._settings = settings
        self._headers = dict(headers or {})
        self._serial = serial
        self._error_words = error_words
        self._rights = (read_right, write_right)
        self._transport = transport
        self._client: httpx.Client | None = None
        self._route = Route(self.host, None, settings.files)
        self._lock = threading.Lock()

    # --- what providers call -------------------------------------------------------------------------------------

    def get(self, path: str, into: type[T], params: Params = ()) -> T:
        """Read *path* as *into*. Raises errors.SourceError; NotFound (a Malformed) on 404."""
        return self.page(path, into, params)[0]

    def page(self, path: str, into: type[T], params: Params = ()) -> tuple[T, Mapping[str, str]]:
        """Do as ``get``, and return the answer's headers: some APIs name the next page there."""
        try:
            answer = self._exchange("GET", path, params, None, {})
        except Broken as failed:
            raise failed.unread() from None
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
        write_doors.must_be_open()
        content = None if body is None else msgspec.json.encode(body)
        try:
            answer = self._exchange(method, path, (), content, headers or {})
        except errors.SourceError as error:  # its secret could not be read: nothing was sent
            raise errors.ActionFailed(f"not sent: {error.message}", error.hint) from None
        except Broken as failed:
            if failed.sent:
                raise errors.OutcomeUnknown(
                    f"sent, but {failed.message}", "it is read again to learn what happened"
                ) from None
            raise errors.ActionFailed(f"not sent: {failed.message}", failed.hint) from None
        self._judge(answer)
        if into is bytes:
            return bytes(answer.body)  # type: ignore[return-value]
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

    @property
    def clock_off_s(self) -> float:
        """The server's clock minus ours in whole minutes, for a person: 0 where they agree as far as that matters."""
        return 60.0 * int(self.skew_s / 60.0)

    def sanitize(self, text: str, limit: int = MESSAGE_LIMIT) -> str:
        """Do as the module's ``sanitize``: at most *limit* characters."""
        return sanitize(text, limit)

    def renew(self) -> None:
        """Read the secrets anew at the next request."""
        for secret in self._secrets:
            secret.forget()
        if self._settings.signer is not None:
            self._settings.signer.renew()

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
        sending = {**self._settings.header_values(), **self._headers, **headers}
        if content is not None:
            sending["Content-Type"] = "application/json"
        if self._authorization is not None and (value := self._authorization()):
            keep_secret(value.rpartition(" ")[2])  # what is made from secrets may be echoed too
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
        # Spaces as %20, not +: what is signed has to be what is sent.
        url = self.url + path + (f"?{urlencode(params, quote_via=quote, safe='')}" if params else "")
        began = False
        try:
            client = self._open()
            request = client.build_request(method, url, content=content, headers=headers)
            if self._settings.signer is not None:
                signer = self._settings.signer
                request.headers.update(signer.headers(method, str(request.url), content or b"", method != "GET"))
            self.calls += 1
            began = True
            with time_limit(TOTAL_S, self._clock.monotonic):
                response = client.send(request, stream=True)
                try:
                    self._note_clock(response.headers)
                    self.pause_s = used_up(response.headers, self.server_now())
                    body, cut = self._body(response)
                finally:
                    response.close()
            answered()
            return _Answer(response.status_code, response.headers, body, cut)
        except errors.OncallError:
            raise
        except Exception as error:
            failed = broken(error, self._route, lambda text: self.sanitize(text, 120))
            if failed is None:
                raise  # a bug
            failed.sent = failed.sent and began
            if failed.anew:
                self.close()  # the files of TLS may have changed
            raise failed from None

    def _body(self, response: httpx.Response) -> tuple[bytearray, Broken | None]:
        """(what came of the body, why that is not all). Bounded in size, as it came and unpacked, and in time."""
        body = bytearray()  # it grows where it is: its parts, joined at the end, would be there twice, and leave holes
        try:
            encoding = response.headers.get("content-encoding", "")
            whole = response.is_stream_consumed  # a test's answer, which was never on a wire
            for part in (response.content,) if whole else unpacked(response.iter_raw(), encoding):
                body += part
                time_left(None)
        except Exception as error:
            failed = broken(error, self._route, lambda text: self.sanitize(text, 120))
            if failed is None:
                raise
            return body, failed.in_mid_answer(self._route)
        return body, None

    def _open(self) -> httpx.Client:
        """The client, made once. Raises SourceError where a proxy variable or a file cannot be used."""
        with self._lock:
            if self._client is None:
                proxy = None if self._transport is not None else ProxyRules().proxy_for(self.url)
                files = self._settings.files
                self._client = open_client(self.url, proxy, files, READ_S, self._transport)
                self._route = Route(self.host, proxy, files, READ_S)
            return self._client

    def _note_clock(self, headers: Mapping[str, str]) -> None:
        with suppress(ValueError, TypeError, OverflowError):  # no Date, or none that is one: the last one stands
            cached_s = float(headers.get("age", "0"))  # a cache answered: the Date is of when it asked
            said = parsedate_to_datetime(headers.get("date", "")).timestamp() + cached_s
            self._ahead_s = said - self._clock.monotonic()

    # --- what an answer means --------------------------------------------------------------------------------------

    def _decode(self, body: bytearray, into: type[T]) -> T:
        try:
            return decode(body, into)
        except UNDECODABLE as error:
            if body.lstrip()[:1] == b"<":
                raise errors.Malformed(
                    f"{self.host} sent a web page instead of JSON", "a login page or a proxy answers in its place?"
                ) from None
            what = self.sanitize(what_came(body, error), 120)
            raise errors.Malformed(
                f"{self.host} sent an answer that does not match its API: {what}", "check the url"
            ) from None

    def _said(self, answer: _Answer) -> str:
        text = self.sanitize(self._error_words(answer.status, bytes(answer.body[:65536])))
        return f": {text}" if text else ""

    def _unread(self, answer: _Answer, path: str) -> errors.SourceError:
        status, said = answer.status, self._said(answer)
        if status == 401:
            self.renew()
            return errors.Expired(f"{self.host} does not accept the login{said}", self._renewal())
        if 300 <= status < 400:
            return self._redirected(answer)
        if status == 407:
            return wants_login(self._route).unread()
        if status in (402, 403):
            denied = self._signature(answer)
            return denied or errors.Denied(f"{self.host} denies GET {path}{said}{self._route.via}", self._forbidden(0))
        if status == 404:
            return NotFound(f"{self.host} has no {path}{said}", "check the source's url")
        if status == 429:
            wait = retry_after(answer.headers, self.server_now())
            asked = "" if wait is None else f", again in {wait:.0f} s"
            return errors.Throttled(f"{self.host} asks for fewer calls{asked}{said}", retry_after_s=wait)
        if status >= 500 or status == 408:
            return errors.Offline(f"{self.host} answered {status}{said}{self._route.via}", self._route.proxy_hint)
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

    def _forbidden(self, acting: int) -> str:
        """The hint of a 403: the login's right, or what a gateway before the server may miss."""
        hint = _named(f"the login needs the right to {('read', 'do')[acting]} this", self._rights[acting])
        if self._secrets or self._settings.signer is not None:
            return hint
        return f"{hint}; or the url's path is wrong, or a gateway wants a login, headers: or auth: sigv4"

    def _signature(self, answer: _Answer) -> errors.SourceError | None:
        """The meaning of a 403 that is about the signature: AWS answers so to a wrong path, too."""
        said = self._said(answer).removeprefix(": ")
        signer = self._settings.signer
        if signer is not None and (found := signer.denied(said)) is not None:
            return found
        if "missing authentication token" not in said.lower():
            return None
        hint = "check the url's path" if signer is not None else "set auth: sigv4, or check the url's path"
        return errors.Denied(f"{self.host} wants a signature, or has no such path: {said}", hint)

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
        if status == 407:
            missing = wants_login(self._route)
            raise errors.ActionFailed(f"not sent: {missing.message}", missing.hint)
        if status == 403 and (denied := self._signature(answer)) is not None:
            raise errors.ActionFailed(denied.message, denied.hint)
        if 300 <= status < 400:  # these APIs never redirect a write that they took
            error = self._redirected(answer)
            raise errors.ActionFailed(error.message, error.hint)
        if status == 429:
            wait = retry_after(answer.headers, self.server_now())
            self.held_until = self._clock.monotonic() + (wait or 0.0)
            raise errors.ActionFailed(
                f"{self.host} asks for fewer calls{said}", "" if wait is None else f"try again in {wait:.0f} s"
            )
        hint = self._forbidden(1) if status in (402, 403) else ""
        raise errors.ActionFailed(f"{self.host} refused it with {status}{said}", hint)


def _named(hint: str, right: str) -> str:
    return f"{hint}: {right}" if right else hint
