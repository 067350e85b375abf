"""The command line: output, messages and exit codes, with a tiny model."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from prm_core.cli import COMMANDS, main, score, terminal
from prm_core.cli.rank import ranking_table
from prm_core.formats.problems import ProblemRow
from prm_core.ranking.aggregate import METHODS
from prm_core.scoring.load import load_scorer
from prm_core.types import Candidate, ScoredCandidate
from tests.families.test_token_classification import make as make_token_classifier
from tests.tiny import tiny_model

ROOT = Path(__file__).parent.parent.parent
GOOD = {
    "id": 7,
    "problem": "What is 7 × 8?",
    "solutions": ["7 × 8 = 56.\n56", ["7 × 8 = 54.", "54"]],
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_model(tmp_path_factory.mktemp("models") / "tiny", max_position_embeddings=256))


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run a command in this process."""

    def call(*words: str) -> Done:
        try:
            code = main(words)
        except SystemExit as leaving:  # argparse: --help and wrong usage
            code = int(str(leaving.code))
        return Done(code, *capsys.readouterr())

    return call


def write(path: Path, *rows: object) -> str:
    """A JSONL file; what is text already is written as it is."""
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def test_score_writes_one_row_per_problem(
    run: Callable[..., Done], tmp_path: Path, model: str
) -> None:
    rows = write(tmp_path / "in.jsonl", GOOD, {"problem": "1 + 1?", "solutions": ["2"]})
    done = run("score", rows, "--model", model)
    assert done.code == 0
    assert done.err == ""
    first, second = done.rows
    assert (first["id"], second["id"]) == (7, None)
    assert first["problem"] == "What is 7 × 8?"
    assert "×" in done.out, "UTF-8, not escapes"
    assert [c["steps"] for c in first["candidates"]] == [
        ["7 × 8 = 56.", "56"],
        ["7 × 8 = 54.", "54"],
    ]
    assert first["candidates"][0]["scores"].keys() == METHODS.keys()
    assert sorted(first["ranking"]) == [0, 1]


def test_score_gives_what_the_library_gives(
    run: Callable[..., Done], tmp_path: Path, model: str
) -> None:
    done = run("score", write(tmp_path / "in.jsonl", GOOD), "--model", model)
    candidates = [
        Candidate("What is 7 × 8?", ("7 × 8 = 56.", "56")),
        Candidate("What is 7 × 8?", ("7 × 8 = 54.", "54")),
    ]
    expected = load_scorer(model, device="cpu", dtype="float32").score(candidates)
    (row,) = done.rows
    assert [tuple(c["probabilities"]) for c in row["candidates"]] == [
        one.probabilities for one in expected
    ]


def test_the_options_reach_the_result(run: Callable[..., Done], tmp_path: Path, model: str) -> None:
    rows = write(tmp_path / "in.jsonl", {"problem": "p", "solutions": ["a; b; c"]})
    words = ["score", rows, "--model", model, "--device", "cpu", "--dtype", "float32"]
    (row,) = run(*words, "--aggregation", "last", "--steps", "separator:;", "--threshold", "1").rows
    assert row["aggregation"] == "last"
    assert row["candidates"][0]["steps"] == ["a", "b", "c"]
    assert row["candidates"][0]["first_error"] == 0
    (row,) = run(*words, "--threshold", "0").rows
    assert row["candidates"][0]["first_error"] is None


def test_standard_input_and_output(
    run: Callable[..., Done], monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(json.dumps(GOOD).encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert run("score", "-", "--model", model).rows[0]["id"] == 7


def test_results_in_a_file(run: Callable[..., Done], tmp_path: Path, model: str) -> None:
    rows, out = write(tmp_path / "in.jsonl", GOOD), tmp_path / "out.jsonl"
    printed = run("score", rows, "--model", model)
    done = run("score", rows, "--model", model, "-o", str(out))
    assert (done.code, done.out) == (0, "")
    assert out.read_text(encoding="utf-8") == printed.out
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "out.jsonl"}


def test_bad_rows_are_named_and_the_good_ones_scored(
    run: Callable[..., Done], tmp_path: Path, model: str
) -> None:
    rows = write(
        tmp_path / "in.jsonl",
        GOOD,
        "{",
        "",
        {"problem": "p", "solutions": ["fine", "x" * 5000]},
        {"problem": "p", "solutions": []},
        {"id": "last", "problem": "p", "solutions": ["s"]},
    )
    done = run("score", rows, "--model", model)
    assert done.code == 1
    assert [row["id"] for row in done.rows] == [7, "last"]
    broken, too_long, empty, total = done.err.splitlines()
    assert broken.startswith(f"error: {rows}, line 2: is not valid JSON")
    assert too_long.startswith(f"error: {rows}, line 4, field 'solutions': ")
    assert "256" in too_long
    assert empty == (
        f"error: {rows}, line 5, field 'solutions': is an empty list; give at least one solution"
    )
    assert total == "2 problems scored, 3 bad rows"


@pytest.mark.parametrize("command", [["rank"], ["score"], ["score", "-o"]])
def test_rows_with_the_same_error_share_a_line(
    command: list[str], run: Callable[..., Done], tmp_path: Path, model: str
) -> None:
    path = write(tmp_path / "in.jsonl", *({"problem": "2?"} for _ in range(50)), {"solutions": []})
    output = [str(tmp_path / "out.jsonl")] if len(command) > 1 else []
    done = run(command[0], path, "--model", model, *command[1:], *output)
    assert done.code == 1
    assert "lines 2, 3, 4 and 46 others, field 'solutions'" in done.err
    assert "line 51, field 'problem'" in done.err
    assert len(done.err.splitlines()) <= 5


def test_skip_bad_makes_the_exit_code_0(
    run: Callable[..., Done], tmp_path: Path, model: str
) -> None:
    rows = write(tmp_path / "in.jsonl", "{", GOOD)
    done = run("score", rows, "--model", model, "--skip-bad")
    assert done.code == 0
    assert len(done.rows) == 1
    assert done.err.startswith(f"skipped: {rows}, line 1: ")


def test_a_text_of_separators_alone_is_a_bad_row(
    run: Callable[..., Done], tmp_path: Path, model: str
) -> None:
    rows = write(tmp_path / "in.jsonl", {"problem": "p", "solutions": ["ok", "---"]})
    done = run("score", rows, "--model", model, "--steps", "separator:-")
    assert done.code == 1
    assert "line 1, field 'solutions': solution 2 has no steps" in done.err


def test_a_failure_leaves_the_old_results(
    run: Callable[..., Done], tmp_path: Path, model: str
) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("old", encoding="utf-8")
    done = run("score", write(tmp_path / "in.jsonl"), "--model", model, "-o", str(out))
    assert done.code == 1
    assert done.err == f"error: {tmp_path / 'in.jsonl'}: has no rows\n"
    assert out.read_text(encoding="utf-8") == "old"


def test_an_interrupted_run_leaves_the_old_results(
    run: Callable[..., Done], tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(io.BytesIO):
        def readline(self, size: int | None = -1) -> bytes:
            if not self.tell():
                return super().readline(size)
            raise KeyboardInterrupt

    stdin = io.TextIOWrapper(Interrupted(json.dumps(GOOD).encode() + b"\n{"))
    monkeypatch.setattr(sys, "stdin", stdin)
    out = tmp_path / "out.jsonl"
    out.write_text("old", encoding="utf-8")
    done = run("score", "-", "--model", model, "-o", str(out))
    assert (done.code, done.err) == (1, "interrupted\n")
    assert out.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [out]


def test_a_terminal_sees_progress_and_no_trace_of_it_afterwards(
    run: Callable[..., Done], tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    rows = write(tmp_path / "in.jsonl", GOOD, "{", GOOD)
    assert len(run("score", rows, "--model", model).rows) == 2
    said = screen.getvalue()
    assert "0 problems [" in said
    assert said.endswith("\r2 problems scored, 1 bad row\n"), "the bar is gone"
    shown = [line.split("\r")[-1] for line in said.split("\n")[:-1]]
    assert len(shown) == 2
    assert not any("problems [" in line for line in shown), "and left nothing on other lines"


def test_without_a_terminal_progress_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with terminal.progress_bar("problems", n_before=5) as show:
        show(1, n_left=4)
    assert capsys.readouterr().err == "", "nothing before the first minute is over"
    monkeypatch.setattr(terminal, "LINE_EVERY_S", 0.0)
    with terminal.progress_bar("problems", n_before=5) as show:
        time.sleep(0.1)
        show(1, n_left=4, note="ok")
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("5 problems [")
    assert "6/10 [" in second, "those of the earlier run count"
    rate = float(second.split(", ")[1].split()[0].removesuffix("s/"))
    assert 1 < rate < 10.1, "but not in the rate"
    assert second.endswith("problems/s, ok]")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["score", "nowhere.jsonl"], "nowhere.jsonl: cannot be read: No such file"),
        (["score", "{rows}", "-o", "no/such/place"], "no/such/place: cannot be written"),
        (["score", "{rows}", "-o", "{rows}"], "{rows} would be replaced by its results"),
        (["score", "{rows}", "--model", "{tmp}"], "{tmp}"),
        (["score", "{rows}", "--model", "{model}", "--family", "x"], "family 'x' is not known"),
        (["score", "{rows}", "--model", "{model}", "--device", "gpu"], "device 'gpu' is not"),
        (["score", "{rows}", "--model", "{model}", "--dtype", "int8"], "dtype 'int8' is not known"),
    ],
)
def test_an_error_is_a_sentence_and_exit_code_1(
    run: Callable[..., Done], tmp_path: Path, model: str, words: list[str], expected: str
) -> None:
    (tmp_path / "model").mkdir()
    names = {
        "rows": write(tmp_path / "in.jsonl", GOOD),
        "tmp": str(tmp_path / "model"),
        "model": model,
    }
    done = run(*[word.format(**names) for word in words])
    assert done.code == 1
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert expected.format(**names) in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "required"),
        (["scoer"], "invalid choice"),
        (["score"], "FILE"),
        (["score", "f", "--aggregation", "median"], "invalid choice: 'median'"),
        (["score", "f", "--steps", "words"], "step rule 'words' is not known"),
        (["score", "f", "--threshold", "1.5"], "1.5 is outside 0 to 1"),
        (["score", "f", "--threshold", "nan"], "nan is outside 0 to 1"),
        (["score", "f", "--agg", "min"], "unrecognized arguments"),
        (["rank", "f", "-o", "out"], "unrecognized arguments"),
    ],
)
def test_wrong_usage_is_exit_code_2(
    run: Callable[..., Done], words: list[str], expected: str
) -> None:
    done = run(*words)
    assert done.code == 2
    assert done.out == ""
    assert expected in done.err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(run: Callable[..., Done], name: str) -> None:
    done = run(name, "--help")
    assert done.code == 0
    assert f"example: python -m prm_core {name}" in " ".join(done.out.split())


def test_rank_prints_a_table_for_each_problem(
    run: Callable[..., Done], tmp_path: Path, model: str
) -> None:
    rows = write(tmp_path / "in.jsonl", {**GOOD, "gold_answer": "56"}, GOOD)
    done = run("rank", rows, "--model", model)
    assert done.code == 0
    assert done.out.count("7: What is 7 × 8?\n") == 2
    assert done.out.count("56 ✓") == 1
    assert done.out.count("54 ✗") == 1


def scored(*probabilities: float, answer: str = "56") -> ScoredCandidate:
    steps = (*("step" for _ in probabilities[1:]), f"The answer is {answer}.")
    return ScoredCandidate(
        Candidate("What is 7 × 8?", steps), probabilities, tuple(0.0 for _ in probabilities), "m"
    )


def test_the_table_orders_and_marks_ties() -> None:
    row = ProblemRow("f", 1, None, "What is 7 × 8?", ("a", "b", "c"), "56")
    candidates = [scored(0.9, 0.25, answer="54"), scored(0.9, 0.8), scored(0.8, 0.9)]
    assert ranking_table(row, candidates, "min", 0.5).splitlines() == [
        "What is 7 × 8?",
        "  rank  solution  score  answer  first error  weakest step",
        "  1=    B         0.800  56 ✓    –            step 2, 0.800",
        "  1=    C         0.800  56 ✓    –            step 1, 0.800",
        "  3     A         0.250  54 ✗    step 2       step 2, 0.250",
    ]


def test_a_table_says_where_no_step_rule_fits_all_solutions() -> None:
    several = "1. There are 3. Each has 12. So 36.\n2. We give 10. We keep 26. That is it."
    row = ProblemRow("f", 1, None, "Q", (several, ("given",), "There are 36. Then we get 26."))
    table = ranking_table(row, [scored(0.9), scored(0.8), scored(0.7)], "min", 0.5)
    assert "A numbered; C by sentence" in table
    assert "note" not in ranking_table(row, [scored(0.9)] * 3, "min", 0.5, "sentence")


def test_a_table_holds_no_control_characters_of_the_user_s() -> None:
    row = ProblemRow("f", 1, "\x1b[31mred", "a\x1b[2J\r\nb\x9b2J\t" + "c" * 200, ("s",))
    table = ranking_table(row, [scored(0.9)], "min", 0.5)
    assert all(c.isprintable() or c == "\n" for c in table)
    assert max(map(len, table.splitlines())) < 130


def test_a_reader_that_stops_early_gets_utf_8_in_any_locale_and_no_traceback(
    tmp_path: Path, model: str
) -> None:
    # More than a pipe holds, so that the writer is still at work when the reader leaves.
    rows = write(tmp_path / "in.jsonl", *[GOOD] * 400)
    process = subprocess.Popen(
        [sys.executable, "-m", "prm_core", "score", rows, "--model", model],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={
            "LC_ALL": "POSIX",
            "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0",
            "PATH": "",
            "OMP_NUM_THREADS": "1",
        },
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stdout, process.stderr:
        first = process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
    assert json.loads(first)["problem"] == "What is 7 × 8?"
    assert "×".encode() in first
    assert said == b""
    assert process.returncode == 1


@pytest.mark.parametrize(
    ("redirections", "expected"),
    [
        ("<&-", "error: -: has no rows"),
        (">/dev/full", "error: standard output: cannot be written: No space left on device"),
    ],
)
def test_standard_streams_that_do_not_work_are_sentences(
    model: str, redirections: str, expected: str
) -> None:
    source = "-" if "<" in redirections else "examples/reference.jsonl"
    command = f'exec "$0" -m prm_core score {source} --model "$1" {redirections}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, model], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", expected + "\n")


def test_a_bad_row_of_a_file_whose_name_is_not_utf_8(tmp_path: Path, model: str) -> None:
    source = write(tmp_path / os.fsdecode(b"in\xff.jsonl"), GOOD, {"problem": "p"})
    words = ["score", source, "-o", str(tmp_path / "out"), "--model", model, "--skip-bad"]
    done = subprocess.run(
        [sys.executable, "-m", "prm_core", *words], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "line 2, field 'solutions': is missing" in done.stderr


def test_evaluate_prints_a_line_for_every_operation_and_size(
    run: Callable[..., Done], model: str
) -> None:
    words = ["evaluate", "--model", model, "--solutions", "3"]
    done = run(*words, "--json")
    assert done.code == 0
    assert {"add", "sub", "mul", "div"} == {row["operation"] for row in done.rows}
    assert all(0 <= row["step_accuracy"] <= 1 for row in done.rows)
    table = run(*words).out.splitlines()
    assert len(table) == len(done.rows) + 1


# --- prompts and separators ---------------------------------------------------------------------


def test_explain_shows_every_token_and_which_one_is_read(
    run: Callable[..., Done], model: str, tmp_path: Path
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(GOOD), encoding="utf-8")
    done = run("score", str(file), "--model", model, "--explain")
    assert (done.code, done.err) == (0, "")
    scorer = load_scorer(model)
    candidate = Candidate("What is 7 × 8?", ("7 × 8 = 56.", "56"))
    (scored,) = scorer.score([candidate])
    (explanation,) = scorer.explain(candidate)
    first, second = done.out.split("\n\n")[:2]
    assert first.startswith(f"solution 1: {len(explanation.input_ids)} tokens\n")
    lines = first.splitlines()[1:]
    assert [int(line.split()[1]) for line in lines] == list(explanation.input_ids)
    marked = {i: line.split("<- ")[1] for i, line in enumerate(lines) if "<- " in line}
    assert marked == {
        position: f"step {step + 1}: {scored.probabilities[step]:.4f}"
        for step, position in enumerate(explanation.positions)
    }
    assert second.startswith("solution 2: ")
    assert explanation.text == "[BOS]Problem: What is 7 × 8?\nStep 1: 7 × 8 = 56.\nStep 2: 56\n"


def test_a_separator_is_typed_with_escapes(run: Callable[..., Done], tmp_path: Path) -> None:
    directory = make_token_classifier(tmp_path / "trl")
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(GOOD), encoding="utf-8")
    asked = run("score", str(file), "--model", str(directory))
    assert asked.code == 1
    assert "--separator" in asked.err
    done = run("score", str(file), "--model", str(directory), "--separator", r"\n\n")
    candidate = Candidate("What is 7 × 8?", ("7 × 8 = 56.", "56"))
    (expected,) = load_scorer(directory, separator="\n\n").score([candidate])
    got = done.rows[0]["candidates"][0]["probabilities"]
    assert got == pytest.approx(expected.probabilities, abs=1e-6)
    assert "extras" not in done.rows[0]["candidates"][0]


def test_what_a_family_says_besides_stands_in_the_row(
    run: Callable[..., Done], tmp_path: Path
) -> None:
    directory = make_token_classifier(tmp_path / "pure")
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(GOOD), encoding="utf-8")
    done = run("score", str(file), "--model", str(directory), "--family", "pure")
    (one, other) = done.rows[0]["candidates"]
    for candidate in (one, other):
        raw = candidate["extras"]["raw"]
        assert raw == pytest.approx([2 * p - 1 for p in candidate["probabilities"]], abs=1e-6)


def test_a_killed_run_is_gone_on_with(tmp_path: Path, model: str, run: Callable[..., Done]) -> None:
    rows = [{**GOOD, "id": i, "problem": f"{i}?"} for i in range(100)]
    rows_file, out = write(tmp_path / "in.jsonl", *rows), tmp_path / "out.jsonl"
    words = ["score", rows_file, "--model", model, "-o", str(out)]
    parts = tmp_path / "out.jsonl.parts"
    often = (
        "import sys; from prm_core import cli; from prm_core.bulk import run\n"
        "run.PIECE_S = 0.01; cli.main(sys.argv[1:])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", often, *words], cwd=ROOT, stderr=subprocess.PIPE
    ) as process:
        while not list(parts.glob("0*.jsonl")):
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.01)
        process.kill()
    assert not out.exists()
    done = run(*words)
    assert done.code == 1
    assert "--resume continues it" in done.err
    done = run(*words, "--resume", "--threshold", "0.9")
    assert "was started with --threshold null, not 0.9" in done.err
    other = [str(write(tmp_path / "other.jsonl", GOOD)) if w == rows_file else w for w in words]
    done = run(*other, "--resume")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "was started with another input" in done.err
    assert run(*words, "--resume") == (0, "", "")
    results = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in results] == list(range(100))
    assert not parts.exists()


def test_a_complete_output_stays_and_says_so(
    tmp_path: Path, model: str, run: Callable[..., Done]
) -> None:
    rows, out = write(tmp_path / "in.jsonl", GOOD), tmp_path / "out.jsonl"
    words = ["score", rows, "--model", model, "-o", str(out)]
    assert run(*words).code == 0
    before = out.read_bytes()
    done = run(*words, "--resume", "--model", "small")
    assert done.code == 0  # a command that is repeated until it is done
    assert "out.jsonl is complete, and there is no unfinished run to compare" in done.err
    assert "whatever the model and the options are now" in done.err
    assert out.read_bytes() == before


def test_ctrl_c_tells_how_to_go_on(
    tmp_path: Path, model: str, run: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = score.open_problems

    @contextmanager
    def interrupted(path: str, stdin: Any) -> Iterator[Any]:
        with read(path, stdin) as problems:
            inside = iter(problems)

            class Rows:
                share = 0.5

                def __iter__(self) -> Iterator[Any]:
                    yield next(inside)
                    raise KeyboardInterrupt

            yield Rows()

    monkeypatch.setattr(score, "open_problems", interrupted)
    rows, out = write(tmp_path / "in.jsonl", GOOD, "{", GOOD), tmp_path / "out.jsonl"
    done = run("score", rows, "--model", model, "-o", str(out))
    assert done.code == 1
    assert done.err.splitlines() == [
        f"{out}.parts contains the finished work; run the same command with --resume",
        "interrupted",
    ]
    monkeypatch.setattr(score, "open_problems", read)
    done = run("score", rows, "--model", model, "-o", str(out), "--resume")
    assert done.err.splitlines()[-1] == "2 problems scored, 1 bad row"


def test_tables_in_and_out(tmp_path: Path, model: str, run: Callable[..., Done]) -> None:
    source = tmp_path / "in.csv"
    source.write_text("id,problem,solution\n7,2 + 2?,4\n7,2 + 2?,5\n8,p,s\n", encoding="utf-8")
    done = run("score", str(source), "--model", model, "-o", str(tmp_path / "out.csv"))
    assert (done.code, done.err) == (0, "")
    with (tmp_path / "out.csv").open(encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert [(row["id"], row["steps"]) for row in found] == [
        ("7", '["4"]'),
        ("7", '["5"]'),
        ("8", '["s"]'),
    ]
    assert run("rank", str(source), "--model", model).out.count("7: 2 + 2?") == 1


@pytest.mark.parametrize("name", ["out.tsv", "out.TSV", "out.tsv.gz", "out.parquet.gz"])
def test_results_that_could_not_be_read_back_are_not_written(
    run: Callable[..., Done], tmp_path: Path, model: str, name: str
) -> None:
    rows, out = write(tmp_path / "in.jsonl", GOOD), tmp_path / name
    for source in (rows, "-"):
        done = run("score", source, "--model", model, "-o", str(out))
        assert (done.code, done.out) == (1, "")
        assert f"{out}: this format cannot be written; name a .jsonl" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_results_keep_the_right_answer(
    run: Callable[..., Done], tmp_path: Path, model: str
) -> None:
    rows = write(tmp_path / "in.jsonl", {**GOOD, "gold_answer": "56"})
    out = str(tmp_path / "out.jsonl")
    assert run("score", rows, "--model", model, "-o", out).code == 0
    table = run("rank", out, "--model", model).out
    assert "56 ✓" in table
    assert "54 ✗" in table
    done = run("evaluate", out, "--model", f"recorded:{model}", "--json")
    (report,) = done.rows
    assert (report["accuracy"]["oracle"], report["accuracy"]["random"]) == (1.0, 0.5)


def test_resume_needs_files(run: Callable[..., Done], tmp_path: Path, model: str) -> None:
    done = run("score", write(tmp_path / "in.jsonl", GOOD), "--model", model, "--resume")
    assert done.code == 1
    assert "--resume is for rows from a FILE into a file" in done.err


def test_rank_marks_answers_by_the_field_answer_too(
    run: Callable[..., Done], tmp_path: Path, model: str
) -> None:
    row = {"problem": "What is 7 × 8?", "answer": "56", "solutions": ["So 56.", "So 54."]}
    done = run("rank", write(tmp_path / "rows.jsonl", row), "--model", model)
    assert "56 ✓" in done.out
    assert "54 ✗" in done.out
