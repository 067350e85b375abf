"""Our scorer against the ways in which others score, on the same weights, in one run.

    python benchmarks/peers.py --threads 1 -o results/

The peers are the algorithms that published code uses, written here in their plain form on the
stock transformer; engines and files are named at each. Every way gets the same token ids and gives
the same probabilities, which is checked. Tokenization is not counted, for nobody.

A way that would take long is timed on some of the candidates, evenly chosen, and its time is
scaled by tokens; the table marks it. "of limit" is the time that the machine's fastest matrix
product would need for the least work there is (every distinct token once, the last layer only where
something is read, attention only between tokens that see each other), divided by the time taken.
The product takes turns with the ways: a shared machine is faster in one minute than in the next.
"""

from __future__ import annotations

import argparse
import ctypes
import itertools
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.packing import Sizes, Workload, now, random_model, search_workloads, workloads
from prm_core.families import OpenedModel, Readout
from prm_core.models.device import Placement, choose_device
from prm_core.scoring.local import Scorer
from prm_core.types import Encoded

SIZES = {
    "62m": Sizes(),
    # Qwen2.5-Math-1.5B and -7B, with a 32,000 word vocabulary.
    "1.5b": Sizes(28, 1536, 8960, 32000, 128, 6),
    "7b": Sizes(28, 3584, 18944, 32000, 128, 7),
}
GREYS = ("#4b5160", "#717786", "#9aa0ad", "#b9bdc7", "#d3d6dc", "#e7e8ec")
BUDGET = 4096
"""Tokens of a padded batch, as of a pack of ours."""

Probabilities = list[tuple[float, ...]]
Way = Callable[[Any, Readout, Sequence[Encoded]], Probabilities]


# The peers.


def _forward(backbone: Any, batch: Sequence[Sequence[int]]) -> Tensor:
    """[B, T, H]: right padding and an attention mask, as a tokenizer makes them."""
    longest = max(map(len, batch))
    ids = torch.tensor([[*one, *[0] * (longest - len(one))] for one in batch])
    lengths = torch.tensor([len(one) for one in batch])
    mask = (torch.arange(longest) < lengths[:, None]).long()
    hidden = backbone(
        input_ids=ids.to(backbone.device),
        attention_mask=None if len(batch) == 1 else mask.to(backbone.device),
        use_cache=False,
    ).last_hidden_state
    assert isinstance(hidden, Tensor)
    return hidden


def _read(hidden: Tensor, readout: Readout, encoded: Sequence[Encoded]) -> Probabilities:
    """The head at all positions, then those of the steps: how most do it."""
    log_odds = readout(hidden.flatten(0, 1)).view(hidden.shape[:2])
    p = torch.sigmoid(log_odds).cpu()
    return [tuple(p[i, list(one.positions)].tolist()) for i, one in enumerate(encoded)]


def loop(backbone: Any, readout: Readout, encoded: Sequence[Encoded]) -> Probabilities:
    """One candidate at a time: openr's worker, ReasonEval, search-and-learn's beam search."""
    return [
        p for one in encoded for p in _read(_forward(backbone, [one.input_ids]), readout, [one])
    ]


def padded(
    backbone: Any, readout: Readout, encoded: Sequence[Encoded], full_logits: bool = False
) -> Probabilities:
    """All candidates of one problem as one padded batch: the Qwen and Skywork scorers.

    With `full_logits` every position is multiplied with the whole vocabulary in float32 too, which
    Skywork's model and search-and-learn's Math-Shepherd scorer do.
    """
    found: Probabilities = []
    for batch in _by_problem(encoded):
        hidden = _forward(backbone, [one.input_ids for one in batch])
        if full_logits:
            head = backbone.get_input_embeddings().weight
            for one in hidden:  # a row at a time, or it would not fit
                functional.linear(one, head).float()
        found += _read(hidden, readout, batch)
    return found


def in_order(backbone: Any, readout: Readout, encoded: Sequence[Encoded]) -> Probabilities:
    """Padded batches of eight in the data's order: search-and-learn's RLHFlow scorer."""
    return [
        p
        for i in range(0, len(encoded), 8)
        for p in padded(backbone, readout, [*encoded[i : i + 8]])
    ]


def by_length(backbone: Any, readout: Readout, encoded: Sequence[Encoded]) -> Probabilities:
    """Sorted by length, padded batches of a token budget: what careful batching does."""
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i].input_ids))
    batches: list[list[int]] = [[]]
    for i in order:
        if batches[-1] and len(encoded[i].input_ids) * (len(batches[-1]) + 1) > BUDGET:
            batches.append([])
        batches[-1].append(i)
    found: dict[int, tuple[float, ...]] = {}
    for batch in batches:
        chosen = [encoded[i] for i in batch]
        hidden = _forward(backbone, [one.input_ids for one in chosen])
        found |= zip(batch, _read(hidden, readout, chosen), strict=True)
    return [found[i] for i in range(len(encoded))]


def by_prefix(backbone: Any, readout: Readout, encoded: Sequence[Encoded]) -> Probabilities:
    """A pass for every step on all that stands before it: RLHFlow's script, TRL's documentation."""
    found: Probabilities = []
    for one in encoded:
        last = [
            _forward(backbone, [one.input_ids[: position + 1]])[0, -1:]
            for position in one.positions
        ]
        found.append(tuple(torch.sigmoid(readout(torch.cat(last))).tolist()))
    return found


def _by_problem(encoded: Sequence[Encoded]) -> list[list[Encoded]]:
    """Neighbours whose first tokens are the same have the same problem."""
    groups: list[list[Encoded]] = []
    for one in encoded:
        if not groups or groups[-1][0].input_ids[:64] != one.input_ids[:64]:
            groups.append([])
        groups[-1].append(one)
    return groups


PEERS: dict[str, Way] = {
    "one at a time": loop,
    "padded, per problem": padded,
    "padded, all logits": partial(padded, full_logits=True),
    "padded, eights in order": in_order,
    "padded, sorted": by_length,
    "a pass for each step": by_prefix,
}
OURS = "PRM Inspector"
COLD = "PRM Inspector, nothing kept"


# The measuring.


@dataclass(frozen=True, slots=True)
class Row:
    """One way on one workload.

    Attributes:
        time_s: median of a whole run, in seconds.
        tokens_per_s: useful tokens: those of all candidates, however few had to be computed.
        speed: against the fastest peer; above 1 is faster.
        of_limit: share of the least time that the machine's matrix products allow.
        peak_flops: of those products, FLOP/s; median of the rounds.
        peak_mb: memory beside the weights, 10^6 bytes; None where it cannot be told.
        sampled: the share of the candidates that was timed.
        difference: largest difference between a probability and ours.
    """

    workload: str
    way: str
    time_s: float
    tokens_per_s: float
    speed: float
    of_limit: float
    peak_flops: float
    peak_mb: float | None
    sampled: float
    difference: float


class Peak:
    """Most memory in use since `begin`, in bytes."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._before = 0

    def begin(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
            self._before = torch.cuda.memory_allocated(self._device)
        elif sys.platform == "linux":
            ctypes.CDLL(None).malloc_trim(0)  # what earlier ways freed is not ours
            Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew
            self._before = self._status("VmRSS")

    def end(self) -> int | None:
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device) - self._before
        return self._status("VmHWM") - self._before if sys.platform == "linux" else None

    def _status(self, name: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(name)).split()[1]) * 1024


def best_product(placement: Placement, sizes: Sizes) -> float:
    """The machine's fastest matrix product among those that the model consists of, FLOP/s."""
    best = 0.0
    for n_rows in (512, 1024, 4096):
        for n_in, n_out in (
            (sizes.hidden_size, sizes.mlp_size),
            (sizes.mlp_size, sizes.hidden_size),
            (sizes.hidden_size, sizes.hidden_size),
        ):
            a, b = (
                torch.randn(n, n_in, dtype=placement.dtype, device=placement.device)
                for n in (n_rows, n_out)
            )
            functional.linear(a, b)
            for _ in range(5):
                began = now(placement.device)
                for _ in range(4):
                    functional.linear(a, b)
                best = max(best, 8 * n_rows * n_in * n_out / (now(placement.device) - began))
    return best


def least_flops(sizes: Sizes, calls: Sequence[Sequence[Encoded]]) -> float:
    """What scoring all calls needs, in FLOPs of matrix products."""
    seen: set[int] = set()
    read: set[int] = set()
    pairs = pairs_read = 0
    for encoded in calls:
        for one in encoded:
            key, positions = 0, set(one.positions)
            for depth, token in enumerate(one.input_ids, start=1):
                key = hash((key, token))
                if key not in seen:
                    seen.add(key)
                    pairs += depth
                if depth - 1 in positions and key not in read:
                    read.add(key)
                    pairs_read += depth
    keys = 2 * sizes.hidden_size**2 // sizes.group
    others = 2 * sizes.hidden_size**2 + 3 * sizes.hidden_size * sizes.mlp_size
    linear = len(seen) * (sizes.n_layers * keys + (sizes.n_layers - 1) * others)
    linear += len(read) * others
    attention = 2 * sizes.hidden_size * ((sizes.n_layers - 1) * pairs + pairs_read)
    return 2.0 * (linear + attention)


def measure(
    name: str,
    calls: Sequence[Workload],
    sizes: Sizes,
    placement: Placement,
    *,
    repeats: int,
    sample_tokens: int,
    tell: Callable[[str], None],
) -> list[Row]:
    """All ways on one workload, taking turns.

    Args:
        calls: what is scored, one call after the other; one but for a search.
        sample_tokens: how many tokens a peer may compute; of more, some are chosen.
        tell: called before each measurement.
    """
    backbone, readout = random_model(sizes, placement)
    encoded = [[work.encoded[one.id] for one in work.candidates] for work in calls]
    ways: dict[str, Callable[[], list[Probabilities]]] = {}
    parts = {}
    for way, keeps in ((OURS, True), (COLD, False)):
        if keeps or len(calls) > 1:
            parts[way] = encoded
            ways[way] = partial(_score_ours, calls, backbone, readout, placement, keeps)
    for way, score in PEERS.items():
        parts[way] = _thinned(encoded, score is by_prefix, sample_tokens)
        ways[way] = partial(_score_all, score, backbone, readout, parts[way])

    peak = Peak(placement.device)
    times: dict[str, list[float]] = {way: [] for way in ways}
    memory: dict[str, int | None] = {}
    found: dict[str, list[Probabilities]] = {}
    products: list[float] = []
    with torch.inference_mode():
        for repeat in range(repeats):
            products.append(best_product(placement, sizes))
            for way, run in ways.items():
                tell(f"{name}, {repeat + 1} of {repeats}: {way}")
                peak.begin()
                began = now(placement.device)
                found[way] = run()
                times[way].append(now(placement.device) - began)
                memory[way] = peak.end()

    right = _by_beginning(encoded, found[OURS])
    n_tokens = sum(len(one.input_ids) for call in encoded for one in call)
    peak_flops = statistics.median(products)
    limit_s = least_flops(sizes, encoded) / peak_flops
    shares = {
        way: _work(some, way == "a pass for each step")
        / _work(encoded, way == "a pass for each step")
        for way, some in parts.items()
    }
    taken = {way: statistics.median(times[way]) / shares[way] for way in ways}
    fastest = min(taken[way] for way in PEERS)
    return [
        Row(
            workload=name,
            way=way,
            time_s=time_s,
            tokens_per_s=n_tokens / time_s,
            speed=fastest / time_s,
            of_limit=limit_s / time_s,
            peak_flops=peak_flops,
            peak_mb=None if (peak_bytes := memory[way]) is None else peak_bytes / 1e6,
            sampled=shares[way],
            difference=max(
                abs(p - right[beginning])
                for beginning, p in _by_beginning(parts[way], found[way]).items()
            ),
        )
        for way, time_s in taken.items()
    ]


def _score_ours(
    calls: Sequence[Workload],
    backbone: Any,
    readout: Readout,
    placement: Placement,
    keeps: bool,
) -> list[Probabilities]:
    """Our scorer on each call, with or without what it keeps between them."""
    encoded: dict[str, Encoded] = {}
    scorer = Scorer(
        model_id="random weights",
        family="value_head",
        backbones=[backbone],
        opened=OpenedModel(lambda candidate: encoded[candidate.id], readout),
        placement=placement,
    )
    found = []
    for work in calls:
        encoded = work.encoded
        found.append([one.probabilities for one in scorer.score(work.candidates)])
        if not keeps:
            scorer.forget()
    return found


def _score_all(
    score: Way, backbone: Any, readout: Readout, calls: Sequence[Sequence[Encoded]]
) -> list[Probabilities]:
    return [score(backbone, readout, call) for call in calls]


def _work(calls: Sequence[Sequence[Encoded]], for_each_step: bool) -> int:
    """How many tokens a peer computes, padding aside."""
    if for_each_step:
        return sum(position + 1 for call in calls for one in call for position in one.positions)
    return sum(len(one.input_ids) for call in calls for one in call)


def _thinned(
    calls: Sequence[Sequence[Encoded]], for_each_step: bool, sample_tokens: int
) -> list[list[Encoded]]:
    """Every so many of the candidates, or of the steps where each has a pass of its own."""
    every = max(1, round(_work(calls, for_each_step) / sample_tokens))
    number = itertools.count(every // 2)
    if not for_each_step:
        return [[one for one in call if not next(number) % every] for call in calls]
    chosen = [
        [(one, tuple(p for p in one.positions if not next(number) % every)) for one in call]
        for call in calls
    ]
    return [[Encoded(one.input_ids, some) for one, some in call if some] for call in chosen]


def _by_beginning(
    calls: Sequence[Sequence[Encoded]], found: Sequence[Probabilities]
) -> dict[int, float]:
    """The probability of each step by all tokens up to it, as a hash."""
    return {
        hash(one.input_ids[: position + 1]): p
        for call, of_call in zip(calls, found, strict=True)
        for one, of_one in zip(call, of_call, strict=True)
        for position, p in zip(one.positions, of_one, strict=True)
    }


# What is told.


def table(rows: Sequence[Row]) -> str:
    """Markdown, for people."""
    lines = [
        "| workload | way | useful tokens/s | to the best peer | of limit | peak MB | max Δp |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        mark = "" if row.sampled == 1 else f" ({row.sampled:.0%} timed)"
        peak = "?" if row.peak_mb is None else f"{row.peak_mb:,.0f}"
        lines.append(
            f"| {row.workload} | {row.way}{mark} | {row.tokens_per_s:,.0f} | {row.speed:.2f}x "
            f"| {row.of_limit:.0%} | {peak} | {row.difference:.0e} |"
        )
    return "\n".join(lines) + "\n"


def picture(rows: Sequence[Row], conditions: str) -> go.Figure:
    """Speed against the fastest peer, workload by workload."""
    names = list(dict.fromkeys(row.workload for row in rows))
    ways = [way for way in (OURS, COLD, *PEERS) if any(row.way == way for row in rows)]
    greys = dict(zip(PEERS, GREYS, strict=True))
    figure = go.Figure(
        layout={
            "template": "none",
            "barmode": "group",
            "width": 960,
            "height": 420,
            "margin": {"l": 60, "r": 20, "t": 100, "b": 40},
            "font": {"family": "Inter, system-ui, sans-serif", "size": 13, "color": "#1d1f24"},
            "title": {"text": conditions, "font": {"size": 12}, "x": 0.01, "xanchor": "left"},
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "font": {"size": 11}},
            "yaxis": {
                "title": {"text": "times as fast as the best peer"},
                "type": "log",
                "dtick": 1,
                "range": [-2, 1.3],
                "gridcolor": "#eeeeee",
            },
        }
    )
    for way in ways:
        own = {row.workload: row for row in rows if row.way == way}
        figure.add_bar(
            name=way,
            x=names,
            y=[own[name].speed if name in own else None for name in names],
            text=[f"{own[name].speed:.2f}x" if name in own else "" for name in names],
            textposition="outside",
            textangle=0,
            textfont={"size": 9},
            cliponaxis=False,
            marker={"color": greys.get(way, "#1a7f5a" if way == OURS else "#7fc4a8")},
        )
    return figure


def save_picture(figure: go.Figure, folder: Path) -> None:
    """As a page, and as it looks in a browser where there is one."""
    page = folder / "peers.html"
    figure.write_html(page, include_plotlyjs=True, config={"displayModeBar": False})
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        return
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
        except Error:
            return
        tab = browser.new_page(viewport={"width": 980, "height": 440}, device_scale_factor=2)
        tab.goto(page.resolve().as_uri())
        tab.locator(".main-svg").first.wait_for()
        tab.locator(".plot-container").screenshot(path=folder / "peers.png")
        browser.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="62m", help="backbone (default: 62m)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's)")
    parser.add_argument("--repeats", type=int, default=3, help="the median counts (default: 3)")
    parser.add_argument(
        "--sample-tokens",
        type=int,
        default=12_000,
        help="how many tokens a peer computes in one measurement at most (default: 12000)",
    )
    parser.add_argument("-o", "--output", metavar="FOLDER", help="for the JSON and the picture")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    placement = choose_device(options.device, options.dtype)
    sizes = SIZES[options.size]
    tasks = [(work.name, [work]) for work in workloads(sizes.n_vocabulary)]
    tasks.append(("search, 10 rounds", search_workloads(sizes.n_vocabulary)))
    rows: list[Row] = []
    for name, calls in tasks:
        rows += measure(
            name,
            calls,
            sizes,
            placement,
            repeats=options.repeats,
            sample_tokens=options.sample_tokens,
            tell=lambda text: print(text, file=sys.stderr),
        )
    on_cpu = placement.device.type == "cpu"
    threads = torch.get_num_threads()
    where = (
        f"CPU, {threads} thread{'s' * (threads > 1)}"
        if on_cpu
        else torch.cuda.get_device_name(placement.device)
    )
    products = sorted(row.peak_flops / 1e9 for row in rows)
    conditions = (
        f"Qwen2 of {options.size.upper()} size, random weights, "
        f"{str(placement.dtype).removeprefix('torch.')}, {where}, torch {torch.__version__}; "
        f"median {'CPU' if on_cpu and threads == 1 else 'wall'} time of {options.repeats}; "
        f"fastest matrix product {products[0]:,.0f} to {products[-1]:,.0f} GFLOP/s"
    )
    print(conditions + "\n\n" + table(rows))
    if options.output:
        folder = Path(options.output)
        folder.mkdir(parents=True, exist_ok=True)
        written = {"conditions": conditions, "rows": [asdict(row) for row in rows]}
        (folder / "peers.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
        save_picture(picture(rows, conditions), folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
