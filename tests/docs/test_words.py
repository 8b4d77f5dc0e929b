"""The words of the code and of the screen: docstrings name an actor, and no private word comes back."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from tests.support.parsed import parsed

pytestmark = pytest.mark.xdist_group("words")  # one process parses the source, once
SOURCE = Path(__file__).parents[2] / "src" / "oncall_tui"
FILES = sorted(SOURCE.rglob("*.py"))

CLAUSE = re.compile(r"(What|Who|Whose|Whom|Where|Which|That|Those|Is|Are|Does|Do|Has|Have|Can|May|Did|Was|Were) ")
IMPERATIVES = ("Do as ", "Do nothing", "Do not", "Have ")
# A function's docstring is an imperative or a noun: none of these begins one.
NO_IMPERATIVE = re.compile(
    r"(Whether|Would|Could|Should|Nobody|Somebody|It|Raises|Reads|Lists|From|Of|By|After|Until|Against|Said|Written) "
)
# Nor does a sentence that tells what happened ("A service was read"): the function notes it, or acts on it.
LINK = "that|which|whose|whom|who|what|where|when|whenever|as|to|while|after|before|with|by|if|once|since|until"
TOLD = re.compile(
    rf"(A|An|The|These|\*\w+\*)( (?!({LINK})\b)[\w'`-]+){{0,4}}? "
    r"(is|are|was|were|cannot|may|failed|took|goes|opens|begins)\b"
)
# Folders that still have such docstrings, and how many at the most: lower a number when you mend some, never raise one.
LEFT: dict[str, int] = {}

# A private word or an old wording -> the word to use. Each is looked for in every text that a person may read.
OLD = {
    r"\bNOT AWS\b|\bnot AWS\b": "custom endpoint",
    r"\bwell\?": "health",
    r"\bbegan just before\b": "started 20s before the alert",
    r"\b(tasks?|what|\d+|\}) died\b": "tasks stopped",
    r"\btoo few\b": "below desired count",
    r"\b[Ll]ook at (the|its|it|what|your|~|region|endpoint|clusters|HTTPS)\b": "check …",
    r": look again\b": "check again",
    r"\bthe board counted\b": "last poll: 4",
    r"\bno alert of it\b": "no alerts for it",
    r"\b(escalates|asked again|appear here) by (itself|themselves)\b": "auto-escalates, oncall-tui asks again",
    r"\bnobody has it\b|\bsomebody has it\b|\bnobody's first\b": "unacknowledged",
    r"\bthe rest is only listed\b": "the other alerts stay as they are",
    r"\bran well\b": "stable until",
    r"\bafterwards\b": "CI or IaC may deploy it again",
    r"\b(may|would) bring\b": "may deploy, restores",
    r"\bto go on\b|\bspace goes on\b|\bEnter goes on\b|\bgo on \(": "continue, confirm",
    r"\bThat is not its name\b": "Name does not match",
    r"\bto pick from;": "choices; asks before sending",
    r"\bnobody confirms\b": "delivery is not confirmed",
    r"\bwhom it pages\b": "PagerDuty's service decides who is paged",
    r"\boffers no\b|\bhas no such action\b": "does not support",
    r"\bmarked here\b": "local only",
    r"\bmore than nothing\b": "the duration must be above 0",
    r"\bgets no resolve\b": "will not receive the resolve",
    r"\bmatch the alert itself\b": "these matchers do not match this alert",
    r"\bnames no service that is known\b": "no known ECS service",
    r"\bnothing holds\b": "nothing is paused",
    r"\bbakes \{": "baking, 23h left",
    r"\bHow much of it was watched\b": "Coverage",
    r"\bNot told for\b|\bNOT TOLD\b|\bwas not told: ": "No on-call known for, was not notified",
    r"\bSICK\b": "UNHEALTHY",
    r"\bWhose lines\b": "Pick a task",
    r"\bby its own words\b": "a line logged as an error",
    r"\bfold long lines\b": "wrap",
    r"\bno line here says\b|\blines? .*\bsays? \{": "no match in loaded lines",
    r"\bdone from here\b": "recorded by this board",
    r"\bhas to be named\b|\bneeds a confirm\b": "needs confirmation: add --yes",
    r"\bis no terminal\b": "not a terminal",
    r"\bone's own\b": "your",
    r"\bdestination that tells\b": "a notification destination",
    r"\bhas to know\b": "handover",
    r"\bexpected a text\b|\ba note needs a text\b": "a string",
    r"\bis markup\b": "alert text is never interpreted as markup",
    r"\brank: |\bwide: |\bsomething wide\b": "sort order, multi-service",
    r"\bwhat came of it\b": "its outcome",
    r"\bnot to be seen yet\b": "not visible yet",
    r"\bwho is on call is told\b|\btells who is on call\b": "reads on-call schedules",
    r"\bits API does not promise\b|\bnot what its API promises\b": "do not match its API",
    r"\bis no (rollback|service of|tag|time|URL|text|regular file|alert with|user of|terminal|file)\b": "is not a …",
}
LABELS = {"seen by", "says", "rank", "also", "died", "well", "wide", "call", "tells", "place"}
# Names of widgets and keys of JSON, which are no text: (file under the source, label).
NAMES = {
    ("reports/history_json.py", "says"),
    ("cli/status.py", "rank"),
    ("cli/status.py", "wide"),
    ("tui/screens/dialogs/pickers.py", "rank"),
    ("tui/screens/logs/screen.py", "place"),
}


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield getattr(node, "lineno", 1), text


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the string literals that are no docstring; a value in an f-string stands as ``{…}``."""
    skip: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skip.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            parts = []
            for part in node.values:
                skip.add(id(part))
                parts.append(str(part.value) if isinstance(part, ast.Constant) else "{…}")
            yield node.lineno, "".join(parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skip:
            yield node.lineno, node.value


@cache
def tree_of(path: Path) -> ast.Module:
    return parsed(path.read_text())


def begins_with_a_clause(text: str) -> bool:
    return bool(CLAUSE.match(text)) and not text.startswith(IMPERATIVES)


def old_words(name: str, text: str) -> list[str]:
    found = [f"use {better!r}" for pattern, better in OLD.items() if " " in text and re.search(pattern, text)]
    if text in LABELS and (name, text) not in NAMES:
        found.append("a label of old")
    return found


def test_no_docstring_begins_with_a_clause() -> None:
    found: Counter[str] = Counter()
    wrong = []
    for path in FILES:
        room = path.relative_to(SOURCE).parts[0]
        for line, text in docstrings(tree_of(path)):
            if begins_with_a_clause(text):
                found[room] += 1
                if room not in LEFT:
                    wrong.append(f"{path.relative_to(SOURCE)}:{line}: {text.splitlines()[0]}")
    assert not wrong, 'name the actor: "Return…" for a function, a noun for a class or a module'
    assert {room: n for room, n in found.items() if n > LEFT.get(room, 0)} == {}


def test_a_functions_docstring_is_an_imperative_or_a_noun() -> None:
    wrong = []
    for path in FILES:
        name = str(path.relative_to(SOURCE))
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.get_docstring(node) or ""
                first = re.split(r"[.:;,(]", text)[0]
                if (NO_IMPERATIVE.match(text) or TOLD.match(first)) and not name.startswith("tui/"):
                    wrong.append(f"{name}:{node.lineno}: {text.splitlines()[0]}")
    assert not wrong, 'name what it does: "Return whether…", "Wait until…", "Raise…"'


def test_a_sentence_that_tells_what_happened_is_found() -> None:
    assert all(TOLD.match(text) for text in ("A service was read", "*call* took long", "The login was renewed"))
    assert not any(TOLD.match(text) for text in ("The word for what was done", "The tasks that are stopped"))


def test_no_old_word_stands_in_a_text_that_a_person_reads() -> None:
    found = []
    for path in FILES:
        name = str(path.relative_to(SOURCE))
        if name.startswith("simulator/"):
            continue  # the other sides' words, as they say them
        for line, text in texts(tree_of(path)):
            found += [f"{name}:{line}: {why}: {text[:90]!r}" for why in old_words(name, text)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    ["look at its events", "nobody has it", "this row names no service that is known", "seen by", "{…} is no tag"],
)
def test_an_old_word_is_found(text: str) -> None:
    assert old_words("tui/somewhere.py", text)


def test_a_clause_is_found() -> None:
    assert begins_with_a_clause("Is it still moving?")
    assert not begins_with_a_clause("Return whether it moves.")
    assert not begins_with_a_clause("Do nothing.")


def test_no_two_classes_have_one_name() -> None:
    """A class inside a class or a function has a scope of its own."""
    found: dict[str, list[str]] = {}
    for path in FILES:
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(str(path.relative_to(SOURCE)))
    assert {name: where for name, where in found.items() if len(where) > 1} == {}


# Names of variables, parameters and attributes that meant something only to their author -> the field's.
PRIVATE_NAMES = {
    "look": "triaged, row",
    "looks": "rows",
    "wire": "client, item",
    "wires": "clients",
    "deed": "past_action",
    "deeds": "past_actions",
    "errand": "paged_query",
    "duty": "shift",
    "duties": "shifts",
    "keeper": "renewer",
    "teller": "notifier",
    "witness": "recorder",
    "outlet": "destination",
    "outlets": "destinations",
    "dresser": "enricher",
    "looker": "triager",
}


def test_no_private_name_comes_back() -> None:
    found = []
    for path in FILES:
        name = str(path.relative_to(SOURCE))
        if name.startswith("tui/"):
            continue
        for node in ast.walk(tree_of(path)):
            for field in ("id", "arg", "attr", "name"):
                word = getattr(node, field, None)
                if isinstance(word, str) and word.lstrip("_") in PRIVATE_NAMES:
                    found.append(f"{name}:{getattr(node, 'lineno', 0)}: {word}: {PRIVATE_NAMES[word.lstrip('_')]}")
    assert not found, "\n".join(found)
