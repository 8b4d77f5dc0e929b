"""The authorities that TLS trusts, and the certificate that this side shows.

Trusted are the public authorities (certifi's list), those of the machine, and besides them what ``SSL_CERT_FILE``,
``SSL_CERT_DIR`` and a source's ``ca_file`` name: OpenSSL's own rule, by which SSL_CERT_FILE replaces all others, would
take the public services away from whoever sets it for a gateway with an authority of its own.
"""

from __future__ import annotations

import os
import ssl
import stat
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from oncall_tui.errors import NoCredentials, Offline, SourceError

# Where distributions keep their authorities; a Python that was built elsewhere knows none of these.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_LIMIT = 16 * 1024 * 1024  # bytes of a file of certificates


class TlsFiles(msgspec.Struct, frozen=True):
    """The files that a source names: its authority, and the certificate and key of this side."""

    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""

    @property
    def any(self) -> bool:
        return bool(self.ca_file or self.client_cert)


NO_FILES = TlsFiles()


class ExtraAuthority(msgspec.Struct, frozen=True):
    """An authority that a setting or variable names: *told_by* is the name, for messages."""

    told_by: str
    path: str
    folder: bool = False


_contexts: dict[object, ssl.SSLContext] = {}
_lock = threading.Lock()


def tls_context(
    files: TlsFiles = NO_FILES,
    environ: Mapping[str, str] | None = None,
    extra: tuple[ExtraAuthority, ...] = (),
    use: str = "http",
) -> ssl.SSLContext:
    """The context, made once for the same files as they are now. Raises Offline or NoCredentials, naming the file.

    *use* keeps contexts apart: urllib3 changes the one that it is given.
    """
    env = os.environ if environ is None else environ
    authorities = (*_from_environment(env), *extra)
    if files.ca_file:
        authorities = (*authorities, ExtraAuthority("ca_file", _path(files.ca_file)))
    for one in authorities:
        _examine(one)
    chain = _chain(files)
    key = (use, authorities, chain, tuple(_stamp(path) for path in (*(a.path for a in authorities), *chain)))
    with _lock:
        if key not in _contexts:
            for old in [other for other in _contexts if other[:3] == key[:3]]:  # type: ignore[index]
                del _contexts[old]
            _contexts[key] = _made(authorities, chain)
        return _contexts[key]


def blind_context() -> ssl.SSLContext:
    """Return a context that trusts nobody, for plain http."""
    with _lock:
        return _contexts.setdefault("http", ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def mistakes(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return what cannot be used of the variables, for ``check``: one line each."""
    found = []
    for one in _from_environment(os.environ if environ is None else environ):
        try:
            _examine(one)
        except SourceError as error:
            found.append(error.message)
    return tuple(found)


def _from_environment(env: Mapping[str, str]) -> tuple[ExtraAuthority, ...]:
    file, folders = env.get("SSL_CERT_FILE", ""), env.get("SSL_CERT_DIR", "")
    found = [ExtraAuthority("$SSL_CERT_FILE", _path(file))] if file else []
    found += [ExtraAuthority("$SSL_CERT_DIR", _path(folder), True) for folder in folders.split(os.pathsep) if folder]
    return tuple(found)


def _path(text: str) -> str:
    return os.path.expanduser(text)


def _stamp(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return 0, 0
    return found.st_mtime_ns, found.st_size


# --- examining the files before OpenSSL does: its errors name none, and it waits for a pipe or a passphrase ----------


def _examine(one: ExtraAuthority) -> None:
    wants = "a folder of certificates" if one.folder else "a file of certificates in PEM format"
    hint = f"set {one.told_by.lstrip('$')} to {wants}, or {'unset it' if one.told_by[0] == '$' else 'remove it'}"
    why = _why_not(one.path, one.folder)
    if not why and not one.folder and b"-----BEGIN " not in _read(one.path):
        why = "has no certificate in PEM format"
    if why:
        raise Offline(f"{one.told_by} names {one.path}, which {why}", hint)


def _why_not(path: str, folder: bool) -> str:
    """Why that file or folder cannot be used; empty: it can."""
    try:
        found = os.stat(path)
        if folder:
            os.listdir(path)
            return "" if stat.S_ISDIR(found.st_mode) else "is not a folder"
        if not stat.S_ISREG(found.st_mode):
            return "is not a regular file"
        if found.st_size > _LIMIT:
            return f"is larger than {_LIMIT >> 20} MiB"
        with open(path, "rb"):
            return ""
    except NotADirectoryError:
        return "is not a folder" if folder else "does not exist"
    except (FileNotFoundError, ValueError):
        return "does not exist"
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def _chain(files: TlsFiles) -> tuple[str, ...]:
    """The files of the client's certificate and key, checked."""
    if not files.client_cert:
        return ()
    named = [("client_cert", files.client_cert)]
    named += [("client_key", files.client_key)] if files.client_key else []
    paths = []
    for setting, text in named:
        path = _path(text)
        why = _why_not(path, False)
        if not why and b"-----BEGIN " not in (content := _read(path)):
            why = "has nothing in PEM format"
        if not why and setting == named[-1][0] and b"PRIVATE KEY-----" not in content:
            why = "has no private key: name its file as client_key" if len(named) == 1 else "has no private key"
        if why:
            raise NoCredentials(f"{setting} names {path}, which {why}", f"correct {setting} of this source")
        paths.append(path)
    return tuple(paths)


# --- making one -------------------------------------------------------------------------------------------------------


def _made(authorities: tuple[ExtraAuthority, ...], chain: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _load_public(context)
    for one in authorities:
        with _told(f"{one.told_by} names {one.path}, which has a certificate that cannot be read", one.told_by):
            if one.folder:
                _load_folder(context, one.path)
            else:
                context.load_verify_locations(cafile=one.path)
    if chain:
        _load_chain(context, chain)
    return context


def _load_public(context: ssl.SSLContext) -> None:
    """Load certifi's authorities and the machine's own."""
    import certifi

    with _told(f"the public authorities of {certifi.where()} cannot be read", "the package certifi: install it anew"):
        context.load_verify_locations(cafile=certifi.where())
    paths = ssl.get_default_verify_paths()
    if _hashed(paths.openssl_capath):
        context.load_verify_locations(capath=paths.openssl_capath)  # looked up when it is needed: costs nothing now
        return
    for bundle in (paths.openssl_cafile, *_BUNDLES):
        if not _why_not(bundle, False):
            try:
                context.load_verify_locations(cafile=bundle)
                return
            except (OSError, ssl.SSLError):  # a damaged list of the machine's is none: certifi's is there
                continue


def _hashed(folder: str) -> bool:
    """Return whether OpenSSL finds authorities in *folder* by their hashed names."""
    try:
        return any(name.endswith(".0") for name in os.listdir(folder))
    except OSError:
        return False


def _load_folder(context: ssl.SSLContext, path: str) -> None:
    """Load the folder: by its hashed names, as OpenSSL looks them up, and else each file of certificates in it."""
    context.load_verify_locations(capath=path)
    for name in sorted(os.listdir(path)):
        file = os.path.join(path, name)
        if name.endswith((".pem", ".crt", ".cer")) and not _why_not(file, False) and b"-----BEGIN " in _read(file):
            context.load_verify_locations(cafile=file)


def _load_chain(context: ssl.SSLContext, chain: tuple[str, ...]) -> None:
    place = " and ".join(chain)
    hint = "correct client_cert and client_key of this source"
    try:
        # Without the callback OpenSSL would ask the terminal for a passphrase.
        context.load_cert_chain(chain[0], chain[-1], password=_no_passphrase)
    except _Encrypted:
        raise NoCredentials(f"the key in {chain[-1]} wants a passphrase", "name a key without one") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", "") or ""
        why = "do not belong together" if "MISMATCH" in reason else "cannot be read as certificate and key"
        raise NoCredentials(f"{place} {why}{f' ({reason})' if reason else ''}", hint) from None


class _Encrypted(Exception):
    """The key asks for a passphrase."""


def _no_passphrase() -> bytes:
    raise _Encrypted


@contextmanager
def _told(message: str, what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", "") or getattr(error, "strerror", "") or error.__class__.__name__
        raise Offline(f"{message} ({reason})", f"correct {what.lstrip('$')}") from None
