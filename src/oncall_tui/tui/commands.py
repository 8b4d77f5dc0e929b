"""The one table of commands. The bindings of every screen, the key bars, help, the palette, ``screen.keys`` and the
tables of docs/keys.md are made from it.

Lower case reads, UPPER CASE writes what is hard to undo; ``a``, ``u`` and ``n`` are the exceptions that fingers expect,
``s``, which only hands over, and ``v``, which writes to the record alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.own_command import OwnCommand, RowKind

Screen = Literal[
    "board",
    "detail",
    "log",
    "handover",
    "record",
    "follow-ups",
    "incidents",
    "statistics",
    "counted",
    "quiet",
    "run",
]
Group = Literal["act", "look", "move", "program", "name"]
ActsOn = Literal["", "row", "alert", "deploy"]


class OnDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A command of the board that the Detail screen has too, for its row. What is empty is as on the board.

    *bar* is its place in the key bar from the left; 0: not there.
    """

    action: str = ""
    bar: int = 0
    word: str = ""
    what: str = ""


class Command(msgspec.Struct, frozen=True):
    """One command of one screen. *id* is the name for ``screen.keys``.

    *key* is Textual's name of the key; empty: the palette has it by its *title*, or a list binds the keys of *label*.
    *word* stands in the key bar and in the palette, *what* in help. *also* are further keys and their
    actions, told in the same line of help.
    """

    id: str
    key: str
    word: str
    what: str
    group: Group
    label: str = ""  # the key as it is shown, where its name is not
    action: str = ""  # the screen's; empty: act('ID'), which is handed the row
    also: tuple[tuple[str, str], ...] = ()
    screen: Screen = "board"
    on_detail: OnDetail | None = None
    verb: Verb | None = None  # a key of a verb waits until the cursor has stood still
    # What it needs. With a verb, an alert or a deploy: it is offered where the row has the verb now. Else it is
    # always offered, but for what Offers (of the board) or the Detail screen has under its id in `_where`.
    acts_on: ActsOn = ""
    bar: bool = False
    rare: bool = False  # in the key bar only where it can do something: the Detail screen leaves it out, not dim
    title: str = ""  # in the palette, of a verb that has no key
    in_palette: bool = True
    in_lists: bool = False  # lists bind it themselves
    on_marked: bool = False  # it acts on the marked rows instead, where rows are marked

    @property
    def call(self) -> str:
        """The action of its key."""
        return self.action or f"act('{self.id}')"

    @property
    def acts(self) -> bool:
        """Tell whether its key waits until the cursor has stood still: it does something to the row, or marked rows."""
        return self.verb is not None or self.on_marked

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """Its keys, each with its action."""
        return ((self.key, self.call), *self.also) if self.key else self.also


# fmt: off
COMMANDS: tuple[Command, ...] = (
    # --- the board: act -----------------------------------------------------------------------------------------------
    Command("ack", "a", "ack", "acknowledge the row, or the marked rows; no prompt for one row", "act",
            on_detail=OnDetail(bar=1), verb=Verb.ACKNOWLEDGE, acts_on="alert", on_marked=True, bar=True),
    Command("unack", "u", "unack", "take back your acknowledgement, or your mark as seen", "act",
            on_detail=OnDetail(), verb=Verb.UNACKNOWLEDGE, acts_on="alert", rare=True),
    Command("escalate", "E", "escalate", "escalate: shows who is on call at each level first", "act",
            on_detail=OnDetail(bar=2), verb=Verb.ESCALATE, acts_on="alert", bar=True),
    Command("rollback", "R", "roll back", "roll the row's service back; shows the plan first", "act",
            on_detail=OnDetail(bar=3), verb=Verb.ROLL_BACK, acts_on="deploy", bar=True),
    Command("continue", "C", "continue",
            "continue a paused deploy (at a hook, at a CodeDeploy wait); always asks first", "act",
            on_detail=OnDetail(bar=4), verb=Verb.CONTINUE, acts_on="deploy", rare=True),
    Command("silence", "S", "silence", "silence for a time, with a reason; shows which alerts it hides", "act",
            on_detail=OnDetail(bar=8), verb=Verb.SILENCE, acts_on="alert", on_marked=True, bar=True),
    Command("note", "n", "note", "add a note", "act",
            on_detail=OnDetail(), verb=Verb.NOTE, acts_on="alert", on_marked=True),
    Command("verdict", "v", "actionable/noise",
            "mark the episode: actionable, then noise, then neither; of the marked rows all as one", "act",
            on_detail=OnDetail(), acts_on="alert", on_marked=True),
    Command("mark", "space", "mark", "mark the row: acknowledge, silence and note act on all marked rows", "act",
            label="space", in_palette=False, in_lists=True),
    Command("mark_all", "asterisk", "mark all", "mark every row that is shown, or none", "act",
            label="*", in_palette=False, in_lists=True),
    Command("shell", "s", "shell",
            "a shell in a container of the row's service (ECS Exec); shows the command first", "act",
            on_detail=OnDetail(bar=9), verb=Verb.SHELL, acts_on="row"),
    Command("login", "L", "log in", "renew an expired login: asks, runs its command, comes back", "act",
            on_detail=OnDetail()),
    # --- the board: look ----------------------------------------------------------------------------------------------
    Command("detail", "enter", "detail", "the row on a screen of its own: suspect, tasks, metrics, timeline", "look",
            label="Enter", action="detail", bar=True),
    Command("describe", "d", "detail", "the same", "look", action="detail", in_palette=False),
    Command("timeline", "t", "record",
            "the record of the alert, its service, its product, or everything: filter, jump, export", "look",
            on_detail=OnDetail(), acts_on="row", bar=True),
    Command("logs", "l", "logs", "the service's log around the alert's start, or live", "look",
            on_detail=OnDetail(bar=5), acts_on="row", bar=True),
    Command("filter", "slash", "filter", "filter: words, key:value, !inverse, ~regex", "look",
            label="/", action="filter", bar=True),
    Command("faults", "f", "faults", "faults only, on and off", "look", action="faults"),
    Command("product", "p", "product", "product filter: one product, a configured view, or clear", "look",
            action="product"),
    Command("sort", "greater_than_sign", "sort", "sort the pane by a column; picked again: reversed", "look",
            label=">", action="sort"),
    Command("hidden", "H", "hidden", "show the rows hidden by default (target tracking alarms)", "look",
            action="hidden"),
    Command("refresh", "r", "refresh", "read every source again now", "look",
            action="refresh",
            on_detail=OnDetail(action="again", bar=10, word="read again", what="read all of this again now")),
    Command("copy", "c", "copy", "copy the row's id, and its link where it has one (OSC 52)", "look",
            on_detail=OnDetail(), acts_on="row"),
    Command("sources", "i", "sources", "every source: its state, its age, how to mend it", "look",
            on_detail=OnDetail(), bar=True),
    Command("handover", "h", "handover", "the handover, to copy or to send", "look", bar=True),
    Command("followups", "w", "follow-ups", "follow-ups: what became of it; open one for the row's alert", "look",
            on_detail=OnDetail()),
    Command("incidents", "e", "incidents",
            "incidents: alerts and deploys that are one, with a lead; open one with the row's alert and suspect",
            "look", on_detail=OnDetail()),
    Command("statistics", "percent_sign", "numbers", "numbers: notifications, pages, times, deploys, with plots",
            "look", label="%"),
    Command("quiet_list", "x", "quiet list",
            "silences, snoozes and acknowledgements by age and end: extend and end them", "look"),
    Command("oncall", "o", "on call", "who is on call, now and next", "look", on_detail=OnDetail(), bar=True),
    # --- the board: move ----------------------------------------------------------------------------------------------
    Command("alerts", "1", "alerts", "the alerts pane", "move", action="pane('alerts')"),
    Command("services", "2", "services", "the services pane", "move", action="pane('services')"),
    Command("deploys", "3", "deploys", "the deploys pane", "move", action="pane('deploys')"),
    Command("details", "4", "detail", "the detail pane", "move", action="pane('detail')"),
    Command("next", "tab", "next pane", "the next pane", "move",
            label="Tab", action="next_pane(1)",
            on_detail=OnDetail(action="next(1)", bar=11, word="section", what="to the next section")),
    Command("previous", "shift+tab", "previous pane", "the previous pane", "move",
            label="Shift+Tab", action="next_pane(-1)",
            on_detail=OnDetail(action="next(-1)", what="to the section before")),
    Command("zoom", "z", "zoom", "the pane alone, and back", "move", action="zoom"),
    Command("back", "escape", "back", "back: dismiss a message, a zoom, then the filters", "move",
            label="Esc", action="back", on_detail=OnDetail(bar=7, what="dismiss a message, then back to the board")),
    Command("rows", "", "", "down and up", "move", label="j k, ↓ ↑"),
    Command("edges", "", "", "first and last row", "move", label="g G"),
    Command("pages", "", "", "a page down and up", "move", label="Ctrl+F Ctrl+B"),
    # --- the board: the program ---------------------------------------------------------------------------------------
    Command("quiet", "m", "bell off", "bell off and on", "program", action="quiet"),
    Command("commands", "colon", "commands", "what is possible now, by name, also without a key", "program",
            label=":", action="app.command_palette",
            on_detail=OnDetail(what="the row's actions that have no key of their own"), bar=True, in_palette=False),
    Command("help", "question_mark", "help", "this help", "program",
            label="?", action="help", on_detail=OnDetail(bar=12), bar=True),
    Command("quit", "q", "quit", "quit", "program",
            action="app.leave", on_detail=OnDetail(action="back", what="the same as back")),
    # --- the board: verbs that have no key, in the palette where the row can ------------------------------------------
    Command("restart", "", "restart",
            "force a new deploy of what runs: every task is replaced; shows the plan first", "name",
            title="restart (force a new deploy)", verb=Verb.RESTART, acts_on="deploy"),
    Command("undo", "", "undo", "undo the last rollback: redeploy the rolled-back version; asks for the name", "name",
            title="undo the last rollback", verb=Verb.UNDO_ROLLBACK, acts_on="deploy"),
    Command("resolve", "", "resolve", "close it at its source (PagerDuty, Sentry, Mackerel)", "name",
            title="resolve", verb=Verb.RESOLVE, acts_on="alert"),
    Command("snooze", "", "snooze",
            "quiet for a time, with a reason, also by silence; PagerDuty wants it acknowledged first", "name",
            title="snooze", verb=Verb.SNOOZE, acts_on="alert"),
    Command("reassign", "", "reassign", "give the incident to somebody else: pick whom (PagerDuty)", "name",
            title="reassign", verb=Verb.REASSIGN, acts_on="alert"),
    Command("merge", "", "merge", "merge into another incident: pick which (PagerDuty)", "name",
            title="merge", verb=Verb.MERGE, acts_on="alert"),
    Command("run", "", "run",
            "a command of your configuration (commands:), by name; one that writes shows its plan first", "name",
            title="run a command", verb=Verb.RUN, acts_on="row"),
    # --- the Detail screen's own --------------------------------------------------------------------------------------
    Command("section", "1", "section", "to that section", "move",
            label="1 … 9", action="go(1)", also=tuple((str(number), f"go({number})") for number in range(2, 10)),
            screen="detail"),
    Command("runbook", "b", "runbook", "to the runbook: read the product's or the alert's, as text", "look",
            action="runbook", screen="detail", on_detail=OnDetail(bar=6)),
    Command("who", "p", "who", "who changed the service, its roles, target groups and alarms: asks CloudTrail", "look",
            action="who", screen="detail", on_detail=OnDetail()),
    # --- the log ------------------------------------------------------------------------------------------------------
    Command("lines", "", "", "move; on the newest line it follows new lines", "move",
            label="j k g G Ctrl+F Ctrl+B", screen="log"),
    Command("search", "slash", "search", "search; Enter keeps it, Esc clears it", "look",
            label="/", action="search", screen="log"),
    Command("match", "n", "next", "the next and the previous match", "move",
            label="n N", action="next(1)", also=(("N", "next(-1)"),), screen="log"),
    Command("error", "e", "error", "the next and the previous line logged as an error", "move",
            label="e E", action="error(1)", also=(("E", "error(-1)"),), screen="log"),
    Command("pause", "space", "pause", "pause and continue: no call while it is paused", "look",
            label="space", action="pause", screen="log"),
    Command("live", "f", "live", "live: the last minutes, and new lines", "look", action="live", screen="log"),
    Command("around", "a", "around", "around the alert's start again", "look", action="around", screen="log"),
    Command("earlier", "left_square_bracket", "earlier", "read earlier lines, later lines", "look",
            label="[ ]", action="earlier", also=(("right_square_bracket", "later"),), screen="log"),
    Command("task", "t", "task", "one task's lines, also a stopped one's, or all", "look", action="task", screen="log"),
    Command("wrap", "w", "wrap", "wrap long lines, or cut them", "look", action="wrap", screen="log"),
    Command("line", "enter", "line", "the whole line; JSON member by member", "look",
            label="Enter", action="open", screen="log"),
    Command("copy_line", "c", "copy", "copy the line; copy every line on screen (OSC 52)", "look",
            label="c C", action="copy", also=(("C", "copy_screen"),), screen="log"),
    Command("insights", "i", "insights", "copy a link to Logs Insights for this time", "look",
            action="insights", screen="log"),
    Command("again", "r", "again", "repeat the refused call now", "look", action="again", screen="log"),
    Command("log_help", "question_mark", "help", "this help", "program", label="?", action="help", screen="log"),
    Command("log_back", "escape", "back", "back to where it was opened", "move",
            label="Esc q", action="back", also=(("q", "back"),), screen="log"),
    # --- the handover -------------------------------------------------------------------------------------------------
    Command("window", "1", "1h 8h 12h 24h", "the last hour, 8, 12 or 24 hours", "look",
            label="1 2 3 4:", action="window(1)", also=(("2", "window(8)"), ("3", "window(12)"), ("4", "window(24)")),
            screen="handover"),
    Command("read", "r", "read again", "read the journal again", "look", action="read", screen="handover"),
    Command("marks", "v", "mark", "the episodes of this time: mark them as actionable or noise", "act",
            action="marks", screen="handover"),
    Command("markdown", "c", "copy Markdown", "copy it as Markdown", "look", action="copy", screen="handover"),
    Command("send", "w", "send", "send it to a destination: pick which", "act", action="send", screen="handover"),
    Command("close", "q", "back", "back to the board", "move", label="Esc", action="cancel", screen="handover"),
    # --- the record ---------------------------------------------------------------------------------------------------
    Command("record_scope", "s", "scope", "this alert, its service, its product, everything", "look",
            action="scope", screen="record"),
    Command("record_filter", "slash", "filter", "filter: words, key:value (kind, by, state, mark), !inverse, ~regex",
            "look", label="/", action="filter", screen="record"),
    Command("record_jump", "at", "jump", "jump to a time: 02:41, 28 Nov, or how long ago", "look",
            label="@", action="jump", screen="record"),
    Command("record_earlier", "left_square_bracket", "earlier", "earlier events, later events", "look",
            label="[ ]", action="earlier", also=(("right_square_bracket", "later"),), screen="record"),
    Command("record_verdict", "v", "actionable/noise",
            "mark the episode, or those of the selected rows: actionable, then noise, then neither", "act",
            action="verdict", screen="record"),
    Command("record_select", "", "", "select the row; every row, or none", "act", label="space *", screen="record"),
    Command("record_follow", "f", "follow-up", "follow-ups: open one for the alert under the cursor", "act",
            action="follow", screen="record"),
    Command("record_export", "w", "export", "write what is listed into a new file: Markdown, CSV, or JSON lines", "act",
            action="export", screen="record"),
    Command("record_event", "", "", "all that is known of the event", "look", label="Enter", screen="record"),
    Command("record_again", "r", "read again", "read the record again", "look", action="again", screen="record"),
    Command("record_help", "question_mark", "help", "this help", "program", label="?", action="help", screen="record"),
    Command("record_back", "escape", "back", "the filter goes, then back to where it was opened", "move",
            label="Esc q", action="back", also=(("q", "back"),), screen="record"),
    # --- what is kept quiet -------------------------------------------------------------------------------------------
    Command("quiet_extend", "S", "extend", "silence or snooze it for longer; shows the plan first", "act",
            action="extend", screen="quiet"),
    Command("quiet_end", "u", "end", "end it now: an acknowledgement of yours, or a silence (shows its plan)", "act",
            action="end", screen="quiet", verb=Verb.END_SILENCE),
    Command("quiet_order", "greater_than_sign", "by age/end", "sort by end, the soonest first, or by age", "look",
            label=">", action="order", screen="quiet"),
    Command("quiet_one", "", "", "all of it, and what it keeps quiet", "look", label="Enter", screen="quiet"),
    Command("quiet_again", "r", "read again", "ask the sources again", "look", action="again", screen="quiet"),
    Command("quiet_help", "question_mark", "help", "this help", "program", label="?", action="help", screen="quiet"),
    Command("quiet_back", "escape", "back", "dismiss a message, then back to the board", "move",
            label="Esc q", action="back", also=(("q", "back"),), screen="quiet"),
    # --- follow-ups ---------------------------------------------------------------------------------------------------
    Command("follow_new", "n", "new", "open a follow-up, for the alert from whose row the list was opened", "act",
            action="new", screen="follow-ups"),
    Command("follow_advance", "s", "state", "open → looking → done, and open again", "act",
            action="advance", screen="follow-ups"),
    Command("follow_edit", "e", "edit", "title, owner, and what was found", "act", action="edit", screen="follow-ups"),
    Command("follow_attach", "plus", "add alert", "the alert from whose row the list was opened belongs to it too",
            "act", label="+", action="attach", screen="follow-ups"),
    Command("follow_every", "a", "all", "those that are done too, or not", "look", action="every", screen="follow-ups"),
    Command("follow_one", "", "", "all of it", "look", label="Enter", screen="follow-ups"),
    Command("follow_again", "r", "read again", "read the journal again", "look", action="again", screen="follow-ups"),
    Command("follow_help", "question_mark", "help", "this help", "program",
            label="?", action="help", screen="follow-ups"),
    Command("follow_back", "escape", "back", "back to where it was opened", "move",
            label="Esc q", action="back", also=(("q", "back"),), screen="follow-ups"),
    # --- incidents ----------------------------------------------------------------------------------------------------
    Command("incident_new", "n", "new",
            "open an incident, with the alert and its suspect deploy from whose row the list was opened", "act",
            action="new", screen="incidents"),
    Command("incident_add", "plus", "add", "the alert and the deploy of that row belong to this incident too", "act",
            label="+", action="add", screen="incidents"),
    Command("incident_close", "c", "close", "close it, with a note", "act", action="close", screen="incidents"),
    Command("incident_write", "w", "postmortem", "write its postmortem into a new file (Markdown)", "act",
            action="export", screen="incidents"),
    Command("incident_every", "a", "all", "those that are closed too, or not", "look",
            action="every", screen="incidents"),
    Command("incident_one", "", "", "its timeline and its durations, as the record has them", "look",
            label="Enter", screen="incidents"),
    Command("incident_again", "r", "read again", "read the journal again", "look", action="again", screen="incidents"),
    Command("incident_help", "question_mark", "help", "this help", "program",
            label="?", action="help", screen="incidents"),
    Command("incident_back", "escape", "back", "back to where it was opened", "move",
            label="Esc q", action="back", also=(("q", "back"),), screen="incidents"),
    # --- the output of a command --------------------------------------------------------------------------------------
    Command("run_lines", "", "", "move; on the newest line it follows new lines", "move",
            label="j k g G Ctrl+F Ctrl+B", screen="run"),
    Command("run_end", "X", "end it", "end it, and all that it started: SIGTERM, after 5 s SIGKILL; asks first", "act",
            action="end", screen="run"),
    Command("run_copy", "c", "copy", "copy what is kept of its output (OSC 52)", "look", action="copy", screen="run"),
    Command("run_help", "question_mark", "help", "this help", "program", label="?", action="help", screen="run"),
    Command("run_back", "escape", "back", "back to where it was started: it runs on", "move",
            label="Esc q", action="back", also=(("q", "back"),), screen="run"),
    # --- the numbers --------------------------------------------------------------------------------------------------
    Command("numbers_period", "s", "7d 30d 90d 1y", "the last 7, 30, 90 or 365 days", "look",
            action="period", screen="statistics"),
    Command("numbers_plot", "p", "plot", "the next plot: by day, by hour, by product, the noisiest alerts", "look",
            action="plot", screen="statistics"),
    Command("numbers_counted", "", "counted", "the alerts or the deploys that the number counts", "look",
            label="Enter", screen="statistics"),
    Command("numbers_again", "r", "read again", "read the journal again", "look", action="again", screen="statistics"),
    Command("numbers_help", "question_mark", "help", "this help", "program",
            label="?", action="help", screen="statistics"),
    Command("numbers_back", "escape", "back", "back to where it was opened", "move",
            label="Esc q", action="back", also=(("q", "back"),), screen="statistics"),
    Command("counted_record", "", "record", "the record of the alert, or of the deploy's service", "look",
            label="Enter", screen="counted"),
    Command("counted_help", "question_mark", "help", "this help", "program",
            label="?", action="help", screen="counted"),
    Command("counted_back", "escape", "back", "back to the numbers", "move",
            label="Esc q", action="back", also=(("q", "back"),), screen="counted"),
)
# fmt: on
BY_ID: dict[str, Command] = {command.id: command for command in COMMANDS}
BY_VERB: dict[Verb, Command] = {command.verb: command for command in COMMANDS if command.verb}
HEADINGS: dict[Group, str] = {
    "act": "Act",
    "look": "Look",
    "move": "Move",
    "program": "Program",
    "name": "By name",
}
# The keys that every list and text has: the name of the move, its keys, and its words.
MOVES: tuple[tuple[str, str, str], ...] = (
    ("up", "up,k", "up"),
    ("down", "down,j", "down"),
    ("first", "home,g", "first row"),
    ("last", "end,G", "last row"),
    ("page_up", "pageup,ctrl+b", "a page up"),
    ("page_down", "pagedown,ctrl+f", "a page down"),
)
FIRST = "g"  # the key to the first row, as it is shown: no configuration changes it


def of(screen: Screen) -> list[Command]:
    """Return the commands of a screen that are in the table for it."""
    return [command for command in COMMANDS if command.screen == screen]


def configurable() -> list[Command]:
    """Return the commands that ``screen.keys`` may give another key."""
    return [command for command in of("board") if command.key]


# --- the key as it is shown -------------------------------------------------------------------------------------------

_configured: dict[str, str] = {}  # a command's id -> the key that the configuration gave it
_own: list[OwnCommand] = []  # the commands of the configuration, which help lists


def configure(keys: Mapping[str, str], commands: Iterable[OwnCommand] = ()) -> None:
    """Take up the configured keys, which are shown instead of the usual ones from here on, and the configuration's own
    commands.
    """
    _configured.clear()
    _configured.update(keys)
    _own[:] = commands


def label(command: Command) -> str:
    """The key as it is shown: the configured one, else the usual one."""
    usual = command.label or command.key
    return _configured.get(command.id, usual) if command.screen == "board" else usual


def named(command_id: str) -> str:
    """The key of a command as it is shown, for a hint that names it."""
    return label(BY_ID[command_id])


# --- help, and the documents ------------------------------------------------------------------------------------------


def by_group() -> dict[str, list[tuple[str, str]]]:
    """Heading → (key, what it does), of the board."""
    palette = named("commands")
    headings = {**HEADINGS, "name": f"By name ({palette} lists them)"}
    found: dict[str, list[tuple[str, str]]] = {heading: [] for heading in headings.values()}
    for command in of("board"):
        key = f"{palette} {command.word}" if command.group == "name" else label(command)
        found[headings[command.group]].append((key, command.what))
    return {**found, "From your configuration": own_commands()} if _own else found


def own_commands() -> list[tuple[str, str]]:
    """(key, what it does) of the configuration's own commands."""
    return [(own_label(one), own_what(one)) for one in _own]


def own_label(command: OwnCommand) -> str:
    """The key of a command of the configuration, or how the palette has it: ``: NAME``."""
    return command.key or f"{named('commands')} {command.name}"


def own_what(command: OwnCommand) -> str:
    """Word a command of the configuration in one line: its name, its purpose, its rows."""
    what = command.what or " ".join(command.argv)
    rows = " or ".join("no row" if kind is RowKind.BOARD else kind for kind in command.rows)
    return f"{command.name}: {what} ({rows}{'; writes: shows its plan first' if command.writes else ''})"


def own(screen: Screen) -> list[tuple[str, str]]:
    """(key, what it does) of a screen over the board: what it does not do as the board does."""
    found = [(label(command), command.what) for command in of(screen)]
    if screen == "detail":
        found += [(label(one), one.on_detail.what) for one in of("board") if one.on_detail and one.on_detail.what]
    return found


def shared() -> list[Command]:
    """Return the commands that do on the Detail screen what they do on the board, to its row."""
    return [one for one in of("board") if one.on_detail and not one.on_detail.what and not one.on_detail.action]


def detail_bar() -> list[tuple[Command, OnDetail]]:
    """Return the commands in the key bar of the Detail screen, from the left."""
    shown = [(one, one.on_detail) for one in COMMANDS if one.on_detail and one.on_detail.bar]
    return sorted(shown, key=lambda it: it[1].bar)
