"""An agent that checks its own chain of reasoning and repairs the first error.

    pip install 'prm-inspector[mcp]'
    python -m examples.agent_that_repairs

It starts the MCP server, writes a chain, asks `find_first_error`, keeps the steps before the error,
rewrites the rest and asks again, until no step is doubted or it has tried too often. What writes
the steps is a script here, so that the example needs no other model; put your own in its place: it
is a function of the problem and the steps so far.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from mcp import Client, StdioServerParameters, stdio_client

SERVER = StdioServerParameters(command=sys.executable, args=["-m", "prm_core", "mcp"])
MOST_TRIES = 4

Write = Callable[[str, list[str]], Awaitable[list[str]]]
"""The problem and the steps that are kept → the steps that follow."""

PROBLEM = "Tom has 4 boxes with 6 pens each. He gives 5 pens away. How many pens does he keep?"


class Scripted:
    """Stands for a language model: multiplies wrong at first, then right."""

    def __init__(self) -> None:
        self._products = iter([26, 24])

    async def __call__(self, problem: str, kept: list[str]) -> list[str]:
        """The steps that follow those that are kept."""
        product = next(self._products)
        whole = [
            "I need to multiply 4 by 6 and then take away 5.",
            f"4 × 6 = {product}.",
            f"{product} - 5 = {product - 5}.",
            f"The answer is {product - 5}.",
        ]
        return whole[len(kept) :]


async def solve(client: Client, problem: str, write: Write) -> list[str]:
    """A chain of steps, of which none is doubted, or the last one that was tried."""
    kept: list[str] = []
    for _ in range(MOST_TRIES):
        chain = [*kept, *await write(problem, kept)]
        answer = await client.call_tool("find_first_error", {"problem": problem, "chain": chain})
        if answer.is_error:
            raise RuntimeError(f"the server cannot check the chain: {answer.content}")
        found: dict[str, Any] = answer.structured_content or {}
        at = found["first_error"]
        if at is None:
            print(f"checked: no step of {found['n_steps']} is doubted")
            return chain
        print(f"step {at + 1} is doubted ({found['probability']:.3f}): {found['text']}")
        kept = chain[:at]
    return chain


async def main() -> None:
    async with Client(stdio_client(SERVER)) as client:
        print("\n".join(await solve(client, PROBLEM, Scripted())))


if __name__ == "__main__":
    asyncio.run(main())
