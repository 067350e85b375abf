"""A page with nothing but the Board and a button for each thing to show.

`PORT=7870 python -m tests.browser.board_app`; a process of its own, as the real app is in the
tests.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from prm_core.paths import assets_dir
from prm_core.types import Candidate, ScoredCandidate
from prm_core.ui.board import Board, Judged, board_value

PROBLEM = "What is 7 × 8?"
HOSTILE = (
    "`${1+1}` ${alert(1)} {{x}} </script>",
    "<img src=x onerror=alert(1)>",
    r"\frac of $\frac{1}{2}$, and $\href{javascript:alert(1)}{x}$ costs $5 and $6.",
    "`${alert(2)}`" + " on and on" * 400,
)
STAND_IN = '<div class="prm-card"><textarea aria-label="unused"></textarea></div>'
"""What `open_page` waits for: on the real page it is the editor's."""

EXAMPLES = [("one", "What is 7 × 8?"), ("two", "What is `${6+4}`?")]


def scored(probabilities: tuple[float, ...], *steps: str) -> ScoredCandidate:
    steps = steps or tuple(f"{i} + {i} = {2 * i}." for i in range(len(probabilities)))
    odds = tuple(math.log(p / (1 - p)) for p in probabilities)
    return ScoredCandidate(Candidate(PROBLEM, steps), probabilities, odds, "a-model")


def waves(n: int, n_steps: int) -> tuple[ScoredCandidate, ...]:
    """Candidates that every rule puts in another order."""
    return tuple(
        scored(tuple(0.99 - 0.01 * ((i * 7 + j * (i + 3)) % 60) for j in range(n_steps)))
        for i in range(n)
    )


RIGHT = scored((0.97, 0.95, 0.96), "I multiply.", r"$7 \times 8 = 56$.", "It is 56.")
WRONG = scored((0.97, 0.06, 0.11), "I multiply.", "7 × 8 = 54.", "It is 54.")
MENDED = scored((0.97, 0.06, 0.93, 0.98), "I multiply.", "7 × 8 = 54.", "No: 56.", "It is 56.")
WRITTEN = replace(
    WRONG,
    extras={"raw": (0.94, -0.88, -0.78), "share": (1.0, 0.25, 0.125)},
    rationales=("<img src=x onerror=alert(1)> is `${alert(1)}`.\n\nSo $x$ is wrong.", "No."),
)
CHART = (RIGHT, WRONG, MENDED)


def chain(wrong: int | None) -> ScoredCandidate:
    """40 steps, of which the first 30 are thinking; the one at `wrong` is wrong."""
    return scored(tuple(0.1 if i == wrong else 0.9 for i in range(40)))


def thought(*candidates: ScoredCandidate, threshold: float = 0.5) -> Callable[[], dict[str, Any]]:
    marks = [[i < 30 for i in range(40)] for _ in candidates]
    return lambda: board_value(
        PROBLEM, candidates, status="done", run=11, thinking=marks, threshold=threshold
    )


def shown(
    run: int,
    candidates: tuple[ScoredCandidate | None, ...],
    status: Any = "done",
    message: str = "",
) -> Callable[[], dict[str, Any]]:
    thinking = [[False] * n for n in (3, 3, 4)]
    more: dict[str, Any] = {"status": status, "message": message, "run": run}
    return lambda: board_value(PROBLEM, candidates, thinking=thinking, **more)


SHOW: dict[str, Callable[[], dict[str, Any]]] = {
    "chart": shown(1, CHART),
    "waiting": shown(2, (None, None, None), "running", "Scoring…"),
    "one there": shown(2, (None, WRONG, None), "running", "1 of 3 solutions scored"),
    "two there": shown(2, (RIGHT, WRONG, None), "running", "2 of 3 solutions scored"),
    "all there": shown(2, CHART),
    "hostile": shown(3, (scored((0.9, 0.3, 0.8, 0.7), *HOSTILE),)),
    "cancelled": shown(4, (None, RIGHT), "cancelled", "Cancelled; what was scored stays."),
    "failed": shown(5, (None, None), "failed", "The model <b>x</b> cannot be loaded."),
    "many": shown(6, waves(16, 8)),
    "full": shown(7, waves(64, 40)),
    "written": shown(8, (RIGHT, WRITTEN)),
    "split": shown(10, (RIGHT, WRONG, scored((0.4, 0.5), "7 × 8 = 54.", "It is 54."))),
    "thought": thought(chain(12), chain(35)),
    "thought again": thought(chain(12), chain(35), threshold=0.45),
    "solved": lambda: board_value(
        PROBLEM,
        CHART,
        status="done",
        run=12,
        own_solutions=("7 * 8 = 56\nAnswer: 56", "<img src=x onerror=alert(1)>\nAnswer: 54"),
    ),
    "offered": lambda: board_value(
        PROBLEM,
        CHART,
        status="done",
        run=13,
        model="Embedded",
        model_note="It is quick.",
        second_opinion={"line": "medium", "words": "Ask it too", "note": "it takes a while"},
    ),
    "judged": lambda: board_value(
        PROBLEM,
        CHART,
        status="done",
        run=9,
        thinking=[[False] * 3, [False] * 3, [True, True, False, False]],
        judged=Judged(gold="56"),
    ),
}


def build() -> gr.Blocks:
    with gr.Blocks(analytics_enabled=False) as demo:
        board = Board(examples=EXAMPLES)
        for name, show in SHOW.items():
            gr.Button(name).click(show, None, board, show_progress="hidden")
        heard = gr.Textbox(label="heard")
        board.example(hear, None, heard)
        gr.HTML(STAND_IN)
    return demo


def hear(event: gr.EventData) -> str:
    return f"{event.index} {event.id}"


def main(port: int) -> None:
    gr.set_static_paths([assets_dir() / "vendor"])
    style = (assets_dir() / "page" / "page.css").read_text(encoding="utf-8")
    build().launch(
        server_port=port,
        quiet=True,
        head=f"<style>{style}</style>",
        run_history=False,
        _frontend=False,  # as the page's
        app_kwargs={"routes": [Route("/healthz", lambda request: PlainTextResponse("ok"))]},
    )


if __name__ == "__main__":
    main(int(os.environ["PORT"]))
