"""The surroundings: one row for each. Who finds a new one adds a row here."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
from collections.abc import Callable

from tests.end_to_end.surroundings import Place, Row

EUC = {"LANG": "ja_JP.eucJP", "LC_ALL": "ja_JP.eucJP", "PYTHONUTF8": "0"}
PLAIN = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
TYPED = (
    b"\xe1\xff\xfe\xa4\xb3\xe3\x81\x80\x1b[\x1b]\x00\x1b[999;999;999~"  # latin-1, EUC-JP, what was cut, what is none
)
Prepare = Callable[[Place], object]
NO_KEYS: dict[str, str | None] = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}


def _dead_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


DEAD = f"127.0.0.1:{_dead_port()}"


def _closed_ports(place: Place) -> None:
    place.source("prom", url=f"http://{DEAD}")
    place.source("prod", endpoint_url=f"http://{DEAD}")


def _fault(kind: str, **more: object) -> Prepare:
    def prepare(place: Place) -> None:
        for source in ("prom", "prod"):
            place.world.fault(kind, source, **more)

    return prepare


def _aws(text: str) -> Prepare:
    return lambda place: place.aws(text)


def _written(data: bytes, name: str) -> Prepare:
    return lambda place: (place.folder / name).write_bytes(data)


def _journal_locked(place: Place) -> None:
    db = sqlite3.connect(place.journal, check_same_thread=False)
    db.execute("PRAGMA journal_mode=DELETE")
    db.execute("CREATE TABLE IF NOT EXISTS held (x)")
    db.execute("BEGIN EXCLUSIVE")
    place.held.append(db)


def _journal_newer(place: Place) -> None:
    db = sqlite3.connect(place.journal)
    db.execute("PRAGMA user_version = 9999")
    db.execute("CREATE TABLE entry (number INTEGER PRIMARY KEY, what TEXT)")
    db.commit()
    db.close()


def _config_is(make: str) -> Prepare:
    def prepare(place: Place) -> None:
        place.path.unlink()
        if make == "fifo":
            os.mkfifo(place.path)
        elif make == "folder":
            place.path.mkdir()
        elif make == "loop":
            place.path.symlink_to(place.path)

    return prepare


def _no_journal_line(place: Place) -> None:
    place.write(journal=None)


TERMINAL = [
    Row("terminal", "nothing hostile"),
    Row("terminal", "TERM=dumb", {"TERM": "dumb"}),
    Row("terminal", "TERM is not set", {"TERM": None}),
    Row("terminal", "TERM=linux", {"TERM": "linux"}),
    Row("terminal", "TERM=vt100", {"TERM": "vt100"}),
    Row("terminal", "TERM that nobody knows", {"TERM": "no-such-terminal"}),
    Row("terminal", "TERM=screen in tmux", {"TERM": "screen", "TMUX": "/tmp/none,1,0"}),
    Row("terminal", "COLUMNS and LINES of another window", {"COLUMNS": "200", "LINES": "60"}, size=(60, 20)),
    Row("terminal", "COLUMNS=wide LINES=-1", {"COLUMNS": "wide", "LINES": "-1"}),
    Row("terminal", "COLUMNS=0 LINES=0", {"COLUMNS": "0", "LINES": "0"}),
    Row("terminal", "5×2 cells", size=(5, 2), commands=("board",)),
    Row("terminal", "no size at all", size=(0, 0), commands=("board",)),
    Row("terminal", "NO_COLOR", {"NO_COLOR": "1", "COLORTERM": None}),
    Row("terminal", "bytes that are no UTF-8 are typed", keys=TYPED, commands=("board",)),
    Row("terminal", "nothing is typed: stdin is /dev/null", redirect="</dev/null"),
    Row("terminal", "stdin closed", redirect="<&-"),
    Row("terminal", "stdout closed", redirect=">&-"),
    Row("terminal", "stderr closed", redirect="2>&-"),
    Row("terminal", "all three closed", redirect="<&- >&- 2>&-"),
    Row("terminal", "stdout full", redirect=">/dev/full"),
    Row("terminal", "stderr full", redirect="2>/dev/full"),
    Row("terminal", "the terminal goes away", leave="close", commands=("board",)),
    Row("terminal", "it goes away without a hangup", shell="trap '' HUP", leave="close", commands=("board",)),
    *(
        Row("terminal", f"ended by {number.name}", leave=int(number), commands=("board",))
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT)
    ),
    Row("terminal", "TEXTUAL_ variables of another program", {"TEXTUAL_FPS": "x", "TEXTUAL_ANIMATIONS": "x"}),
    Row("terminal", "TEXTUAL_PRESS of another program", {"TEXTUAL_PRESS": "a,R,y", "TEXTUAL": "devtools,debug"}),
    Row("terminal", "TEXTUAL_DRIVER of another program", {"TEXTUAL_DRIVER": "nowhere:Driver"}),
    Row("terminal", "TEXTUAL_COLOR_SYSTEM and log", {"TEXTUAL_COLOR_SYSTEM": "x", "TEXTUAL_LOG": "/proc/no/log"}),
]

LOCALE = [
    Row("locale", "LANG=C", PLAIN),
    Row("locale", "POSIX, and Python left to coerce it", {"LANG": "POSIX", "LC_ALL": None, "PYTHONUTF8": None}),
    Row("locale", "ja_JP.eucJP", {**EUC, "PYTHONIOENCODING": "euc_jp"}),
    Row("locale", "PYTHONIOENCODING=ascii", {"PYTHONIOENCODING": "ascii"}),
    Row("locale", "PYTHONIOENCODING=latin-1:strict", {"PYTHONIOENCODING": "latin-1:strict"}),
    Row("locale", "PYTHONIOENCODING=utf-16", {"PYTHONIOENCODING": "utf-16"}),
    Row("locale", "a locale that is not installed", {"LC_ALL": "xx_YY.UTF-8", "LANG": "xx_YY"}),
    Row("locale", "PYTHONWARNINGS=error", {"PYTHONWARNINGS": "error"}),
    Row("locale", "PYTHONOPTIMIZE=2", {"PYTHONOPTIMIZE": "2"}),
]

NETWORK = [
    Row("network", "HTTP_PROXY to a dead port", {"HTTP_PROXY": f"http://{DEAD}", "http_proxy": f"http://{DEAD}"}),
    Row("network", "HTTPS_PROXY to a dead port", {"HTTPS_PROXY": f"http://{DEAD}"}),
    Row("network", "ALL_PROXY=socks5h", {"ALL_PROXY": f"socks5h://{DEAD}"}),
    Row("network", "ALL_PROXY=socks4", {"all_proxy": f"socks4://{DEAD}"}),
    Row("network", "http_proxy is no address", {"http_proxy": "::::"}),
    Row("network", "http_proxy without a scheme", {"http_proxy": DEAD}),
    Row("network", "http_proxy with a password", {"http_proxy": f"http://me:hunter2@{DEAD}"}),
    Row("network", "http_proxy with a port that is no number", {"http_proxy": "http://proxy:port"}),
    Row(
        "network",
        "NO_PROXY with IPv6 and a range",
        {"http_proxy": f"http://{DEAD}", "NO_PROXY": "::1/128,127.0.0.0/8,localhost", "no_proxy": None},
    ),
    Row("network", "NO_PROXY=*", {"http_proxy": f"http://{DEAD}", "NO_PROXY": "*"}),
    Row(
        "network",
        "NO_PROXY of odd entries",
        {"NO_PROXY": ",, [::1],*.x, http://a/b, 10.0.0.0/99,\t;", "no_proxy": None},
    ),
    Row("network", "SSL_CERT_FILE is not there", {"SSL_CERT_FILE": "/nonexistent/ca.pem"}),
    Row("network", "SSL_CERT_FILE is garbage", {"SSL_CERT_FILE": "{folder}/ca.pem"}, _written(b"\0garbage", "ca.pem")),
    Row("network", "SSL_CERT_FILE is a folder", {"SSL_CERT_FILE": "{folder}"}),
    Row("network", "SSL_CERT_FILE is empty", {"SSL_CERT_FILE": ""}),
    Row("network", "SSL_CERT_DIR is not there", {"SSL_CERT_DIR": "/nonexistent"}),
    Row("network", "AWS_CA_BUNDLE is not there", {"AWS_CA_BUNDLE": "/nonexistent/ca.pem"}),
    Row("network", "REQUESTS_CA_BUNDLE is not there", {"REQUESTS_CA_BUNDLE": "/nonexistent/ca.pem"}),
    Row("network", "SSLKEYLOGFILE cannot be written", {"SSLKEYLOGFILE": "/nonexistent/keys"}),
    Row("network", "nothing listens", prepare=_closed_ports),
    Row("network", "a server that never answers", prepare=_fault("hang")),
    Row("network", "a server that answers 500", prepare=_fault("error500")),
    Row(
        "network", "a name that does not resolve", prepare=lambda p: p.source("prom", url="http://no-such-host.invalid")
    ),
    Row("network", "netrc that is garbage", {"NETRC": "{folder}/netrc"}, _written(b"machine\xff login", "netrc")),
    Row("network", "HTTP proxy by REQUEST_METHOD (CGI)", {"REQUEST_METHOD": "GET", "HTTP_PROXY": f"http://{DEAD}"}),
]

CREDENTIALS = [
    Row("credentials", "no keys at all", NO_KEYS),
    Row("credentials", "AWS_PROFILE is empty", {"AWS_PROFILE": ""}),
    Row("credentials", "AWS_PROFILE is unknown", {"AWS_PROFILE": "nobody"}),
    Row("credentials", "half of the keys", {"AWS_SECRET_ACCESS_KEY": None}),
    Row("credentials", "keys that expired", {"AWS_SESSION_TOKEN": "old"}, _fault("expired")),
    Row("credentials", "credential_process prints garbage", prepare=_aws("[default]\ncredential_process = echo no\n")),
    Row("credentials", "credential_process is missing", prepare=_aws("[default]\ncredential_process = /no/such/p\n")),
    Row("credentials", "credential_process fails", prepare=_aws("[default]\ncredential_process = sh -c 'exit 3'\n")),
    Row(
        "credentials",
        "credential_process reads the terminal",
        prepare=_aws("[default]\ncredential_process = sh -c 'read x </dev/tty; exit 1'\n"),
    ),
    Row(
        "credentials",
        "credential_process reads its input",
        prepare=_aws("[default]\ncredential_process = sh -c 'read x; exit 1'\n"),
    ),
    Row("credentials", "credential_process never ends", prepare=_aws("[default]\ncredential_process = sleep 600\n")),
    Row(
        "credentials",
        "the web identity file is missing",
        {
            **NO_KEYS,
            "AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent/token",
            "AWS_ROLE_ARN": "arn:aws:iam::111111111111:role/r",
        },
    ),
    Row("credentials", "an SSO cache that is garbage", prepare=lambda p: _sso(p)),
    Row("credentials", "the AWS configuration cannot be parsed", prepare=_aws("[default\nregion")),
    Row("credentials", "AWS_CONFIG_FILE is a folder", {"AWS_CONFIG_FILE": "{folder}"}),
    Row("credentials", "AWS_SHARED_CREDENTIALS_FILE is garbage", prepare=lambda p: _shared(p)),
    Row("credentials", "a malformed region", prepare=lambda p: p.source("prod", region="tokyo one")),
    Row("credentials", "AWS_RETRY_MODE of no meaning", {"AWS_RETRY_MODE": "always"}),
    Row("credentials", "AWS_MAX_ATTEMPTS of no meaning", {"AWS_MAX_ATTEMPTS": "many"}),
    Row("credentials", "AWS_DEFAULTS_MODE of no meaning", {"AWS_DEFAULTS_MODE": "x"}),
    Row("credentials", "AWS_ENDPOINT_URL of no meaning", {"AWS_ENDPOINT_URL": "nowhere"}),
    Row("credentials", "AWS_DATA_PATH is not there", {"AWS_DATA_PATH": "/nonexistent"}),
    Row(
        "credentials",
        "AWS_REQUEST_CHECKSUM_CALCULATION of no meaning",
        {"AWS_REQUEST_CHECKSUM_CALCULATION": "x", "AWS_RESPONSE_CHECKSUM_VALIDATION": "x"},
    ),
    Row(
        "credentials",
        "a role that is assumed from itself",
        prepare=_aws("[default]\nrole_arn = arn:aws:iam::111111111111:role/r\nsource_profile = default\n"),
    ),
]


def _sso(place: Place) -> None:
    place.aws(
        "[default]\nsso_session = s\nsso_account_id = 111111111111\nsso_role_name = r\n"
        "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://example.awsapps.com/start\n"
    )
    cache = place.home / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    # botocore names the file by the SHA-1 of the session's name
    (cache / "a0f1490a20d0211c997b44bc357e1972deab8ae3.json").write_text("{garbage", encoding="utf-8")


def _shared(place: Place) -> None:
    place.aws("")
    (place.home / ".aws" / "credentials").write_bytes(b"\xff\xfe[default\n")


FILES = [
    Row("files", "no configuration", prepare=lambda p: p.path.unlink()),
    Row("files", "configuration without read permission", prepare=lambda p: p.path.chmod(0)),
    Row("files", "configuration that all may write", prepare=lambda p: p.path.chmod(0o666)),
    Row("files", "configuration is a FIFO", prepare=_config_is("fifo")),
    Row("files", "configuration is a folder", prepare=_config_is("folder")),
    Row("files", "configuration is a link to itself", prepare=_config_is("loop")),
    Row("files", "configuration is empty", prepare=_written(b"", "oncall.yaml")),
    Row("files", "configuration is no UTF-8", prepare=_written(b"me: {name: \xe1}\n", "oncall.yaml")),
    Row("files", "configuration is binary", prepare=_written(bytes(range(256)), "oncall.yaml")),
    Row(
        "files",
        "configuration is a YAML bomb",
        prepare=_written(
            b"a: &a [x]\n"
            + b"".join(b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c]\n" % (i + 1, i + 1, *[i] * 6) for i in range(97, 106)),
            "oncall.yaml",
        ),
    ),
    Row("files", "HOME is not set", {"HOME": None, "XDG_CONFIG_HOME": None}, _no_journal_line),
    Row("files", "HOME is not there", {"HOME": "/nonexistent", "XDG_STATE_HOME": None}, _no_journal_line),
    Row("files", "HOME cannot be written", {"HOME": "/proc/1"}, _no_journal_line),
    Row("files", "HOME is relative", {"HOME": "home"}, _no_journal_line),
    Row("files", "XDG_STATE_HOME cannot be written", {"XDG_STATE_HOME": "/proc/1"}, _no_journal_line),
    Row("files", "TMPDIR is not there", {"TMPDIR": "/nonexistent"}),
    Row("files", "the working folder is gone", shell="mkdir gone; cd gone; rmdir ../gone"),
    Row("files", "journal is locked", prepare=_journal_locked),
    Row("files", "journal is no database", prepare=_written(b"no database " * 999, "journal.db")),
    Row("files", "journal is of a newer version", prepare=_journal_newer),
    Row("files", "journal's folder cannot be written", prepare=lambda p: p.write(journal="/proc/1/journal.db")),
    Row("files", "journal is a folder", prepare=lambda p: p.journal.mkdir()),
    Row("files", "journal is /dev/full", prepare=lambda p: p.write(journal="/dev/full")),
    Row("files", "files may grow to 4 kB: the disk is full", shell="ulimit -f 8"),
]

MACHINE = [
    Row("machine", "TZ is garbage", {"TZ": "Nowhere/Land"}),
    Row("machine", "TZ names a file", {"TZ": ":/etc/passwd"}),
    Row("machine", "no time zones are installed", {"PYTHONTZPATH": "", "TZ": "Asia/Tokyo"}),
    Row("machine", "SOURCE_DATE_EPOCH and LC_TIME", {"SOURCE_DATE_EPOCH": "0", "LC_TIME": "xx"}),
    Row("machine", "umask 777", shell="umask 777"),
    Row("machine", "umask 0", shell="umask 0"),
    Row("machine", "64 open files", shell="ulimit -n 64"),
    Row("machine", "24 open files", shell="ulimit -n 24"),
    Row("machine", "12 open files", shell="ulimit -n 12"),
    Row("machine", "no core, a small stack", shell="ulimit -c 0; ulimit -s 512"),
    Row(
        "machine",
        "USER and LOGNAME are odd",
        {"USER": "x\x1b]52;c;eA==\x07", "LOGNAME": "a\nb"},
        lambda p: p.write(me=None),
    ),
    Row("machine", "PATH is empty", {"PATH": ""}),
    Row("machine", "EDITOR, PAGER and BROWSER are odd", {"EDITOR": "\x1b", "PAGER": "false", "BROWSER": "false"}),
]

ROWS: tuple[Row, ...] = tuple(row for row in (*TERMINAL, *LOCALE, *NETWORK, *CREDENTIALS, *FILES, *MACHINE))
