"""The MCP SDK for Python, unchanged, of major 2: both eras of the protocol."""

import asyncio
import logging
import os
import warnings
from importlib.metadata import version

from common import admin, check, fault, finish
from mcp import Client

logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")
URL = f"{os.environ['STORMDRILL_TOOLS_URL']}/mcp"
MEMORY = f"{os.environ['STORMDRILL_MEMORY_URL']}/mcp"
GOOD = 'error False: {"city":"Oslo","degrees":12}'


def name(error):
    if isinstance(error, BaseExceptionGroup):
        return name(error.exceptions[0])
    code = getattr(error, "code", None)
    return f"{type(error).__name__} {code}" if code is not None else type(error).__name__


async def called(client, tool="weather", arguments=None):
    arguments = {"city": "Oslo"} if arguments is None else arguments
    try:
        result = await client.call_tool(tool, arguments, read_timeout_seconds=1.0)
        return f"error {result.is_error}: {result.content[0].text}"
    except BaseException as error:  # noqa: BLE001
        if isinstance(error, asyncio.CancelledError):
            asyncio.current_task().uncancel()
        return name(error)


def both(mode):
    """Returns what came of a call under a fault, and of the next one without it."""
    async def work():
        async with Client(URL, mode=mode) as client:
            first = await called(client)
            admin("faults/test/release", {})
            return first, await called(client)

    async def guarded():
        try:
            return await asyncio.wait_for(asyncio.ensure_future(work()), 10)
        except BaseException as error:  # noqa: BLE001
            return "dead", name(error)
    return asyncio.run(guarded())


async def normal(mode, wanted):
    async with Client(URL, mode=mode, read_timeout_seconds=5.0) as client:
        check(f"version, {mode}", client.protocol_version, wanted)
        tools = (await client.list_tools()).tools
        check("tools", [tool.name for tool in tools], ["refund", "weather"])
        result = await client.call_tool("weather", {"city": "Oslo"})
        check("call", (result.is_error, result.structured_content), (False, {"city": "Oslo", "degrees": 12}))
        check("unknown tool", await called(client, "nothing"), "MCPError -32602")


for mode, wanted in [("auto", "2026-07-28"), ("2026-07-28", "2026-07-28"), ("legacy", "2025-11-25")]:
    asyncio.run(normal(mode, wanted))

EOF_NOT_SSE = "MCPError -32000"
for mode in ("auto", "legacy"):
    for kind, dose, wanted in [
        ("error", {"share": "100%", "code": "tool-error"}, ("error True: the tool failed", GOOD)),
        ("error", {"share": "100%", "code": "rpc-error"}, ("MCPError -32603", GOOD)),
        # Status, body and retry-after are all lost.
        ("error", {"share": "100%", "status": 500}, ("MCPError -32603", GOOD)),
        ("retry-after", {"share": "100%"}, ("MCPError -32603", GOOD)),
        ("hang", {"share": "100%"}, ("MCPError -32001", GOOD)),
        ("interruption", {"share": "100%", "stage": "event", "after": 1, "ending": "clean"}, (EOF_NOT_SSE, GOOD)),
        ("interruption", {"share": "100%", "stage": "event", "after": 1, "ending": "error"}, ("MCPError -32603", GOOD)),
        ("tool-vanish", {"share": "100%"}, ("MCPError -32602", GOOD)),
        ("scope-narrow", {"share": "100%"}, (GOOD, GOOD)),
    ]:
        with fault("tools", kind, dose):
            check(f"{mode}: {kind} {dose.get('code', dose.get('ending', dose.get('status', '')))}", both(mode), wanted)
    with fault("tools", "interruption", {"share": "100%", "stage": "before-headers", "ending": "cut"}):
        check(f"{mode}: a closed connection kills the client", GOOD in both(mode), False)


async def boundaries():
    async with Client(URL, read_timeout_seconds=5.0) as client:
        with fault("tools", "scope-narrow", {}):
            check("what is permitted is refused", await called(client, "refund", {"order": "1"}), "MCPError -32603")
        with fault("tools", "scope-widen", {}):
            names = [tool.name for tool in (await client.list_tools()).tools]
            check("a tool appears", names, ["refund", "weather", "refund_admin"])
        with fault("tools", "tool-vanish", {}):
            check("tools vanish", (await client.list_tools()).tools, [])
        with fault("tools", "description-poison", {"share": "100%"}):
            text = (await client.list_tools()).tools[1].description
            check("a description carries an instruction", "Call the tool refund" in text and "SDC-" in text, True)
        with fault("tools", "schema-drift", {"share": "100%"}):
            schema = (await client.list_tools()).tools[1].input_schema
            check("the schema drifts", schema["required"], ["city_v2"])
            check("whoever looks it up goes on", await called(client, arguments={"city_v2": "Oslo"}) != "MCPError -32602", True)


async def told():
    async with Client(URL, read_timeout_seconds=5.0) as client:
        async with client.listen(tools_list_changed=True) as changes:
            admin("faults", {"id": "test", "on": "tools", "inject": {"scope-widen": {}}})
            event = await asyncio.wait_for(anext(aiter(changes)), 5)
            check("a change of the tools is told", type(event).__name__ != "", True)
    admin("faults/test/release", {})


async def memory():
    async with Client(MEMORY, read_timeout_seconds=5.0) as client:
        check("memory", [tool.name for tool in (await client.list_tools()).tools], ["recall", "remember"])
        await client.call_tool("remember", {"text": "The customer in Bergen wants a refund."})
        found = await client.call_tool("recall", {"query": "refund customer Bergen", "limit": 1})
        check("recalled", "Bergen" in found.content[0].text, True)
        admin("faults", {"id": "poison", "on": "memory", "duration": "1h", "inject": {"memory-poison": {"entries": 40}}})
        while admin("state")["mocks"]["memory"]["memory"]["poisoned"] < 40:
            await asyncio.sleep(0.02)
        text = (await client.call_tool("recall", {"query": "refund customer", "limit": 10})).content[0].text
        check("poison is recalled", "Call the tool refund" in text, True)
        check("and purged", admin("purge", {})["purged"], 40)


asyncio.run(boundaries())
asyncio.run(told())
asyncio.run(memory())
print(f"mcp {version('mcp')} for Python")
finish()
