"""What a ``.pyz`` of oncall-tui runs first: unpacks it once, to a folder that is this account's alone, and starts it.

It stands in the archive as ``__main__.py``, and is read by whatever Python 3 the machine has: it says so where that is
too old. The standard library alone. The folder is named after a digest of what is inside: no other build uses it.
"""

import os
import platform
import stat
import sys

VERSION, DIGEST = "@VERSION@", "@DIGEST@"
MACHINE, PYTHONS = "@MACHINE@", tuple("@PYTHONS@".split())  # noqa: SIM905
HERE = ".".join(map(str, sys.version_info[:2]))
ARCHIVE = __loader__.archive  # this file; sys.argv[0] may be a link, or a name
PLACE = "set ONCALL_TUI_CACHE to a folder that is yours alone"


def refuse(why, hint):
    """Say why it does not start, and what to do."""
    sys.exit(f"oncall-tui: {why} ({hint})")


def own(folder):
    """Make *folder* where it is missing, and refuse one in which another account can put files."""
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        found = os.lstat(folder)
    except OSError as error:
        refuse(f"{folder}: {error.strerror}", PLACE)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        refuse(f"{folder} is no folder that this account alone can write to", PLACE)
    return folder


def cache():
    """The folder that holds what was unpacked."""
    named = os.environ.get("ONCALL_TUI_CACHE", "")
    if named:
        return own(os.path.abspath(named))
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".cache")
    if not os.path.isabs(base):
        refuse("this account has no home folder", PLACE)
    return own(os.path.join(base, "oncall-tui"))


def unpack(into):
    """Write everything beside *into*, and rename it when it is whole: another start sees all of it, or nothing."""
    import shutil
    import tempfile
    import zipfile

    sys.stderr.write(f"oncall-tui {VERSION}: unpacking to {into}, this once\n")
    beside = None
    try:
        beside = tempfile.mkdtemp(prefix=".new-", dir=os.path.dirname(into))  # of mode 0700
        with zipfile.ZipFile(ARCHIVE) as whole:
            for name in whole.namelist():
                part, _, rest = name.partition("/")
                if part in ("all", "cp" + HERE.replace(".", "")):
                    to = os.path.normpath(os.path.join(beside, rest))
                    if not to.startswith(beside + os.sep):
                        refuse(f"{ARCHIVE} is damaged", "compare it with SHA256SUMS")
                    os.makedirs(os.path.dirname(to), 0o700, exist_ok=True)
                    with open(to, "wb") as file:
                        file.write(whole.read(name))
        try:
            os.rename(beside, into)
        except OSError:
            if not os.path.isdir(into):  # else another start was faster, with the same
                raise
    except (OSError, zipfile.BadZipFile) as error:
        refuse(f"could not unpack to {into}: {error}", PLACE)
    finally:
        if beside is not None:
            shutil.rmtree(beside, ignore_errors=True)


def start():
    """Run oncall-tui."""
    if HERE not in PYTHONS:
        refuse(f"this file is for Python {', '.join(PYTHONS)}, and this is {HERE}", "python3.11 " + ARCHIVE)
    if sys.platform != "linux" or platform.machine() != MACHINE:
        refuse(f"this file is for Linux on {MACHINE}", f"take the one for {platform.machine()}")
    folder = os.path.join(cache(), f"{VERSION}-{DIGEST[:16]}-py{HERE}")
    if not os.path.isdir(folder):
        unpack(folder)
    own(folder)
    sys.path[:] = [folder] + [one for one in sys.path if one != ARCHIVE]
    from oncall_tui.__main__ import run

    run()


start()
