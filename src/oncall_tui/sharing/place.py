"""The place of a recorder's socket, and who is at its other end: nobody else reads, or is believed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import socket
import stat
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from oncall_tui.errors import SharingError

LONGEST = 100  # bytes of a socket's path: the systems take 104 to 108
_CREDENTIALS = struct.Struct("3i")  # SO_PEERCRED of unix(7): pid, uid, gid


class SocketPeer(NamedTuple):
    """The process at the other end of a socket, as the system knows it."""

    pid: int
    uid: int
    gid: int


def socket_path(configured: str, journal: Path, environ: Mapping[str, str]) -> Path:
    """Return the configured path; else the one beside the journal, or in XDG_RUNTIME_DIR where that is too long.

    Raises SharingError where there is none that a system takes.
    """
    beside = Path(configured).expanduser() if configured else journal.with_name(f"{journal.name}.socket")
    if len(os.fsencode(beside)) <= LONGEST:
        return beside
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if configured or not runtime.startswith("/"):
        raise SharingError(f"the socket's path is longer than {LONGEST} bytes", "set recorder.socket to a shorter one")
    name = hashlib.sha256(os.fsencode(journal)).hexdigest()[:16]
    return Path(runtime) / f"oncall-tui-{name}.socket"


def listen(path: Path, group: int | None) -> socket.socket:
    """Return a socket that listens at *path*, for this account alone, or for *group* (a gid) too.

    For the holder of the lease alone: what an earlier recorder left is removed. Raises OSError, SharingError.
    """
    _raise_if_not_told()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise SharingError(f"{path} is something else than a socket")
        path.unlink()
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(found.fileno(), 0o600)  # so that the file never has another mode (unix(7): fchmod before bind)
        found.bind(str(path))
        if group is not None:
            os.chown(path, -1, group)
            os.chmod(path, 0o660)
        found.listen(32)
    except BaseException:
        found.close()
        raise
    return found


def peer_of(connection: socket.socket) -> SocketPeer:
    """Return who is at the other end. Raises SharingError where this system does not tell."""
    _raise_if_not_told()
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return SocketPeer(*_CREDENTIALS.unpack(told))


def _raise_if_not_told() -> None:
    if sys.platform != "linux":
        raise SharingError("this system does not tell who is at the other end of a socket")


def may_read(peer: SocketPeer, group: int | None) -> bool:
    """Tell whether this peer may read: the same account, root, or a member of *group*."""
    if peer.uid in (os.geteuid(), 0) or (group is not None and peer.gid == group):
        return True
    if group is None:
        return False
    try:
        account = pwd.getpwuid(peer.uid)
    except KeyError:
        return False
    return group in os.getgrouplist(account.pw_name, account.pw_gid)


def believe(peer: SocketPeer, path: Path) -> None:
    """Raise SharingError where a recorder at *path* is another account's than this one, root, or the folder's owner.

    What it says is shown to an engineer as the truth, so nobody else may stand in its place.
    """
    try:
        folder = os.stat(path.parent)
    except OSError as error:
        raise SharingError(f"{path.parent} cannot be read: {error.strerror}") from None
    if folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
        raise SharingError(f"{path.parent} can be written by everybody")
    if peer.uid not in (os.geteuid(), 0, folder.st_uid):
        raise SharingError(f"it runs as the account {peer.uid}, which neither is yours nor owns {path.parent}")
