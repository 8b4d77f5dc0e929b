"""``mark``: an engineer's word on an alert's newest episode, kept in the journal, counted by statistics."""

from __future__ import annotations

import click

from oncall_tui.cli import NOT_DONE, WRONG_USE
from oncall_tui.cli.alert_commands import sent_text
from oncall_tui.cli.common import fail
from oncall_tui.cli.output import put
from oncall_tui.cli.record_access import recorded
from oncall_tui.domain.history import EpisodeMark

NEITHER = "neither"
WORDS = {**{str(mark): mark for mark in EpisodeMark if mark}, NEITHER: EpisodeMark.NONE}


@click.command()
@click.argument("word", metavar="WORD")
@click.argument("alerts", metavar="ALERT...", nargs=-1, required=True)
@click.pass_context
def mark(context: click.Context, word: str, alerts: tuple[str, ...]) -> None:
    """Mark the newest episode of each ALERT with a WORD: actionable, noise, or neither. An episode's id does too.

    Nothing is marked where one of them is not in the record.
    """
    with recorded(context) as (record, me):
        if word not in WORDS:
            fail(f"{word!r} is no word for an episode", f"it is one of {', '.join(WORDS)}", WRONG_USE)
        wanted = [sent_text(alert) for alert in alerts]
        found = [(alert, record.newest(alert)) for alert in wanted]
        if unknown := [alert for alert, episode in found if episode is None]:
            fail(f"not in the record: {', '.join(unknown)}", "`oncall-tui status` lists alerts' ids", NOT_DONE)
        episodes = [episode for _, episode in found if episode is not None]
        changed = record.mark_episodes(episodes, WORDS[word], me)
    for episode in episodes:
        put(f"{word}: {episode.title} ({episode.id})")
    if changed < len(episodes):
        put(f"{len(episodes) - changed} said so already")
