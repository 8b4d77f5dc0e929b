"""The keys that a call is signed with, got without a terminal, and waited for by their own source alone.

botocore has a dozen ways to get keys: some read a file, some run a program, some ask a server. Here each is named, so
that what is waited for, and what failed, says which of them it was and what to change. Signing itself never waits: a
client holds the keys that were got before its call.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

from botocore.credentials import (
    Credentials,
    ProcessProvider,
    ProfileProviderBuilder,
    ReadOnlyCredentials,
    RefreshableCredentials,
)
from botocore.exceptions import NoCredentialsError
from botocore.session import Session
from botocore.utils import parse_timestamp

from oncall_tui.errors import Expired, NoCredentials, SourceError
from oncall_tui.providers.aws.client import files
from oncall_tui.providers.aws.client.errors import MfaNeeded, Unusable
from oncall_tui.runtime import programs
from oncall_tui.runtime.secret import keep_secret
from oncall_tui.runtime.waiting import SingleFlight, StillWaiting, waiting_for
from oncall_tui.text.spelling import nearest

EXPIRING_S = 60  # keys that end so soon are not signed with: new ones are waited for
RENEWED_EVERY_S = 60.0  # keys that still hold are renewed beside the calls, and not more often
PROFILE_VARIABLES = ("AWS_DEFAULT_PROFILE", "AWS_PROFILE")  # in botocore's order
BY_HAND = "run it by hand to see why; what it prints is not shown, because it may hold keys"


class Way(NamedTuple):
    """One way to get keys: *name* for a person, *change* where it fails. *by_hand*: no login renews such keys."""

    name: str
    change: str
    by_hand: bool = False


def way_of(method: str, profile: str) -> Way:
    """The way that botocore calls *method*. *profile* is the one in use; empty where none is named."""
    of = f"profile {profile or 'default'}"
    known = {
        "env": Way(
            "the keys in the environment",
            "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN (and AWS_CREDENTIAL_EXPIRATION) anew, "
            "or unset them to use a profile",
            by_hand=True,
        ),
        "custom-process": Way(
            f"credential_process of {of}", f"check credential_process of {of} in {files.config_file()}", by_hand=True
        ),
        "assume-role": Way(f"the role of {of}", f"check role_arn and source_profile of {of}, or role_arn: here"),
        "assume-role-with-web-identity": Way(
            f"the web identity of {of}",
            "check AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, or web_identity_token_file of the profile",
        ),
        "sso": Way(f"the SSO login of {of}", f"log in: aws sso login --profile {profile or 'default'}"),
        "login": Way(f"the login of {of}", f"log in: aws login --profile {profile or 'default'}"),
        "shared-credentials-file": Way(f"the keys of {of}", f"put new keys of {of} into {files.keys_file()}", True),
        "config-file": Way(f"the keys of {of}", f"put new keys of {of} into {files.config_file()}", True),
        "ec2-credentials-file": Way("the keys in $AWS_CREDENTIAL_FILE", "check AWS_CREDENTIAL_FILE", True),
        "boto-config": Way("the keys of boto's configuration", "check BOTO_CONFIG, /etc/boto.cfg and ~/.boto", True),
        "container-role": Way(
            "the container's role",
            "check AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, AWS_CONTAINER_CREDENTIALS_FULL_URI and "
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        ),
        "iam-role": Way("the instance's role", "check the instance's profile, or set AWS_EC2_METADATA_DISABLED=true"),
    }
    return known.get(
        method, Way(f"the AWS credentials ({method})", f"check {files.config_file()} and the AWS_… variables")
    )


# --- a session whose ways are named, and of which none has the terminal -----------------------------------------------


def prepare(session: Session, profile: str) -> None:
    """Name every way of *session*, and take the terminal from those that would use it. Raises NoCredentials."""
    used = _profile_in_use(session, profile)
    resolver = session.get_component("credential_provider")
    role = resolver.get_provider("assume-role")
    role._prompter = _no_prompt
    _without_terminal(role._profile_provider_builder, session)
    resolver.providers[:] = [_NamedWay(_quiet(each, session), used) for each in resolver.providers]


def _profile_in_use(session: Session, profile: str) -> str:
    """The profile that the session takes, by its name; empty: none is named. Raises NoCredentials where it is none."""
    where = "profile:"
    if not profile:
        where = next((name for name in PROFILE_VARIABLES if name in os.environ), "")
        if not where:
            return ""
        profile = os.environ[where]
        if not profile.strip():
            raise NoCredentials(f"{where} is set, but empty", f"unset {where}, or set profile: for this source")
    there = session.available_profiles
    if profile not in there:
        near, file = nearest(profile, there), files.config_file()
        closed = files.unreadable()
        known = f"did you mean {near}?" if near else f"it has {', '.join(sorted(there)[:5]) or 'none'}"
        raise NoCredentials(
            f"{where} names the profile {profile}, which {file} does not have ({known})",
            f"set {where.rstrip(':')} to a profile of {file}" + (f"; {closed} cannot be read" if closed else ""),
        )
    return profile


def named_around() -> str:
    """The profile that the environment names; may be empty."""
    return next((os.environ[name] for name in PROFILE_VARIABLES if name in os.environ), "")


def _no_prompt(*_: Any) -> str:
    raise MfaNeeded


class _NamedWay:
    """A way of botocore's chain that says its name while it is waited for, and when it fails."""

    CANONICAL_NAME = None

    def __init__(self, inner: Any, profile: str) -> None:
        self.METHOD = str(inner.METHOD)
        self._inner, self._profile = inner, profile

    def load(self) -> Credentials | None:
        with named(self.METHOD, self._profile):
            found: Credentials | None = self._inner.load()
            return found


@contextmanager
def named(method: str, profile: str) -> Iterator[None]:
    """While this is waited for it has the way's name; what it raises becomes Unusable, which has it too."""
    way = way_of(method, profile)
    try:
        with waiting_for(way.name):
            yield
    except (SourceError, Unusable, MfaNeeded):
        raise
    except Exception as error:
        raise Unusable(way.name, way.change, error, cache=files.cached_login(method, error)) from error


# --- credential_process -----------------------------------------------------------------------------------------------


def _without_terminal(builder: ProfileProviderBuilder, session: Session) -> None:
    """Also the profile that a role builds on may have a credential_process: its provider is made when it is needed."""
    builder._create_process_provider = lambda profile_name: _process_provider(profile_name, session)


def _quiet(provider: Any, session: Session) -> Any:
    """*provider*; the one of a credential_process without a terminal."""
    if isinstance(provider, ProcessProvider):
        return _process_provider(provider._profile_name, session)
    return provider


def _process_provider(profile: str, session: Session) -> ProcessProvider:
    return ProcessProvider(profile, lambda: session.full_config, popen=partial(_Process, profile))


class _Process:
    """The part of a ``Popen`` that botocore uses. Its answer is checked here, so that each mistake has its words."""

    returncode = 0

    def __init__(self, profile: str, command: Sequence[str], **_: Any) -> None:
        self._way, self._command = way_of("custom-process", profile), command

    def communicate(self) -> tuple[bytes, bytes]:
        with waiting_for(self._way.name):
            try:
                said = programs.answer_of(self._command)
            except programs.NotRun as error:
                raise NoCredentials(f"{self._way.name} {error}", BY_HAND) from None
        if wrong := _wrong(said):
            raise NoCredentials(f"{self._way.name} {wrong}", BY_HAND)
        ends = json.loads(said).get("Expiration")
        if ends is not None and parse_timestamp(ends).timestamp() <= time.time():
            raise Expired(f"{self._way.name} printed keys that have expired already", BY_HAND)
        return said, b""


def _wrong(said: bytes) -> str:
    """The mistake in a credential_process' answer (AWS SDKs guide, "Process credential provider"), without its text."""
    try:
        answer = json.loads(said.decode())
    except (ValueError, RecursionError):
        return "did not print JSON" if said.strip() else "printed nothing"
    if not isinstance(answer, dict):
        return "did not print a JSON object"
    if answer.get("Version") != 1:
        return 'did not print "Version": 1'
    for key in ("AccessKeyId", "SecretAccessKey"):
        if not isinstance(answer.get(key), str) or not answer[key]:
            return f"did not print {key}"
    for key in ("SessionToken", "AccountId"):
        if not isinstance(answer.get(key) or "", str):
            return f"printed a {key} that is no string"
    expiry = answer.get("Expiration")
    if expiry is not None and not _is_time(expiry):
        return "printed an Expiration that is not a time with its zone (2030-01-31T12:00:00Z)"
    return ""


def _is_time(text: object) -> bool:
    try:
        return isinstance(text, str) and parse_timestamp(text).tzinfo is not None
    except Exception:  # noqa: BLE001 - its parser raises whatever a text brings about
        return False


# --- the keys of one source -------------------------------------------------------------------------------------------


class KeyHolder:
    """The keys for reading, or for acting, of one source: got by one thread, waited for by this source alone."""

    def __init__(self, make: Callable[[], Session], profile: str) -> None:
        self.session: Session | None = None
        self._make, self._profile = make, profile
        self._got: Credentials | None = None
        self._held: _Held | None = None
        self._flight: SingleFlight[None] = SingleFlight()
        self._renewed_at = 0.0

    def ready(self) -> ReadOnlyCredentials:
        """The keys now, got or renewed where that is due. Raises Unusable, NoCredentials, or what botocore raises."""
        if self._held is None or self._due(EXPIRING_S):
            try:
                self._flight.get(self._get, f"the AWS keys of {self._named}")
            except StillWaiting as error:
                raise NoCredentials(
                    f"still waiting for {error.what}", "run it, or read it, by hand: it hangs"
                ) from None
        elif self._due(None) and time.monotonic() - self._renewed_at > RENEWED_EVERY_S:
            self._renewed_at = time.monotonic()
            self._flight.start(self._get, f"the AWS keys of {self._named}")
        assert self._held is not None
        return self._held.get_frozen_credentials()

    @property
    def way(self) -> Way | None:
        """The way that the keys came; None before they did."""
        got = self._got
        return None if got is None else way_of(str(got.method), self._profile)

    @property
    def _named(self) -> str:
        return f"profile {self._profile}" if self._profile else "the default chain"

    def _due(self, within_s: int | None) -> bool:
        """Tell whether they end within so many seconds; None: so soon that AWS's tools renew them."""
        got = self._got
        return isinstance(got, RefreshableCredentials) and bool(got.refresh_needed(within_s))

    def _get(self) -> None:
        session = self.session or self._make()
        got = self._got or session.get_credentials()
        if got is None:
            raise NoCredentialsError
        with named(str(got.method), self._profile):
            keys = got.get_frozen_credentials()
        _check(keys, way_of(str(got.method), self._profile))
        held = self._held or _Held(keys, str(got.method))
        held.keys = keys
        session._credentials = held  # what a client signs with: it neither waits nor runs anything
        self.session, self._got, self._held = session, got, held


class _Held(Credentials):  # type: ignore[misc]
    """Keys as they are, for signing."""

    def __init__(self, keys: ReadOnlyCredentials, method: str) -> None:
        super().__init__(keys.access_key, keys.secret_key, keys.token, method, keys.account_id)
        self.keys = keys

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        return self.keys


def _check(keys: ReadOnlyCredentials, way: Way) -> None:
    """Refuse what no header can carry, and keep the rest out of every text."""
    for value in (keys.access_key, keys.secret_key, keys.token):
        if value is None:
            continue
        if not isinstance(value, str) or not value.isascii() or not value.isprintable() or not value.strip():
            raise NoCredentials(f"{way.name}: they hold characters that no key of AWS has", way.change)
    for value in (keys.secret_key, keys.token):
        if value:
            keep_secret(value)


def in_environment(environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether keys in the environment stand before what AWS_PROFILE names, as AWS's tools have it."""
    return bool(environ.get("AWS_ACCESS_KEY_ID"))
