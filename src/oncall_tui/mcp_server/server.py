"""The protocol, by the official SDK over standard input and output. The one module that imports the SDK.

While it serves, standard output is the protocol's: the SDK keeps it for itself, and what else is printed goes to
standard error. Each call is answered on a thread that quitting leaves behind, so that a hung source holds up no end.
Protocol and hints: modelcontextprotocol.io, revision 2025-11-25 and later.
"""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any

import mcp_types as types
from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError

from oncall_tui import __version__
from oncall_tui.mcp_server.tools import MARKED, TABLE, CannotAnswer, Tool, Tools
from oncall_tui.runtime.clock import SystemClock
from oncall_tui.runtime.job_queue import JobQueue

INSTRUCTIONS = (
    "Read-only view of an on-call board: alerts, Amazon ECS services, deploys, and the record of what was done. "
    f"{MARKED}"
    "Every answer says its time (`at`, UTC), how each source is (`sources`), and what is not known (`not_known`): what "
    "could not be read is not known, never absent. Nothing can be acknowledged, silenced, escalated or rolled back "
    "here; an engineer does that on the board."
)
SLOW = frozenset({"timeline"})  # asks sources, which may hang: such calls wait for one another, and for nothing else


def described(tool: Tool) -> types.Tool:
    """Return the tool as the protocol lists it. The annotations are hints; that it only reads is in the code."""
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=f"{tool.description}. {MARKED}".strip(),
        input_schema=tool.schema,
        annotations=types.ToolAnnotations(
            title=tool.title, read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
        ),
    )


class Answering:
    """Answers the protocol's two requests; *queues* are left behind at the end, whatever hangs in them."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        clock = SystemClock()
        self._quick, self._slow = JobQueue("answers", clock), JobQueue("answers from sources", clock)

    async def list_tools(
        self, _context: ServerRequestContext[Any], _asked: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        """List every tool: there are few, and no second page."""
        return types.ListToolsResult(tools=[described(tool) for tool in TABLE.values()])

    async def call_tool(
        self, _context: ServerRequestContext[Any], asked: types.CallToolRequestParams
    ) -> types.CallToolResult:
        """Answer a call: as an object, and the same as text for clients that know no objects.

        Raises MCPError for a tool that there is not.
        """
        if asked.name not in TABLE:
            raise MCPError(types.INVALID_PARAMS, f"there is no tool of that name; there are: {', '.join(TABLE)}")
        queue = self._slow if asked.name in SLOW else self._quick
        call = partial(self._tools.call, asked.name, asked.arguments or {})
        try:
            answer = await asyncio.wrap_future(queue.run(call))
        except CannotAnswer as error:
            return types.CallToolResult(content=[_text(str(error))], is_error=True)
        except Exception as error:  # noqa: BLE001 - its words may quote the outside: the log has them
            words = f"this program has a bug ({error.__class__.__name__}); its log has more"
            return types.CallToolResult(content=[_text(words)], is_error=True)
        text = json.dumps(answer, ensure_ascii=False)
        return types.CallToolResult(content=[_text(text)], structured_content=answer)

    def stop(self) -> None:
        """Answer nothing more."""
        self._quick.stop()
        self._slow.stop()


def serve(tools: Tools) -> None:
    """Serve until standard input ends."""
    answering = Answering(tools)
    try:
        asyncio.run(_serve(server_of(answering)))
    finally:
        answering.stop()


def server_of(answering: Answering) -> Server[Any]:
    """Return the server, for any transport."""
    return Server(
        "oncall-tui",
        version=__version__,
        title="oncall-tui",
        instructions=INSTRUCTIONS,
        on_list_tools=answering.list_tools,
        on_call_tool=answering.call_tool,
    )


async def _serve(server: Server[Any]) -> None:
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def _text(text: str) -> types.TextContent:
    return types.TextContent(type="text", text=text)
