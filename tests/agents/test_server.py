"""The MCP server, asked by the protocol's own client: in this process, over stdio and HTTP."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from prm_core.agents import server
from prm_core.cli import main
from prm_core.errors import BadOptionError, ModelLoadError
from prm_core.types import StepScorer
from tests.agents.test_tools import PROBLEM, A, B, Says
from tests.visiting import free_port

ROOT = Path(__file__).parents[2]
TOOLS = {"score_chain", "compare_chains", "find_first_error", "list_models"}


@pytest.fixture(scope="module")
def mcp() -> Any:
    return pytest.importorskip("mcp")


async def ask(client: Any, name: str, **arguments: Any) -> Any:
    """What a tool gives, or its error as a text."""
    result = await client.call_tool(name, arguments)
    return result.content[0].text if result.is_error else result.structured_content


def test_tools_have_schemas_descriptions_and_structured_answers(mcp: Any) -> None:
    async def talk() -> None:
        async with mcp.Client(server.build_server(Says, "1")) as client:
            listed = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert listed.keys() == TOOLS
            assert all(tool.description and tool.output_schema for tool in listed.values())
            # No tool takes a model's name or a path.
            given = {name for tool in listed.values() for name in tool.input_schema["properties"]}
            assert given == {"problem", "chain", "chains", "aggregation"}
            scored = await ask(client, "score_chain", problem=PROBLEM, chain=B)
            assert [step["probability"] for step in scored["steps"]] == [0.2, 0.2]
            ranked = await ask(client, "compare_chains", problem=PROBLEM, chains=[B, A])
            assert [one["index"] for one in ranked["ranking"]] == [1, 0]
            found = await ask(client, "find_first_error", problem=PROBLEM, chain="\n".join(B))
            assert found["first_error"] == 0
            assert "empty problem" in await ask(client, "score_chain", problem="", chain=B)

    asyncio.run(talk())


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("compare_chains", {"chains": [A] * 65}, "There are 65 solutions; at most 64"),
        (
            "score_chain",
            {"chain": "x" * 200_001},
            "Chain 0 has 200,001 characters; at most 200,000",
        ),
        ("find_first_error", {"chain": ["x" * 100_001] * 2}, "200,002 characters; at most 200,000"),
        (
            "compare_chains",
            {"chains": ["x" * 190_000] * 11},
            "2,090,014 characters together; at most 2,000,000",
        ),
        (
            "score_chain",
            {"problem": "x" * 200_001, "chain": A},
            "The problem has 200,001 characters; at most 200,000",
        ),
    ],
)
def test_more_than_the_page_reads_is_refused_with_both_numbers(
    mcp: Any, name: str, arguments: dict[str, Any], words: str
) -> None:
    def never() -> StepScorer:
        raise AssertionError("the model was asked")

    async def talk() -> None:
        async with mcp.Client(server.build_server(never, "1")) as client:
            said = await ask(client, name, **{"problem": PROBLEM} | arguments)
            assert words in said

    asyncio.run(talk())


def test_a_model_that_cannot_be_loaded_is_told_to_the_agent(mcp: Any) -> None:
    def fails() -> StepScorer:
        raise ModelLoadError("no such model")

    async def talk() -> None:
        async with mcp.Client(server.build_server(server.in_background(fails), "1")) as client:
            assert "no such model" in await ask(client, "list_models")

    asyncio.run(talk())


def test_stdio_serves_the_program_that_starts_it(mcp: Any) -> None:
    """With the model that ships: 8 × 3 is 24."""
    command = mcp.StdioServerParameters(
        command=sys.executable, args=["-m", "prm_core", "mcp"], cwd=str(ROOT)
    )

    async def talk() -> None:
        async with mcp.Client(mcp.stdio_client(command)) as client:
            chain = ["I need to multiply 8 by 3.", "8 × 3 = 21.", "The answer is 21."]
            found = await ask(client, "find_first_error", problem="What is 8 × 3?", chain=chain)
            assert (found["first_error"], found["text"]) == (1, "8 × 3 = 21.")

    asyncio.run(talk())


@contextmanager
def http_server() -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "prm_core", "mcp", "--http", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        process.wait(20)


def test_http_serves_this_machine_under_its_own_names_only(mcp: Any) -> None:
    async def talk(url: str) -> None:
        async with mcp.Client(url) as client:
            (model,) = (await ask(client, "list_models"))["result"]
            assert model["name"]

    with http_server() as url:
        asyncio.run(talk(url))
        request = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
            headers |= {"Accept": "application/json, text/event-stream"}
            answer = httpx.post(url, json=request, headers=headers)
            assert answer.status_code in (403, 421)
        port = url.split(":")[2].split("/")[0]
        assert main(["mcp", "--http", port]) == 1  # it is taken


def test_a_missing_package_is_named_with_the_way_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server.mcpserver", None)
    with pytest.raises(BadOptionError, match=r"pip install 'prm-inspector\[mcp\]'"):
        server.build_server(Says, "1")
