"""``schema``: the JSON Schema (2020-12) of the configuration and of what each command prints with ``--json``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import click

from oncall_tui.cli import WRONG_USE
from oncall_tui.cli.common import fail
from oncall_tui.cli.output import put, put_exactly


class DescribedOutput(NamedTuple):
    """The types of one output (several: one of them), and what has it."""

    types: Callable[[], tuple[Any, ...]]
    says: str


def _status() -> tuple[Any, ...]:
    from oncall_tui.reports.board_json import StatusOutput

    return (StatusOutput,)


def _check() -> tuple[Any, ...]:
    from oncall_tui.cli.check import CheckOutput

    return (CheckOutput,)


def _on_call() -> tuple[Any, ...]:
    from oncall_tui.cli.oncall import OnCallOutput

    return (OnCallOutput,)


def _deploys() -> tuple[Any, ...]:
    from oncall_tui.reports.history_json import DeployOutput

    return (tuple[DeployOutput, ...],)


def _changes() -> tuple[Any, ...]:
    from oncall_tui.cli.changes import ChangesOutput

    return (ChangesOutput,)


def _watched() -> tuple[Any, ...]:
    from oncall_tui.cli.deploys import WatchedDeployOutput

    return (WatchedDeployOutput,)


def _rollback() -> tuple[Any, ...]:
    from oncall_tui.cli.rollback import DryRunOutput, RollbackEndOutput, RollbackOutput

    return (RollbackOutput, RollbackEndOutput, DryRunOutput)


def _run() -> tuple[Any, ...]:
    from oncall_tui.cli.rollback import DryRunOutput
    from oncall_tui.cli.run import RunOutput

    return (RunOutput, DryRunOutput)


def _command_input() -> tuple[Any, ...]:
    from oncall_tui.reports.command_input import CommandInput

    return (CommandInput,)


def _handover() -> tuple[Any, ...]:
    from oncall_tui.reports.handover_text import output_type

    return (output_type(),)


def _statistics() -> tuple[Any, ...]:
    from oncall_tui.reports.statistics_text import output_type

    return (output_type(),)


def _journal() -> tuple[Any, ...]:
    from oncall_tui.cli.journal import EntryOutput

    return (EntryOutput,)


def _postmortem() -> tuple[Any, ...]:
    from oncall_tui.reports.postmortem_text import PostmortemOutput

    return (PostmortemOutput,)


def _import() -> tuple[Any, ...]:
    from oncall_tui.cli.import_history import ImportOutput

    return (ImportOutput,)


def _follow_ups() -> tuple[Any, ...]:
    from oncall_tui.cli.record_access import list_type
    from oncall_tui.domain.follow_up import FollowUp

    return (list_type(FollowUp, "follow_ups"),)


def _incidents() -> tuple[Any, ...]:
    from oncall_tui.cli.record_access import list_type
    from oncall_tui.domain.incident import Incident

    return (list_type(Incident, "incidents"),)


CONFIG = "config"
OUTPUTS = {
    "status": DescribedOutput(_status, "status --json"),
    "check": DescribedOutput(_check, "check --json"),
    "oncall": DescribedOutput(_on_call, "oncall --json"),
    "deploys": DescribedOutput(_deploys, "deploys --json"),
    "deploys-watch": DescribedOutput(_watched, "a line of deploys --watch --json"),
    "changes": DescribedOutput(_changes, "changes --json"),
    "rollback": DescribedOutput(_rollback, "rollback --json"),
    "run": DescribedOutput(_run, "run --json"),
    "command-input": DescribedOutput(_command_input, "what a command of the configuration reads"),
    "handover": DescribedOutput(_handover, "handover --json"),
    "stats": DescribedOutput(_statistics, "stats --json"),
    "journal": DescribedOutput(_journal, "a line of journal --json"),
    "postmortem": DescribedOutput(_postmortem, "postmortem --json"),
    "import": DescribedOutput(_import, "import --json"),
    "follow-up": DescribedOutput(_follow_ups, "follow-up list --json"),
    "incident": DescribedOutput(_incidents, "incident list --json"),
}


@click.command()
@click.argument("name", metavar="[NAME]", required=False, default="")
def schema(name: str) -> None:
    """Print the JSON Schema of NAME: config, or a command that takes --json. Without a NAME: list them."""
    if not name:
        put(f"{CONFIG:<14} the configuration", *(f"{key:<14} {one.says}" for key, one in OUTPUTS.items()))
    elif name == CONFIG:
        from oncall_tui import bootstrap

        put_exactly(as_text(bootstrap.config_schema()))
    elif name in OUTPUTS:
        put_exactly(as_text(output_schema(name)))
    else:
        fail(f"no schema {name!r}", f"there are: {', '.join((CONFIG, *OUTPUTS))}", WRONG_USE)


def output_schema(name: str) -> dict[str, Any]:
    """Return the schema of what a command prints, made from the types that it encodes."""
    import msgspec

    from oncall_tui.config.schema import DIALECT

    one = OUTPUTS[name]
    found, defs = msgspec.json.schema_components(one.types(), ref_template="#/$defs/{name}")
    whole = found[0] if len(found) == 1 else {"anyOf": list(found)}
    return {"$schema": DIALECT, "title": f"oncall-tui {one.says}", **whole, "$defs": dict(sorted(defs.items()))}


def as_text(found: dict[str, Any]) -> str:
    """Return a schema as it is printed, and as it is kept in a file."""
    import json

    return json.dumps(found, indent=2) + "\n"
