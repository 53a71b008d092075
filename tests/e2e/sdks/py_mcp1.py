"""The MCP SDK for Python, unchanged, of major 1: a client with a handshake (2025-11-25 and before)."""

import asyncio
import logging
import os
from datetime import timedelta
from importlib.metadata import version

from common import admin, check, fault, finish
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

logging.disable(logging.CRITICAL)
URL = f"{os.environ['STORMDRILL_TOOLS_URL']}/mcp"


async def session(work):
    async with streamable_http_client(URL) as (read, write, _), ClientSession(read, write) as client:
        started = await client.initialize()
        return await work(client, started)


def name(error):
    if isinstance(error, BaseExceptionGroup):
        return name(error.exceptions[0])
    code = getattr(getattr(error, "error", None), "code", None)
    return f"{type(error).__name__} {code}" if code is not None else type(error).__name__


async def called(client, tool="weather", arguments=None):
    arguments = {"city": "Oslo"} if arguments is None else arguments
    try:
        result = await client.call_tool(tool, arguments, read_timeout_seconds=timedelta(seconds=1))
        return f"isError {result.isError}: {result.content[0].text}"
    except BaseException as error:  # noqa: BLE001 (a dead client cancels its own task)
        if isinstance(error, asyncio.CancelledError):
            asyncio.current_task().uncancel()
        return name(error)


async def twice(client, _):
    """Returns what came of a call under a fault, and of the next one without it."""
    first = await called(client)
    admin("faults/test/release", {})
    return first, await called(client)


def both():
    async def work():
        try:
            return await asyncio.wait_for(asyncio.ensure_future(session(twice)), 10)
        except BaseException as error:  # noqa: BLE001
            return "dead", name(error)
    return asyncio.run(work())


GOOD = 'isError False: {"city":"Oslo","degrees":12}'


async def normal(client, started):
    check("handshake", (started.protocolVersion, started.serverInfo.name), ("2025-11-25", "tools"))
    tools = (await client.list_tools()).tools
    check("tools", [(tool.name, tool.annotations.readOnlyHint) for tool in tools], [("refund", False), ("weather", True)])
    result = await client.call_tool("weather", {"city": "Oslo"})
    check("call", (result.isError, result.structuredContent), (False, {"city": "Oslo", "degrees": 12}))
    await client.send_ping()
    check("unknown tool", await called(client, "nothing"), "McpError -32602")
    check("arguments that are not enough", await called(client, "weather", {}), "McpError -32602")
    check("effect", await called(client, "refund", {"order": "7"}), 'isError False: {"refunded":"7"}')
    effects = admin("effects?mock=tools")["tools"]
    check("it stands in the ledger", (effects["executed"], effects["effects"][-1]["tool"]), (1, "refund"))


asyncio.run(session(normal))

for kind, dose, wanted in [
    ("error", {"share": "100%", "code": "tool-error"}, ("isError True: the tool failed", GOOD)),
    ("error", {"share": "100%", "code": "rpc-error"}, ("McpError -32603", GOOD)),
    ("hang", {"share": "100%"}, ("McpError 408", GOOD)),
    ("interruption", {"share": "100%", "stage": "event", "after": 1, "ending": "clean"}, ("McpError 408", GOOD)),
    ("interruption", {"share": "100%", "stage": "event", "after": 1, "ending": "error"}, ("McpError -32603", GOOD)),
    ("tool-vanish", {"share": "100%"}, ("McpError -32602", GOOD)),
    ("schema-drift", {"share": "100%"}, ("McpError -32602", GOOD)),
]:
    with fault("tools", kind, dose):
        check(f"{kind} {dose.get('code', dose.get('ending', ''))}", both(), wanted)

# One tool's status 500, or its closed connection, takes the whole client with it: no later call is answered.
for kind, dose in [
    ("error", {"share": "100%", "status": 500}),
    ("interruption", {"share": "100%", "stage": "before-headers", "ending": "cut"}),
    ("interruption", {"share": "100%", "stage": "before-headers", "ending": "reset"}),
]:
    with fault("tools", kind, dose):
        check(f"{kind} {dose.get('ending', '')} kills the client", GOOD in both(), False)

print(f"mcp {version('mcp')} for Python")
finish()
