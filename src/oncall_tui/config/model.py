"""The content of the configuration, beside each provider's own options. Field names are the keys of the file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from oncall_tui.domain.guardrail import Guardrail
from oncall_tui.domain.own_command import OwnCommand
from oncall_tui.domain.product import Product
from oncall_tui.providers.options import DestinationOptions, SourceOptions
from oncall_tui.runtime.folders import STATE_FOLDER, state_folder
from oncall_tui.runtime.secret import Secret

PageRule = dict[str, str]  # severity, provider, urgency, source, state or any label -> glob; all of them must match

DEFAULT_PAGES: tuple[PageRule, ...] = ({"severity": "critical"}, {"provider": "pagerduty", "urgency": "high"})
DEFAULT_JOURNAL = f"{STATE_FOLDER}/journal.db"


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """The person who acts. *email* is that of the PagerDuty user."""

    name: str
    email: str = ""


class Screen(msgspec.Struct, frozen=True, kw_only=True):
    """Look and sound of the screen. *keys* is an action's id -> its key; *views* a name -> a filter's text.

    *ambiguous_width* is how many cells the terminal gives to "…", "·", "→" and the lines of frames (Unicode's ambiguous
    characters); *signs* which signs the program draws with.
    """

    bell: bool = True
    mouse: bool = False
    theme: str = ""
    ambiguous_width: Literal[1, 2] = 1
    signs: Literal["unicode", "ascii"] = "unicode"
    keys: dict[str, str] = {}
    views: dict[str, str] = {}


class RecorderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The way in which a recorder shares its readings: *socket* is a path (empty: beside the journal),
    *group* a group of accounts that may read there too (empty: its own account alone).
    """

    socket: str = ""
    group: str = ""


class ScreenWords(msgspec.Struct, frozen=True):
    """The words that ``screen`` may name: each action's id with its usual key; keys that are *taken* (key -> by what);
    *themes*; and *name*, which gives the names of the keys in a text (an empty one for what is no key).
    """

    keys: Mapping[str, str]
    taken: Mapping[str, str]
    themes: tuple[str, ...]
    name: Callable[[str], list[str]]


class JournalTableOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The DynamoDB table through which a team shares its journal. *profile*, *role_arn* and *endpoint_url* as for an
    AWS source; *region*: empty takes the profile's or the environment's.
    """

    table: str
    region: str = ""
    profile: str = ""
    role_arn: str = ""
    endpoint_url: str = ""


class JournalOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The journal's place, with whom it is shared, and for how many days an entry is kept."""

    path: str = ""
    dynamodb: JournalTableOptions | None = None
    keep_days: int = 400


class GithubSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The GitHub from which the commits of a deploy are read: *token* may be left out for public repositories;
    *api_url* is another one for GitHub Enterprise; *ca_file* the authority of its certificate, in PEM format.
    """

    token: Secret | None = None
    api_url: str = "https://api.github.com"
    ca_file: str = ""


class ConfigFile(msgspec.Struct, frozen=True, kw_only=True):
    """The top-level keys of one file, in the order in which they are documented."""

    me: Me | None = None
    timezone: str = "UTC"
    sources: tuple[SourceOptions, ...] = ()
    pages: tuple[PageRule, ...] = DEFAULT_PAGES
    expected: tuple[PageRule, ...] = ()
    escalation: tuple[DestinationOptions, ...] = ()
    products: tuple[Product, ...] = ()
    guardrails: tuple[Guardrail, ...] = ()
    commands: tuple[OwnCommand, ...] = ()
    github: GithubSettings | None = None
    read_only: bool = False
    screen: Screen = Screen()
    steady_s: float = 60.0
    look_back_s: float = 3600.0
    journal: str | JournalOptions = ""
    recorder: RecorderSettings = RecorderSettings()


class Config(ConfigFile, frozen=True, kw_only=True):
    """All files together. *files* are those that it came from; *warnings* are worth a line, and stop nothing.

    *places* says where a key stands, as ``FILE:LINE:COLUMN``; products and commands are named in it:
    ``products[payments].alerts``.
    """

    files: tuple[str, ...] = ()
    places: dict[str, str] = {}
    warnings: tuple[str, ...] = ()

    @property
    def journal_path(self) -> str:
        """The journal's place: the configured path or the default, ``~`` not yet expanded."""
        return self.journal_options.path or f"{state_folder(os.environ)}/journal.db"

    @property
    def journal_options(self) -> JournalOptions:
        """The journal's settings; a path alone stands for the others as they usually are."""
        return self.journal if isinstance(self.journal, JournalOptions) else JournalOptions(path=self.journal)
