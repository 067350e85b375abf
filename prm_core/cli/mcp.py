"""`mcp`: an MCP server, so that agents can check their reasoning step by step."""

from __future__ import annotations

import argparse
import socket
from functools import partial

from prm_core import __version__
from prm_core.agents.server import HOST, build_server, in_background
from prm_core.cli.terminal import say
from prm_core.errors import BadOptionError
from prm_core.model_options import model_arguments, request_of
from prm_core.scoring.open import open_scorer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`mcp`: which model, and how agents reach the server."""
    model_arguments(parser)
    parser.add_argument(
        "--http",
        type=_port,
        metavar="PORT",
        help=(
            f"serve streamable HTTP on http://{HOST}:PORT/mcp, for programs on this machine "
            "(default: stdin and stdout, for one program that starts this one)"
        ),
    )


def _port(text: str) -> int:
    """An option's value as a port."""
    value = int(text)  # argparse turns a ValueError into a sentence
    if not 0 < value < 65536:
        raise argparse.ArgumentTypeError(f"{text} is not a port from 1 to 65535")
    return value


def main(options: argparse.Namespace) -> int:
    """`mcp`: serve until interrupted, or until stdin ends."""
    if options.http is not None:
        _check_free(options.http)
    server = build_server(in_background(partial(open_scorer, request_of(options))), __version__)
    if options.http is None:
        server.run("stdio")
        return 0
    say(f"MCP server on http://{HOST}:{options.http}/mcp")
    server.run("streamable-http", host=HOST, port=options.http)
    return 0


def _check_free(port: int) -> None:
    """
    Raises:
        BadOptionError: the port is taken, or not ours.
    """
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError as error:
            raise BadOptionError(
                f"--http {port}: the port cannot be had ({error.strerror})"
            ) from error
