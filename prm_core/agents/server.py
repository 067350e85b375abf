"""The tools of `prm_core.agents.tools` for agents, over the Model Context Protocol (MCP).

Over stdio one program starts the server and talks to it through its pipes; over HTTP it listens on
this machine alone, and refuses what a page elsewhere sends it under another name. The model is the
one that was chosen when the server was started: no tool takes a model's name or a path.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Any

from prm_core.agents.tools import Tools
from prm_core.errors import BadOptionError, PRMError
from prm_core.types import StepScorer

HOST = "127.0.0.1"

INSTRUCTIONS = (
    "Checks chains of reasoning step by step with a process reward model. Write one step per line, "
    "ask find_first_error before you answer, and repair the first wrong step."
)


def in_background(load: Callable[[], StepScorer]) -> Callable[[], StepScorer]:
    """Start loading a model; the function that is returned waits for it.

    An agent expects a server to answer at once, and a large model takes minutes.
    """
    future: Future[StepScorer] = Future()

    def run() -> None:
        try:
            future.set_result(load())
        except BaseException as error:  # raised where a request waits for the model
            future.set_exception(error)

    Thread(target=run, name="load-model", daemon=True).start()
    return future.result


def build_server(scorer: Callable[[], StepScorer], version: str) -> Any:
    """An MCP server with the four tools; `run` serves it.

    Args:
        scorer: gives the model.
        version: ours, as the server says it.

    Raises:
        BadOptionError: the package mcp is not installed.
    """
    try:
        from mcp.server.mcpserver import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError
    except ImportError as error:
        raise BadOptionError(
            "the MCP server needs the package mcp: pip install 'prm-inspector[mcp]', or "
            "pip install 'mcp>=2.3,<3'"
        ) from error
    tools = Tools(scorer)
    server = MCPServer(
        "PRM Inspector", instructions=INSTRUCTIONS, version=version, log_level="WARNING"
    )
    for tool in (
        tools.score_chain,
        tools.compare_chains,
        tools.find_first_error,
        tools.list_models,
    ):
        server.add_tool(_told(tool, ToolError), structured_output=True)
    return server


def _told(tool: Callable[..., Any], as_error: type[Exception]) -> Callable[..., Any]:
    """The same tool, whose errors on purpose are told to the agent and not logged as bugs."""

    @functools.wraps(tool)
    def told(*args: Any, **options: Any) -> Any:
        try:
            return tool(*args, **options)
        except PRMError as error:
            raise as_error(str(error)) from error

    return told
