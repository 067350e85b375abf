"""What the page shows side by side: two models on the same solutions, two searches of a problem.

The browser keeps both and sends them, so they are checked like any other input.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from prm_core.errors import DataError, InputError
from prm_core.evaluation.two_models import (
    ModelComparison,
    StepPair,
    compare_models,
    difference_words,
)
from prm_core.figures.step_bars import band, format_apart, format_probability
from prm_core.ranking.aggregate import METHODS
from prm_core.search.compare import search_differences
from prm_core.search.results import search_session, searched
from prm_core.session import Problem, page_results
from prm_core.types import RankedCandidate, ScoredCandidate, whole_characters
from prm_core.ui.editor import MAX_GOLD_CHARS
from prm_core.ui.kept import read_json, read_kept, read_tree
from prm_core.ui.restore import PATIENCE_S, board_of, read_results, share, short_text

_one_at_a_time = threading.Lock()


def compare(results: object) -> dict[str, Any] | None:
    """The content of the tab Models, or None if the browser's storage does not contain it.

    Called by the browser (`server.compare`).

    Args:
        results: as JSON, what `restore` takes, and `other`: `{"model", "model_line", "own",
            "candidates"}`, with the other model's scores of each solution or null. Steps may be
            left out if they are those of the results.

    Returns:
        `{"words", "leaders", "solutions", "steps"}`: how often the models agree, the solutions that
        each ranks first, for each aggregation, each solution's scores and ranks by both, and the
        steps, the largest difference first; `outcome` contains the numbers of an outcome model, by
        the solution's letter.
    """
    if not _one_at_a_time.acquire(timeout=PATIENCE_S):
        return None
    try:
        return _compared(read_json(results))
    except (InputError, KeyError, TypeError, ValueError, AttributeError):
        return None
    finally:
        _one_at_a_time.release()


def _compared(results: Any) -> dict[str, Any]:
    """
    Raises:
        InputError, KeyError, TypeError, ValueError, AttributeError: it is not one of ours.
    """
    draft, scored = read_results(results)
    other = results["other"]
    pairs = zip(results["candidates"], other["candidates"], draft.letters, strict=True)
    others = [_other(row, scores, draft.problem, name) for row, scores, name in pairs]
    own = share(results.get("own", results["threshold"]))
    thresholds = own, share(other["own"])
    found = compare_models(scored, others, thresholds)
    models = short_text(results["model"]), short_text(other["model"])
    return {
        "words": found.agreement_words(),
        "leaders": {one: found.leader_words(one, draft.letters, models) for one in METHODS},
        "solutions": _solutions(found, scored, others, draft.letters, thresholds),
        "steps": [_step(pair, draft.letters, thresholds) for pair in found.steps],
        "outcome": _outcome(others, draft.letters),
    }


def _other(row: Any, scores: Any, problem: str, name: str) -> ScoredCandidate | None:
    """The other model's scores of a solution, with the steps of the results if it has none.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: they are not ours.
    """
    if not scores:
        return None
    steps = scores.get("steps") or row["scores"]["steps"]
    if len(scores["probabilities"]) == 1 < len(steps):
        steps = ["\n\n".join(steps)]
    return read_kept({**scores, "steps": steps}, problem, name)


def _solutions(
    found: ModelComparison,
    scored: Sequence[ScoredCandidate | None],
    others: Sequence[ScoredCandidate | None],
    letters: Sequence[str],
    thresholds: tuple[float, float],
) -> list[dict[str, Any]]:
    """Each solution's two scores, ranks and first errors, and the largest difference."""
    standings = [
        _standings(ranking, threshold)
        for ranking, threshold in zip((found.first, found.second), thresholds, strict=True)
    ]
    largest = {pair.solution: pair for pair in reversed(found.steps)}
    rows = []
    for index, place in enumerate(found.places):
        both = scored[place], others[place]
        pair = largest.get(place)
        rows.append(
            {
                "letter": letters[place],
                "standings": [one[index] for one in standings],
                "errors": [
                    None if one is None or len(one.probabilities) == 1 else one.first_error(limit)
                    for one, limit in zip(both, thresholds, strict=True)
                ],
                "step": None if pair is None else pair.step,
                "difference": None if pair is None else pair.difference,
                "words": "" if pair is None else difference_words(pair),
            }
        )
    return rows


def _standings(
    rankings: Mapping[str, Sequence[RankedCandidate]], threshold: float
) -> dict[int, dict[str, list[Any]]]:
    """For each solution and aggregation `[rank, tied, score, score for display]`."""
    found: dict[int, dict[str, list[Any]]] = {}
    for method, ranking in rankings.items():
        shown = format_apart([one.score for one in ranking], threshold)
        for one, words in zip(ranking, shown, strict=True):
            found.setdefault(one.index, {})[method] = [one.rank, one.tied, one.score, words]
    return found


def _step(
    pair: StepPair, letters: Sequence[str], thresholds: tuple[float, float]
) -> dict[str, Any]:
    values = zip((pair.first, pair.second), thresholds, strict=True)
    return {
        "letter": letters[pair.solution],
        "step": pair.step,
        "apart": pair.apart,
        "words": difference_words(pair),
        "both": [[p, format_probability(p, limit), band(p), p < limit] for p, limit in values],
    }


def _outcome(
    others: Sequence[ScoredCandidate | None], letters: Sequence[str]
) -> dict[str, str] | None:
    """The numbers of an outcome model; None if the model judges steps."""
    there = [(name, one) for name, one in zip(letters, others, strict=True) if one is not None]
    if not there or any(len(one.probabilities) > 1 for _, one in there):
        return None
    return {name: format_probability(one.probabilities[0]) for name, one in there}


def compare_searches(asked: object) -> dict[str, Any] | None:
    """Two searches of one problem, or None if the browser did not send two.

    Called by the browser (`server.compare_searches`).

    Args:
        asked: `{"searches", "gold"}`: both trees as JSON texts, and the right answer or null.

    Returns:
        `{"board", "words"}`: the second's solutions as a board's value, null if none was judged,
        and by aggregation what differs, in words.
    """
    match asked:
        case {"searches": [first, second], "gold": str() | None as gold}:
            pass
        case _:
            return None
    if not _one_at_a_time.acquire(timeout=PATIENCE_S):
        return None
    try:
        trees = read_tree(first), read_tree(second)
        gold = None if gold is None else whole_characters(gold[:MAX_GOLD_CHARS])
        words = {method: search_differences(*trees, gold, method) for method in METHODS}
        problem = searched(trees[1], Problem(trees[1].problem, gold_answer=gold))
        results = page_results(search_session([problem], trees[1], 0.5), 0)
        try:
            board = board_of(results)
        except InputError:
            board = None
        return {"board": board, "words": words}
    except (DataError, InputError):
        return None
    finally:
        _one_at_a_time.release()
