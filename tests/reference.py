"""Each family once more, slowly and obviously: one candidate, plain transformers, everything full.

Nothing here uses `prm_core.scoring.trie`, `forward`, `scorer` or `readout`; it is what these are
measured against.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from prm_core.calculator import read_solution
from prm_core.text.labels import step_content
from prm_core.types import Candidate


@dataclass(frozen=True)
class Expected:
    """What scoring one candidate must give."""

    input_ids: list[int]
    positions: list[int]
    probabilities: list[float]
    extras: dict[str, list[float]] = field(default_factory=dict)


def value_head(directory: Path, candidate: Candidate) -> Expected:
    """Encode piece by piece, run the causal LM, read the head at the end of each step.

    Knows tokenizers of single bytes only: the number of tokens before the user's text is the
    number of bytes there.
    """
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = AutoModelForCausalLM.from_pretrained(directory).eval()
    head = load_file(directory / "value_head.safetensors")
    prm = json.loads((directory / "prm.json").read_text(encoding="utf-8"))
    layout = prm["layout"]

    def encode(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids)

    ids = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    ids += encode(layout["problem"].replace("{problem}", candidate.problem.strip()))
    if layout["problem_end"] is not None:
        ids.append(tokenizer.convert_tokens_to_ids(layout["problem_end"]))
    positions, texts = [], []
    for number, step in enumerate(candidate.steps, start=1):
        before, after = layout["step"].replace("{number}", str(number)).split("{step}")
        start = len(ids) + len(before.encode())
        ids += encode(before + step_content(step) + after)
        texts.append(range(start, len(ids)))
        if prm["marker"] is not None:
            ids.append(tokenizer.convert_tokens_to_ids(prm["marker"]))
        positions.append(len(ids) - 1)

    with torch.no_grad():
        output = model(torch.tensor([ids]), output_hidden_states=True)
    hidden = output.hidden_states[-1][0]
    log_p = output.logits[0].log_softmax(-1)

    readings = read_solution(candidate.problem, candidate.steps)
    probabilities: list[float] = []
    for position, text in zip(positions, texts, strict=True):
        seen = hidden[position]
        features: list[float] = []
        evidence = prm["evidence"] or {}
        if "tokens" in evidence:
            counts = {tokenizer.convert_tokens_to_ids(t) for t in evidence["tokens"]}
            found = [max(float(log_p[t - 1, ids[t]]), -20.0) for t in text if ids[t] in counts]
            features += [min(found), sum(found) / len(found), 1.0] if found else [0.0, 0.0, 0.0]
        if "calculator" in evidence:
            features += readings[len(probabilities)].features
        beside = torch.tensor(features)
        logit = head["weight"][0] @ torch.cat([seen, beside]) + head["bias"][0]
        if prm.get("head") is not None:
            inner = torch.nn.functional.gelu(head["unit_weight"] @ beside + head["unit_bias"])
            logit = logit + head["unit_out"][0] @ inner
        probabilities.append(float(torch.sigmoid(logit)))
    return Expected(ids, positions, probabilities)


# --- public families --------------------------------------------------------------------------

# What the models are told, to the letter, written out here once more: a word that is lost from the
# library moves every score and nothing else would tell.

QWEN_SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."
"""Qwen/Qwen2.5-Math-PRM-7B and Qwen/Qwen2.5-Math-RM-72B, model cards; sail-sg/ActivePRM,
examples/py_scripts/code_snippets.py."""

ACT_PRM_SYSTEM = (
    "You are a helpful and harmless assistant. You should think step-by-step and put your final "
    "answer within \\boxed{}."
)
"""sail-sg/ActivePRM, examples/py_scripts/test_actprm_on_processbench.py."""

SPARE_PRM_SYSTEM = (
    "You are an expert at solving challenging math problems spanning across various categories and "
    "difficulties such as Algebra, Number Theory, Geometry, Counting and Probability, Precalculus "
    "etc. For a given math problem, your task is to generate a step-by-step reasoning-based "
    "solution providing an answer to the question. Identify the correct concepts, formulas and "
    "heuristics that needs to be applied and then derive the contents of the reasoning steps from "
    "the given contexts and accurate calculations from the previous reasoning steps."
)
"""UKPLab's README, "include this instruction as it was left as it is during the PRM training"."""

ACEMATH_SYSTEM = "Please reason step by step, and check your final answer within \\boxed{}."
"""nvidia/AceMath-7B-RM, model card."""

PATHFINDER_INSTRUCTION = (
    "You are a Math Teacher. Given a question and a student's solution, evaluate the mathematical "
    "correctness, logic consistency of the current step and whether it will lead to the correct "
    "final solution"
)
"""declare-lab/PathFinder-PRM, src/evaluation/ProcessBench/code/run_eval_pathfinder_prm.py."""

PATHFINDER_CARD_INSTRUCTION = (
    "You are a Math Teacher. Given a question and a student's solution, evaluate the mathemetical "
    "correctness, logic consistency of the current step and whether it will lead to the correct "
    "final solution"
)
"""declare-lab/PathFinder-PRM-7B, model card; the slip is the authors'."""


# Loaded once per folder; a test that changes a folder's files asks here before or after, not both.
@lru_cache(maxsize=2)
def tokenizer_of(directory: Path) -> PreTrainedTokenizerFast:
    """As its file has it; AutoTokenizer would give each architecture its own way to cut words."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(directory)
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    return tokenizer


@lru_cache(maxsize=2)
def backbone_of(directory: Path) -> PreTrainedModel:
    model = AutoModel.from_pretrained(directory).eval()
    assert isinstance(model, PreTrainedModel)
    return model


@lru_cache(maxsize=2)
def language_model_of(directory: Path) -> PreTrainedModel:
    model = AutoModelForCausalLM.from_pretrained(directory).eval()
    assert isinstance(model, PreTrainedModel)
    return model


@torch.no_grad()
def last_hidden(directory: Path, ids: list[int]) -> Tensor:
    """[T, H] of the stock backbone, after the final norm."""
    hidden = backbone_of(directory)(torch.tensor([ids])).last_hidden_state[0]
    assert isinstance(hidden, Tensor)
    return hidden


@torch.no_grad()
def logits(directory: Path, ids: list[int]) -> Tensor:
    """[T, V] of the causal language model."""
    out = language_model_of(directory)(torch.tensor([ids])).logits[0]
    assert isinstance(out, Tensor)
    return out


def tensors_of(directory: Path) -> dict[str, Tensor]:
    """All tensors of a checkpoint, whatever their files."""
    found: dict[str, Tensor] = {}
    for file in directory.glob("model*.safetensors"):
        found |= load_file(file)
    for file in directory.glob("pytorch_model*.bin"):
        found |= torch.load(file, weights_only=True)
    return found


def up_to_the_last(
    ids: list[int], positions: list[int], probabilities: list[float], **extras: list[float]
) -> Expected:
    """What stands after the last position is irrelevant and is not fed by us."""
    return Expected(ids[: positions[-1] + 1], positions, probabilities, extras)


def qwen_prm(directory: Path, candidate: Candidate, system: str | None = QWEN_SYSTEM) -> Expected:
    """Render the conversation, tokenise it whole, look for <extra_0>, apply the two layers."""
    tokenizer = tokenizer_of(directory)
    messages = [] if system is None else [{"role": "system", "content": system}]
    messages.append({"role": "user", "content": candidate.problem})
    answer = "<extra_0>".join(candidate.steps) + "<extra_0>"
    messages.append({"role": "assistant", "content": answer})
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=False)
    ids = tokenizer.encode(text, add_special_tokens=False)
    (tag,) = tokenizer.encode("<extra_0>", add_special_tokens=False)
    positions = [i for i, token in enumerate(ids) if token == tag]
    head = tensors_of(directory)
    hidden = last_hidden(directory, ids)
    probabilities = []
    for position in positions:
        inner = torch.relu(head["score.0.weight"] @ hidden[position] + head["score.0.bias"])
        both = head["score.2.weight"] @ inner + head["score.2.bias"]
        probabilities.append(float(torch.softmax(both, dim=0)[1]))
    return up_to_the_last(ids, positions, probabilities)


def pair_at(rows: Tensor, positions: list[int], good: int, bad: int) -> list[float]:
    """Softmax over two logits at each position."""
    return [float(torch.softmax(rows[p][[good, bad]], dim=0)[0]) for p in positions]


def math_shepherd(directory: Path, candidate: Candidate, blank: str) -> Expected:
    """Tokenise the whole text, look for the tag, compare "+" and "-" there."""
    tokenizer = tokenizer_of(directory)
    lines = [f"Step {i}: {step} ки" for i, step in enumerate(candidate.steps, start=1)]
    ids = tokenizer.encode(candidate.problem + " " + "\n".join(lines))
    good, bad = (tokenizer.encode(blank + sign, add_special_tokens=False)[-1] for sign in "+-")
    tag = tokenizer.encode(blank + "ки", add_special_tokens=False)[-1]
    positions = [i for i, token in enumerate(ids) if token == tag]
    return up_to_the_last(ids, positions, pair_at(logits(directory, ids), positions, good, bad))


def rlhflow(directory: Path, candidate: Candidate) -> Expected:
    """One conversation per step, whose last three tokens are blank lines, "+" and end of turn."""
    tokenizer = tokenizer_of(directory)
    good, bad = (tokenizer.encode(sign, add_special_tokens=False)[-1] for sign in "+-")
    messages: list[dict[str, str]] = []
    positions, probabilities = [], []
    for number, step in enumerate(candidate.steps):
        text = step if number else candidate.problem + " " + step
        messages += [{"role": "user", "content": text}, {"role": "assistant", "content": "+"}]
        rendered = tokenizer.apply_chat_template(messages, tokenize=False)
        ids = tokenizer.encode(rendered, add_special_tokens=False)
        assert ids[-2] == good
        positions.append(len(ids) - 3)
        probabilities += pair_at(logits(directory, ids), positions[-1:], good, bad)
    return up_to_the_last(ids, positions, probabilities)


def granite(directory: Path, candidate: Candidate) -> Expected:
    """The whole conversation; every "Y" behind an assistant's header is an answer."""
    tokenizer = tokenizer_of(directory)
    question = "Is this response correct so far (Y/N)?"
    messages = []
    for number, step in enumerate(candidate.steps):
        before = "" if number else candidate.problem + " "
        messages.append({"role": "user", "content": before + step + " " + question})
        messages.append({"role": "assistant", "content": "Y"})
    ids = tokenizer.encode(tokenizer.apply_chat_template(messages, tokenize=False))
    (good,) = tokenizer.encode("Y", add_special_tokens=False)
    header = tokenizer.encode("<|start_of_role|>assistant<|end_of_role|>", add_special_tokens=False)
    positions = [
        i - 1 for i, token in enumerate(ids) if token == good and ids[i - len(header) : i] == header
    ]
    rows = logits(directory, ids)
    return up_to_the_last(ids, positions, [float(rows[p].softmax(0)[good]) for p in positions])


def skywork(directory: Path, candidate: Candidate) -> Expected:
    """Line after line of the response, each followed by a line end that carries a score."""
    tokenizer = tokenizer_of(directory)
    head = tensors_of(directory)
    ids = tokenizer.encode(tokenizer.bos_token + candidate.problem + "\n")
    (line_end,) = tokenizer.encode("\n")
    ends, positions = [], []
    for line in "\n".join(candidate.steps).split("\n"):
        ids += [*tokenizer.encode(line), line_end]
        ends.append(len(ids) - 1)
    for step in candidate.steps:  # the last line of each
        ends = ends[step.count("\n") :]
        positions.append(ends.pop(0))
    hidden = last_hidden(directory, ids)
    weight, bias = head["v_head.summary.weight"], head["v_head.summary.bias"]
    return up_to_the_last(
        ids, positions, [float(torch.sigmoid(weight @ hidden[p] + bias)) for p in positions]
    )


def token_classifier(
    directory: Path, candidate: Candidate, separator: str, raw: bool = False
) -> Expected:
    """A row as TRL's trainer makes it; the stock class with its head; softmax."""
    tokenizer = tokenizer_of(directory)
    ids = tokenizer.encode(candidate.problem, add_special_tokens=False)
    if tokenizer.bos_token_id is not None:
        ids = [tokenizer.bos_token_id, *ids]
    positions = []
    for step in candidate.steps:
        ids += tokenizer.encode(step, add_special_tokens=False)
        ids += tokenizer.encode(separator, add_special_tokens=False)
        positions.append(len(ids) - 1)
    model = AutoModelForTokenClassification.from_pretrained(directory).eval()
    with torch.no_grad():
        both = torch.softmax(model(torch.tensor([ids])).logits[0][positions], dim=1)
    extras = {"raw": (both[:, 1] - both[:, 0]).tolist()} if raw else {}
    return up_to_the_last(ids, positions, both[:, 1].tolist(), **extras)


def reason_eval(directory: Path, candidate: Candidate, size: str) -> Expected:
    """The authors' script: encode with separators, find and drop them, put id 1 in front (7B)."""
    tokenizer = tokenizer_of(directory)
    separator = tokenizer.pad_token
    text = f"Question:\n{candidate.problem}\nAnswer:\nLet's think step by step.\n" + separator
    for step in candidate.steps:
        text += step + separator
    mark = tokenizer(separator).input_ids[-1]
    ids: list[int] = []
    positions: list[int] = []
    for token in tokenizer(text).input_ids:
        if token == mark:
            positions.append(len(ids) - 1)
        else:
            ids.append(token)
    if size == "7B":
        ids, positions = [tokenizer.bos_token_id, *ids], positions[2:]
    else:
        positions = positions[1:]
    assert len(positions) == len(candidate.steps)
    head = tensors_of(directory)["score_head.weight"]
    p = torch.softmax(last_hidden(directory, ids)[positions] @ head.T, dim=1)
    return Expected(
        ids, positions, (p[:, 1] + p[:, 2]).tolist(), {"redundancies": p[:, 1].tolist()}
    )


def outcome(directory: Path, candidate: Candidate, system: str | None = None) -> Expected:
    """The stock sequence classifier on the rendered conversation; where it reads, its config says.

    That is at the last token which is no padding, whatever put it there.
    """
    tokenizer = tokenizer_of(directory)
    messages = [] if system is None else [{"role": "system", "content": system}]
    messages += [
        {"role": "user", "content": candidate.problem},
        {"role": "assistant", "content": "\n\n".join(candidate.steps)},
    ]
    ids = tokenizer.encode(
        tokenizer.apply_chat_template(messages, tokenize=False), add_special_tokens=False
    )
    model = AutoModelForSequenceClassification.from_pretrained(directory).eval()
    with torch.no_grad():
        reward = model(torch.tensor([ids])).logits[0]
    last = max(i for i, token in enumerate(ids) if token != model.config.pad_token_id)
    return up_to_the_last(ids, [last], torch.sigmoid(reward).tolist(), raw=reward.tolist())


def qwen_rm(directory: Path, candidate: Candidate) -> Expected:
    """The layers of the head at the last token of the rendered conversation."""
    tokenizer = tokenizer_of(directory)
    messages = [
        {"role": "system", "content": QWEN_SYSTEM},
        {"role": "user", "content": candidate.problem},
        {"role": "assistant", "content": "\n\n".join(candidate.steps)},
    ]
    ids = tokenizer.encode(
        tokenizer.apply_chat_template(messages, tokenize=False), add_special_tokens=False
    )
    head = tensors_of(directory)
    hidden = last_hidden(directory, ids)[-1]
    inner = torch.relu(head["score.0.weight"] @ hidden + head["score.0.bias"])
    reward = head["score.2.weight"] @ inner + head["score.2.bias"]
    extras = {"raw": reward.tolist()}
    return Expected(ids, [len(ids) - 1], torch.sigmoid(reward).tolist(), extras)


def versa_prm(directory: Path, candidate: Candidate) -> Expected:
    """The whole text, the tag of four line ends looked for, "-" and "+" compared there."""
    tokenizer = tokenizer_of(directory)
    ids = tokenizer.encode(
        candidate.problem + " \n\n" + "".join(step + " \n\n\n\n" for step in candidate.steps)
    )
    (tag,) = tokenizer.encode(" \n\n\n\n", add_special_tokens=False)
    good, bad = (tokenizer.encode(sign, add_special_tokens=False)[-1] for sign in "+-")
    positions = [i for i, token in enumerate(ids) if token == tag]
    return up_to_the_last(ids, positions, pair_at(logits(directory, ids), positions, good, bad))


def math_psa(directory: Path, candidate: Candidate) -> Expected:
    """The whole text, the tag of five line ends looked for, " +" and " -" compared there."""
    tokenizer = tokenizer_of(directory)
    steps = [f"Step {i}: {step} \n\n\n\n\n" for i, step in enumerate(candidate.steps, start=1)]
    ids = tokenizer.encode(candidate.problem + " " + " ".join(steps))
    good, bad = tokenizer.encode(" + -")
    (tag,) = tokenizer.encode(" \n\n\n\n\n")
    positions = [i for i, token in enumerate(ids) if token == tag]
    return up_to_the_last(ids, positions, pair_at(logits(directory, ids), positions, good, bad))


def act_prm(directory: Path, candidate: Candidate, card: bool = False) -> Expected:
    """The authors' script, or their example; member after member by plain products.

    The script puts the stripped response behind a generation prompt; the example renders it as a
    turn.
    """
    tokenizer = tokenizer_of(directory)
    messages = [
        {"role": "system", "content": QWEN_SYSTEM if card else ACT_PRM_SYSTEM},
        {"role": "user", "content": candidate.problem},
    ]
    steps = candidate.steps if card else [step.strip() for step in candidate.steps]
    response = "<extra_0>".join(steps) + "<extra_0>"
    if card:
        messages.append({"role": "assistant", "content": response})
        text = tokenizer.apply_chat_template(messages, tokenize=False)
    else:
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        text += response
    ids = tokenizer(text).input_ids
    tag = tokenizer("<extra_0>").input_ids[0]
    positions = [i for i, token in enumerate(ids) if token == tag]
    head = tensors_of(directory)
    hidden = last_hidden(directory, ids)[positions]
    members = []
    for e in range(len(head["score.model.nn1.weight"])):
        x = hidden
        for name in ("nn1", "nn2", "nn_out"):
            x = x @ head[f"score.model.{name}.weight"][e] + head[f"score.model.{name}.bias"][e]
            x = torch.sigmoid(x) if name == "nn_out" else torch.relu(x)
        members.append(x[:, 0])
    stacked = torch.stack(members)
    n_others = max(len(members) - 1, 1)
    spread = ((stacked - stacked.mean(0)).square().sum(0) / n_others).sqrt()
    return up_to_the_last(ids, positions, stacked.mean(0).tolist(), spread=spread.tolist())


def llemma_prm(directory: Path, candidate: Candidate) -> Expected:
    """The whole text; the first of the two tokens of every blank line after the header."""
    tokenizer = tokenizer_of(directory)
    text = f"# Question\n\n{candidate.problem}\n\n# Solution\n\n" + "\n\n".join(candidate.steps)
    ids = [*tokenizer.encode(text), tokenizer.eos_token_id]
    line_end = tokenizer.encode("\n", add_special_tokens=False)[-1]
    pairs = [i for i in range(len(ids) - 1) if ids[i] == ids[i + 1] == line_end]
    positions = [*pairs[3 + candidate.problem.count("\n\n") :], len(ids) - 1]
    rewards = logits(directory, ids)[positions].mean(dim=1)
    return Expected(ids, positions, torch.sigmoid(rewards).tolist())


def implicit(directory: Path, candidate: Candidate, other: Path, beta: float) -> Expected:
    """PRIME-RL/ImplicitPRM's eval/processbench.py: lengths of closed beginnings, less two.

    The row of ratios begins with the second token; what stands before the first boundary counts 0.
    """
    tokenizer = tokenizer_of(directory)
    steps = [f"Step {i}: {step}" for i, step in enumerate(candidate.steps, start=1)]

    def conversation(n_steps: int) -> str:
        answer = "\n\n".join(steps[:n_steps])
        messages = [
            {"role": "user", "content": candidate.problem},
            {"role": "assistant", "content": answer},
        ]
        text = tokenizer.apply_chat_template(messages, tokenize=False)
        assert isinstance(text, str)
        return text

    ids = tokenizer.encode(conversation(len(steps)), add_special_tokens=False)
    boundaries = []
    for n_steps in range(len(steps) + 1):
        closed = conversation(n_steps).strip() + ("\n\n" if 0 < n_steps < len(steps) else "")
        boundaries.append(len(tokenizer.encode(closed, add_special_tokens=False)) - 2)
    rows = torch.arange(len(ids) - 1)
    own, base = (logits(path, ids).log_softmax(-1)[rows, ids[1:]] for path in (directory, other))
    weighted = beta * (own - base)
    weighted[: boundaries[0]] = 0
    raw = weighted.cumsum(0)[boundaries[1:]]
    single = torch.diff(raw, prepend=torch.zeros(1))
    positions = [boundary + 1 for boundary in boundaries[1:]]
    return up_to_the_last(
        ids, positions, torch.sigmoid(raw).tolist(), raw=raw.tolist(), single=single.tolist()
    )


def implicit_exact(directory: Path, candidate: Candidate, other: Path, beta: float) -> Expected:
    """Log-probabilities of every token under both models, cut by the characters of the steps."""
    tokenizer = tokenizer_of(directory)
    steps = [f"Step {i}: {step}" for i, step in enumerate(candidate.steps, start=1)]
    messages = [
        {"role": "user", "content": candidate.problem},
        {"role": "assistant", "content": "\n\n".join(steps)},
    ]
    text = tokenizer.apply_chat_template(messages, tokenize=False)
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids = encoded["input_ids"]
    ratio = [0.0]
    both = [logits(path, ids).log_softmax(-1) for path in (directory, other)]
    for t in range(1, len(ids)):
        ratio.append(float(both[0][t - 1, ids[t]] - both[1][t - 1, ids[t]]))
    begin = text.index("\n\n".join(steps))
    positions, single = [], []
    for number, step in enumerate(steps):
        end = begin + len(step) + 2 * (number + 1 < len(steps))
        inside = [t for t, (a, b) in enumerate(encoded["offset_mapping"]) if begin <= a < end]
        positions.append(inside[-1])
        single.append(beta * sum(ratio[t] for t in inside))
        begin = end
    raw = torch.tensor(single).cumsum(0)
    return up_to_the_last(
        ids, positions, torch.sigmoid(raw).tolist(), raw=raw.tolist(), single=single
    )


def fover(directory: Path, candidate: Candidate) -> Expected:
    """psunlpgroup/FoVer: the conversation rendered whole, the answers' headers looked for."""
    tokenizer = tokenizer_of(directory)
    first = (
        f"** Problem **\n{candidate.problem}\n\n** Task **\n"
        "Your task is to evaluate the accuracy of each step in the provided solution to the above "
        'question. For each step, respond with "correct" if the reasoning is logically valid and '
        "mathematically sound, or if the step is a general statement or transition that does not "
        'contain reasoning. Respond with "incorrect" if the step includes any errors or flawed '
        f"logic.\n\n** Sotluion **\n{candidate.steps[0]}"
    )
    messages: list[dict[str, str]] = []
    for text in (first, *candidate.steps[1:]):
        messages.append({"role": "user", "content": text})
        messages.append({"role": "assistant", "content": "correct"})
    ids = tokenizer.encode(
        tokenizer.apply_chat_template(messages, tokenize=False), add_special_tokens=False
    )
    good, bad = (
        tokenizer.encode(word, add_special_tokens=False)[0] for word in ("correct", "incorrect")
    )
    named = "<|im_start|>" in tokenizer.get_vocab()  # as the Qwen form, else the Llama form
    header = "<|im_start|>assistant\n" if named else "assistant<|end_header_id|>\n\n"
    before = tokenizer.encode(header, add_special_tokens=False)
    positions = [i for i in range(len(ids)) if ids[: i + 1][-len(before) :] == before]
    return up_to_the_last(ids, positions, pair_at(logits(directory, ids), positions, good, bad))


def pqm(directory: Path, candidate: Candidate) -> Expected:
    """WindyLee0822/Process_Q_Model, bon_eval_hf.py: one text, encoded whole, [PRM] looked for."""
    tokenizer = tokenizer_of(directory)
    query = (
        "Below is an instruction that describes a task.\nWrite a response that appropriately "
        f"completes the request.\n\n### Instruction:\n{candidate.problem}\n\n"
        "### Response: Let's think step by step"
    )
    steps = [f"Step {i + 1}: " + step.strip() for i, step in enumerate(candidate.steps)]
    answer = " [PRM]\n".join(steps) + " [PRM]"
    ids = tokenizer.encode(f"{query}\n{answer}", add_special_tokens=False)
    marker = tokenizer.encode("[PRM]", add_special_tokens=False)[-1]
    positions = [i for i, token in enumerate(ids) if token == marker]
    head = tensors_of(directory)
    hidden = last_hidden(directory, ids)[positions]
    raw = hidden @ head["v_head.summary.weight"][0] + head["v_head.summary.bias"][0]
    return up_to_the_last(ids, positions, torch.sigmoid(raw).tolist(), raw=raw.tolist())


def spare_prm(directory: Path, candidate: Candidate) -> Expected:
    """The conversation as its README has it, rendered whole; the tag looked for."""
    tokenizer = tokenizer_of(directory)
    solution = "Let's think step by step.\n" + "".join(f"{s} ки\n" for s in candidate.steps)
    messages = [
        {"role": "system", "content": SPARE_PRM_SYSTEM},
        {"role": "user", "content": candidate.problem},
        {"role": "user", "content": solution},
    ]
    ids = tokenizer.encode(
        tokenizer.apply_chat_template(messages, tokenize=False), add_special_tokens=False
    )
    bad, good = tokenizer.convert_tokens_to_ids(["-", "+"])
    tag = tokenizer.encode(" ки", add_special_tokens=False)[-1]
    positions = [i for i, token in enumerate(ids) if token == tag]
    return up_to_the_last(ids, positions, pair_at(logits(directory, ids), positions, good, bad))


def pathfinder(directory: Path, candidate: Candidate, card: bool = False) -> Expected:
    """Step by step, pass by pass, each prompt rendered whole and its tags looked for.

    The script for ProcessBench calls a step wrong if a tag is "-"; the card asks once more unless
    one is.
    """
    tokenizer = tokenizer_of(directory)
    blank, good, bad = tokenizer.convert_tokens_to_ids(["<extra>", "<+>", "<->"])
    instruction = PATHFINDER_CARD_INSTRUCTION if card else PATHFINDER_INSTRUCTION

    def ask(turn: str) -> list[float]:
        messages = [
            {"role": "user", "content": f"{instruction}\n\n Question: {candidate.problem}"},
            {"role": "assistant", "content": turn},
        ]
        ids = tokenizer.encode(
            tokenizer.apply_chat_template(messages, tokenize=False), add_special_tokens=False
        )
        places = [i - 1 for i, token in enumerate(ids) if token == blank]
        return pair_at(logits(directory, ids), places, good, bad)

    probabilities = []
    extras: dict[str, list[float]] = {"mathematics": [], "consistency": []}
    if card:
        extras["correctness"] = []
    for index, step in enumerate(candidate.steps):
        before = "\n\n".join(candidate.steps[:index]) + ("\n\n" if index else "")
        turn = f"{before}Current Step: {step} Math reasoning: <extra>, Consistency: <extra>"
        said = ask(turn)
        probability = min(said)
        if card:
            for p in said:
                turn = turn.replace("<extra>", "<+>" if p > 0.5 else "<->", 1)
            said += ask(turn + ", Correctness: <extra>")
            probability = said[2] if min(said[:2]) > 0.5 else min(said[:2])
        for name, p in zip(extras, said, strict=True):
            extras[name].append(p)
        probabilities.append(probability)
    return Expected([], [], probabilities, extras)
