"""`evaluate FILE` from the command line: which task, whose scores, which threshold."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from prm_core.cli import main
from tests.tiny import tiny_model

ROOT = Path(__file__).parent.parent.parent
STEPS = str(ROOT / "examples" / "evaluate" / "steps.jsonl")
POOLS = str(ROOT / "examples" / "gsm8k_style.jsonl")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def row(self) -> dict[str, Any]:
        (line,) = self.out.splitlines()
        found: dict[str, Any] = json.loads(line)
        return found


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run `evaluate` in this process."""

    def call(*words: str) -> Done:
        try:
            code = main(["evaluate", *words])
        except SystemExit as leaving:  # argparse: wrong usage
            code = int(str(leaving.code))
        return Done(code, *capsys.readouterr())

    return call


def write(path: Path, *rows: object) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_labels_as_scores_give_f1_1(run: Callable[..., Done]) -> None:
    row = run(STEPS, "--model", "recorded:labels", "--json").row
    assert (row["task"], row["model"], row["source"]) == ("first-error", "recorded:labels", STEPS)
    assert row["f1"] == row["error_accuracy"] == row["correct_accuracy"] == 1.0
    assert (row["n_error"], row["n_correct"], row["skipped"]) == (6, 6, 0)
    assert (row["threshold"], row["threshold_source"]) == (0.5, "default")
    assert list(row["subsets"]) == ["tables", "sums"]
    assert row["sweep"] is None


def test_a_model_is_run_on_labelled_steps(run: Callable[..., Done], model: str) -> None:
    done = run(STEPS, "--model", model, "--sweep", "--json")
    assert (done.code, done.err) == (0, "")
    assert done.row["model"] == model
    curve = done.row["sweep"]["f1"]
    assert done.row["threshold_source"] == "the model's own"
    assert max(curve) == done.row["sweep"]["best_f1"] >= done.row["f1"]


def test_a_threshold_can_be_given_or_tuned(run: Callable[..., Done], model: str) -> None:
    row = run(STEPS, "--model", model, "--threshold", "0", "--json").row
    assert (row["threshold"], row["threshold_source"]) == (0.0, "given")
    assert (row["error_accuracy"], row["correct_accuracy"]) == (0.0, 1.0)
    swept = run(STEPS, "--model", model, "--sweep", "--json").row["sweep"]
    row = run(STEPS, "--model", model, "--tune", STEPS, "--json").row
    assert row["threshold_source"] == f"tuned on {STEPS}"
    assert row["threshold"] == swept["best_threshold"]
    assert row["f1"] == pytest.approx(swept["best_f1"])
    row = run(STEPS, "--model", "recorded:labels", "--tune", STEPS, "--json").row
    assert (row["threshold"], row["f1"]) == (0.5, 1.0)


def test_a_file_without_errors_cannot_be_tuned_on(run: Callable[..., Done], tmp_path: Path) -> None:
    right = write(tmp_path / "right.jsonl", {"problem": "p", "steps": ["s"], "labels": [1]})
    done = run(STEPS, "--model", "recorded:labels", "--tune", right)
    assert done.code == 1
    assert done.err == (f"error: {right}: needs solutions with and without an error to tune on\n")


def test_candidates_are_chosen_among(run: Callable[..., Done], model: str) -> None:
    done = run(POOLS, "--model", model, "--json")
    assert (done.code, done.err) == (0, "")
    row = done.row
    assert row["task"] == "best-of-n"
    assert {"min", "majority", "weighted_vote", "oracle", "random", "shortest", "longest"} <= set(
        row["accuracy"]
    )
    assert row["n"] == row["ns"][-1] == 3
    assert all(len(curve) == len(row["ns"]) for curve in row["curves"].values())
    assert "weighted vote (last)" in run(POOLS, "--model", model, "--aggregation", "last").out


def test_texts_are_split_by_the_chosen_rule(
    run: Callable[..., Done], tmp_path: Path, model: str
) -> None:
    rows = write(
        tmp_path / "in.jsonl",
        {
            "problem": "p",
            "gold_answer": "1",
            "solutions": ["a; the answer is 1", "The answer is 2"],
        },
    )
    for rule, fewest in (("auto", 0.5), ("separator:;", 0.0)):
        row = run(rows, "--model", model, "--steps", rule, "--json").row
        assert row["accuracy"]["fewest_steps"] == fewest


def test_scores_in_the_file_take_the_place_of_a_model(
    run: Callable[..., Done], tmp_path: Path
) -> None:
    def solution(answer: str, score: float) -> dict[str, object]:
        scores = {"mine": [score]}
        return {"steps": [f"So {answer}."], "answer": answer, "prm_scores": scores}

    pools = write(
        tmp_path / "pools.jsonl",
        {"problem": "p", "gold_answer": "1", "solutions": [solution("1", 0.9), solution("2", 0)]},
        {"problem": "q", "gold_answer": "3", "solutions": [solution("3", 0.1), solution("4", 1)]},
    )
    row = run(pools, "--model", "recorded:mine", "--json").row
    assert (row["model"], row["accuracy"]["min"]) == ("recorded:mine", 0.5)
    done = run(pools, "--model", "recorded:other")
    assert (done.code, done.out) == (1, "")
    assert done.err == "error: the file has no scores of 'other'; it has mine\n"


def test_recorded_scores_do_not_wait_for_torch() -> None:
    code = (
        "import sys; from prm_core.cli import main\n"
        f"code = main(['evaluate', {STEPS!r}, '--model', 'recorded:labels'])\n"
        "print([code, 'torch' in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.splitlines()[-1] == "[0, False]"


def test_prmbench_is_told_by_its_rows(run: Callable[..., Done], tmp_path: Path) -> None:
    native = {
        "idx": "circular_1", "original_question": "p", "modified_question": "p",
        "original_process": ["a", "b"], "modified_process": ["a", "a", "b"],
        "error_steps": [2], "classification": "circular",
    }  # fmt: skip
    ours = {"source": "prmbench/modified", "problem": "p", "steps": ["a"], "labels": [-1]}
    for name, rows in (("native", [native]), ("ours", [ours, {**ours, "labels": [1]}])):
        done = run(write(tmp_path / f"{name}.jsonl", *rows), "--model", "recorded:labels", "--json")
        assert done.row["task"] == "prmbench"
        assert done.row["prm_score"] == 1.0
    assert run(STEPS, "--task", "prmbench", "--model", "recorded:labels").code == 0


def test_calibration_on_request(run: Callable[..., Done], model: str) -> None:
    row = run(STEPS, "--task", "calibration", "--model", model, "--json").row
    assert row["calibration"]["n_steps"] == sum(b["n_steps"] for b in row["calibration"]["bins"])
    assert 0 <= row["calibration"]["ece"] <= 1


def test_a_page_with_pictures_beside_the_table(
    run: Callable[..., Done], tmp_path: Path, model: str
) -> None:
    out = tmp_path / "report.html"
    for words in ([STEPS, "--sweep"], [STEPS, "--task", "calibration"], [POOLS]):
        done = run(*words, "--model", model, "--html", str(out))
        assert (done.code, done.err) == (0, "")
        assert done.out
        page = out.read_text(encoding="utf-8")
        assert page.startswith("<!doctype html>")
        assert Path(words[0]).name in page


def test_bad_rows_are_named_and_counted(
    run: Callable[..., Done], tmp_path: Path, model: str
) -> None:
    good = {"problem": "p", "steps": ["s"], "labels": [1]}
    rows = write(tmp_path / "in.jsonl", {"problem": "p", "steps": ["s"], "labels": [2]}, good)
    done = run(rows, "--model", model, "--json")
    assert done.code == 1
    assert done.err.startswith(f"error: {rows}, line 1, field 'labels': ")
    assert done.row["skipped_reasons"] == {"unreadable row": 1}
    done = run(rows, "--model", model, "--json", "--skip-bad")
    assert done.code == 0
    assert done.err.startswith(f"skipped: {rows}, line 1")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--task", "first-error"], "--task first-error needs a FILE"),
        ([STEPS, "--task", "arithmetic"], "makes its own problems and takes no FILE"),
        ([STEPS, "--aggregation", "min"], "--aggregation does not apply to --task first-error"),
        ([STEPS, "--solutions", "3"], "--solutions does not apply to --task first-error"),
        ([POOLS, "--threshold", "0"], "--threshold does not apply to --task best-of-n"),
        ([STEPS, "--task", "calibration", "--sweep"], "--sweep does not apply"),
        ([STEPS, "--steps", "line"], "--steps does not apply to --task first-error"),
        (["--html", "x.html"], "--html does not apply to --task arithmetic"),
        ([STEPS, "--model", "recorded:skywork"], "has only recorded:labels"),
        ([POOLS, "--model", "recorded:labels"], "it has no scores at all"),
        ([STEPS, "--html", "no/such/page.html"], "no/such/page.html: cannot be written"),
        ([STEPS, "--html", STEPS], "would be replaced by its results"),
        (["nowhere.jsonl"], "nowhere.jsonl: cannot be read: No such file"),
    ],
)
def test_an_error_is_a_sentence_and_exit_code_1(
    run: Callable[..., Done], words: list[str], expected: str
) -> None:
    done = run(*words)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: ")
    assert expected in done.err
    assert done.err.count("\n") == 1


def test_a_file_without_rows_is_an_error(run: Callable[..., Done], tmp_path: Path) -> None:
    assert "has no rows" in run(write(tmp_path / "empty.jsonl")).err


def test_a_list_in_one_file_is_read(run: Callable[..., Done], tmp_path: Path) -> None:
    rows = [json.loads(line) for line in Path(STEPS).read_text(encoding="utf-8").splitlines()]
    path = tmp_path / "steps.json"
    path.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    done = run(str(path), "--model", "recorded:labels", "--json")
    whole = run(STEPS, "--model", "recorded:labels", "--json")
    assert {**done.row, "source": ""} == {**whole.row, "source": ""}


def test_a_table_of_problems_is_read(run: Callable[..., Done], tmp_path: Path, model: str) -> None:
    path = tmp_path / "problems.csv"
    path.write_text("problem,solution,gold_answer\n2 + 2?,So 4.,4\n2 + 2?,So 5.,4\n")
    assert run(str(path), "--model", model, "--json").row["n"] == 2
    path.write_text("question,solution\n2 + 2?,So 4.\n")
    assert "problems.csv: has no column 'problem'" in run(str(path), "--model", model).err


def test_wrong_usage_is_exit_code_2(run: Callable[..., Done]) -> None:
    assert run(STEPS, "--threshold", "0.5", "--tune", STEPS).code == 2
    assert run(STEPS, "--task", "guess").code == 2


def test_the_answer_of_a_problem_is_its_gold_answer(
    run: Callable[..., Done], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    solutions = [
        {"steps": [f"So {answer}."], "prm_scores": {"mine": [score]}}
        for answer, score in (("26", 0.9), ("28", 0.1))
    ]
    row = {"problem": "What is 3 × 12 - 10?", "solutions": solutions}
    rows = write(tmp_path / "rows.jsonl", {**row, "answer": 26}, {**row, "answer": "26"})
    assert run(rows, "--model", "recorded:mine", "--json").row["accuracy"]["min"] == 1.0
    assert caplog.text.count("rows have no gold_answer; their field answer counts") == 1
    both = write(tmp_path / "both.jsonl", {**row, "answer": 26, "gold_answer": 28})
    assert run(both, "--model", "recorded:mine", "--json").row["accuracy"]["min"] == 0.0
    neither = run(write(tmp_path / "neither.jsonl", row), "--model", "recorded:mine")
    assert neither.code == 1
    assert "2 × no right answer to compare with" in neither.err
    assert "as gold_answer" in neither.err


def test_rows_with_the_same_error_share_a_line(run: Callable[..., Done], tmp_path: Path) -> None:
    """A file of another kind is not named a thousand times."""
    rows = [{"prompt": "x", "number": number} for number in range(1000)]
    done = run(write(tmp_path / "foreign.jsonl", *rows), "--model", "recorded:labels")
    assert (done.code, done.out) == (1, "")
    first, others, whole = done.err.splitlines()
    assert "line 1: " in first
    assert "lines 2, 3, 4 and 996 others: " in others
    assert others.endswith(first.partition("line 1: ")[2])
    assert "no row" in whole


def test_the_first_row_of_a_known_format_says_the_task(
    run: Callable[..., Done], tmp_path: Path
) -> None:
    pool = {"problem": "3 + 4?", "solutions": ["3 + 4 = 7", "8"], "gold_answer": "7"}
    done = run(write(tmp_path / "mixed.jsonl", {"prompt": "x"}, pool), "--json")
    assert done.row["task"] == "best-of-n"
    assert (done.code, done.err.count("line 1")) == (1, 1)
