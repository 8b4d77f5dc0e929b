"""Send a handover to a notification destination: once, journalled; its delivery is never confirmed."""

from __future__ import annotations

from concurrent.futures import Future

from oncall_tui.domain.alert import Severity
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import Actor
from oncall_tui.errors import ActionError, Refused
from oncall_tui.journal import Journal
from oncall_tui.notifications.destinations import Destinations
from oncall_tui.providers.base import Message
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.secret import redact

LINES, CHARACTERS, MOST = 30, 2_000, 900  # of a part, and of a line; "<" takes four characters on its way


def parts(text: str) -> list[str]:
    """*text* in parts that a destination takes whole: a section of Slack's holds 3,000 characters; nothing is cut."""
    found: list[str] = [""]
    lines = 0
    for line in (whole[at : at + MOST] for whole in text.splitlines() for at in range(0, max(1, len(whole)), MOST)):
        if lines >= LINES or len(found[-1]) + len(line) + 1 > CHARACTERS:
            found.append("")
            lines = 0
        found[-1] += f"{line}\n"
        lines += 1
    return [part.rstrip("\n") for part in found]


def send(
    destinations: Destinations, journal: Journal, clock: Clock, actor: Actor, name: str, title: str, text: str
) -> Future[str]:
    """Send it in parts on the destination's own queue. The future raises ActionError: Refused for one that pages."""
    at = clock.now()

    def record(state: OutcomeState, words: str) -> None:
        data = {"verb": "hand over", "destination": name, "state": state}
        entry = Entry(at=at, kind=EntryKind.TOLD, subject="handover", actor=actor.name, text=words, data=data)
        journal.record([entry])

    def job() -> str:
        destination = destinations.find(name).get()
        if destination.pages:
            raise Refused(
                f"{name} pages people: send a handover to a notification destination", "see escalation: pages"
            )
        told = parts(redact(text))
        for number, part in enumerate(told, 1):
            of = f" ({number} of {len(told)})" if len(told) > 1 else ""
            message = Message(
                thread=f"handover-{at:.0f}",
                title=redact(title) + of,
                text=part,
                severity=Severity.INFO,
                about="",
                actor=actor.name,
            )
            try:
                destination.send(message)
            except ActionError as error:
                error.message += f"; {number - 1} of {len(told)} parts were sent before" if len(told) > 1 else ""
                record(OutcomeState(error.outcome), f"handover to {name}: {error.message}")
                raise
        record(OutcomeState.SENT, f"handover sent to {name}: {title}")
        return f"sent to {name}: delivery is not confirmed"

    return destinations.find(name).queue.run(job)
