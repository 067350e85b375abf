"""Reinforcement learning with rewards from a PRM, small enough for a CPU.

    pip install 'prm-inspector[rl]'
    python -m examples.grpo_with_a_prm
    python -m examples.grpo_with_a_prm --form raw --model path/or/hub-name

A tiny language model first learns, from made solutions of which half are wrong, how sums of one
digit are written down. Then TRL's GRPO trains it for some steps on nothing but what the PRM says
of its steps. Printed are the reward and the share of right answers before and after, each over all
100 sums. The PRM is the one that ships with the project, or the one that `--model` names, which
may be a line as "my-prm --server http://127.0.0.1:8000".
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Sequence

import torch
from datasets import Dataset
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from torch.nn.utils.rnn import pad_sequence
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed
from trl import GRPOConfig, GRPOTrainer

from prm_core import PRMReward, final_answer, open_scorer, same_answer
from prm_core.rewards.forms import FORMS

SUMS = [(a, b) for a in range(10) for b in range(10)]
PROBLEMS = [f"What is {a} + {b}?" for a, b in SUMS]
ANSWERS = [str(a + b) for a, b in SUMS]
LONGEST = 48  # characters of a completion; a solution has 37 at most


def solution(a: int, b: int, result: int) -> str:
    return f"\n{a} + {b} = {result}.\nThe answer is {result}."


def tokenizer() -> PreTrainedTokenizerFast:
    """A token for every character that is used."""
    texts = [*PROBLEMS, *(solution(a, b, a + b) for a, b in SUMS)]
    characters = sorted({one for text in texts for one in text})
    vocabulary = {one: i for i, one in enumerate(["<pad>", "<end>", *characters])}
    plain = Tokenizer(models.WordLevel(vocabulary, unk_token="<pad>"))
    plain.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    plain.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=plain, pad_token="<pad>", eos_token="<end>", padding_side="left"
    )


def imitate(model: LlamaForCausalLM, reader: PreTrainedTokenizerFast, n_steps: int) -> None:
    """Teach the form of a solution; half of the sums that it is shown are wrong."""
    chance = random.Random(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    model.train()
    for _ in range(n_steps):
        rows = []
        for a, b in chance.choices(SUMS, k=64):
            result = a + b if chance.random() < 0.5 else max(0, a + b + chance.choice((-2, -1, 1)))
            text = f"What is {a} + {b}?{solution(a, b, result)}"
            rows.append(torch.tensor([*reader.encode(text), reader.eos_token_id]))
        ids = pad_sequence(rows, batch_first=True, padding_value=reader.pad_token_id)
        labels = ids.masked_fill(ids == reader.pad_token_id, -100)
        loss = model(ids, attention_mask=ids != reader.pad_token_id, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


@torch.no_grad()
def written(model: LlamaForCausalLM, reader: PreTrainedTokenizerFast) -> list[str]:
    """A solution of every sum, drawn from the model."""
    model.eval()
    inputs = reader(PROBLEMS, return_tensors="pt", padding=True, return_token_type_ids=False)
    drawn = model.generate(**inputs, do_sample=True, max_new_tokens=LONGEST)
    return reader.batch_decode(drawn[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def report(when: str, reward: PRMReward, completions: Sequence[str]) -> tuple[float, float]:
    """Print and give the mean reward and the share of right answers."""
    mean = sum(reward(PROBLEMS, completions, answer=ANSWERS)) / len(SUMS)
    answers = map(final_answer, completions)
    share = sum(map(same_answer, answers, ANSWERS)) / len(SUMS)
    print(f"{when}: reward {mean:+.3f}, {share:.0%} of the answers right", flush=True)
    return mean, share


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="", help="the PRM; the default model when not given")
    parser.add_argument("--form", choices=sorted({*FORMS} - {"shaped"}), default="pure")
    parser.add_argument(
        "--outcome", type=float, default=1.0, help="what a right answer earns; 0: the PRM alone"
    )
    parser.add_argument("--imitate", type=int, default=800, help="steps of imitation")
    parser.add_argument("--steps", type=int, default=40, help="steps of GRPO")
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--size", type=int, default=64, help="completions in a step, by eights")
    options = parser.parse_args()
    set_seed(0)

    reader = tokenizer()
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(reader),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=128,
            pad_token_id=reader.pad_token_id,
            bos_token_id=None,
            eos_token_id=reader.eos_token_id,
        )
    )
    imitate(model, reader, options.imitate)

    reward = PRMReward(
        open_scorer(options.model),
        options.form,
        outcome="answer" if options.outcome else None,
        outcome_weight=options.outcome,
    )
    before = report("before", reward, written(model, reader))
    with tempfile.TemporaryDirectory() as folder:
        GRPOTrainer(
            model,
            reward_funcs=reward,
            train_dataset=Dataset.from_dict({"prompt": PROBLEMS, "answer": ANSWERS}),
            processing_class=reader,
            args=GRPOConfig(
                output_dir=folder,
                max_steps=options.steps,
                per_device_train_batch_size=options.size,
                num_generations=8,
                max_completion_length=LONGEST,
                learning_rate=options.learning_rate,
                use_cpu=True,
                bf16=False,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                logging_steps=min(10, options.steps),
            ),
        ).train()
    after = report("after", reward, written(model, reader))
    print(f"reward {after[0] - before[0]:+.3f}, right answers {after[1] - before[1]:+.0%}")


if __name__ == "__main__":
    main()
