"""The contract of every provider over HTTP, against the other side as this file simulates it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oncall_tui_jsonlist.options import JsonListOptions
from oncall_tui_jsonlist.provider import build

from oncall_tui.domain.action import Verb
from oncall_tui.runtime.secret import Secret
from oncall_tui.testing.suite import GATEWAY, TOKEN, Plug, Request, SimulatedAnswer, contract_test, json_answer

A_PAGE = 100
SECRET = Secret("env", ("PLANTED_TOKEN",))


class SimulatedList:
    """The other side: strict where its document leaves it open, and with every field of it in each item."""

    def __init__(self, now: Callable[[], float], count: int) -> None:
        self.alerts: dict[str, dict[str, Any]] = {
            str(n): {
                "id": str(n),
                "title": f"problem {n}",
                "state": "open",
                "severity": "critical",
                "since": now() - 60,
                "by": None,
                "link": f"https://alerts.example.com/{n}",
                "service": "main/api",
            }
            for n in range(count)
        }

    def handle(self, request: Request) -> SimulatedAnswer:
        """Answer one request."""
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return json_answer({"message": "who are you?"}, 401)
        parts = request.path.strip("/").split("/")
        if request.method == "GET" and parts == ["alerts"]:
            first = int(request.query.get("page", ["0"])[0])
            more = first + A_PAGE < len(self.alerts)
            page = list(self.alerts.values())[first : first + A_PAGE]
            return json_answer({"alerts": page, "next": str(first + A_PAGE) if more else None})
        alert = self.alerts.get(parts[1]) if len(parts) > 1 else None
        if alert is None:
            return json_answer({"message": "there is no such alert"}, 404)
        if request.method == "POST" and parts[2:] == ["acknowledge"]:
            alert.update(state="acknowledged", by="Alice")
        return json_answer(alert)


def items(request: Request, body: Any) -> list[Any] | None:
    """The items of the list, to be changed in place."""
    found: list[Any] | None = body["alerts"] if request.path == "/alerts" else None
    return found


test_it_keeps_the_contract = contract_test(
    Plug(
        name="jsonlist",
        build=lambda url, context: build(
            JsonListOptions(name="it", provider="jsonlist", url=url, token=SECRET, headers=GATEWAY), context
        ),
        world=SimulatedList,
        items=items,
        title=lambda item, text: item.update(title=text),
        unknown=lambda item: item.update(state="pondering"),
        optional=("title", "severity", "by", "link", "service"),
        write=(Verb.ACKNOWLEDGE, {}),
    )
)
