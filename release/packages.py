"""The packages that the bundle and the ``.pyz`` carry: as locked, without what the program never imports.

Wheels are asked for by platform, not by the Python that runs this: those of manylinux2014 run on glibc 2.17.
``python -m release.packages FOLDER LICENCES`` puts them there for the Python that runs it: what an image has.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
EXTRAS = ("mcp", "mcp_types", "pytest")  # of what the assistant's server and `oncall_tui.testing` want: not carried
ADDED = ("tzdata==2026.6",)  # time zones: a small machine has none
COMPILED = ("msgspec", "pyyaml")  # a test holds this: every other wheel is of pure Python

# Locked, as pyproject.toml names them or they depend on another, and imported by nothing: the program calls botocore.
NEVER_IMPORTED = ("boto3", "s3transfer")

# botocore has a folder of data for every service of AWS. The program calls the first; botocore itself the others.
CALLED = (
    *("application-autoscaling", "cloudtrail", "cloudwatch", "codedeploy", "dynamodb", "ecs", "elbv2", "logs", "rds"),
    *("sns", "sqs"),
)
FOR_KEYS = ("signin", "sso", "sso-oidc", "sts")
_GENERAL = ("_retry.json", "endpoints.json", "partitions.json", "sdk-default-configuration.json")

LEXERS = ("__init__", "_mapping", "python", "special")  # Rich's own, of its tracebacks

LICENCE = re.compile(r"(licen[cs]e|copying|notice|authors)", re.IGNORECASE)


def platforms(machine: str) -> tuple[str, ...]:
    """The tags of wheels for Linux on *machine* (x86_64, aarch64), newest first."""
    return (f"manylinux_2_17_{machine}", f"manylinux2014_{machine}")


def wheel(into: Path) -> Path:
    """Build the program's own wheel there; its path."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into)], cwd=ROOT, check=True)
    return max(into.glob("*.whl"), key=lambda file: file.stat().st_mtime)


def locked(names: Iterable[str] = ()) -> list[str]:
    """The pinned requirements, those of *names* alone where given. Never those that nothing imports."""
    lines = [line for line in LOCK.read_text().splitlines() if line and not line.startswith("#")]
    wanted = set(names)
    found = []
    for line in lines:
        name = re.split(r"[=;\s]", line)[0]
        if name not in NEVER_IMPORTED and (not wanted or name in wanted):
            found.append(line)
    return found


def install(requirements: Iterable[str], target: Path, python: str, machine: str) -> None:
    """Put wheels there for a CPython such as ``3.11``, without compiling; what it runs on is not asked."""
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--no-compile"]
    command += ["--only-binary", ":all:", "--python-version", python, "--implementation", "cp", "--target", str(target)]
    for tag in platforms(machine):
        command += ["--platform", tag]
    subprocess.run([*command, *requirements], check=True, env=_quiet())


def _quiet() -> dict[str, str]:
    return {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}


def prune(target: Path) -> None:
    """Take away what the program never reads: data of services that it does not call, lexers, type stubs, scripts."""
    data = target / "botocore" / "data"
    kept = {*CALLED, *FOR_KEYS, *_GENERAL}
    if missing := sorted(name for name in kept if not (data / name).exists()):
        raise SystemExit(f"botocore has no data named {', '.join(missing)}: CALLED, FOR_KEYS of release/packages.py")
    for one in data.iterdir():
        if one.name not in kept:
            shutil.rmtree(one) if one.is_dir() else one.unlink()
    shutil.rmtree(target / "bin", ignore_errors=True)
    lexers = target / "pygments" / "lexers"  # nothing on screen is a program's source
    for one in lexers.glob("*.py"):
        if one.stem not in LEXERS:
            one.unlink()
    for pattern in ("**/*.pyi", "**/examples-1.json*", "**/*.c", "**/*.pyx", "**/*.h"):
        for one in target.glob(pattern):
            one.unlink()


def inside(target: Path) -> list[Distribution]:
    """The distributions that are installed there, by name."""
    return sorted(distributions(path=[str(target)]), key=lambda one: one.metadata["Name"].lower())


def licences(target: Path, into: Path) -> None:
    """Copy each distribution's licence texts to a folder of its own. Raises SystemExit where one has none."""
    lacking = []
    for one in inside(target):
        name, found = one.metadata["Name"], licence_files(one)
        if not found:
            lacking.append(name)
        for file in found:
            place = into / f"{name}-{one.version}" / file.name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
    if lacking:
        raise SystemExit(f"no licence text in the wheel of {', '.join(lacking)}")


def licence_files(one: Distribution) -> list[Path]:
    """The texts that a wheel carries: below ``licenses/`` of its metadata, or beside it."""
    found = []
    for file in one.files or ():
        named = file.parent.name == "licenses" or LICENCE.match(file.name)
        if ".dist-info" in str(file) and named and file.suffix not in (".py", ".pyc"):
            found.append(Path(str(one.locate_file(file))))
    return [file for file in found if file.is_file()]


def main() -> None:
    """Fill a folder for an image."""
    target, texts = (Path(one) for one in sys.argv[1:])
    python = "{}.{}".format(*sys.version_info[:2])
    with tempfile.TemporaryDirectory() as scratch:
        own = str(wheel(Path(scratch)))
        install([*locked(), *ADDED, own], target, python, platform.machine())
    prune(target)
    licences(target, texts)
    compiled = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(target)]
    subprocess.run(compiled, check=True)


if __name__ == "__main__":
    main()
