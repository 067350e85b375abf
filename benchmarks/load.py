"""The page under load: how fast it answers, to whom, with what, and in how much memory.

    python benchmarks/load.py [--clients 1,10,50,200] [--seconds 15] [--requests 5000]

Starts the app with the default model and speaks Gradio's queue protocol to it over plain HTTP, as
the page does: `queue/join`, then `queue/data`. Every client scores one small problem after the
other, each with other numbers, and every answer is compared with what a scorer in this process
gives. Then one client asks for 64 solutions of 153 steps and ten for small ones meanwhile. In the
end many requests come, each from a new session, and the server's memory is printed after every
tenth of them.

Prints a table: `share` is the rate beside the scorer's own, measured before and after each row, and
`cpu` the processor time that the server took for a run, which other work on the machine moves less.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from prm_core import Candidate, load_scorer, split_steps  # noqa: E402

START_S = 180

_seeds = itertools.count()  # no two clients ask the same


class RefusedError(Exception):
    """The server took no run; holds its status and its words."""


@dataclass
class Answer:
    """One run as a client saw it.

    Attributes:
        seconds: from the request to the last message.
        board: what the page would draw.
        waited: the largest number of runs that it was told to stand behind; None if never.
    """

    seconds: float
    board: dict[str, Any]
    waited: int | None


class Client:
    """One visitor: a session of its own and one connection that stays open."""

    def __init__(self, url: str, fn_index: int) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._fn_index = fn_index
        self.session = f"{random.getrandbits(60):012x}"

    async def score(self, problem: str, solutions: Sequence[str]) -> Answer:
        """Send a draft and read until the run is over.

        Raises:
            RefusedError: the server does not take it.
        """
        began = time.perf_counter()
        draft = {"problem": problem, "solutions": list(solutions), "rule": "auto"}
        body = {
            "data": [draft, "default"],
            "event_data": None,
            "fn_index": self._fn_index,
            "session_hash": self.session,
        }
        await self._post("/gradio_api/queue/join", body)
        waited: int | None = None
        async for message in self._messages():
            if message["msg"] == "process_generating":
                # In a later message only what differs is sent; words about the line are strings.
                found = re.findall(r"(\d+) before you", json.dumps(message["output"]["data"]))
                waited = max([*map(int, found), waited or 0]) if found else waited
            elif message["msg"] == "process_completed":
                if not message["success"]:
                    raise RefusedError(str(message["output"]))
                sent, actions = message["output"]["data"]
                board = json.loads(sent["about"]) if isinstance(sent, dict) else {}
                if board.get("status") != "done":
                    raise RefusedError(str(actions))
                board["details"] = sent["details"]
                return Answer(time.perf_counter() - began, board, waited)
        raise RefusedError("the stream ended before the run")

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(
                f"POST {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
                "Connection: close\r\n\r\n".encode()
                + content
            )
            status = int((await reader.readline()).split()[1])
            said = (await reader.read()).decode().partition("\r\n\r\n")[2]
        finally:
            writer.close()
        if status != 200:
            raise RefusedError(f"{status} {said}")

    async def _messages(self) -> AsyncIterator[dict[str, Any]]:
        reader, writer = await asyncio.open_connection(self._host, self._port, limit=1 << 26)
        try:
            writer.write(
                f"GET /gradio_api/queue/data?session_hash={self.session} HTTP/1.1\r\n"
                f"Host: {self._host}:{self._port}\r\nConnection: close\r\n\r\n".encode()
            )
            while line := await reader.readline():
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])
        finally:
            writer.close()


def small(rng: random.Random) -> tuple[str, list[str]]:
    """A problem with three solutions of three steps, unlike any other."""
    a, b, c = (rng.randrange(100, 10_000) for _ in range(3))
    problem = f"What is {a} + {b} + {c}?"
    solutions = [
        f"{a} + {b} = {a + b + one}.\n{a + b + one} + {c} = {a + b + c + one + two}.\n"
        f"The answer is {a + b + c + one + two}."
        for one, two in ((0, 0), (10, 0), (0, 1))
    ]
    return problem, solutions


def large(rng: random.Random, n_solutions: int = 64, n_steps: int = 153) -> tuple[str, list[str]]:
    """A problem that keeps the model busy for long."""
    first = rng.randrange(100, 999)
    solutions = []
    for _ in range(n_solutions):
        total, lines = first, []
        for _ in range(n_steps):
            added = rng.randrange(2, 99)
            lines.append(f"{total} + {added} = {total + added}.")
            total += added
        solutions.append("\n".join(lines))
    return f"Add {n_steps} numbers to {first}.", solutions


class Judge:
    """The scorer alone: its rate, and whether an answer is its own."""

    def __init__(self) -> None:
        self._scorer = load_scorer(device="cpu", keep_bytes=0)

    def probabilities(self, problem: str, solutions: Sequence[str]) -> list[tuple[float, ...]]:
        candidates = [Candidate(problem, split_steps(text)) for text in solutions]
        return [one.probabilities for one in self._scorer.score(candidates)]

    def rate(self, seconds: float) -> tuple[float, float]:
        """Small problems a second, one after the other, and processor seconds for each."""
        rng = random.Random(0)
        n_done, began, used = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - began < seconds:
            self.probabilities(*small(rng))
            n_done += 1
        used = time.process_time() - used
        return n_done / (time.perf_counter() - began), used / n_done

    def error(self, problem: str, solutions: Sequence[str], board: dict[str, Any]) -> float:
        """The largest difference between an answer and the scorer's own."""
        wanted = self.probabilities(problem, solutions)
        shown = [json.loads(one)["probabilities"] for one in board["details"]]
        if board["problem"] != problem or list(map(len, wanted)) != list(map(len, shown)):
            return float("inf")
        return max(
            abs(a - b)
            for one, other in zip(wanted, shown, strict=True)
            for a, b in zip(one, other, strict=True)
        )


@dataclass
class Load:
    """What a number of clients got."""

    clients: int
    seconds: float
    answers: list[tuple[str, list[str], Answer]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return len(self.answers) / self.seconds

    def times(self) -> list[float]:
        return sorted(answer.seconds for _, _, answer in self.answers)


async def load(
    url: str, fn_index: int, n_clients: int, seconds: float, n_requests: int | None = None
) -> Load:
    """Let clients score small problems for so long, or so many in all, each in a new session."""
    result = Load(n_clients, 0.0)
    began = time.perf_counter()
    left = [n_requests if n_requests is not None else sys.maxsize]

    async def visit() -> None:
        client, rng = Client(url, fn_index), random.Random(next(_seeds))
        while time.perf_counter() - began < seconds and left[0] > 0:
            left[0] -= 1
            if n_requests is not None:
                client = Client(url, fn_index)
            problem, solutions = small(rng)
            try:
                answer = await client.score(problem, solutions)
            except RefusedError as error:
                result.refused.append(str(error)[:200])
                await asyncio.sleep(0.1)
                continue
            if n_requests is None:
                result.answers.append((problem, solutions, answer))
            else:  # only counted: this process must not run out of memory itself
                result.answers.append(("", [], Answer(answer.seconds, {}, None)))

    await asyncio.gather(*(visit() for _ in range(n_clients)))
    result.seconds = time.perf_counter() - began
    return result


async def fairness(url: str, fn_index: int, judge: Judge) -> None:
    """A large run, then ten small ones, each from a session of its own."""
    rng = random.Random(1)
    alone = [(await Client(url, fn_index).score(*small(rng))).seconds for _ in range(10)]
    draft = large(rng)
    task = asyncio.create_task(Client(url, fn_index).score(*draft))
    await asyncio.sleep(1.0)
    drafts = [small(rng) for _ in range(10)]
    runs = await asyncio.gather(*(Client(url, fn_index).score(*one) for one in drafts))
    there = task.done()
    answer = await task
    worst = max(judge.error(*one, run.board) for one, run in zip(drafts, runs, strict=True))
    worst = max(worst, judge.error(*draft, answer.board))
    slow = [run.seconds for run in runs]
    print(
        f"\nbehind a run of 64 solutions of 153 steps ({answer.seconds:.1f} s): ten small runs "
        f"took {statistics.median(slow):.2f} s, the slowest {max(slow):.2f} s; alone "
        f"{statistics.median(alone):.3f} s; largest difference from the scorer {worst:.1e}"
        + (" (the large run was over before them)" if there else "")
    )


async def memory(url: str, fn_index: int, pid: int, n_requests: int) -> None:
    """What the server holds after every tenth of many requests."""
    held = []
    for _ in range(10):
        await load(url, fn_index, 10, float("inf"), n_requests // 10)
        held.append(resident(pid))
    print(
        f"\nmemory in MB after every {n_requests // 10:,} requests: "
        + ", ".join(f"{mb:.0f}" for mb in held)
        + f" ({100 * (held[-1] / held[0] - 1):+.1f} %)"
    )


def processor(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> float:
    """Megabytes of memory that a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def start(url: str) -> int:
    """Wait for the page; the number of its event that scores."""
    host, port = url.removeprefix("http://").split(":")
    for _ in range(START_S * 10):
        try:
            reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 26)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        writer.write(
            f"GET /config HTTP/1.1\r\nHost: {url[7:]}\r\nConnection: close\r\n\r\n".encode()
        )
        said = await reader.read()
        writer.close()
        if said.split(maxsplit=2)[1] == b"200":
            config = json.loads(said.partition(b"\r\n\r\n")[2])
            (fn_index,) = (
                one["id"]
                for one in config["dependencies"]
                if any(event == "submit" for _, event in one["targets"])
                and len(one["outputs"]) == 2  # the board and the actions
            )
            return int(fn_index)
        await asyncio.sleep(0.1)
    raise SystemExit("the app did not start")


async def measure(url: str, pid: int, options: argparse.Namespace) -> None:
    """All parts, one after the other."""
    fn_index = await start(url)
    judge = Judge()
    await Client(url, fn_index).score(*small(random.Random(9)))  # the model is loaded
    own = [judge.rate(3.0)]
    print(
        f"{'clients':>8} {'runs/s':>8} {'share':>6} {'cpu ms':>7} {'median s':>9} {'95 % s':>8} "
        f"{'slowest':>8} {'refused':>8} {'in line':>8} {'largest error':>14}"
    )
    for n_clients in options.clients:
        used = processor(pid)
        got = await load(url, fn_index, n_clients, options.seconds)
        used = (processor(pid) - used) / max(1, len(got.answers))
        own.append(judge.rate(3.0))
        beside = statistics.mean(rate for rate, _ in own[-2:])  # before and after
        times = got.times() or [float("nan")]
        worst = max((judge.error(p, s, a.board) for p, s, a in got.answers), default=float("nan"))
        in_line = sum(a.waited is not None for _, _, a in got.answers)
        print(
            f"{n_clients:>8} {got.rate:>8.1f} {got.rate / beside:>6.2f} {1000 * used:>7.1f} "
            f"{statistics.median(times):>9.3f} {times[int(0.95 * (len(times) - 1))]:>8.3f} "
            f"{times[-1]:>8.3f} {len(got.refused):>8} {in_line:>8} {worst:>14.1e}",
            flush=True,
        )
        for words in sorted(set(got.refused))[:3]:
            print("   ", words)
    rates, costs = zip(*own, strict=True)
    print(
        f"the scorer alone: {min(rates):.1f} to {max(rates):.1f} problems/s, "
        f"{1000 * min(costs):.1f} to {1000 * max(costs):.1f} ms of processor time each"
    )
    if not options.no_fairness:
        await fairness(url, fn_index, judge)
    if options.requests:
        await memory(url, fn_index, pid, options.requests)


def main() -> None:
    """Start the app, measure, stop it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--clients", type=lambda text: list(map(int, text.split(","))), default=[1, 10, 50, 200]
    )
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--requests", type=int, default=5000, help="for the memory; 0: not at all")
    parser.add_argument("--no-fairness", action="store_true")
    parser.add_argument("--port", type=int, default=7999)
    options = parser.parse_args()
    environment = os.environ | {"PORT": str(options.port), "HOST": "127.0.0.1"}
    app = subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        asyncio.run(measure(f"http://127.0.0.1:{options.port}", app.pid, options))
    finally:
        app.terminate()
        app.wait()


if __name__ == "__main__":
    main()
