r"""Rows of any known format as our rows: a problem with its solutions.

Ours has `problem`, `solutions`, perhaps `id`, `gold_answer`, `source`. A solution is a text, a list
of steps, or an object: `text` or `steps`, and perhaps `thinking`, `name`, `answer`, `correct`,
`generator`, `labels`, and `scores` by the name of the scorer (`probabilities`, one for each step,
perhaps `log_odds`, `extras` and `rationales`). A row's format is recognised by its fields:

    results of `score`         problem, candidates              steps and probabilities
    JSON lines of a session    session                          as in `prm_core.session`
    search-and-learn           problem, completions             scores: a list for each completion
    OpenR                      question, output                 texts with a value for each step
    lm-evaluation-harness      doc, resps                       samples, several responses each
    inspect_ai                 input, target, messages, epoch   samples of a log
    OpenAI messages            messages                         conversations and traces of agents
    model answers              question, response               one text or several
    GSM8K                      question, answer                 "#### " before the right answer
    MATH                       problem, solution                \boxed{} around it
    labelled steps             see `prm_core.formats.labelled_rows`
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from prm_core.answers.final import final_answer
from prm_core.formats.chat import conversation, questions
from prm_core.formats.containers import other_version
from prm_core.formats.labelled_rows import (
    cut_marks,
    examples_of,
    has_signs,
    is_labelled,
    item_of,
    list_of,
    optional_text,
    text_of,
)
from prm_core.formats.rows import (
    ALSO_GOLD,
    ASKED,
    GOLD,
    FileRow,
    after_mark,
    kind_of,
    right_answer,
    say_answer_counts,
    say_judged,
    several_solutions,
    with_gold_answer,
)
from prm_core.types import Example


class Format(NamedTuple):
    """A format of rows.

    Attributes:
        name: its name for display.
        fields: the fields of its rows.
        fits: whether a row with these fields has this format.
        read: converts a row to ours.
    """

    name: str
    fields: frozenset[str]
    fits: Callable[[Mapping[str, Any]], bool]
    read: Callable[[FileRow], FileRow]


def problem_rows(row: FileRow) -> list[FileRow]:
    """A row of any known format as our rows; one of an unknown format unchanged.

    Raises:
        DataError: a field does not hold what it should.
    """
    if several := several_solutions(row.fields):
        row = _with_solutions(row, several)
    found = format_of(row.fields)
    if found is not None:
        return [_without_nulls(found.read(row))]
    if "solutions" in row.fields:
        return [_without_nulls(row)]
    return _labelled(row) if is_labelled(row) else [_unsolved(row)]


def _with_solutions(row: FileRow, names: Sequence[str]) -> FileRow:
    """A row with a field for each solution: those that are not blank, as `solutions`."""
    fields = {name: value for name, value in row.fields.items() if name not in names}
    given = [row.fields[name] for name in names]
    fields["solutions"] = [
        one for one in given if one is not None and not (isinstance(one, str) and not one.strip())
    ]
    return FileRow(row.path, row.line, with_gold_answer(fields, row.path))


def _without_nulls(row: FileRow) -> FileRow:
    """One of our rows whose solutions do not say what they do not have, as tables must."""
    solutions = row.fields.get("solutions")
    if not isinstance(solutions, list) or not any(isinstance(one, dict) for one in solutions):
        return row
    return FileRow(row.path, row.line, {**row.fields, "solutions": [*map(_said, solutions)]})


def _said(value: Any) -> Any:
    """The fields of an object, and of those in it, that are not null."""
    if not isinstance(value, dict):
        return value
    return {name: _said(one) for name, one in value.items() if one is not None}


def format_of(fields: Mapping[str, Any]) -> Format | None:
    """The format whose fields a row has; None for ours, for labelled steps and if there is none."""
    for one in FORMATS:
        if one.fields <= fields.keys() and one.fits(fields):
            return one
    return None


def labelled_solutions(row: FileRow) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The solutions of one of our rows that have labels, with their numbers from 1."""
    solutions = row.fields.get("solutions")
    for number, one in enumerate(solutions if isinstance(solutions, list) else [], start=1):
        if isinstance(one, dict) and one.get("labels"):
            yield number, one


# --- the formats ----------------------------------------------------------------------------------


def _ours(row: FileRow, problem: str, solutions: Sequence[Any], **rest: Any) -> FileRow:
    """One of our rows in place of another; fields that are None are left out."""
    fields = {"problem": problem, "solutions": list(solutions), **rest}
    return FileRow(row.path, row.line, {k: v for k, v in fields.items() if v is not None})


_SAME = ("thinking", "answer", "labels", "step_notes", "note")


def _results(row: FileRow) -> FileRow:
    """What `score` writes; see `prm_core.formats.results.result_row`."""
    solutions = []
    model = optional_text(row, "model") or "unknown"
    for number, one in enumerate(list_of(row, "candidates", row.fields["candidates"]), start=1):
        steps = item_of(row, "candidates", one, "steps")
        same = {name: one[name] for name in _SAME if one.get(name) not in (None, "")}
        probabilities = one.get("probabilities")
        if not probabilities and {"labels", "step_notes", "note"} & same.keys():  # not scored
            solutions.append({"steps": steps, **same})
            continue
        if not isinstance(steps, list) or not isinstance(probabilities, list):
            what = f"steps and probabilities of candidate {number} must be lists"
            raise row.error(what, "candidates")
        whole = {"extras", "rationales"} & one.keys()
        scores = {"probabilities": probabilities, **{name: one[name] for name in whole}}
        solutions.append({"steps": steps, **same, "scores": {model: scores}})
    return _ours(
        row,
        text_of(row, "problem"),
        solutions,
        id=row.fields.get("id"),
        gold_answer=_gold(row, GOLD),
    )


def _session_row(row: FileRow) -> FileRow:
    """A line that `prm_core.session.session_rows` wrote."""
    if words := other_version(row.fields["session"].get("version")):
        raise row.error(words, "version")
    return FileRow(row.path, row.line, row.fields["session"]["problem"])


def _search_and_learn(row: FileRow) -> FileRow:
    """huggingface/search-and-learn: completions, and for each the scores of its steps.

    Its PRMs read a blank line, or a line end, as the end of a step; the number of scores shows
    which.
    """
    texts = list_of(row, "completions", row.fields["completions"])
    given = row.fields.get("scores")
    scores = list_of(row, "scores", given) if given is not None else [None] * len(texts)
    if len(scores) != len(texts):
        raise row.error(f"has {len(scores)} entries for {len(texts)} completions", "scores")
    solutions = []
    for number, (text, values) in enumerate(zip(texts, scores, strict=True), start=1):
        text = row.text("completions", text, f"completion {number}")
        solutions.append(_scored_text(row, "scores", number, text, values, "search-and-learn"))
    name = next(n for n in ("problem", "question", "prompt") if n in row.fields)
    gold_answer = _gold(row)
    row_id = optional_text(row, "unique_id") or row.fields.get("id")
    return _ours(row, text_of(row, name), solutions, id=row_id, gold_answer=gold_answer)


_SEPARATORS = ("\n\n", "ки\n", "ки", "\n")


def _scored_text(
    row: FileRow, field: str, number: int, text: str, values: Any, who: str
) -> dict[str, Any]:
    """A text with its recorded scores, cut so that each step has one."""
    if values is None:
        return {"text": text}
    if not isinstance(values, list) or not values:
        raise row.error(f"scores of text {number} must be a list, not {kind_of(values)}", field)
    if isinstance(values[0], list) and len(values) == 1:  # one of several prompts that were scored
        values = values[0]
    if len(values) == 1 and "\n" in text.strip():
        return {"text": text, "scores": {who: {"probabilities": values}}}
    for separator in _SEPARATORS:
        parts = [part.strip() for part in text.split(separator)]
        if len(parts) == len(values):  # an empty part was also scored
            values = [value for part, value in zip(parts, values, strict=True) if part]
        parts = [part for part in parts if part]
        if len(parts) == len(values):
            return {"steps": parts, "scores": {who: {"probabilities": values}}}
    raise row.error(
        f"text {number} has {len(values)} scores, but neither as many paragraphs nor lines", field
    )


def _openr(row: FileRow) -> FileRow:
    """openreasoner/openr `record.jsonl`: the texts of a search, with the values of their steps."""
    output = list_of(row, "output", row.fields["output"])
    solutions = []
    for number, one in enumerate(output, start=1):
        text = row.text("output", item_of(row, "output", one, "text"), f"text {number}")
        value = item_of(row, "output", one, "value", None)
        if isinstance(value, int | float):
            value = [value]
        if len(output) == 1 and value == [0]:  # a single answer is never scored there
            value = None
        solutions.append(_scored_text(row, "output", number, text, value, "openr"))
    truth = optional_text(row, "groundtruth")
    gold_answer = None if truth is None else _right_answer(truth)
    return _ours(row, text_of(row, "question"), solutions, gold_answer=gold_answer)


_QUESTIONS = ("question", "problem", "Question", "Problem", "query", "input", "prompt")


def _lm_eval(row: FileRow) -> FileRow:
    """EleutherAI/lm-evaluation-harness `samples_*.jsonl`: a document and what a model wrote."""
    doc = row.fields["doc"]
    problem = next((doc[n] for n in _QUESTIONS if isinstance(doc.get(n), str) and doc[n]), None)
    if problem is None:
        problem = _prompt(row)
    texts = []
    for response in list_of(row, "resps", row.fields["resps"]):
        texts += response if isinstance(response, list) else [response]
    for number, text in enumerate(texts, start=1):
        if not isinstance(text, str):
            message = f"response {number} is {kind_of(text)}, not a text that a model wrote"
            raise row.error(message + "; log-likelihoods have no steps", "resps")
    written = [{"text": text} for text in texts if text.strip()]
    if not written:
        raise row.error("contains no text that a model wrote", "resps")
    target = _only_target(row, row.fields.get("target"))
    return _ours(
        row,
        row.text("doc", problem, "the question"),
        written,
        id=row.fields.get("doc_id"),
        gold_answer=None if target is None else _right_answer(target),
    )


def _prompt(row: FileRow) -> Any:
    """The prompt of a sample whose document does not contain the question."""
    arguments = row.fields.get("arguments")
    while isinstance(arguments, list | dict) and arguments:
        arguments = next(iter(arguments.values() if isinstance(arguments, dict) else arguments))
    if not isinstance(arguments, str):
        names = ", ".join(_QUESTIONS)
        raise row.error(f"has none of the fields {names}, and there is no prompt", "doc")
    return arguments


def _inspect(row: FileRow) -> FileRow:
    """UKGovernmentBEIS/inspect_ai: the samples of one problem, one for each epoch."""
    samples = row.fields.get("samples", [row.fields])
    read = [_inspect_sample(row, one) for one in samples]
    model = row.fields.get("model")
    solutions = [{"generator": model, **one} if model else one for _, one in read]
    first = samples[0]
    return _ours(
        row,
        read[0][0],
        solutions,
        id=first.get("id"),
        gold_answer=(_only_target(row, first.get("target")) or "").strip() or None,
    )


def _inspect_sample(row: FileRow, sample: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    attached = sample.get("attachments")
    stored = attached if isinstance(attached, dict) else {}
    messages = _attached(sample.get("messages"), stored)
    asked = _attached(sample.get("input"), stored)
    problem, solution = conversation(row, "messages", messages)
    if isinstance(asked, str) and asked.strip():
        # A template may surround the input in the first message; others ask more.
        problem = "\n\n".join([row.text("input", asked), *questions(row, "messages", messages)[1:]])
    choices = sample.get("choices")
    if isinstance(choices, list) and choices and all(isinstance(one, str) for one in choices):
        listed = (f"{chr(ord('A') + i)}) {one}" for i, one in enumerate(choices[:26]))
        problem = "\n".join([problem, "", *listed])
    scores = sample.get("scores")
    by_name = scores if isinstance(scores, dict) else {}
    values = [one for one in by_name.values() if isinstance(one, dict)]
    said = {_VERDICTS.get(str(one.get("value")).upper()) for one in values}
    if len(said) == 1 and None not in said:
        solution["correct"] = said.pop()
    if len(values) == 1 and isinstance(values[0].get("answer"), str):
        solution["answer"] = values[0]["answer"]
    return problem, {name: value for name, value in solution.items() if value != ""}


_VERDICTS = {"C": True, "I": False, "1": True, "0": False, "1.0": True, "0.0": False}
_VERDICTS |= {"TRUE": True, "FALSE": False}


def _attached(value: Any, stored: Mapping[str, Any], depth: int = 0) -> Any:
    """A value with the sample's separately stored texts put back."""
    if isinstance(value, str) and value.startswith(("attachment://", "tc://")):
        return stored.get(value.partition("://")[2], value)
    if depth > 8:
        return value
    if isinstance(value, list):
        return [_attached(one, stored, depth + 1) for one in value]
    if isinstance(value, dict):
        return {name: _attached(one, stored, depth + 1) for name, one in value.items()}
    return value


def _messages(row: FileRow) -> FileRow:
    """Conversations in the form of OpenAI's servers."""
    field = "messages" if "messages" in row.fields else "conversations"
    problem, solution = conversation(row, field, row.fields[field])
    return _ours(
        row,
        row.text(field, problem, "the problem"),
        [{name: value for name, value in solution.items() if value != ""}],
        id=row.fields.get("id"),
        gold_answer=_gold(row),
    )


def _asked_otherwise(row: FileRow) -> FileRow:
    """One of our rows whose problem has another name."""
    (asked, *_) = (name for name in ASKED if name in row.fields)
    fields = {name: value for name, value in row.fields.items() if name != asked}
    return FileRow(row.path, row.line, {"problem": row.fields[asked], **fields})


REPLIED = (
    *("responses", "response", "generations", "generation", "model_output", "prediction"),
    *("model_outputs", "model_response", "model_answer", "predictions", "completions"),
    *("completion", "generated_text", "generated_solution", "outputs", "output", "resp"),
    "samples",
)
"""Fields that contain what a model replied, one text or several."""
OR_REPLIED = ("cot", "rationale", "pred")
"""Fields that contain it where a row has no `solution`: next to one they only add to it."""


def _reply_in(fields: Mapping[str, Any]) -> str:
    """The field with what a model replied: the first that is not blank; "" if there is none."""
    names = REPLIED if "solution" in fields else (*REPLIED, *OR_REPLIED)
    given = [name for name in names if fields.get(name) is not None]
    written = [name for name in given if fields[name] not in ("", [])]
    return (written or given or [""])[0]


def _replied(fields: Mapping[str, Any]) -> bool:
    """Whether the texts of a row with question and response are texts."""
    (asked, *_) = (name for name in ASKED if name in fields)
    reply = fields.get(_reply_in(fields))
    others = {"solutions", "labels", "steps", "chosen"} & fields.keys()
    verdict = isinstance(fields.get("label"), bool) and isinstance(reply, str)
    return (
        not others
        and ("label" not in fields or verdict)
        and isinstance(fields[asked], str)
        and _are_texts(reply if isinstance(reply, list) else [reply])
    )


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)


def _model_answers(row: FileRow) -> FileRow:
    """What a model replied to a question: one text, or a list of them.

    `label`, true or false, is whether the one text is right.
    """
    (asked, *_) = (name for name in ASKED if name in row.fields)
    reply = row.fields[_reply_in(row.fields)]
    solutions = reply if isinstance(reply, list) else [reply]
    if "label" in row.fields:
        solutions = [{"text": reply, "correct": row.fields["label"]}]
    problem = text_of(row, asked)
    if asked == "instruction" and (given := optional_text(row, "input")):
        problem = f"{problem}\n\n{given}"  # as in Alpaca's rows
    row_id = optional_text(row, "unique_id") or row.fields.get("id")
    return _ours(row, problem, solutions, id=row_id, gold_answer=_gold(row))


def _gsm8k(row: FileRow) -> FileRow:
    """openai/grade-school-math: the reference solution, and the answer after "####"."""
    row_id = row.fields.get("id")
    given = row.fields["answer"]
    if not _is_whole(given):
        gold_answer = row.text_or_number("answer", given)  # an answer without a solution
        return _ours(row, text_of(row, "question"), [], id=row_id, gold_answer=gold_answer)
    answer = text_of(row, "answer")
    _say_unread(row, "answer")
    body, _, _ = answer.rpartition("####")
    lines = [cut_marks(line).strip() for line in body.splitlines()]
    after = after_mark(answer)
    solution: Any = {"steps": [line for line in lines if line], "answer": after}
    if not any(lines):  # an answer alone, or prose
        solution = {"text": answer}
    solution["generator"] = "reference"
    gold_answer = after if body else final_answer(answer)
    return _ours(
        row, text_of(row, "question"), [solution], id=row_id, gold_answer=gold_answer or None
    )


def _is_whole(value: Any) -> bool:
    """Whether it is a solution, and not an answer alone."""
    return isinstance(value, str) and ("\n" in value or "####" in value or len(value) >= 60)


def _say_unread(row: FileRow, judged: str) -> None:
    """Say that a reference solution is judged, if another field is for what a model wrote."""
    read = {judged, *ASKED, *GOLD, *ALSO_GOLD}
    unread = (
        name[:60]
        for name, value in row.fields.items()
        if name in REPLIED
        or (name not in read and any(map(_is_whole, value if isinstance(value, list) else [value])))
    )
    if names := ", ".join(unread):
        say_judged(row.path, judged, names)


def _math(row: FileRow) -> FileRow:
    r"""hendrycks/math and the like: the reference solution, with the answer in `\boxed{}`.

    In a row without `level`, `subject` or `answer` the solution is not known to be a reference.
    """
    solution = text_of(row, "solution")
    gold_answer = _gold(row)
    is_reference = gold_answer is not None or {"level", "subject"} & row.fields.keys()
    if gold_answer is None and is_reference:
        gold_answer = final_answer(solution)
    one: dict[str, Any] = {"text": solution}
    if is_reference:
        one["generator"] = "reference"
        _say_unread(row, "solution")
    row_id = optional_text(row, "unique_id") or row.fields.get("id")
    return _ours(row, text_of(row, "problem"), [one], id=row_id, gold_answer=gold_answer)


def _unsolved(row: FileRow) -> FileRow:
    """A problem without solutions, whose text and right answer may have other names.

    A list or an object under a name that no format knows could be its solutions: then only our own
    names count.
    """
    fields = row.fields
    asked = next((name for name in ASKED if isinstance(fields.get(name), str)), "")
    answered = next(
        (name for name in ALSO_GOLD if isinstance(fields.get(name), str | int | float)), ""
    )
    has_more = any(isinstance(value, list | dict) for value in fields.values())
    if not asked or fields.get("gold_answer") is not None or not answered or has_more:
        return row
    if answered == "answer":
        return _gsm8k(FileRow(row.path, row.line, {**fields, "question": fields[asked]}))
    say_answer_counts(row.path, answered)
    gold_answer = row.text_or_number(answered, fields[answered])
    return _ours(
        row,
        text_of(row, asked),
        [],
        id=fields.get("id"),
        gold_answer=None if gold_answer is None else _right_answer(gold_answer),
        source=fields.get("source"),
    )


def _labelled(row: FileRow) -> list[FileRow]:
    """The labelled solutions of a row, those of one problem together."""
    pools: dict[tuple[str, str], list[tuple[Example, Example]]] = {}
    # A step that PRM800K rates 0 is right under one convention and wrong under the other.
    for pair in zip(examples_of(row), examples_of(row, neutral_is_right=False), strict=True):
        key = (pair[0].candidate.problem, pair[0].source)
        pools.setdefault(key, []).append(pair)
    return [
        _ours(
            row,
            problem,
            [_labelled_solution(*one) for one in pool],
            id=pool[0][0].candidate.id if len(pool) == 1 else str(row.line),
            gold_answer=pool[0][0].gold_answer,
            source=pool[0][0].source or None,
        )
        for (problem, _), pool in pools.items()
    ]


def _labelled_solution(example: Example, other: Example) -> dict[str, Any]:
    """A labelled solution; a label that differs between two conventions is neutral."""
    candidate = example.candidate
    labels = zip(example.labels, other.labels, strict=True)
    found = {
        "steps": list(candidate.steps),
        "thinking": list(candidate.thinking) or None,
        "labels": [one if one == another else "neutral" for one, another in labels],
        "answer": example.answer,
        "correct": example.correct,
        "error_type": example.error_type,
    }
    return {name: value for name, value in found.items() if value is not None}


# --- parts of a row -------------------------------------------------------------------------------


def _gold(row: FileRow, names: Sequence[str] = ("gold_answer", *ALSO_GOLD)) -> str | None:
    """The right answer, from the first of its fields that has one."""
    for name in names:
        value = row.fields.get(name)
        if name not in (*GOLD, "answer"):  # may hold something else
            value = value[0] if isinstance(value, list) and len(value) == 1 else value
            value = None if isinstance(value, bool | list | dict) else value
        answer = row.text_or_number(name, value)
        if answer is not None:
            if name not in GOLD:  # not every data set says that it is the right one
                say_answer_counts(row.path, name)
            return right_answer(answer)
    return None


def _only_target(row: FileRow, target: Any) -> str | None:
    """The right answer of a log; None if it allows several."""
    if isinstance(target, list):
        target = target[0] if len(target) == 1 else None
    return row.text_or_number("target", target)


def _right_answer(truth: str) -> str | None:
    """The right answer in a text that is a whole reference solution if it has several lines."""
    if "####" not in truth and ("\n" in truth.strip() or len(truth) > 200):
        return final_answer(truth)
    return right_answer(truth.strip())


def _always(fields: Mapping[str, Any]) -> bool:
    return True


def _are(kind: type, *names: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda fields: all(isinstance(fields[name], kind) for name in names)


def _are_samples(fields: Mapping[str, Any]) -> bool:
    """Whether it is the row that `containers` makes of a log; there are no others."""
    samples = fields["samples"]
    return isinstance(samples, list) and bool(samples) and all(isinstance(s, dict) for s in samples)


def _are_searched(fields: Mapping[str, Any]) -> bool:
    """Whether the texts come from a search, with their values, and not alone."""
    return isinstance(fields["output"], list) and not _are_texts(fields["output"])


def _is_session(fields: Mapping[str, Any]) -> bool:
    whole = fields["session"]
    return isinstance(whole, dict) and isinstance(whole.get("problem"), dict)


def _is_chat(fields: Mapping[str, Any]) -> bool:
    """Whether it is a conversation; RLHFlow's, whose replies are labels, are labelled steps."""
    messages = fields.get("messages", fields.get("conversations"))
    return isinstance(messages, list) and not has_signs(fields)


FORMATS: tuple[Format, ...] = tuple(
    Format(name, frozenset(fields), fits, read)
    for name, fields, fits, read in (
        ("session", {"session"}, _is_session, _session_row),
        ("results of score", {"problem", "candidates"}, _always, _results),
        ("inspect_ai samples", {"samples", "inspect_ai"}, _are_samples, _inspect),
        ("inspect_ai sample", {"input", "target", "messages", "epoch"}, _always, _inspect),
        ("lm-evaluation-harness", {"doc", "resps"}, _are(dict, "doc"), _lm_eval),
        (
            "search-and-learn",
            {"completions"},
            lambda f: (
                "labels" not in f
                and not isinstance(f["completions"], str)
                and bool({"problem", "question", "prompt"} & f.keys())
            ),
            _search_and_learn,
        ),
        ("OpenR", {"question", "output"}, _are_searched, _openr),
        ("messages", {"messages"}, _is_chat, _messages),
        ("conversations", {"conversations"}, _is_chat, _messages),
        *(
            ("ours", {asked, "solutions"}, lambda f: "problem" not in f, _asked_otherwise)
            for asked in ASKED[1:]
        ),
        *(
            ("model answers", {asked, replied}, _replied, _model_answers)
            for asked in ASKED
            for replied in (*REPLIED, *OR_REPLIED)
        ),
        ("GSM8K", {"question", "answer"}, lambda f: not _has_labels(f), _gsm8k),
        ("MATH", {"problem", "solution"}, lambda f: "solutions" not in f, _math),
    )
)


def _has_labels(fields: Mapping[str, Any]) -> bool:
    """Whether a row with question and answer has more fields: then it has another format."""
    more = {"solutions", "steps", "process", "label", "labels", "model_output_steps", "prompt"}
    return bool(more & fields.keys()) or not isinstance(fields["question"], str)
