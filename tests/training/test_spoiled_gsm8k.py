"""GSM8K's solutions with errors put in: how many, of which problems, and what the head sees."""

from __future__ import annotations

import pytest

from prm_core.calculator import N_FEATURES
from prm_core.calculator.operations import N_FEATURES as N_OPERATIONS
from prm_core.errors import BadOptionError
from prm_core.families.value_head import VERSIONS, read_template
from prm_core.paths import assets_dir
from prm_core.synthetic.gsm8k import read_solutions
from prm_core.training.data import Source, encode_examples, same_problem, spoiled_sources
from prm_core.training.operations import teaches
from prm_core.types import Candidate, Example
from tests.tiny import MARKED, tiny_tokenizer

SEEN = {name: VERSIONS[name] for name in ("calculator", "operations")}
SOLUTIONS = [*read_solutions(assets_dir() / "gsm8k" / "train.jsonl.gz")][:400]


def test_all_problems_are_drawn_alike_and_six_in_ten_have_an_error() -> None:
    sources = spoiled_sources(1000, 3, SOLUTIONS)
    examples = [example for source in sources for example in source.examples]
    assert len(examples) == 1000
    assert spoiled_sources(1000, 3, SOLUTIONS) == sources != spoiled_sources(1000, 4, SOLUTIONS)
    wrong = sum(0.0 in example.labels for example in examples)
    assert 0.5 < wrong / 1000 < 0.7  # 0.6 by design; the deviation is .015
    known, new = ({same_problem(e.candidate.problem) for e in s.examples} for s in sources)
    assert not known & new
    own = {same_problem(problem): teaches(problem) for problem, _ in SOLUTIONS}
    as_written = [(p, s.is_known) for s, some in zip(sources, (known, new), strict=True)
                  for p in some if p in own]  # fmt: skip
    assert len(as_written) > 200  # the others are put in other signs
    assert all(own[problem] == is_known for problem, is_known in as_written)
    assert 0.7 < len(sources[0].examples) / 1000 < 0.9  # four fifths by design


def test_what_the_table_has_learned_from_is_not_shown_to_the_head() -> None:
    prm = {**MARKED, "evidence": SEEN}
    template = read_template(prm, tiny_tokenizer())
    sources = spoiled_sources(60, 0, SOLUTIONS)
    known, new = (encode_examples(tiny_tokenizer(), template, s, 4096).rows for s in sources)
    for rows, is_shown in ((known, False), (new, True)):
        said = [features for row in rows for features in row.calculator]
        assert {len(features) for features in said} == {N_FEATURES + N_OPERATIONS}
        assert any(any(features[:N_FEATURES]) for features in said)
        assert any(any(features[N_FEATURES:]) for features in said) == is_shown


def test_what_the_table_says_of_its_own_problems_is_hidden_in_any_file() -> None:
    template = read_template({**MARKED, "evidence": SEEN}, tiny_tokenizer())
    known, new = ([p for p, _ in SOLUTIONS if teaches(p) == is_known] for is_known in (True, False))
    for problems, is_shown in ((known, False), (new, True)):
        examples = tuple(
            Example(Candidate(f" {problem}\n", ("3 + 4 = 7", "7 - 2 = 5")), (1.0, 1.0), "file")
            for problem in problems
        )
        rows = encode_examples(tiny_tokenizer(), template, Source("file", examples), 4096).rows
        said = [features for row in rows for features in row.calculator]
        assert any(any(features[N_FEATURES:]) for features in said) == is_shown


def test_no_solution_is_no_number_of_solutions() -> None:
    with pytest.raises(BadOptionError, match="spoil_gsm8k is 0; it must be at least 1"):
        spoiled_sources(0, 0, SOLUTIONS)
