"""The control API: what a test or a demo does to the world, and asks of it. JSON over HTTP, on a port of its own."""

import json
from collections.abc import Callable
from typing import Any

from oncall_tui.simulator.scenarios.reader import ScenarioError, check_event
from oncall_tui.simulator.server.http import Delivery
from oncall_tui.simulator.server.messages import Request, SimulatedAnswer, json_answer
from oncall_tui.simulator.world.events import ScenarioRunner
from oncall_tui.simulator.world.truth import truth
from oncall_tui.simulator.world.world import PORTAL


class Control:
    """Answers the control port."""

    def __init__(self, story: ScenarioRunner) -> None:
        self._story = story
        self._world = story.world
        self._routes: dict[tuple[str, str], Callable[[dict[str, Any]], object]] = {
            ("GET", "health"): lambda asked: {"ok": True},
            ("GET", "calls"): lambda asked: self._world.counted(),
            ("POST", "calls/reset"): self._reset,
            ("GET", "faults"): lambda asked: {"faults": self._world.faults.public()},
            ("POST", "faults"): self._fault,
            ("DELETE", "faults"): lambda asked: self._remove(None),
            ("POST", "advance"): self._advance,
            ("GET", "state"): lambda asked: truth(self._story),
            ("POST", "do"): self._do,
            ("POST", "login"): self._login,
        }

    def deliver(self, request: Request) -> Delivery:
        """Answer one request: 400 with what is wrong where it is not understood."""
        with self._world.lock:
            return Delivery(self._answer(request))

    def _answer(self, request: Request) -> SimulatedAnswer:
        path = request.path.removeprefix("/_drill/").rstrip("/")
        if path == "portal":
            return SimulatedAnswer(200, PORTAL, {"Content-Type": "text/html; charset=utf-8"})
        try:
            self._world.advance()
            if request.method == "DELETE" and path.startswith("faults/"):
                return json_answer(self._remove(path.partition("/")[2]))
            route = self._routes.get((request.method, path))
            if route is None:
                return json_answer({"error": f"{request.method} {request.path} is not here"}, 404)
            asked = json.loads(request.body or b"{}")
            if not isinstance(asked, dict):
                raise ValueError("expected a JSON object")
            return json_answer(route(asked))
        except (ValueError, ScenarioError) as error:
            return json_answer({"error": str(error)}, 400)
        except (KeyError, TypeError) as error:
            return json_answer({"error": f"missing or of a wrong type: {error}"}, 400)

    def _reset(self, asked: dict[str, Any]) -> object:
        self._world.forget_calls()
        return {"ok": True}

    def _fault(self, asked: dict[str, Any]) -> object:
        fault = self._world.faults.add(asked, list(self._world.peers))
        self._world.refresh_ports()
        return {"id": fault.id}

    def _remove(self, id: str | None) -> object:
        removed = self._world.faults.remove(id)
        self._world.refresh_ports()
        return {"removed": removed}

    def _advance(self, asked: dict[str, Any]) -> object:
        self._world.timeline.forward(float(asked["s"]))
        self._world.advance()
        return {"now": self._world.timeline.now()}

    def _do(self, asked: dict[str, Any]) -> object:
        check_event(asked.get("event"))
        self._story.check(asked["event"])
        self._story.schedule([asked["event"]])
        self._world.advance()
        return {"ok": True}

    def _login(self, asked: dict[str, Any]) -> object:
        source = str(asked["source"])
        if source not in self._world.peers:
            raise ValueError(f"no source is {source!r}")
        return {"removed": self._world.faults.renew(source)}
