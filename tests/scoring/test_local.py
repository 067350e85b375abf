from __future__ import annotations

import json
import logging
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import torch
from safetensors.torch import load_file
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from prm_core.errors import BadOptionError, ModelError, ModelLoadError, TooLongError
from prm_core.families import Evidence, OpenedModel
from prm_core.models.backbone import load_backbone, load_config, load_tokenizer
from prm_core.models.device import place_model
from prm_core.models.weight_files import ModelFolder
from prm_core.scoring import packed_forward
from prm_core.scoring.load import load_scorer
from prm_core.scoring.local import Scorer
from prm_core.types import Candidate, StepScorer
from tests.families import test_llemma_prm
from tests.families.build import write_weights
from tests.families.test_qwen_prm import make as make_qwen
from tests.tiny import DIGITS_AND_SIGNS, MARKED, rewrite_tensors, tiny_model

SECRET = "the user's own words"


def make(n: int, n_steps: int = 3, problem: str = SECRET) -> list[Candidate]:
    return [
        Candidate(problem, tuple(f"{i} + {k} = {i + k}" for k in range(n_steps)), f"c{i}")
        for i in range(n)
    ]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("scorer"), prm=MARKED)


# --- scoring ----------------------------------------------------------------------------------


def test_a_scorer_says_what_it_is(tiny: Path) -> None:
    scorer: StepScorer = load_scorer(tiny, device="cpu")
    assert isinstance(scorer, Scorer)
    assert scorer.model_id == str(tiny)
    assert (scorer.family, scorer.threshold, scorer.context) == ("value_head", 0.5, 4096)
    assert (scorer.device.type, scorer.dtype) == ("cpu", torch.float32)
    assert scorer.device_reason.startswith("cpu: as asked")


def test_the_threshold_comes_from_the_checkpoint(tmp_path: Path) -> None:
    assert load_scorer(tiny_model(tmp_path, prm={**MARKED, "threshold": 0.4})).threshold == 0.4


def test_nothing_in_gives_nothing_out(tiny: Path) -> None:
    assert load_scorer(tiny).score([]) == []
    assert list(load_scorer(tiny).stream([])) == []


def test_candidates_may_come_from_a_generator(tiny: Path) -> None:
    scorer, candidates = load_scorer(tiny), make(3)
    wanted = scorer.score(candidates)
    assert [one.candidate for one in wanted] == candidates
    assert scorer.score(one for one in candidates) == wanted
    found = dict(filter(None, scorer.stream(iter(candidates))))
    assert [found[i].candidate for i in range(3)] == candidates


def test_log_odds_and_probabilities_belong_together(tiny: Path) -> None:
    (scored,) = load_scorer(tiny).score(make(1, n_steps=9))
    expected = torch.sigmoid(torch.tensor(scored.log_odds))
    assert scored.probabilities == tuple(expected.tolist())
    assert len(set(scored.probabilities)) == 9


def test_a_stream_gives_the_first_results_before_it_has_run_the_last(tiny: Path) -> None:
    candidates = [c for i in range(40) for c in make(2, problem=f"{SECRET}, number {i}")]
    scorer = load_scorer(tiny)
    watched = Watched(scorer)
    stream = scorer.stream(candidates)
    index, first = next(stream)
    assert first.candidate is candidates[index]
    assert sum(watched.sizes) < 600
    stream.close()
    assert sum(watched.sizes) < 600  # whoever leaves, leaves between two passes
    assert sorted(i for i, _ in scorer.stream(candidates)) == list(range(80))
    assert len(watched.sizes) < 10


def test_problems_come_in_the_order_in_which_they_were_given(tiny: Path) -> None:
    candidates = [c for name in "zyxwvutsrq" for c in make(2, problem=name * 50)]
    problems = [one.candidate.problem[0] for _, one in load_scorer(tiny).stream(candidates)]
    assert "".join(problems) == "zzyyxxwwvvuuttssrrqq"


class Watched:
    """Counts the tokens of each pass that a scorer runs."""

    def __init__(self, scorer: Scorer) -> None:
        self.sizes: list[int] = []
        scorer._backbone.get_input_embeddings().register_forward_hook(
            lambda _, args, out: self.sizes.append(args[0].numel())
        )


def test_what_candidates_share_is_computed_once(tiny: Path) -> None:
    scorer = load_scorer(tiny)
    watched = Watched(scorer)
    candidates = make(8)
    scorer.score(candidates)
    sequences = [scorer.encode(candidate).input_ids for candidate in candidates]
    unique = {one[:n] for one in sequences for n in range(1, len(one) + 1)}
    assert watched.sizes == [len(unique)]
    assert len(unique) < 0.7 * sum(map(len, sequences))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_pack_on_a_gpu_takes_no_more_than_it_was_sized_for(tiny: Path) -> None:
    scorer = load_scorer(tiny, device="cuda", dtype="float32", max_tokens=100_000)
    candidates = [c for i in range(300) for c in make(1, problem=f"{i} {SECRET}")]
    n_tokens = sum(len(scorer.encode(one).input_ids) for one in candidates)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    scorer.score(candidates)
    taken = torch.cuda.max_memory_allocated() - before
    assert taken < 2 * n_tokens * packed_forward.bytes_per_token(scorer._backbone)


def test_what_a_token_takes_counts_keys_values_and_the_widest_place(tiny: Path) -> None:
    scorer = load_scorer(tiny)
    # Two layers with two heads of eight for keys and for values; 64 inside the MLP, 32 outside.
    assert packed_forward.bytes_per_token(scorer._backbone) == 4 * (
        2 * 2 * 2 * 8 + 3 * 64 + 10 * 32
    )


# --- limits -----------------------------------------------------------------------------------


def test_a_candidate_that_is_too_long_is_refused_before_anything_runs(tmp_path: Path) -> None:
    scorer = load_scorer(tiny_model(tmp_path, prm=MARKED, max_position_embeddings=100))
    watched = Watched(scorer)
    n_tokens = len(SECRET.encode()) + 2 + 12 * 10
    long = Candidate(SECRET, ("0 + 0 = 0 .",) * 10, "long one")
    with pytest.raises(TooLongError) as raised:
        scorer.score([*make(2), long])
    assert f"'long one' has {n_tokens:,} tokens" in str(raised.value)
    assert "reads at most 100" in str(raised.value)
    assert SECRET not in str(raised.value)
    assert watched.sizes == []


def test_a_candidate_of_exactly_the_context_is_scored(tmp_path: Path) -> None:
    scorer = load_scorer(tiny_model(tmp_path, prm=MARKED, max_position_embeddings=100))
    exact = Candidate("p", ("x" * 96,))
    assert len(scorer.encode(exact).input_ids) == 100
    assert len(scorer.score([exact])) == 1
    with pytest.raises(TooLongError, match="a candidate has 101 tokens"):
        scorer.score([Candidate("p", ("x" * 97,))])


class SmallMemory(nn.Module):
    """Embeddings on a machine that holds only so many tokens at once."""

    def __init__(self, embedding: nn.Module, limit: int, error: RuntimeError) -> None:
        super().__init__()
        self.embedding, self.limit, self.error = embedding, limit, error

    def forward(self, ids: Tensor) -> Any:
        if ids.numel() > self.limit:
            raise self.error
        return self.embedding(ids)


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 8 bytes"),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."),
    RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"),
]


def with_little_memory(path: Path, limit: int, error: RuntimeError) -> Scorer:
    scorer = load_scorer(path)
    embedding = scorer._backbone.get_input_embeddings()
    scorer._backbone.embed_tokens = SmallMemory(embedding, limit, error)
    return scorer


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=str)
def test_out_of_memory_halves_the_pack_and_goes_on(
    error: RuntimeError, tiny: Path, caplog: pytest.LogCaptureFixture
) -> None:
    candidates = make(8, n_steps=5)
    expected = load_scorer(tiny).score(candidates)
    with caplog.at_level(logging.WARNING, "prm_core.scoring.reader"):
        got = with_little_memory(tiny, 150, error).score(candidates)
    for a, b in zip(got, expected, strict=True):
        assert a.candidate is b.candidate
        assert a.probabilities == pytest.approx(b.probabilities, rel=0, abs=1e-5)
    assert "out of memory on cpu" in caplog.text
    assert SECRET not in caplog.text


def test_a_candidate_that_no_memory_holds_is_refused_in_words(tiny: Path) -> None:
    scorer = with_little_memory(tiny, 10, OUT_OF_MEMORY[0])
    with pytest.raises(
        ModelError, match=r"out of memory on cpu for a single candidate of \d+ tokens"
    ):
        scorer.score([*make(3), *make(1)])


def test_other_errors_of_a_pass_stay_what_they_are(tiny: Path) -> None:
    scorer = with_little_memory(tiny, 10, RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        scorer.score(make(3))


def test_a_number_that_is_not_finite_never_becomes_a_score(tmp_path: Path) -> None:
    tiny_model(tmp_path, prm=MARKED)
    head = tmp_path / "value_head.safetensors"
    for value in (float("nan"), float("inf")):
        rewrite_tensors(head, bias=torch.tensor([value]))
        with pytest.raises(ModelError, match=r"step 1 of candidate 'c0' a number .* not finite"):
            load_scorer(tmp_path).score(make(1))


def test_as_many_numbers_as_steps_or_an_error(tiny: Path) -> None:
    scorer = load_scorer(tiny)
    right = scorer._opened

    def one_too_few(hidden: Tensor, evidence: Evidence | None = None, /) -> Tensor:
        return right.readout(hidden, evidence)[1:]

    scorer._opened = OpenedModel(right.encode, one_too_few, 0.5)
    with pytest.raises(ModelError, match=r"\(2,\) numbers for 3 steps"):
        scorer.score(make(1))
    scorer._opened = OpenedModel(lambda c: right.encode(make(1, n_steps=2)[0]), right.readout, 0.5)
    with pytest.raises(ModelError, match="2 places to read for the 3 steps of candidate 'c0'"):
        scorer.score(make(1))


class LargestResult(TorchDispatchMode):
    """Remembers the most elements that any operation gave."""

    largest = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if isinstance(out, Tensor) and out._base is None:
            self.largest = max(self.largest, out.numel())
        return out


@pytest.mark.parametrize("evidence", [None, DIGITS_AND_SIGNS])
def test_logits_of_a_whole_sequence_are_never_built(
    evidence: dict[str, Any] | None, tmp_path: Path
) -> None:
    n_vocabulary = 30_000
    scorer = load_scorer(
        tiny_model(tmp_path, prm={**MARKED, "evidence": evidence}, vocab_size=n_vocabulary)
    )
    candidates = make(4, n_steps=20)
    longest = max(len(scorer.encode(candidate).input_ids) for candidate in candidates)
    with LargestResult() as seen:
        scorer.score(candidates)
    if evidence is None:
        assert seen.largest < n_vocabulary * 2
    else:
        n_rows = sum(len(step) for c in candidates for step in scorer.encode(c).evidence)
        assert seen.largest <= n_rows * n_vocabulary
        assert n_rows < 4 * longest


def test_bfloat16_is_near_float32(tiny: Path) -> None:
    candidates = make(4)
    exact = load_scorer(tiny, device="cpu").score(candidates)
    rough = load_scorer(tiny, device="cpu", dtype="bfloat16").score(candidates)
    for a, b in zip(exact, rough, strict=True):
        assert b.probabilities == pytest.approx(a.probabilities, rel=0, abs=0.1)
        assert b.probabilities != a.probabilities


# --- loading ----------------------------------------------------------------------------------


def test_a_missing_tensor_of_the_backbone_is_refused_by_name(tmp_path: Path) -> None:
    tiny_model(tmp_path)
    weights = tmp_path / "model.safetensors"
    rewrite_tensors(weights, model__layers__1__mlp__up_proj__weight=None)
    with pytest.raises(ModelLoadError, match=r"'layers\.1\.mlp\.up_proj\.weight' is missing"):
        load_scorer(tmp_path)
    rewrite_tensors(weights, model__layers__0__mlp__up_proj__weight=None)
    with pytest.raises(ModelLoadError, match=r"is missing from the weights \(and 1 more\)"):
        load_scorer(tmp_path)


def test_a_tensor_of_the_wrong_shape_is_refused_by_name(tmp_path: Path) -> None:
    tiny_model(tmp_path)
    weights = tmp_path / "model.safetensors"
    norm = load_file(weights)["model.norm.weight"]
    rewrite_tensors(weights, model__norm__weight=norm[:16].contiguous())
    with pytest.raises(ModelLoadError, match=r"'norm\.weight' has shape \(16,\).*\(32,\)"):
        load_scorer(tmp_path)


@pytest.mark.parametrize("n_files", [1, 3])
@pytest.mark.parametrize("pickled", [False, True])
@pytest.mark.parametrize("left", [None, 0, 60, -300])
def test_weights_that_are_not_all_there_are_refused_by_file(
    left: int | None, pickled: bool, n_files: int, tmp_path: Path
) -> None:
    tensors = load_file(tiny_model(tmp_path) / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    write_weights(tmp_path, tensors, n_files=n_files, pickled=pickled)
    load_scorer(tmp_path)
    file = sorted(tmp_path.glob("pytorch_model*.bin" if pickled else "model*.safetensors"))[-1]
    if left is None:
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(ModelLoadError) as refused:
        load_scorer(tmp_path)
    said = str(refused.value)
    if left is not None:
        assert said.startswith(f"{file} is damaged")
        assert "; download it again" in said
    else:
        named = file if n_files > 1 else tmp_path / "model.safetensors"
        assert said == f"{named} is missing; download the model again"


@pytest.mark.parametrize("key", ["weight_map", "metadata"])
def test_a_damaged_list_of_shards_is_refused_by_file(key: str, tmp_path: Path) -> None:
    tensors = load_file(tiny_model(tmp_path) / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    write_weights(tmp_path, tensors, n_files=2)
    edit_json(tmp_path / "model.safetensors.index.json", **{key: None})
    with pytest.raises(ModelLoadError, match=rf"index\.json has no '{key}'; download it again"):
        load_scorer(tmp_path)


def test_training_refuses_pickles_with_the_way_out(tmp_path: Path) -> None:
    torch.save(
        load_file(tiny_model(tmp_path) / "model.safetensors"), tmp_path / "pytorch_model.bin"
    )
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ModelLoadError, match=r"pytorch_model\.bin is a pickle, .* save_pretrained"):
        load_backbone(ModelFolder(tmp_path), load_config(ModelFolder(tmp_path)), place_model("cpu"))


def test_the_one_file_counts_where_an_index_lies_beside_it(tmp_path: Path) -> None:
    """As transformers has it for the backbone: the head must come from the same weights."""
    make_qwen(tmp_path, n_files=1)
    expected = load_scorer(tmp_path).score(make(1))
    others = {name: -tensor for name, tensor in load_file(tmp_path / "model.safetensors").items()}
    write_weights(tmp_path, others, n_files=2)
    assert load_scorer(tmp_path).score(make(1)) == expected


@pytest.mark.parametrize("zipped", [True, False])
def test_of_pickled_weights_the_tensors_are_read_and_the_file_is_named(
    zipped: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = load_scorer(tiny_model(tmp_path)).score(make(1))
    tensors = load_file(tmp_path / "model.safetensors")
    tensors |= {f"v_head.{n}": t for n, t in load_file(tmp_path / "value_head.safetensors").items()}
    (tmp_path / "model.safetensors").unlink()
    torch.save(tensors, tmp_path / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    with caplog.at_level(logging.WARNING, "prm_core.models.backbone"):
        assert load_scorer(tmp_path).score(make(1)) == expected
    assert f"{tmp_path / 'pytorch_model.bin'}: a pickle; only its tensors are read" in caplog.text
    assert ModelFolder(tmp_path).tensor("v_head.bias") is not None


class Command:
    """What a pickle can do to whoever opens it carelessly."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return (Path.touch, (self.file,))


def test_a_pickle_that_holds_a_command_is_refused_and_not_obeyed(tmp_path: Path) -> None:
    tiny_model(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    file = tmp_path / "pytorch_model.bin"
    torch.save({"model.norm.weight": Command(tmp_path / "was_run")}, file)
    for _ in range(2):
        with pytest.raises(
            ModelLoadError, match=r"pytorch_model\.bin is damaged.* more than tensors"
        ) as refused:
            load_scorer(tmp_path)
        assert "weights_only" not in str(refused.value)  # PyTorch advises to turn it off
        with pytest.raises(ModelLoadError, match=r"pytorch_model\.bin is damaged"):
            ModelFolder(tmp_path).tensor("model.norm.weight")
        file.write_bytes(file.read_bytes()[:300])  # now half downloaded
    assert not (tmp_path / "was_run").exists()


def edit_json(path: Path, **changes: Any) -> None:
    content = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps(content), encoding="utf-8")


def test_code_in_a_checkpoint_is_never_run(tmp_path: Path) -> None:
    tiny_model(tmp_path, prm=MARKED)
    expected = load_scorer(tmp_path).score(make(1))
    (tmp_path / "modeling_theirs.py").write_text(
        f"open({str(tmp_path / 'was_run')!r}, 'w')\nclass Config: pass\nclass Model: pass\n",
        encoding="utf-8",
    )
    auto_map = {
        "AutoConfig": "modeling_theirs.Config",
        "AutoModel": "modeling_theirs.Model",
        "AutoTokenizer": [None, "modeling_theirs.Model"],
    }
    edit_json(
        tmp_path / "config.json",
        auto_map=auto_map,
        architectures=["Qwen2ForProcessRewardModel"],
        attn_implementation="somebody/kernels",
    )
    edit_json(tmp_path / "tokenizer_config.json", auto_map=auto_map)
    assert load_scorer(tmp_path).score(make(1)) == [
        type(one)(one.candidate, one.probabilities, one.log_odds, str(tmp_path)) for one in expected
    ]
    assert not (tmp_path / "was_run").exists()


def test_an_architecture_that_needs_code_is_refused(tmp_path: Path) -> None:
    tiny_model(tmp_path)
    edit_json(tmp_path / "config.json", model_type="theirs", auto_map={"AutoConfig": "theirs.C"})
    with pytest.raises(ModelLoadError, match=r"model_type is 'theirs', .* is never run") as raised:
        load_scorer(tmp_path)
    assert "trust_remote_code" not in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": None}, "model_type is None"),
        ({"model_type": ["qwen2"]}, r"model_type is \['qwen2'\]"),
        ({"hidden_size": "wide"}, r"config\.json cannot be used .* correct it, or download"),
        ({"num_attention_heads": 0}, r"config\.json .* correct it, or download it again"),
        ({"rope_parameters": {"rope_type": "unheard"}}, r"config\.json .* correct it, or download"),
        ({"quantization_config": {"quant_method": "gptq"}}, "'quantization_config' is set"),
        ({"transformers_weights": "x.safetensors"}, "'transformers_weights' is set"),
    ],
    ids=str,
)
def test_a_config_that_cannot_be_used_is_refused_in_words(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    edit_json(tiny_model(tmp_path) / "config.json", **changes)
    with pytest.raises(ModelLoadError, match=message):
        load_scorer(tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("tokenizer.json", "", r"tokenizer\.json cannot be read as JSON"),
        ("tokenizer.json", "{}", "the tokenizer cannot be loaded"),
        ("tokenizer.json", "version https://git-lfs.github.com/spec/v1", r"tokenizer\.json cannot"),
        ("tokenizer_config.json", "[]", r"tokenizer_config\.json must hold a JSON object"),
        ("tokenizer_config.json", "{", r"tokenizer_config\.json cannot be read as JSON"),
        ("tokenizer.model", "no SentencePiece", "the tokenizer cannot be loaded"),
    ],
)
def test_a_damaged_tokenizer_is_refused_in_words(
    file: str, content: str, message: str, tmp_path: Path
) -> None:
    tiny_model(tmp_path)
    if file == "tokenizer.model":
        (tmp_path / "tokenizer.json").unlink()
    (tmp_path / file).write_text(content, encoding="utf-8")
    with pytest.raises(ModelLoadError, match=f"{message}.* again"):
        load_scorer(tmp_path)


@pytest.mark.parametrize("arch", ["mistral", "llama"])
@pytest.mark.parametrize("named", ["LlamaTokenizer", "LlamaTokenizerFast", None])
def test_a_tokenizer_model_gives_the_ids_that_sentencepiece_gives(
    arch: str, named: str | None, sentencepiece_model: Path, tmp_path: Path
) -> None:
    tiny_model(tmp_path, arch, vocab_size=340)
    (tmp_path / "tokenizer.json").unlink()
    shutil.copy(sentencepiece_model, tmp_path / "tokenizer.model")
    marks = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": True}
    settings = marks | ({"tokenizer_class": named} if named else {})
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    tokenizer = load_tokenizer(tmp_path)
    pieces = SentencePieceProcessor(model_file=str(sentencepiece_model))
    for text in ("we add 3", " 3 + 5 = 8\n\nso  the answer", "日本 ки", "a\tb "):
        assert tokenizer.encode(text) == [1, *pieces.encode(text)]


@pytest.fixture(scope="module")
def sentencepiece_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As Llama 2 and Mistral have it: BPE with bytes, single digits and a blank in front."""
    folder = tmp_path_factory.mktemp("pieces")
    lines = [
        f"Step {i}: we add {i} + {i} = {2 * i}, so the answer is {2 * i} ки" for i in range(99)
    ]
    SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=330,
        model_type="bpe",
        byte_fallback=True,
        split_digits=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        minloglevel=2,
    )
    return folder / "tokenizer.model"


def test_a_model_that_sees_later_steps_is_refused(tmp_path: Path) -> None:
    tiny_model(tmp_path)
    edit_json(tmp_path / "config.json", model_type="t5")
    with pytest.raises(ModelLoadError, match="a 't5' is not a causal language model"):
        load_scorer(tmp_path)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("config.json", r"config\.json is missing; download the model again"),
        ("tokenizer.json", r"tokenizer\.json is missing; download .* copy"),
        ("model.safetensors", r"model\.safetensors is missing; download the model again"),
    ],
)
def test_a_missing_file_is_refused_in_words(file: str, message: str, tmp_path: Path) -> None:
    (tiny_model(tmp_path) / file).unlink()
    with pytest.raises(ModelLoadError, match=message):
        load_scorer(tmp_path)


def test_a_tokenizer_that_knows_more_tokens_than_the_model_is_noticed(tmp_path: Path) -> None:
    scorer = load_scorer(tiny_model(tmp_path, prm=MARKED, vocab_size=200))
    with pytest.raises(ModelError, match="its vocabulary has 200; its files do not fit together"):
        scorer.score(make(1, problem="日本"))


def test_loading_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tiny_model(tmp_path, tie_word_embeddings=False)
    capfd.readouterr()
    load_scorer(tmp_path)
    assert capfd.readouterr() == ("", "")


def test_a_budget_of_nothing_is_refused(tiny: Path) -> None:
    with pytest.raises(BadOptionError, match="max_tokens is 0"):
        load_scorer(tiny, max_tokens=0)


def test_a_folder_may_begin_with_a_tilde(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tiny.parent))
    assert load_scorer(f"~/{tiny.name}").family == "value_head"


def test_a_revision_of_a_folder_is_refused(tiny: Path) -> None:
    with pytest.raises(BadOptionError, match="is a folder"):
        load_scorer(tiny, revision="main")


# --- the Hub, played by a server on this machine ------------------------------------------------


class Hub(ThreadingHTTPServer):
    """Answers like the Hub for one repository and named others; knows what was asked for."""

    def __init__(
        self, files: Path, refusal: tuple[int, str] | None, others: dict[str, Path]
    ) -> None:
        self.files, self.refusal, self.others, self.asked = files, refusal, others, set[str]()
        super().__init__(("127.0.0.1", 0), HubHandler)


class HubHandler(BaseHTTPRequestHandler):
    server: Hub
    COMMIT = "0" * 40

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, with_body: bool) -> None:
        body, headers = b"", {"X-Repo-Commit": self.COMMIT}
        others = self.server.others.items()
        folder = next((one for name, one in others if name in self.path), self.server.files)
        if self.server.refusal is not None:
            status, headers["X-Error-Code"] = self.server.refusal
        elif "/resolve/" in self.path:
            status, name = 200, self.path.split(f"/resolve/{self.COMMIT}/")[1]
            self.server.asked.add(name)
            body = (folder / name).read_bytes()
            headers["ETag"] = f'"{name}"'
        elif "/tree/" in self.path:
            status = 200
            files = sorted(folder.iterdir())
            tree = [
                {"type": "file", "path": f.name, "oid": "0", "size": f.stat().st_size}
                for f in files
            ]
            body = json.dumps(tree).encode()
        else:
            status = 200
            body = json.dumps({"id": "some/prm", "sha": self.COMMIT, "siblings": []}).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    @contextmanager
    def serve(
        files: Path, refusal: tuple[int, str] | None = None, others: dict[str, Path] | None = None
    ) -> Iterator[Hub]:
        with Hub(files, refusal, others or {}) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            constants = huggingface_hub.constants
            url = f"http://127.0.0.1:{server.server_port}"
            monkeypatch.setattr(constants, "ENDPOINT", url)
            template = url + "/{repo_id}/resolve/{revision}/{filename}"
            monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
            monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
            monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
            try:
                yield server
            finally:
                server.shutdown()
                thread.join()

    return serve


def test_a_repository_is_fetched_without_code_and_pickle(hub: Any, tmp_path: Path) -> None:
    files = tiny_model(tmp_path / "files", prm=MARKED)
    (files / "modeling_theirs.py").write_text("raise SystemExit", encoding="utf-8")
    (files / "pytorch_model.bin").write_bytes(b"pickle")
    (files / "consolidated.safetensors").write_bytes(b"a copy")
    with hub(files) as server:
        scorer = load_scorer("some/prm")
        assert scorer.model_id == "some/prm"
        assert scorer.score(make(1))[0].probabilities == (
            load_scorer(files).score(make(1))[0].probabilities
        )
    assert "model.safetensors" in server.asked
    assert not server.asked & {
        "modeling_theirs.py",
        "pytorch_model.bin",
        "consolidated.safetensors",
    }


@pytest.mark.parametrize("sharded", [False, True])
def test_a_repository_of_pickles_alone_is_fetched_as_it_is(
    sharded: bool, hub: Any, tmp_path: Path
) -> None:
    files = tiny_model(tmp_path / "files", prm=MARKED)
    expected = load_scorer(files).score(make(1))[0].probabilities
    tensors = load_file(files / "model.safetensors")
    name = "pytorch_model-00001-of-00001.bin" if sharded else "pytorch_model.bin"
    torch.save(tensors, files / name)
    if sharded:
        index = json.dumps({"metadata": {}, "weight_map": dict.fromkeys(tensors, name)})
        (files / "pytorch_model.bin.index.json").write_text(index, encoding="utf-8")
    (files / "model.safetensors").unlink()
    (files / "training_args.bin").write_bytes(b"pickle")
    with hub(files) as server:
        assert load_scorer("some/prm").score(make(1))[0].probabilities == expected
    assert name in server.asked
    assert "training_args.bin" not in server.asked


def test_a_known_model_without_a_tokenizer_takes_the_one_of_its_base(
    hub: Any, tmp_path: Path
) -> None:
    files = test_llemma_prm.make(tmp_path / "files")
    expected = load_scorer(files, family="llemma_prm").score(make(1))[0].probabilities
    base = tmp_path / "base"
    base.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (files / name).rename(base / name)
    (base / "model.safetensors").write_bytes(b"large")
    name = "ScalableMath/llemma-7b-prm-prm800k-level-1to3-hf"
    with hub(files, others={"EleutherAI/llemma_7b": base}) as server:
        assert load_scorer(name).score(make(1))[0].probabilities == expected
    assert "model.safetensors" not in server.asked
    with pytest.raises(ModelLoadError, match=r"tokenizer\.json is missing; .* into the folder"):
        load_scorer(files, family="llemma_prm")


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (404, "RepoNotFound", "the Hub has no repository some/prm, or it is private"),
        (403, "GatedRepo", "some/prm is gated: accept its terms"),
        (404, "RevisionNotFound", "some/prm has no revision 'v9'"),
        (500, "", "some/prm"),
    ],
)
def test_what_the_hub_refuses_is_said_in_words(
    status: int, code: str, message: str, hub: Any, tmp_path: Path
) -> None:
    with hub(tmp_path, (status, code)), pytest.raises(ModelLoadError, match=message):
        load_scorer("some/prm", revision="v9")


def test_without_a_network_the_way_out_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelLoadError, match="cannot be reached; connect, or download"):
        load_scorer("some/prm")


@pytest.mark.parametrize("name", ["./no/such/folder", "/no/such/folder", "a b", "a/b/c", ""])
def test_what_is_neither_a_folder_nor_a_repository_is_refused(name: str) -> None:
    with pytest.raises(ModelLoadError, match="neither a folder here nor the name"):
        load_scorer(name)
