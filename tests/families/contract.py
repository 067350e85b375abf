"""What every family owes, told once: its authors' ids and numbers, whatever the batch."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from prm_core.errors import TooLongError
from prm_core.scoring.load import load_scorer
from prm_core.scoring.local import Scorer
from prm_core.types import Candidate
from tests.reference import Expected

TOLERANCE = 1e-5

Reference = Callable[[Path, Candidate], Expected]

_SEVEN = "What is 7 × 8?"
_START = ("I need to multiply 7 by 8.", "7 × 8 = 54.")

CANDIDATES = [
    Candidate(_SEVEN, ("I need to multiply 7 by 8.", "7 × 8 = 56.", "The answer is 56.")),
    Candidate(_SEVEN, (*_START, "The answer is 54.")),
    Candidate(_SEVEN, (*_START, "Wait: 7 × 8 = 56.", "Y + - x", "The answer is 56.")),
    Candidate(_SEVEN, _START),  # the beginning of two others
    Candidate(_SEVEN, ("56",)),
    Candidate("Ann has 3 pens.", tuple(f"{i} + {i} = {2 * i}?" for i in range(40))),
    Candidate("Æ {x} 日本", ("Let $x - 3 = 1$: so\n$$x = 4.$$", "{{ done }} — ü.", "+ 1", "-")),
]
"""Every way of sharing, and texts that templates and tokenizers could trip over."""


def hold_parity(
    directory: Path,
    recipe: Reference,
    *,
    candidates: Sequence[Candidate] = CANDIDATES,
    **options: Any,
) -> Scorer:
    """Ids, positions and probabilities are the authors', alone, packed, kept and in any order.

    Args:
        directory: a checkpoint.
        recipe: the authors'.
        candidates: what is scored.
        options: of `load_scorer`.

    Returns:
        The scorer.
    """
    scorer = load_scorer(directory, **options)
    assert scorer.packed
    together = scorer.score(candidates)
    spread = set[float]()
    for candidate, scored in zip(candidates, together, strict=True):
        expected = recipe(directory, candidate)
        encoded = scorer.encode(candidate)
        assert list(encoded.input_ids) == expected.input_ids
        assert list(encoded.positions) == expected.positions
        assert scored.candidate is candidate
        assert scored.probabilities == pytest.approx(expected.probabilities, rel=0, abs=TOLERANCE)
        scorer.forget()
        for _ in ("alone", "again, from what was kept"):
            (alone,) = scorer.score([candidate])
            assert alone.probabilities == pytest.approx(scored.probabilities, rel=0, abs=TOLERANCE)
            for name, values in alone.extras.items():
                assert values == pytest.approx(scored.extras[name], rel=0, abs=TOLERANCE)
        for name, values in expected.extras.items():
            assert scored.extras[name] == pytest.approx(values, rel=0, abs=TOLERANCE)
        assert scored.extras.keys() == expected.extras.keys()
        spread |= set(expected.probabilities)
    assert max(spread) - min(spread) > 1000 * TOLERANCE, "these weights tell nothing apart"
    for budget in (1, 100):
        small = load_scorer(directory, max_tokens=budget, **options)
        order = random.Random(budget).sample(range(len(candidates)), len(candidates))
        for i, scored in zip(order, small.score([candidates[i] for i in order]), strict=True):
            assert scored.probabilities == pytest.approx(
                together[i].probabilities, rel=0, abs=TOLERANCE
            )
    return scorer


def hold_causality(scorer: Scorer) -> None:
    """Later steps do not change what earlier ones got."""
    whole = CANDIDATES[2]
    (among_all,) = scorer.score([whole])
    for n_steps in range(1, len(whole.steps)):
        (alone,) = scorer.score([Candidate(whole.problem, whole.steps[:n_steps])])
        assert alone.probabilities == pytest.approx(
            among_all.probabilities[:n_steps], rel=0, abs=TOLERANCE
        )


def hold_causality_of_sums(scorer: Scorer) -> None:
    """As `hold_causality` where the blank line after a step is counted with it."""
    whole = CANDIDATES[2]
    (among_all,) = scorer.score([whole])
    (longer,) = scorer.score([Candidate(whole.problem, (*whole.steps[:3], "another end", "x"))])
    assert longer.extras["raw"][:3] == pytest.approx(among_all.extras["raw"][:3], abs=TOLERANCE)
    assert longer.extras["raw"][3] != pytest.approx(among_all.extras["raw"][3], abs=TOLERANCE)


def hold_typed_markers(scorer: Scorer, texts: Sequence[str], marker: int | None = None) -> None:
    """A marker in the user's text is text: one score per step, and its id nowhere but at the ends.

    Args:
        texts: what the user types.
        marker: the family's marker.
    """
    plain = Candidate("a b", ("c d", "e f"))
    for text in texts:
        typed = Candidate(f"a {text} b", (f"c{text} d {text} x", f"{text} e"))
        encoded = scorer.encode(typed)
        assert len(encoded.positions) == 2
        assert len(scorer.score([typed])[0].probabilities) == 2
        if marker is not None:
            assert [i for i, token in enumerate(encoded.input_ids) if token == marker] == list(
                encoded.positions
            )
    assert len(scorer.encode(plain).positions) == 2


def hold_length(scorer: Scorer) -> None:
    """Nothing is cut: what does not fit is refused."""
    with pytest.raises(TooLongError, match="reads at most"):
        scorer.score([Candidate("p", ("x " * scorer.context,))])
