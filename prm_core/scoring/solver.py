"""A backbone solves the problem itself, several times: a second opinion for the value head.

What a step says is right or wrong by the problem, and a language model that can solve problems of
this kind reaches most right values itself. So the backbone that judges first writes a few short
solutions of the problem, and `prm_core.calculator.solver` says which of a step's values are in
them. All candidates of a problem share them.

The paths of all problems advance together, one token at a time. What they have in common, the
examples and the problem, was read once and is there once; each path has its own rows behind it
(`ByPath`). Every path has its own random numbers, so a problem's solutions do not depend on which
problems are solved beside it, up to rounding.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prm_core.errors import ModelError, ModelLoadError
from prm_core.families.prompt import encode_texts
from prm_core.scoring import packed_forward
from prm_core.scoring.trie import Pack, Range, first_rows, path_length, plan, shared_rows

N_SOLUTIONS = 4
"""Solutions of a problem."""

MOST_TOKENS = 128
"""Of a solution; five times what a problem of two steps takes."""

TEMPERATURE = 0.6
"""Of the sampling. At 0 all solutions would make the same mistake."""

MOST_LIKELY = 20
"""Tokens of which the next one is drawn, as in Qwen2.5's `generation_config.json` (`top_k`)."""

_PATHS_AT_ONCE = 96
"""On a CPU 8 paths take as long as one, and from about 96 on the time is that of the products."""

_PROBLEMS_AT_ONCE = 64
"""Whose keys and values are kept together."""

_EXAMPLES = (
    (
        "A shop sells pens in boxes of 12. Mia buys 5 boxes and gives away 14 pens. "
        "How many pens does she have left?",
        "12 * 5 = 60 pens\n60 - 14 = 46 pens left\nAnswer: 46",
    ),
    ("double 36, then take away 15", "36 * 2 = 72\n72 - 15 = 57\nAnswer: 57"),
    (
        "A jacket costs $80. It is reduced by 25%, and Tom has a voucher for $10. "
        "What does he pay?",
        "80 * 25 / 100 = 20 dollars off\n80 - 20 = 60 dollars\n60 - 10 = 50 dollars\nAnswer: 50",
    ),
    (
        "Lena is 3 years older than Max. Together they are 29. How old is Lena?",
        "29 - 3 = 26\n26 / 2 = 13, Max's age\n13 + 3 = 16, Lena's age\nAnswer: 16",
    ),
    (
        "A film starts at 6:40 pm and lasts 95 minutes. When does it end?",
        "95 minutes = 1 hour 35 minutes\n6:40 + 1:00 = 7:40\n7:40 + 0:35 = 8:15\nAnswer: 8:15",
    ),
)
"""How short a solution is to be; ours, and in no set that is measured or learned from."""

_BEFORE = "".join(f"Problem: {asked}\nSolution:\n{said}\n\n" for asked, said in _EXAMPLES)
_LAST = "Answer:"  # the line that begins so is the last one


@dataclass(slots=True)
class _Path:
    """A solution that is being written.

    Attributes:
        problem: index of its problem.
        prompt: the prompt's rows, as ranges in order of depth.
        hidden: [H]; the state from which the next token is drawn.
        draw: its random numbers.
        token_ids: what is written.
        rows: of those that were run.
    """

    problem: int
    prompt: tuple[Range, ...]
    hidden: Tensor
    draw: random.Random
    token_ids: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)


class ByPath:
    """The attention of one token for each path: the rows that all paths share, and its own.

    Args:
        shared: rows at the beginning of every path, as ranges in order of depth; not empty.
        own: of each path its other rows, the one that runs included.
        device: of queries and keys.
    """

    def __init__(
        self, shared: Sequence[Range], own: Sequence[Sequence[int]], device: torch.device
    ) -> None:
        width = max(map(len, own))
        rows = torch.tensor([[*some, *[0] * (width - len(some))] for some in own])
        hidden = torch.arange(width) >= torch.tensor([[len(some)] for some in own])
        self._shared, self._longest = shared, sum(b - a for a, b in shared) + width
        self._own, self._hidden = rows.to(device), hidden[:, None].to(device)  # [N, w], [N, 1, w]

    def __call__(
        self, query: Tensor, key: Tensor, value: Tensor, scaling: float, window: int | None
    ) -> Tensor:
        """See `prm_core.scoring.attention.Attention`.

        Raises:
            ModelError: the layer does not look back as far as a path is long.
        """
        if window is not None and self._longest > window:
            raise ModelError(
                f"the model looks back {window:,} tokens, and its own solution of the problem "
                f"has {self._longest:,} with its prompt; shorten the problem"
            )
        n_paths, _, n_dims = query.shape
        keys, values = (
            torch.cat([x[:, a:b] for a, b in self._shared], dim=1) for x in (key, value)
        )
        asked = query.view(n_paths, len(key), -1, n_dims).transpose(0, 1) * scaling
        of_shared = (asked.flatten(1, 2) @ keys.transpose(1, 2)).view(*asked.shape[:3], -1)
        of_own = (asked @ key[:, self._own].transpose(2, 3)).masked_fill(self._hidden, -torch.inf)
        weights = torch.cat((of_shared, of_own), dim=3).float().softmax(dim=3).to(query.dtype)
        of_shared, of_own = weights.split((keys.shape[1], self._own.shape[1]), dim=3)
        seen = (of_shared.flatten(1, 2) @ values).view(asked.shape)
        seen = seen + of_own @ value[:, self._own]
        out: Tensor = seen.transpose(0, 1).reshape(n_paths, -1)
        return out


class Solver:
    """Short solutions of problems, written by the backbone that also judges.

    Args:
        backbone: a causal transformer without its LM head, one that `can_pack`.
        tokenizer: its own.
        lm_head: [V, H].

    Raises:
        ModelLoadError: the backbone is of an architecture that is not packed.
    """

    def __init__(
        self, backbone: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, lm_head: Tensor
    ) -> None:
        if not packed_forward.can_pack(backbone.config):
            raise ModelLoadError(
                f"the head looks at its own solutions of a problem, and a backbone of type "
                f"{backbone.config.model_type!r} cannot write them here; choose one of "
                f"{', '.join(packed_forward.ARCHITECTURES)}"
            )
        self._backbone, self._tokenizer, self._lm_head = backbone, tokenizer, lm_head
        end = tokenizer.eos_token_id
        self._end = {end} if isinstance(end, int) else set()
        self._context = int(backbone.config.max_position_embeddings)

    def solve(self, problems: Sequence[str]) -> Generator[None, None, list[tuple[str, ...]]]:
        """`N_SOLUTIONS` texts for each problem; yields None after each token.

        A problem that fills the model's context has none.

        Args:
            problems: as the user wrote them.
        """
        found: list[tuple[str, ...]] = []
        for start in range(0, len(problems), _PROBLEMS_AT_ONCE):
            found += yield from self._solve(problems[start : start + _PROBLEMS_AT_ONCE])
        return found

    def solve_now(self, problems: Sequence[str]) -> list[tuple[str, ...]]:
        """As `solve`, at once."""
        steps = self.solve(problems)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                found: list[tuple[str, ...]] = end.value
                return found

    def _solve(self, problems: Sequence[str]) -> Generator[None, None, list[tuple[str, ...]]]:
        """`solve`, for problems whose keys and values are kept together."""
        prompts = {i: self._prompt(problem) for i, problem in enumerate(problems)}
        prompts = {i: ids for i, ids in prompts.items() if len(ids) <= self._context - MOST_TOKENS}
        said: list[tuple[str, ...]] = [()] * len(problems)
        if not prompts:
            return said
        kept = packed_forward.KeyValues()
        begun = dict(zip(prompts, self._read(list(prompts.values()), kept), strict=True))
        n_rows = 1 + max(_rows(rows)[-1] for rows, _ in begun.values())
        paths = [
            _Path(i, rows, hidden, random.Random(seed))
            for i, (rows, hidden) in begun.items()
            for seed in range(N_SOLUTIONS)
        ]
        waiting, live = deque(paths), list[_Path]()
        while waiting or live:
            yield None
            while waiting and len(live) < _PATHS_AT_ONCE:
                live.append(waiting.popleft())
            drawn = self._drawn(live)
            live = [
                path for path, token in zip(live, drawn, strict=True) if self._goes_on(path, token)
            ]
            if live:
                self._step(live, n_rows, kept)
                n_rows += len(live)
        for path in paths:
            said[path.problem] += (self._text(path),)
        return said

    def _prompt(self, problem: str) -> tuple[int, ...]:
        """The token ids before a solution."""
        texts = [f"{_BEFORE}Problem:", f" {problem.strip()}", "\nSolution:\n"]
        return tuple(token for ids, _ in encode_texts(self._tokenizer, texts) for token in ids)

    @torch.inference_mode()
    def _read(
        self, prompts: Sequence[tuple[int, ...]], kept: packed_forward.KeyValues
    ) -> list[tuple[tuple[Range, ...], Tensor]]:
        """Of each prompt its rows, and the hidden state at its end [H]."""
        (pack,) = plan(prompts, sum(map(len, prompts)))
        paths = dict(zip(pack.members, pack.paths, strict=True))
        ends = sorted({path[-1][1] - 1 for path in pack.paths})
        hidden = packed_forward.read_pack(self._backbone, pack, ends, kept)
        at_end = dict(zip(ends, hidden, strict=True))
        return [(paths[i], at_end[paths[i][-1][1] - 1]) for i in range(len(prompts))]

    @torch.inference_mode()
    def _step(self, live: Sequence[_Path], n_rows: int, kept: packed_forward.KeyValues) -> None:
        """Run the last token of each path."""
        for row, path in enumerate(live, start=n_rows):
            path.rows.append(row)
        n_shared = min(shared_rows(live[0].prompt, path.prompt) for path in live)
        attend = ByPath(
            first_rows(live[0].prompt, n_shared),
            [[*_rows(path.prompt)[n_shared:], *path.rows] for path in live],
            self._lm_head.device,
        )
        pack = Pack(
            members=(),
            token_ids=tuple(path.token_ids[-1] for path in live),
            depths=tuple(path_length(path.prompt) + len(path.rows) - 1 for path in live),
            segments=(),
            paths=(),
            first_row=n_rows,
        )
        rows = range(n_rows, n_rows + len(live))
        hidden = packed_forward.read_pack(self._backbone, pack, rows, kept, attend)
        for path, at in zip(live, hidden, strict=True):
            path.hidden = at

    @torch.inference_mode()
    def _drawn(self, live: Sequence[_Path]) -> list[int]:
        """The next token of each path."""
        hidden = torch.stack([path.hidden for path in live])
        logits, tokens = (hidden @ self._lm_head.T).float().topk(MOST_LIKELY)
        reached = (logits / TEMPERATURE).softmax(dim=1).cumsum(dim=1).cpu()
        at = torch.tensor([[path.draw.random()] for path in live])
        chosen = (reached < at).sum(dim=1).clamp(max=MOST_LIKELY - 1)
        return [int(row[i]) for row, i in zip(tokens.cpu(), chosen, strict=True)]

    def _goes_on(self, path: _Path, token: int) -> bool:
        """Take a path's next token; False where the solution ends."""
        if token in self._end:
            return False
        path.token_ids.append(token)
        text = self._text(path)
        is_done = "\n\n" in text or (_LAST in text and text.endswith("\n"))
        return not is_done and len(path.token_ids) < MOST_TOKENS

    def _text(self, path: _Path) -> str:
        return str(self._tokenizer.decode(path.token_ids, skip_special_tokens=True))


def _rows(path: Sequence[Range]) -> list[int]:
    return [row for start, stop in path for row in range(start, stop)]
