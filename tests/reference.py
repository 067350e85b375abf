"""Each family once more, slowly and obviously: one candidate, plain transformers, everything full.

Nothing here uses `prm_core.packing`, `forward`, `scorer` or `readout`; it is what these are
measured against.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from prm_core.steps import step_content
from prm_core.types import Candidate


@dataclass(frozen=True)
class Expected:
    """What scoring one candidate must give."""

    input_ids: list[int]
    positions: list[int]
    probabilities: list[float]


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

    probabilities = []
    for position, text in zip(positions, texts, strict=True):
        seen = hidden[position]
        if prm["evidence"] is not None:
            counts = {tokenizer.convert_tokens_to_ids(t) for t in prm["evidence"]["tokens"]}
            found = [max(float(log_p[t - 1, ids[t]]), -20.0) for t in text if ids[t] in counts]
            features = [min(found), sum(found) / len(found), 1.0] if found else [0.0, 0.0, 0.0]
            seen = torch.cat([seen, torch.tensor(features)])
        logit = head["weight"][0] @ seen + head["bias"][0]
        probabilities.append(float(torch.sigmoid(logit)))
    return Expected(ids, positions, probabilities)
