"""The gallery that ships: what it promises, and the script that makes it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

from prm_core.formats.rows import json_line
from prm_core.ranking.rank import rank
from prm_core.session import load_session, open_session, session_json

FOLDER = Path(__file__).parents[2] / "examples" / "gallery"
FILE = FOLDER / "gsm8k.json.gz"


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gallery_make", FOLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_gallery_is_small_and_says_whose_it_is() -> None:
    assert FILE.stat().st_size <= 500_000
    session = load_session(FILE)
    for words in ("CC BY 4.0", "StrictPRMBench", "Copyright (c) 2021 OpenAI"):
        assert words in session.note
        assert words in (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(model.recorded for model in session.models)
    assert len(session.models) == 4


def test_answers_differ_and_prms_disagree() -> None:
    session = load_session(FILE)
    assert len(session.problems) == 30
    differing = 0
    for problem in session.problems:
        # What the file says is right is what the answer checker calls right.
        for one in problem.solutions:
            assert one.is_correct(problem.gold_answer) is one.correct
        assert {one.correct for one in problem.solutions} == {True, False}
        leaders = set()
        for model in session.models:
            for method in ("min", "prod", "last", "mean"):
                scored = [one for one in problem.scored(model.id) if one is not None]
                assert len(scored) == len(problem.solutions)
                leaders.add(problem.solutions[rank(scored, method)[0].index].answer)
        differing += len(leaders) > 1
    assert differing >= 18


def test_the_script_makes_the_same_of_the_same(tmp_path: Path) -> None:
    make = script()
    rows = [
        {
            "id": f"p{number}",
            "problem": f"What is {number} + 1?",
            "gold_answer": str(number + 1),
            "solutions": [
                {
                    "steps": [f"It is {answer}."],
                    "answer": str(answer),
                    "correct": answer == number + 1,
                    "prm_scores": {name: [0.5 + place / 100] for name in make.MODELS},
                }
                for place, answer in enumerate(range(number, number + 20))
            ],
        }
        for number in range(40)
    ]
    rows[3]["solutions"] = rows[3]["solutions"][:1]  # type: ignore[index]
    path = tmp_path / "pool.jsonl"
    path.write_text("".join(map(json_line, rows)), encoding="utf-8")
    problems = open_session(path).session.problems
    made = make.gallery(problems)
    assert len(made.problems) == 30
    assert "p3" not in {one.id for one in made.problems}
    assert {len(one.solutions) for one in made.problems} == {16}
    assert session_json(made) == session_json(make.gallery(problems))
    assert json.loads(session_json(made))["settings"]["other"] == make.MODELS["math_shepherd"].id
