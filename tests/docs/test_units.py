"""A public time says its clock, and a public function says what it raises: in a docstring, or a field's comment."""

import ast
import builtins
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from tests.support.parsed import parsed

pytestmark = pytest.mark.xdist_group("words")
SOURCE = Path(__file__).parents[2] / "src" / "oncall_tui"
ELSEWHERE = ("tui",)  # it gets its times from the packages below it
FILES = [path for path in sorted(SOURCE.rglob("*.py")) if path.relative_to(SOURCE).parts[0] not in ELSEWHERE]

TIME = re.compile(r"(at|now|since|until|began|started|ended|when|due)|.*_(at|since|until|from)")
UNIT = re.compile(r"second|epoch|monotonic|\d s\b", re.IGNORECASE)
RAISES = re.compile(r"\b[Rr]aises?\b|\b[Ee]xits?\b|Ends the program|Refused\b|Error\b")
# How providers call the other side: each of these raises SourceError.
READS = re.compile(
    r"(\b_?http\.(get|page)|\b_?(client|ecs|code_deploy|api)\.read|\.read_(definition|revisions|tasks)"
    r"|\bread_(one|history|briefs|deploys?|service|target))"
)
Function = ast.FunctionDef | ast.AsyncFunctionDef
Node = Function | ast.ClassDef


def said(node: ast.AST) -> str:
    return (ast.get_docstring(node) if isinstance(node, Node | ast.Module) else None) or ""


def public(body: list[ast.stmt], around: str) -> Iterator[tuple[Node, str]]:
    """Each public class and function, with the docstrings of what it stands in and its own."""
    for node in body:
        if isinstance(node, Node) and not node.name.startswith("_"):
            words = f"{around} {said(node)}"
            yield node, words
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, words)


def is_time(name: str, annotation: ast.expr | None) -> bool:
    kind = "" if annotation is None else ast.unparse(annotation)
    return bool(TIME.fullmatch(name) and re.search(r"\bfloat\b", kind) and "Callable" not in kind)


def times(node: Node) -> Iterator[tuple[str, int]]:
    """The names of its own fields, or its parameters and its answer, that are times, and their lines."""
    if isinstance(node, ast.ClassDef):
        for field in node.body:
            if isinstance(field, ast.AnnAssign) and is_time(ast.unparse(field.target), field.annotation):
                yield ast.unparse(field.target), field.lineno
    else:
        for one in (*node.args.args, *node.args.kwonlyargs):
            if is_time(one.arg, one.annotation):
                yield one.arg, one.lineno
        if is_time(node.name, node.returns):
            yield "it", node.lineno


def raised(body: list[ast.stmt]) -> Iterator[str]:
    """The exceptions that leave these statements: not those that they catch, nor those of functions inside."""
    for node in body:
        if isinstance(node, ast.Raise) and node.exc is not None:
            made = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            yield ast.unparse(made).rpartition(".")[2]
        elif isinstance(node, ast.Try):
            yield from raised([*([] if node.handlers else node.body), *node.orelse, *node.finalbody])
            yield from (name for handler in node.handlers for name in raised(handler.body))
        elif not isinstance(node, Node):
            parts = [getattr(node, name, []) for name in ("body", "orelse")]
            yield from (name for part in parts for name in raised(part))
            yield from (name for case in getattr(node, "cases", []) for name in raised(case.body))


def reads(node: ast.AST) -> Iterator[str]:
    """The calls of the other side in a function whose errors leave it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Try) and child.handlers:
            continue
        if isinstance(child, ast.Call) and READS.fullmatch(called := ast.unparse(child.func).removeprefix("self.")):
            yield called
        if not isinstance(child, Node | ast.Lambda):
            yield from reads(child)


def unsaid(text: str) -> list[str]:
    """The times of a module without their clock, and the functions that raise what they do not say."""
    tree, lines, found = parsed(text), text.splitlines(), []
    for node, words in public(tree.body, said(tree)):
        found += [f"{node.name}: {at}" for at, line in times(node) if not UNIT.search(words + lines[line - 1])]
        if isinstance(node, ast.ClassDef) or any("click" in ast.unparse(one) for one in node.decorator_list):
            continue  # the docstring of a command is its help
        for name in {one for one in raised(node.body) if one[:1].isupper() and one != "NotImplementedError"}:
            if name not in said(node) and not RAISES.search(said(node)):
                found.append(f"{node.name}: raises {name}")
        found += [f"{node.name}: {call} raises SourceError" for call in reads(node) if not RAISES.search(words)][:1]
    return found


NAME = r"(?:\w+\.)*[A-Z]\w*[a-z]\w*"
NAMED = re.compile(rf"[Rr]aises? (?:what \w+ raises|({NAME}(?:(?:, | or | and |, and ){NAME})*))")


@cache
def classes_of(path: Path) -> frozenset[str]:
    return frozenset(re.findall(r"^ *class (\w+)", path.read_text(), re.MULTILINE))


def classes(paths: list[Path]) -> set[str]:
    return {name for path in paths for name in classes_of(path)}


def unknown(text: str, near: set[str]) -> list[str]:
    """The exceptions that docstrings name after "Raises", and that neither their module nor *near* knows."""
    nodes = list(ast.walk(parsed(text))) if "aises " in text else []
    here = near | set(dir(builtins)) | {node.id for node in nodes if isinstance(node, ast.Name)}
    here |= {alias.asname or alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    lists = [names for node in nodes for names in NAMED.findall(" ".join(said(node).split()))]
    apart = [one for names in lists for one in re.split(r",? and |, | or ", names) if one]
    return [one for one in apart if one.rpartition(".")[2] not in here and not one.startswith("msgspec.")]


def test_every_exception_that_a_docstring_names_is_there() -> None:
    tree = classes([SOURCE / "errors.py"])
    wrong = {}
    for path in sorted(SOURCE.rglob("*.py")):
        package = SOURCE.joinpath(*path.relative_to(SOURCE).parts[:2]) if path.parent != SOURCE else path.parent
        near = classes(sorted(package.rglob("*.py"))) if package.is_dir() and package != SOURCE else set()
        if found := unknown(path.read_text(), tree | near):
            wrong[str(path.relative_to(SOURCE))] = found
    assert wrong == {}
    assert unknown('def f() -> None:\n    """Go. Raises SourceError or Later."""', tree) == ["Later"]


def test_what_is_unsaid_is_found() -> None:
    assert unsaid('def f(at: float) -> None:\n    """Go."""') == ["f: at"]
    assert unsaid('def f(at: float) -> None:\n    """Go at *at* (seconds since the epoch)."""') == []
    assert unsaid("class C:\n    read_at: float\n    due: float = 0.0  # monotonic") == ["C: read_at"]
    assert unsaid("def f() -> None:\n    if 1:\n        raise Refused()") == ["f: raises Refused"]
    assert unsaid("def f() -> None:\n    try:\n        raise Refused\n    except Refused:\n        pass") == []
    assert unsaid('def f() -> None:\n    """Go. Raises Refused."""\n    raise Refused') == []
    assert unsaid("def f() -> None:\n    return [self._http.get(1)]") == ["f: _http.get raises SourceError"]
    assert unsaid("def f() -> None:\n    try:\n        http.get(1)\n    except SourceError:\n        pass") == []


def test_every_public_time_says_its_clock_and_every_function_what_it_raises() -> None:
    assert len(FILES) > 150
    assert {str(path.relative_to(SOURCE)): found for path in FILES if (found := unsaid(path.read_text()))} == {}
