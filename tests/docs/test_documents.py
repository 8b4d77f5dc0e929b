"""The documents are held to the code: keys, settings, commands, files and examples."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
from tests.support.fakes import alert
from tests.support.key_tables import PAGES

from oncall_tui import bootstrap
from oncall_tui.cli import COMMANDS
from oncall_tui.cli.completion_table import TABLE
from oncall_tui.config import known_settings, load_text
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.reading import SourceState
from oncall_tui.providers import registry
from oncall_tui.simulator.scenarios.reader import load
from oncall_tui.tui.commands import BY_VERB, by_group, configurable, label, own

ROOT = Path(__file__).parents[2]
NO_ALERTS = {"ecs", "rds", "eventbridge"}  # providers that tell of services, deploys and changes alone
DOCUMENTS = sorted(str(p.relative_to(ROOT)) for p in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")))


def read(name: str) -> str:
    return (ROOT / name).read_text()


def section(name: str, heading: str) -> str:
    """What stands under a second-level heading of a document."""
    text = f"\n{read(name)}"
    assert text.count(f"\n## {heading}\n") == 1, f"{name}: {heading}"
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(name: str, heading: str) -> list[tuple[str, ...]]:
    """The rows of the first table under a heading of a document."""
    part = section(name, heading)
    found = [line for line in part.splitlines() if line.startswith("|")][2:]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in found]


def test_the_key_table_is_made_from_the_bindings() -> None:
    documented = [(key.strip("`"), what) for key, what in rows("docs/keys.md", "The board") if what]
    assert documented == [pair for keys in by_group().values() for pair in keys]


@pytest.mark.parametrize("name", PAGES)
def test_the_tables_of_keys_are_as_they_are_made(name: str) -> None:
    text = read(name)
    assert PAGES[name](text) == text, "python -m tests.support.key_tables"
    assert PAGES[name](text.replace("acknowledge the row", "x")) == text


def test_the_readmes_few_keys_are_of_that_table() -> None:
    few = [(key.strip("`"), what) for key, what in rows("README.md", "Keys at 3 am")]
    assert len(few) == 10
    assert set(few) <= {pair for keys in by_group().values() for pair in keys}


def test_the_japanese_readme_has_the_same_keys_and_configuration() -> None:
    keys = [
        [key for key, _ in rows(name, at)]
        for name, at in (("README.md", "Keys at 3 am"), ("README.ja.md", "3 時のキー"))
    ]
    assert keys[0] == keys[1]
    assert _example("README.ja.md", "導入と設定") == _example("README.md", "Install and configure")


def test_the_japanese_start_page_has_every_key_command_and_state() -> None:
    page = "docs/start.ja.md"
    keys = [key.strip("`") for key, what in rows(page, "キー") if what]
    assert keys == [key for group in by_group().values() for key, _ in group]
    commands = [cell for cell, _ in rows(page, "コマンド")]
    documented = [cell.split()[1].strip("`") for cell in commands if " " in cell]
    assert documented == list(COMMANDS)
    assert [state for state, *_ in rows(page, "ソースを読めないとき")] == [s.label for s in SourceState]
    assert [state for state, _ in rows(page, "操作の結果")] == [str(s) for s in OutcomeState]


def test_the_japanese_start_pages_commands_run_and_its_example_loads() -> None:
    page = "docs/start.ja.md"
    assert _example(page, "設定例") == ["ecs", "cloudwatch", "alertmanager", "pagerduty", "mackerel"]
    options = {f"{name}": {n for row in rows_ for n in row.names.split()} for name, rows_ in TABLE.items()}
    lines = re.findall(r"`oncall-tui ([\w-]+)([^`]*)`", read(page))
    assert len(lines) > len(COMMANDS)
    assert [(name, rest) for name, rest in lines if not set(re.findall(r"--\w+", rest)) <= options[name]] == []


def test_every_key_id_that_can_be_configured_is_documented() -> None:
    part = section("docs/keys.md", "Your own keys").partition("Keys can be changed under")[2].partition("\n\n")[0]
    assert re.findall(r"`(\w+)`", part) == [command.id for command in configurable()]


def test_key_ids_and_keys_are_unique() -> None:
    assert len({one.id for one in configurable()}) == len(configurable())
    assert len({one.key for one in configurable()}) == len(configurable())


def test_every_verb_has_a_key_or_a_name_in_the_palette_and_stands_in_help_and_here() -> None:
    assert set(Verb) - set(BY_VERB) == {Verb.TELL}  # no person asks for it
    told = dict(pair for keys in by_group().values() for pair in keys)
    for command in BY_VERB.values():
        assert bool(command.key) != bool(command.title)
        if command.screen != "board":
            assert (label(command), command.what) in own(command.screen)
            continue
        assert (label(command) if command.key else f": {command.id}") in told
        assert not command.title or command.id in command.title
    documented = {key.strip("`") for key, what in rows("docs/keys.md", "The board") if what}
    assert documented == set(told)


def test_every_verb_that_a_provider_offers_is_one_that_can_be_asked_for() -> None:
    sources = (ROOT / "src" / "oncall_tui" / "providers").rglob("*.py")
    offered = {name for path in sources for name in re.findall(r"Verb\.([A-Z_]+): ", path.read_text())}
    assert {"RESTART", "SNOOZE", "MERGE", "ACKNOWLEDGE"} <= offered
    reached = {verb.name for verb in BY_VERB}
    assert offered <= reached, offered - reached


def test_every_command_is_documented_and_exists() -> None:
    documented = {
        match
        for cell, *_ in rows("docs/commands.md", "Every command")
        for match in re.findall(r"`oncall-tui ([\w-]+)", cell)
    }
    assert documented == set(COMMANDS)


def test_every_setting_is_documented() -> None:
    words = set(re.findall(r"`(\w+)`", section("docs/settings.md", "Every setting")))
    settings = known_settings(registry.options_types(), registry.destination_types())
    leaves = {re.split(r"[.\]]", s)[-1].rstrip("[]") or s for s in settings}
    assert {leaf for leaf in leaves if leaf} - words == set()


def _example(name: str, heading: str) -> list[str]:
    """The providers of the example under a heading, as it loads."""
    example = section(name, heading).partition("```yaml\n")[2].partition("```")[0]
    config = load_text(example, registry.options_types(), destinations=registry.destination_types())
    return [s.provider for s in config.sources]


def test_the_readmes_configuration_loads() -> None:
    assert _example("README.md", "Install and configure") == ["ecs", "cloudwatch", "pagerduty"]


def test_the_example_of_every_provider_loads() -> None:
    found = _example("docs/settings.md", "An example of everything")
    assert found == list(registry.SOURCES), "every provider, in the order of providers/registry.py"


@pytest.mark.parametrize(
    ("name", "listed"), [("README.md", r"alerts \(([^)]+)\)"), ("CHANGELOG.md", r"- Sources: (.+)")]
)
def test_every_provider_stands_in_the_lists_of_sources(name: str, listed: str) -> None:
    found = re.search(listed, read(name))
    assert found is not None
    systems = {alert("a", provider=one).system for one in set(registry.SOURCES) - NO_ALERTS}
    assert sorted(one for one in systems if one not in found[1]) == []


def test_the_tree_has_every_simulated_service() -> None:
    services = {path.stem for path in (ROOT / "src/oncall_tui/simulator/services").glob("[a-z]*")}
    (listed,) = re.findall(r"services/\{([\w,]+)\}", read("ARCHITECTURE.md"))
    assert services == set(listed.split(","))


def test_what_each_provider_can_do_is_documented() -> None:
    """The cells of "yes" are the handlers of each provider; "local" is what the journal does where there is none."""
    header = next(x for x in section("docs/providers.md", "What each can do").splitlines() if x.startswith("| action"))
    names = re.findall(r"`(\w+)`", header)
    assert set(names) == set(registry.SOURCES) - NO_ALERTS
    found: dict[str, dict[str, set[str]]] = {name: {} for name in names}
    for action, *cells in rows("docs/providers.md", "What each can do"):
        for name, cell in zip(names, cells, strict=True):
            found[name].setdefault(cell, set()).add(Verb(action).name)
    for name in names:
        module = registry.SOURCES[name].factory.partition(":")[0].replace(".", "/")
        source = read(f"src/oncall_tui/providers/{module}.py")
        handled = set(re.findall(r"Verb\.([A-Z_]+): ", source))
        assert found[name].get("yes", set()) == handled, name
        here = {"ACKNOWLEDGE", "UNACKNOWLEDGE", "NOTE"} - handled
        local = here - {"UNACKNOWLEDGE"} if "ACKNOWLEDGE" in handled else here
        assert found[name].get("local", set()) == local, name
        assert found[name].get("destination", set()) == {"ESCALATE"} - handled, name


def test_which_sources_tell_of_changes_is_documented() -> None:
    """A provider that makes changes has a word in that column, and a row in the table of where changes are read."""
    lines = re.findall(r"^\| \[`(\w+)`\]\(#\w+\) \|(.+)\|$", read("docs/sources.md"), re.M)
    told = {name: cells.split("|")[3].strip() for name, cells in lines}
    listed = {name for cell, _ in rows("docs/changes.md", "Where it is read") for name in re.findall(r"`(\w+)`", cell)}
    for name in registry.SOURCES:
        module = registry.SOURCES[name].factory.partition(":")[0].replace(".", "/")
        folder = (ROOT / "src/oncall_tui/providers" / module).parent
        makes = any("domain.change import" in path.read_text() for path in folder.rglob("*.py"))
        assert makes == (told[name] != "–") == (name in listed), name


@pytest.mark.parametrize("name", ["example.yaml", "minimal.yaml"])
def test_the_example_configurations_load(name: str) -> None:
    assert bootstrap.load_config_text((ROOT / "config" / name).read_text(), name).sources


def test_the_example_scenario_loads() -> None:
    assert load(str(ROOT / "config" / "scenario.yaml"))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_is_there(document: str) -> None:
    quoted = re.findall(r"`((?:src|tests|benchmarks|config|docs)/[\w./-]+)`", read(document))
    assert [name for name in quoted if not (ROOT / name).exists()] == []


def test_every_invariant_is_guarded_by_tests_that_are_there() -> None:
    table = rows("CONTRIBUTING.md", "What always has to hold")
    assert len(table) > 60
    assert all(len(row) == 3 and all(row) for row in table)
    invariants = [invariant for invariant, _, _ in table]
    assert len(set(invariants)) == len(invariants)
    for invariant, _, guards in table:
        named = re.findall(r"`([^`]+)`", guards)
        modules = [name.split()[2].replace(".", "/") for name in named if name.startswith("python -m ")]
        files = [ROOT / name for name in named if name.startswith(("tests/", "benchmarks/"))]
        assert len(files) + len(modules) == len(named), invariant
        assert all((ROOT / f"{name}.py").exists() for name in modules), invariant
        tests = [test for file in files for test in ([file] if file.is_file() else file.rglob("test_*.py"))]
        assert any("def test_" in test.read_text() for test in tests), invariant


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_module_that_a_document_runs_is_there(document: str) -> None:
    modules = set(re.findall(r"python -m ((?:tests|benchmarks)[\w.]*)", read(document)))
    places = {name: ROOT / name.replace(".", "/") for name in modules}
    assert [n for n, p in places.items() if not (p.with_suffix(".py").exists() or (p / "__main__.py").exists())] == []


def _anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_of_a_document_resolves(document: str) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", read(document)):
        if re.match(r"[a-z]+:", link):
            continue  # elsewhere: tests touch loopback alone
        name, _, anchor = link.partition("#")
        to = (ROOT / document).parent / name if name else ROOT / document
        if not to.exists() or (anchor and anchor not in _anchors(to)):
            broken.append(link)
    assert broken == []


def test_every_page_stands_in_the_sites_navigation() -> None:
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert pages - set(re.findall(r": ([\w.-]+\.md)$", read("mkdocs.yml"), re.M)) == set(), "add it to mkdocs.yml"


def test_every_document_and_every_picture_is_linked() -> None:
    linked = {
        ((ROOT / document).parent / link.partition("#")[0]).resolve()
        for document in DOCUMENTS
        for link in re.findall(r"\]\(([^)\s]+)\)", read(document))
    }
    files = [p for p in (ROOT / "docs").iterdir() if p.suffix in (".md", ".svg")]
    assert [p.name for p in files if p not in linked] == []


def test_every_package_is_in_the_architecture() -> None:
    """Every folder with code stands in the tree, and every folder of the tree is there."""
    tree = section("ARCHITECTURE.md", "Components").split("```")[3]
    root = ROOT / "src" / "oncall_tui"
    top = [p.name for p in root.iterdir() if not p.name.startswith(("_", "py."))]
    folders = [p.parent.relative_to(root) for p in root.rglob("__init__.py") if p.parent != root]
    assert [name for name in top if name not in tree] == []
    folders = [f for f in folders if f.parts[:2] != ("simulator", "services") or len(f.parts) < 4]
    assert [str(f) for f in folders if not re.search(rf"[ /{{,]{f.name}[/,}}]", tree)] == []
    names = {p.name for p in (*ROOT.iterdir(), *ROOT.joinpath("tests").iterdir(), *ROOT.joinpath("src").rglob("*"))}
    assert [name for name in re.findall(r"([\w.]+)/(?=\s|$)", tree) if name not in names] == []


def _defined(file: Path) -> set[str]:
    """Every class, function, method and table of a file: ``Poller``, ``Poller.ask``, ``_SYSTEMS``."""
    found = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
            inner = node.body if isinstance(node, ast.ClassDef) else []
            found |= {f"{node.name}.{n.name}" for n in inner if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_function_that_a_document_names_is_there(document: str) -> None:
    named = re.findall(r"`([\w/]+\.py): ([\w.]+)`", read(document))
    files = {file: ROOT / "src" / "oncall_tui" / file for file, _ in named}
    missing = [file for file, path in files.items() if not path.exists()]
    assert missing == []
    defined = {file: _defined(path) for file, path in files.items()}
    assert [f"{file}: {name}" for file, name in named if name not in defined[file]] == []


@pytest.mark.parametrize("flow", ["From a reading to a row", "From a key to a write"])
def test_every_hop_of_a_flow_names_a_function(flow: str) -> None:
    hops = re.split(r"\n(?=\d+\. )", section("ARCHITECTURE.md", flow))[1:]
    assert len(hops) > 5
    assert [hop for hop in hops if not re.search(r"`[\w/]+\.py: [\w.]+`", hop)] == []


def test_the_import_contracts_are_those_of_pyproject() -> None:
    contracts = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    assert [name for name, _ in rows("ARCHITECTURE.md", "Import contracts")] == [c["name"] for c in contracts]


def test_the_layers_are_those_of_pyproject() -> None:
    """The first picture of the architecture, layer by layer, is the contract of layers."""
    contracts = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c["type"] == "layers")
    ordered = [name for layer in layers for name in layer.split(" | ")]
    picture = section("ARCHITECTURE.md", "Components").split("```")[1]
    left = [re.split(r"  +", line)[0] for line in picture.strip().splitlines()]
    drawn = [name for line in left for name in re.split(r" \| |, ", line)]
    assert drawn == [name for name in ordered if name != "bootstrap"]


def test_every_state_is_documented() -> None:
    night = "docs/reading-a-night.md"
    assert [state for state, _ in rows(night, "How a source is")] == [s.label for s in SourceState]
    assert [state for state, _ in rows(night, "What an outcome means")] == [str(s) for s in OutcomeState]
    meaning = dict(rows("ARCHITECTURE.md", "Words"))["alert"]
    assert meaning.partition(": ")[2].split(", ") == [str(s) for s in AlertState]


# Words that only this program ever used, or once used, for what the field has a name for.
PRIVATE = re.compile(
    r"\b(desks?|lanes?|looker|the look|looks made|outlets?|teller|witness|dresser|dead man|drill world|NOT AWS|"
    r"epilogue|errand|whom it pages|one's own|has to know|well\?)(?!\w)",
    re.IGNORECASE,
)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_documents_use_the_words_of_the_field(document: str) -> None:
    assert [match.group() for match in PRIVATE.finditer(read(document))] == []


def test_the_pages_for_newcomers_stay_short() -> None:
    assert len(read("README.md").splitlines()) <= 110
    assert len(read("ARCHITECTURE.md").splitlines()) <= 260
