"""A Slack destination's options. Imports no I/O."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from oncall_tui.providers.options import FoundIn, HttpDestinationOptions
from oncall_tui.runtime.secret import Secret


class SlackOptions(HttpDestinationOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One channel: by an incoming *webhook* (its URL is the secret), or by a bot's *token* and the *channel*.

    With a token, what belongs together is one thread; a webhook has none. *url* is where Slack's Web API is.
    """

    own_headers: ClassVar[tuple[str, ...]] = ("authorization",)
    found_in: ClassVar[FoundIn] = (
        {"webhook": ("SLACK_WEBHOOK",)},
        {"token": ("SLACK_TOKEN",), "channel": ("SLACK_CHANNEL",)},
    )
    webhook: Secret | None = None
    token: Secret | None = None
    channel: str = ""
    url: str = "https://slack.com/api"

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.webhook is None) == (self.token is None):
            raise ValueError("expected webhook, or token and channel: one of both")
        if self.token is not None and not self.channel:
            raise ValueError("token: a token needs the channel beside it, as #payments or C0DRILL")
        if self.webhook is not None and self.channel:
            raise ValueError("channel: a webhook has its own; use token and channel to choose one")
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url: expected https://HOST/api")
