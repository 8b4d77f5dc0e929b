"""What a release is made of: which packages, with which licences; the launcher and the ``.pyz``, on stand-ins."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import time
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import botocore
import pytest
import yaml
from release import archive, bundle, elf, formula, interpreter, packages, pyz
from release.packages import ROOT

import oncall_tui

AWS = ROOT / "src" / "oncall_tui" / "providers" / "aws"
LOCKED = [re.split(r"[=;\s]", line)[0] for line in packages.locked()]


def called() -> Iterator[str]:
    """The services of AWS that have clients here: ``AwsClient(sessions, "ecs", …)``, ``….client("sns")``."""
    for file in sorted(AWS.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call):
                continue
            named = [one.value for one in node.args[:2] if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if isinstance(node.func, ast.Name) and node.func.id == "AwsClient":
                assert named, f"{file.name}:{node.lineno}: which service, is only known when it runs"
                yield named[0]
            elif isinstance(node.func, ast.Attribute) and node.func.attr == "client" and named:
                yield named[0]


def test_the_data_of_botocore_that_is_kept_is_what_is_called() -> None:
    found = set(called())
    assert found - set(packages.CALLED) == set(), "name them in CALLED of release/packages.py"
    assert {"ecs", "cloudwatch", "logs", "sns"} < found


def test_what_botocore_calls_for_keys_is_kept() -> None:
    folder = Path(botocore.__file__).parent
    text = "".join((folder / name).read_text() for name in ("credentials.py", "tokens.py", "utils.py"))
    asked = re.findall(r"(?:client_creator|create_client|create_nested_client)\(\s*(?:\w+, )?['\"]([\w-]+)['\"]", text)
    assert {"sso", "sts"} <= set(asked) <= set(packages.FOR_KEYS)
    assert "sso-oidc" in text


def test_what_is_kept_is_there() -> None:
    data = Path(botocore.__file__).parent / "data"
    assert [name for name in (*packages.CALLED, *packages.FOR_KEYS) if not (data / name).is_dir()] == []


@pytest.mark.parametrize("name", LOCKED)
def test_every_package_inside_brings_its_licence(name: str) -> None:
    assert packages.licence_files(distribution(name))


def test_a_package_without_a_licence_stops_the_build(tmp_path: Path) -> None:
    made = tmp_path / "bare-1.0.dist-info"
    made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: bare\nVersion: 1.0\n")
    (made / "RECORD").write_text("bare-1.0.dist-info/METADATA,,\n")
    with pytest.raises(SystemExit, match="no licence text in the wheel of bare"):
        packages.licences(tmp_path, tmp_path / "LICENSES")


def test_the_compiled_packages_are_those_that_a_pyz_has_for_each_python() -> None:
    compiled = [name for name in LOCKED if "Root-Is-Purelib: false" in (distribution(name).read_text("WHEEL") or "")]
    assert tuple(compiled) == packages.COMPILED


def test_what_is_left_out_is_imported_by_nothing_here() -> None:
    text = "".join(file.read_text() for file in (ROOT / "src").rglob("*.py"))
    for name in (*packages.NEVER_IMPORTED, *interpreter.LEFT_OUT, *interpreter.LEFT_OUT_COMPILED):
        module = name.removesuffix(".py")
        assert not re.search(rf"^\s*(import|from) {re.escape(module)}\b", text, re.MULTILINE), module


def test_the_launcher_finds_its_folder_through_links(tmp_path: Path) -> None:
    folder = tmp_path / "opt" / "oncall"
    program = folder / "python" / "bin" / "python3.11"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$0" "$@"\n')
    launcher = folder / "oncall-tui"
    launcher.write_text(bundle.LAUNCHER.format(version="3.11"))
    for file in (program, launcher):
        file.chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "oncall-tui").symlink_to(launcher)
    (tmp_path / "bin" / "ot").symlink_to("oncall-tui")
    (tmp_path / "bin" / "up").symlink_to("../opt/oncall/oncall-tui")
    for command, here in (("bin/oncall-tui", "."), ("./ot", "bin"), ("bin/up", "."), ("./oncall-tui", "opt/oncall")):
        done = subprocess.run(
            [command, "status", "a b"], cwd=tmp_path / here, capture_output=True, text=True, check=True
        )
        ran, *arguments = done.stdout.splitlines()
        assert (tmp_path / here / ran).resolve() == program
        assert arguments == ["-I", "-m", "oncall_tui", "status", "a b"]


def test_an_archive_is_the_same_again_and_its_sum_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    folder = tmp_path / "it"
    folder.mkdir()
    (folder / "run").write_text("x")
    (folder / "run").chmod(0o700)
    archive.pack(folder, tmp_path / "it.tar.gz")
    first = (tmp_path / "it.tar.gz").read_bytes()
    os.utime(folder / "run", (5, 5))
    monkeypatch.setattr(time, "time", lambda: 1_900_000_000.0)  # what gzip puts into its header by itself
    archive.pack(folder, tmp_path / "it.tar.gz")
    assert (tmp_path / "it.tar.gz").read_bytes() == first
    assert sorted(os.listdir(tmp_path)) == ["it", "it.tar.gz"]
    with tarfile.open(tmp_path / "it.tar.gz") as packed:
        assert [(m.name, m.mode, m.uid) for m in packed] == [("it", 0o755, 0), ("it/run", 0o755, 0)]
    sums = archive.write_sums(tmp_path)
    assert sums.read_text() == f"{hashlib.sha256(first).hexdigest()}  it.tar.gz\n"
    subprocess.run(["sha256sum", "--check", "--quiet", sums.name], cwd=tmp_path, check=True)


def test_a_file_that_needs_a_newer_glibc_stops_the_build() -> None:
    most = [elf.Needs((2, 34), Path("_core.cpython-311-x86_64-linux-gnu.so")), elf.Needs((2, 17), Path("_yaml.so"))]
    assert elf.told(most) == "2.34 (_core), 2.17 (_yaml)"
    elf.must_run_on(None, most)
    elf.must_run_on("2.34", most)
    with pytest.raises(SystemExit, match=r"more than glibc 2\.4 is needed: 2\.34 \(_core\)"):
        elf.must_run_on("2.4", most)
    with pytest.raises(SystemExit, match="not found: no-such-program"):
        elf.must_find("python3", "no-such-program")


# --- the .pyz: its first file, on a stand-in for the program ----------------------------------------------------------

STAND_IN = "import sys\ndef run():\n    print('ran', __file__, *sys.argv[1:])\n"


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A ``.pyz`` as it is made, but for what it carries."""
    here = "{}.{}".format(*sys.version_info[:2])
    files = {"all/oncall_tui/__init__.py": "", "all/oncall_tui/__main__.py": STAND_IN, "cp39/no": "", "LICENSES/no": ""}
    files[f"cp{here.replace('.', '')}/compiled"] = ""
    made = tmp_path / "it.pyz"
    start = pyz.start("1.0", "ab" * 32, os.uname().machine, (here,))
    with zipfile.ZipFile(made, "w") as whole:
        for name, text in {"__main__.py": start, **files}.items():
            whole.writestr(name, text)
    return made


def started(file: Path, cache: Path, **more: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(cache.parent), "XDG_CACHE_HOME": str(cache), **more}
    return subprocess.run([sys.executable, str(file), "a"], capture_output=True, text=True, env=env, check=False)


def test_a_pyz_unpacks_once_to_a_folder_of_ones_own(stand_in: Path, tmp_path: Path) -> None:
    first, second = started(stand_in, tmp_path / "cache"), started(stand_in, tmp_path / "cache")
    assert "unpacking to" in first.stderr
    assert second.stderr == ""
    assert first.stdout == second.stdout
    (kept,) = (tmp_path / "cache" / "oncall-tui").iterdir()
    assert kept.name.startswith("1.0-abababababababab-py3.")
    assert first.stdout == f"ran {kept}/oncall_tui/__main__.py a\n"
    assert sorted(one.name for one in kept.iterdir()) == ["compiled", "oncall_tui"]
    assert {one.stat().st_mode & 0o777 for one in (kept, kept.parent)} == {0o700}


def test_a_pyz_refuses_a_folder_that_others_can_write_to(stand_in: Path, tmp_path: Path) -> None:
    (tmp_path / "cache" / "oncall-tui").mkdir(parents=True)
    (tmp_path / "cache" / "oncall-tui").chmod(0o777)
    refused = started(stand_in, tmp_path / "cache")
    assert refused.returncode == 1
    assert "no folder that this account alone can write to (set ONCALL_TUI_CACHE" in refused.stderr
    own = started(stand_in, tmp_path / "cache", ONCALL_TUI_CACHE=str(tmp_path / "mine"))
    assert own.stdout.startswith(f"ran {tmp_path}/mine/1.0-")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    assert started(stand_in, tmp_path / "cache", ONCALL_TUI_CACHE=str(tmp_path / "link")).returncode == 1


def test_a_pyz_that_cannot_be_unpacked_leaves_nothing_half(stand_in: Path, tmp_path: Path) -> None:
    data = stand_in.read_bytes()
    at = data.index(b"print('ran'")
    stand_in.write_bytes(data[:at] + b"X" + data[at + 1 :])  # its checksum does not fit any more
    refused = started(stand_in, tmp_path / "cache")
    assert refused.returncode == 1
    assert "could not unpack" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert list((tmp_path / "cache" / "oncall-tui").iterdir()) == []


def test_a_pyz_says_which_python_and_machine_it_is_for(stand_in: Path, tmp_path: Path) -> None:
    for told, expected in (
        (pyz.start("1.0", "ab" * 32, os.uname().machine, ("3.99",)), "for Python 3.99, and this is 3."),
        (pyz.start("1.0", "ab" * 32, "vax", pyz.PYTHONS), "for Linux on vax (take the one for"),
    ):
        other = tmp_path / "other.pyz"
        with zipfile.ZipFile(other, "w") as whole:
            whole.writestr("__main__.py", told)
        refused = started(other, tmp_path / "cache")
        assert refused.returncode == 1
        assert expected in refused.stderr


# --- what a release is published by -----------------------------------------------------------------------------------


def test_the_formula_has_the_names_and_sums_of_a_release() -> None:
    names = ("oncall_tui-1.2.tar.gz", "oncall-tui-1.2-linux-x86_64.tar.gz", "oncall-tui-1.2-linux-aarch64.tar.gz")
    sums = "".join(f"{at * 64}  {name}\n" for at, name in zip("abc", names, strict=True))
    text = formula.formula("owner/name", sums + f"{'d' * 64}  oncall-tui-1.2-linux-x86_64.pyz\n")
    assert "@" not in text.replace("python@3.13", "")
    found = re.findall(r'url "\S+/owner/name/releases/download/v1.2/(\S+)"\s+sha256 "(\w+)"', text)
    assert found == [(name, at * 64) for at, name in zip("abc", names, strict=True)]
    with pytest.raises(SystemExit, match="linux-aarch64"):
        formula.formula("owner/name", "\n".join(sums.splitlines()[:2]))


def test_the_version_is_told_alike() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert told == oncall_tui.__version__
    assert f"it=oncall-tui-{told}-linux-x86_64\n" in (ROOT / "docs" / "install.md").read_text()


def test_the_image_runs_as_the_account_that_the_task_names() -> None:
    text = (ROOT / "Containerfile").read_text()
    (container,) = json.loads((ROOT / "config/ecs/task-definition.json").read_text())["containerDefinitions"]
    assert f"USER {container['user']}\n" in text
    state = next(one["containerPath"] for one in container["mountPoints"] if one["sourceVolume"] == "journal")
    assert f"VOLUME {state}\n" in text
    assert re.findall(r"site-packages|python:(3\.\d+)-", text).count("3.11") == 2


@pytest.mark.parametrize("name", ["ci", "release"])
def test_a_workflow_calls_what_there_is(name: str) -> None:
    """Every job that it waits for, every make target and every module of this folder."""
    text = (ROOT / ".github" / "workflows" / f"{name}.yml").read_text()
    jobs = yaml.safe_load(text)["jobs"]
    for job in jobs.values():
        needs = job.get("needs", [])
        assert {needs} <= set(jobs) if isinstance(needs, str) else set(needs) <= set(jobs)
        assert job["timeout-minutes"] <= 45
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for line in re.findall(r"\bmake ([^\n]+)", text):
        asked = re.sub(r'\w+=("[^"]*"|\S+)', "", line).split()
        assert not asked or set(asked) <= set(targets), line
    for module in re.findall(r"-m release\.(\w+)", text):
        assert (ROOT / "release" / f"{module}.py").is_file()


def test_an_interpreter_brings_its_licence_and_those_of_what_is_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "LICENSE.txt").write_text("terms")
    it = interpreter.Interpreter("3.11", "3.11.9", Path("p"), Path("l"), Path("c"), tmp_path / "LICENSE.txt")
    bundle.copy_licences(it, [tmp_path / "libpython3.11.so.1.0"], tmp_path / "static")
    names = {file.stem for file in (tmp_path / "static/python-3.11.9/libraries").iterdir()}
    assert {"openssl-3", "sqlite", "zlib", "libffi", "expat", "mpdecimal"} <= names
    assert (tmp_path / "static/python-3.11.9/LICENSE.txt").read_text() == "terms"
    with pytest.raises(SystemExit, match="no licence text for"):
        bundle.copy_licences(it, [tmp_path / "libunheard-of.so.1"], tmp_path / "other")
