"""Parts of the configuration that match nothing that was read: warnings, since labels and services come and go.

Nothing is said of what could not be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from oncall_tui.config.diagnostic import nearest, show
from oncall_tui.config.model import Config
from oncall_tui.domain.board import Board
from oncall_tui.domain.guardrail import COMMAND
from oncall_tui.triage.filters import FilterError, Known, parse
from oncall_tui.triage.ranking import FIELDS

ECS = "ecs"


def unmatched(config: Config, board: Board) -> tuple[str, ...]:
    """One line for each rule, product and view that names what no source has."""
    parts = (_providers(config), _labels(config, board), _services(config, board), _views(config, board))
    return (*(words for part in parts for words in part), *_guardrails(config, board))


def _providers(config: Config) -> Iterator[str]:
    """Rules for a provider that no source has: they can never match."""
    have = sorted({source.provider for source in config.sources})
    for kind, index, rule in _rules(config):
        wanted = rule.get("provider")
        at = f"{kind}[{index}].provider"
        if wanted is not None and at in config.places and not any(fnmatchcase(one, wanted) for one in have):
            yield _line(config, at, f"no source has the provider {show(wanted)}: this rule never matches")


def _labels(config: Config, board: Board) -> Iterator[str]:
    """Labels that no alert has. Of alerts that are not read, or where there is none, nothing is known."""
    labels = _read_labels(board)
    if not labels:
        return
    for kind, index, rule in _rules(config):
        for name in rule:
            if name not in FIELDS and name not in labels:
                yield _line(config, f"{kind}[{index}].{name}", _no_label(name, labels, FIELDS))
    for product in config.products:
        for name in product.alerts:
            if name not in labels:
                yield _line(config, f"products[{product.name}].alerts.{name}", _no_label(name, labels))


def _no_label(name: str, labels: frozenset[str], fields: tuple[str, ...] = ()) -> str:
    near = nearest(name, (*labels, *fields))
    what = "alert field or label" if fields else "label of an alert"
    return f"no {what} seen is called {show(name)}" + (f"; did you mean {near}?" if near else "")


def _services(config: Config, board: Board) -> Iterator[str]:
    """Globs that match no service: a product without rows looks like a healthy one."""
    for product in config.products:
        for index, text in enumerate(product.services):
            source = text.partition("/")[0]
            asked = [s for s in board.sources.values() if s.provider == ECS and fnmatchcase(s.name, source)]
            if not asked or not all(s.live for s in asked):
                continue  # an unknown source is said already; of what is not read nothing is known
            if not any(fnmatchcase(service_id, text) for service_id in board.services):
                near = nearest(text, board.services)
                meant = f"; did you mean {near}?" if near else ""
                yield _line(
                    config, f"products[{product.name}].services[{index}]", f"{show(text)} matches no service{meant}"
                )


def _views(config: Config, board: Board) -> Iterator[str]:
    """Views with a key that no row has."""
    labels = _read_labels(board)
    for name, text in config.screen.views.items() if labels else ():
        try:
            parse(text, Known(labels))
        except FilterError as error:
            yield _line(config, f"screen.views.{name}", error.message)


def _guardrails(config: Config, board: Board) -> Iterator[str]:
    """Globs of guardrails that match nothing: a rule that never holds looks like one that does."""
    products = [product.name for product in config.products]
    sources = [*(source.name for source in config.sources), *(to.name for to in config.escalation)]
    ecs = [s for s in board.sources.values() if s.provider == ECS]
    read = bool(ecs) and all(s.live for s in ecs)
    services = tuple(board.services) if read else None
    accounts = {service.key.account for service in board.services.values()} if read else None
    commands = [f"{COMMAND}{command.name}" for command in config.commands]
    for rule in config.guardrails:
        for index, text in enumerate(rule.actions):
            if text.startswith(COMMAND) and not any(fnmatchcase(one, text) for one in commands):
                meant = f"; did you mean {near}?" if (near := nearest(text, commands)) else ""
                words = f"{show(text)} matches no command of the configuration{meant}"
                yield _line(config, f"guardrails[{rule.name}].actions[{index}]", words)
        for field, globs, known, what in (
            ("products", rule.products, products, "product"),
            ("services", rule.services, services, "service"),
            ("accounts", rule.accounts, accounts, "account"),
            ("sources", rule.sources, sources, "source or destination"),
        ):
            for index, text in enumerate(globs if known is not None else ()):
                if not any(fnmatchcase(one, text) for one in known or ()):
                    meant = f"; did you mean {near}?" if (near := nearest(text, known or ())) else ""
                    yield _line(
                        config, f"guardrails[{rule.name}].{field}[{index}]", f"{show(text)} matches no {what}{meant}"
                    )


def _read_labels(board: Board) -> frozenset[str]:
    """The names of all labels; empty where they are not all known."""
    if any(s.provider != ECS and not s.live for s in board.sources.values()):
        return frozenset()
    return frozenset(name for alert in board.alerts.values() for name, _ in alert.labels)


def _rules(config: Config) -> Iterator[tuple[str, int, Mapping[str, str]]]:
    for kind, rules in (("pages", config.pages), ("expected", config.expected)):
        for index, rule in enumerate(rules):
            if f"{kind}[{index}]" in config.places:  # written, and not what holds where nothing is
                yield kind, index, rule


def _line(config: Config, key: str, words: str) -> str:
    place = config.places.get(key)
    return f"{place}: {key}: {words}" if place else f"{key}: {words}"
