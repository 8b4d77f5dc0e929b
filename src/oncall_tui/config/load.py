"""Files -> one configuration, or one error with every mistake of every file."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from oncall_tui.config import files
from oncall_tui.config.checks import check_for
from oncall_tui.config.diagnostic import Diagnostic, nearest, show
from oncall_tui.config.kept_nodes import KeptNodes
from oncall_tui.config.messages import pattern
from oncall_tui.config.model import Config, ConfigFile, JournalOptions, Screen, ScreenWords
from oncall_tui.config.nodes import WHAT_YAML, Unreadable, compose, is_empty
from oncall_tui.config.screen import Place, command_key_mistakes, mistake, screen_mistakes, view_mistakes
from oncall_tui.config.tell import TellNames, tell_names, unknown
from oncall_tui.config.validator import BAD, TooManyErrors, Validator
from oncall_tui.domain.product import Product
from oncall_tui.errors import ConfigurationError
from oncall_tui.providers.options import DestinationOptions, SourceOptions
from oncall_tui.runtime.secret import Secret

Options = Mapping[str, type[SourceOptions]]
Destinations = Mapping[str, type[DestinationOptions]]
Words = Callable[[], ScreenWords] | None
NAMED = (
    "sources",
    "escalation",
    "products",
    "guardrails",
    "commands",
)  # lists whose entries are laid over each other by their names
NONE: Destinations = MappingProxyType({})
_NAME = re.compile(r"(products|guardrails|commands)\[\d+\]\.name")
_RULES_SOURCE = re.compile(r"(pages|expected)\[\d+\]\.source")


class _File(msgspec.Struct, frozen=True):
    """The content of one file: the keys that it has, where they stand, its values that are right, and its secrets."""

    path: str
    given: dict[str, Any]
    places: dict[str, tuple[str, int, int]]
    good: dict[str, Any]
    secrets: tuple[tuple[str, Secret], ...]
    told: TellNames = TellNames()
    shared: str = ""  # how others may write it, where it names secrets


def find(config: str = "", environ: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """The files that ``load`` reads: *config*, else ``$ONCALL_TUI_CONFIG``, else the team's and your own."""
    return files.find(config, os.environ if environ is None else environ, files.TEAM_FILE)


def load(
    options: Options,
    config: str = "",
    environ: Mapping[str, str] | None = None,
    destinations: Destinations = NONE,
    words: Words = None,
    kept: Path | None = None,
) -> Config:
    """Load the configuration of this machine and person. Raises ConfigurationError, with every mistake.

    *options* are the providers' options types, by name; *words* are those that ``screen`` may name, and are only asked
    for where it does. *kept* is the folder in which the nodes of its files are kept for the next start.
    """
    paths = find(config, environ)
    if not paths:
        own = files.own_file(os.environ if environ is None else environ)
        raise ConfigurationError(
            f"there is no configuration: neither {files.TEAM_FILE} nor {own}",
            "`oncall-tui demo` shows it without one, `oncall-tui init` writes one to fill in",
        )
    if len(paths) == 1 and not files.there(paths[0]):
        raise ConfigurationError(f"{paths[0]} does not exist", f"`oncall-tui init {paths[0]}` writes one to fill in")
    loaded = load_files(paths, options, destinations, words, kept)
    if not loaded.sources:  # a board of nothing looks like a quiet night
        where = " and ".join(loaded.files)
        raise ConfigurationError(
            f"no source is configured in {where}: whether anything is firing is not known",
            f"add one under `sources:` in {loaded.files[-1]}; `oncall-tui init NEW-FILE` writes an example",
        )
    return loaded


def load_files(
    paths: Sequence[Path | str],
    options: Options,
    destinations: Destinations = NONE,
    words: Words = None,
    kept: Path | None = None,
) -> Config:
    """The files merged, later ones over earlier ones."""
    mistakes: list[Diagnostic] = []
    loaded: list[_File] = []
    nodes = None if kept is None else KeptNodes(kept)
    for path in map(Path, paths):
        try:
            text = files.read(path)
        except Unreadable as error:
            mistakes.append(error.mistake)
            continue
        one = _one_file(text, str(path), options, destinations, mistakes, nodes)
        mistakes.extend(_trusted(path, one))
        shared = files.unsafe(path) if one.secrets else ""
        loaded.append(msgspec.structs.replace(_anchored(one, path), shared=shared))
    whole = _finish(loaded, mistakes, words)
    if nodes is not None:
        nodes.keep()
    return whole


def load_text(
    text: str,
    options: Options,
    name: str = "config.yaml",
    destinations: Destinations = NONE,
    words: Words = None,
) -> Config:
    """Load *text* as if it stood in the file *name* (whose rights are not checked). Raises ConfigurationError."""
    mistakes: list[Diagnostic] = []
    return _finish([_one_file(text, name, options, destinations, mistakes)], mistakes, words)


def _one_file(
    text: str,
    path: str,
    options: Options,
    destinations: Destinations,
    mistakes: list[Diagnostic],
    kept: KeptNodes | None = None,
) -> _File:
    variants: dict[type, tuple[str, Mapping[str, type]]] = {
        SourceOptions: ("provider", options),
        DestinationOptions: ("provider", destinations),
    }
    walker = Validator(path, check_for(options), variants, NAMED)
    given: Any = {}
    says = TellNames()
    try:
        root = compose(text, path) if kept is None else kept.composed(text, path)
        if root is not None and not is_empty(root):
            given = walker.root(root, ConfigFile)
            says = tell_names(root)  # after the walk, which has a bound on what aliases can stand for
    except Unreadable as error:
        walker.mistakes.append(error.mistake)
    except TooManyErrors:
        walker.mistakes.append(
            Diagnostic(file=path, expected="fewer mistakes", found="these first ones; there may be more")
        )
    mistakes.extend(sorted(walker.mistakes, key=lambda mistake: (mistake.line or 10**9, mistake.column)))
    return _File(path, {} if given is BAD else given, walker.places, walker.good, tuple(walker.secrets), says)


# --- files that run commands, or say where secrets go -----------------------------------------------------------------


def _trusted(path: Path, file: _File) -> Iterable[Diagnostic]:
    """Each key that runs a command where others could write the file, and each secret where anybody could: it would be
    sent to whatever address they write beside it.
    """
    runs = [key for key, secret in file.secrets if secret.kind == "command"]
    runs += [key for key in file.places if pattern(key) in ("sources[].login", "commands[].argv")]
    sends = [key for key, secret in file.secrets if secret.kind != "command"]
    for keys, writable, because in (
        (runs, files.GROUP_OR_ANYBODY, "it runs a command"),
        (sends, files.ANYBODY, "it says where a secret is sent"),
    ):
        if not keys or not (why := files.unsafe(path, writable)):
            continue
        for key in keys:
            _, line, column = file.places[key]
            wanted = f"a file that only you or root can write, because {because}"
            yield Diagnostic(file=file.path, line=line, column=column, key=key, expected=wanted, found=why)


def _anchored(file: _File, path: Path) -> _File:
    """Secrets in files named with ``./`` are meant from the configuration's folder, not from the current folder."""
    for _, secret in file.secrets:
        if secret.kind == "file" and secret.where[0].startswith("."):
            secret.where = (str(path.absolute().parent / secret.where[0]),)
    return file


# --- all files together -----------------------------------------------------------------------------------------------


def _finish(loaded: Sequence[_File], mistakes: list[Diagnostic], words: Words) -> Config:
    places = _by_path(loaded, [file.places for file in loaded])
    good = _by_path(loaded, [file.good for file in loaded])
    names = _names(loaded)
    whole = not any((m.key == "" and not m.line) or m.expected == WHAT_YAML for m in mistakes)
    mistakes.extend(unknown([(file.path, file.told) for file in loaded]))
    if words is not None:
        mistakes.extend(screen_mistakes(good, words, places))
        mistakes.extend(command_key_mistakes(good, words, places))
    if any(key.startswith("guardrails[") for key in good):
        from oncall_tui.config.guardrails import freeze_mistakes  # only where there are some

        mistakes.extend(freeze_mistakes(good, places))
    if whole:  # a file that could not be read may have what is looked for
        mistakes.extend(_unknown_sources(good, names.get("source"), places))
        mistakes.extend(view_mistakes(good, names, places))
    if mistakes:
        order = {file.path: number for number, file in enumerate(loaded)}
        mistakes.sort(key=lambda m: (order.get(m.file, -1), m.line or 10**9, m.column))
        lines = tuple(dict.fromkeys(str(mistake) for mistake in mistakes))
        count = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
        raise ConfigurationError(f"{count} in the configuration", mistakes=lines)
    given = _merge(loaded)
    stand = {key: ":".join(map(str, place)) for key, place in places.items()}
    warnings = tuple(_warnings(loaded, given))
    return Config(**given, files=tuple(file.path for file in loaded), warnings=warnings, places=stand)


def _merge(loaded: Sequence[_File]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for file in loaded:
        for key, value in file.given.items():
            if key in NAMED and key in merged:
                merged[key] = tuple({item.name: item for item in (*merged[key], *value)}.values())
            elif key == "screen" and key in merged:
                merged[key] = _merged_screen(merged[key], value, file.places)
            elif key == "journal" and key in merged:
                merged[key] = _merged_journal(merged[key], value, file.places)
            else:
                merged[key] = value
    return merged


def _merged_journal(
    team: str | JournalOptions, own: str | JournalOptions, places: Mapping[str, object]
) -> JournalOptions:
    """Return the team's journal, with what your own file says of it: a path alone is the place of the file here."""
    found = team if isinstance(team, JournalOptions) else JournalOptions(path=team)
    if isinstance(own, str):
        return msgspec.structs.replace(found, path=own or found.path)
    changes = {name: value for name, value in msgspec.structs.asdict(own).items() if f"journal.{name}" in places}
    return msgspec.structs.replace(found, **changes)


def _merged_screen(team: Screen, own: Screen, places: Mapping[str, object]) -> Screen:
    """Return the team's screen settings, replaced by your own file's; keys and views one by one."""
    changes: dict[str, Any] = {}
    for name in Screen.__struct_fields__:
        if f"screen.{name}" in places:
            value = getattr(own, name)
            changes[name] = {**getattr(team, name), **value} if isinstance(value, dict) else value
    return msgspec.structs.replace(team, **changes)


def _by_path(loaded: Sequence[_File], values: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Each file's *values*, which its keys' paths name, as those of the merged configuration: products, guardrails and
    commands by their names, a list that a later file replaces only as that file has it.
    """
    found: dict[str, Any] = {}
    for file, mine in zip(loaded, values, strict=True):
        heads = {key.partition(".")[0].partition("[")[0] for key in file.places}
        replaced = tuple(f"{key}[" for key in heads if key not in NAMED)
        found = {key: value for key, value in found.items() if not key.startswith(replaced)} if replaced else found
        named = ((at, v) for key, v in file.good.items() if (at := _NAME.fullmatch(key)))
        names = {at[0].removesuffix(".name"): f"{at[1]}[{v}]" for at, v in named}
        again = tuple(f"{name}." for name in names.values())  # what an earlier file said of one that this one has
        found = {key: value for key, value in found.items() if not key.startswith(again)}
        for key, value in mine.items():
            head = key.partition("].")[0].partition("]")[0] + "]"
            found[names[head] + key[len(head) :] if head in names else key] = value
    return found


def _names(loaded: Sequence[_File]) -> dict[str, tuple[str, ...]]:
    """The names that a filter or a rule may say: of sources, providers and products. Without those that are not all
    known, since an entry of theirs has none that can be read.
    """
    found = {}
    for word, key, field in (
        ("source", "sources", "name"),
        ("provider", "sources", "provider"),
        ("product", "products", "name"),
    ):
        entries = [at for file in loaded for at in file.places if re.fullmatch(rf"{key}\[\d+\]", at)]
        said = [
            str(file.good.get(f"{at}.{field}", ""))
            for file in loaded
            for at in file.places
            if re.fullmatch(rf"{key}\[\d+\]", at)
        ]
        if len(entries) == len([name for name in said if name]) and not _bad_list(loaded, key):
            found[word] = tuple(dict.fromkeys(said))
    return found


def _bad_list(loaded: Sequence[_File], key: str) -> bool:
    """Return whether a file has *key* as something that is no list of entries."""
    return any(key in file.places and key not in file.good and f"{key}[0]" not in file.places for file in loaded)


def _unknown_sources(
    good: Mapping[str, Any], names: Sequence[str] | None, places: Mapping[str, Place]
) -> Iterable[Diagnostic]:
    """Rules that name a source which no file has: they would never match. *names* None: not all of them are known."""
    for key, wanted in good.items():
        if names is None or not _RULES_SOURCE.fullmatch(key) or any(fnmatchcase(name, wanted) for name in names):
            continue
        wants = "one of the sources " + ", ".join(names) if names else "the name of a source"
        yield mistake(places, key, wants, show(wanted), nearest(wanted, names))


def _warnings(loaded: Sequence[_File], given: Mapping[str, Any]) -> Iterable[str]:
    names = [source.name for source in given.get("sources", ())]
    if not names:
        yield "no source is configured: there is nothing to read (the key sources)"
    for product in given.get("products", ()):
        yield from _lost_globs(product, names)
    for file in loaded:
        if file.shared:
            yield f"{file.path}: its secrets are sent to wherever it says: found {file.shared}"
        for key, secret in file.secrets:
            if secret.kind == "file" and (how := files.open_to_others(secret.where[0])):
                yield f"{file.path}: {key}: {secret.place} can be {how} by others (chmod go-rw {secret.place})"


def _lost_globs(product: Product, names: Sequence[str]) -> Iterable[str]:
    """Services of a source that nobody configured: a product without rows looks like a healthy one."""
    for text in product.services:
        source = text.split("/")[0]
        if not any(fnmatchcase(name, source) for name in names):
            near = nearest(source, names)
            meant = f"; did you mean {near}?" if near else ""
            yield f"product {product.name}: {show(text)} names no configured source{meant}"


# --- for the documentation --------------------------------------------------------------------------------------------


def known_settings(options: Options, destinations: Destinations = NONE) -> tuple[str, ...]:
    """Every key that a file may have, as a dotted name: ``products[].owner``, ``sources[ecs].region``."""
    found: list[str] = []
    variants: dict[str, Mapping[str, type]] = {"sources": options, "escalation": destinations}
    for field in msgspec.structs.fields(ConfigFile):
        if field.encode_name in variants:
            for provider, kind in variants[field.encode_name].items():
                found.extend(_settings(kind, f"{field.encode_name}[{provider}]"))
        else:
            found.extend((field.encode_name, *_settings(field.type, field.encode_name)))
    return tuple(found)


def _settings(kind: Any, key: str) -> Iterable[str]:
    origin = get_origin(kind)
    if origin is Annotated:
        yield from _settings(get_args(kind)[0], key)
    elif origin in (Union, UnionType):
        for option in get_args(kind):
            yield from _settings(option, key)
    elif origin in (tuple, list, frozenset):
        yield from _settings(get_args(kind)[0], f"{key}[]")
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for field in msgspec.structs.fields(kind):
            name = f"{key}.{field.encode_name}"
            yield name
            yield from _settings(field.type, name)
