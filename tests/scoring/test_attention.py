"""Both ways of attention over a trie against a mask that is written out."""

from __future__ import annotations

import random
import shutil
import warnings
from collections.abc import Iterator

import pytest
import torch
from torch.nn import functional

from prm_core.scoring import attention
from prm_core.scoring.attention import Attention, ByBlocks, ByBranch
from prm_core.scoring.trie import Pack, RunRows, TokenIds, plan

HEADS, KEY_HEADS, WIDTH = 4, 2, 8
CPU = torch.device("cpu")


def written_out(pack: Pack, rows: list[int], window: int | None) -> torch.Tensor:
    """[Q, rows] True where a query sees a row, from the paths alone."""
    mask = torch.zeros(len(rows), pack.first_row + len(pack.token_ids), dtype=torch.bool)
    for i in range(len(pack.members)):
        own = pack.rows(i)
        for depth, row in enumerate(own):
            if row in rows:
                first = 0 if window is None else max(0, depth - window + 1)
                mask[rows.index(row), own[first : depth + 1]] = True
    return mask


def packs(seed: int) -> Iterator[Pack]:
    """Tries of every shape, the later ones behind rows that are known."""
    draw = random.Random(seed)
    known = RunRows()
    sequences: list[TokenIds] = [(5,) * draw.randint(1, 200)]
    for _ in range(3):
        while len(sequences) % 12:
            grown = draw.choice(sequences)
            kept = grown[: draw.randint(1, len(grown))]
            sequences.append(kept + tuple(draw.choices(range(9), k=draw.randint(0, 90))))
        reads = [[len(one) - 1] for one in sequences]
        for pack in plan(sequences, draw.choice([150, 9999]), known=known, reads=reads):
            if pack.token_ids:
                yield pack
            rows = {pack.rows(i)[-1] for i in range(len(pack.members))}
            known.add(pack, sequences, rows)
        sequences.append(sequences[0] + (8,))


def compare(attend: Attention, pack: Pack, rows: list[int], window: int | None) -> None:
    draw = torch.Generator().manual_seed(len(rows))
    n_rows = pack.first_row + len(pack.token_ids)
    query = torch.randn(len(rows), HEADS, WIDTH, generator=draw)
    key, value = (torch.randn(KEY_HEADS, n_rows, WIDTH, generator=draw) for _ in range(2))
    wanted = functional.scaled_dot_product_attention(
        query.transpose(0, 1)[None],
        key[None],
        value[None],
        attn_mask=written_out(pack, rows, window),
        scale=0.3,
        enable_gqa=True,
    )[0].transpose(0, 1)
    got = attend(query, key, value, 0.3, window)
    torch.testing.assert_close(got, wanted.flatten(1), rtol=0, atol=2e-6)


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """FlexAttention as plain operations: the same mask, without a compiler."""
    monkeypatch.setattr(attention, "_flex", lambda: attention.flex_attention)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "flex_attention called without torch.compile")
        yield


@pytest.mark.parametrize("window", [None, 1, 40])
@pytest.mark.parametrize("seed", range(3))
def test_every_query_sees_its_own_branch(seed: int, window: int | None, uncompiled: None) -> None:
    draw = random.Random(seed)
    n_in_blocks = 0
    for pack in packs(seed):
        first = pack.first_row
        everything = list(range(first, first + len(pack.token_ids)))
        some = sorted(draw.sample(everything, len(everything) // 3 + 1))
        compare(ByBranch(pack), pack, everything, window)
        compare(ByBranch(pack, some), pack, some, window)
        visible = attention._visible(pack)
        if visible is not None:
            n_in_blocks += 1
            for rows in (everything, some):
                compare(ByBlocks(visible, torch.tensor(rows)), pack, rows, window)
    assert n_in_blocks >= 3


def test_rows_that_cannot_be_said_in_intervals_are_noticed() -> None:
    """The same beginning lies in two places, and three branches use one, the other, the one."""
    known = RunRows()
    for reads in ([0], [1]):  # what was not read before runs again, in rows of its own
        (pack,) = plan([(1, 2, 3)], 99, known=known, reads=[reads])
        known.add(pack, [(1, 2, 3)], reads)
    (first,) = plan([(1, 2, 3)], 99)
    twice = Pack(
        (0, 1, 2),
        (7, 8, 9),
        (1, 1, 1),
        tuple(
            attention.Segment(row, row + 1, ((start, start + 1), (row, row + 1)), 1)
            for row, start in ((4, 0), (5, 2), (6, 0))
        ),
        tuple(((start, start + 1), (row, row + 1)) for row, start in ((4, 0), (5, 2), (6, 0))),
        first_row=4,
    )
    assert attention._visible(first) is not None
    assert attention._visible(twice) is None
    compare(ByBranch(twice), twice, [4, 5, 6], None)


def test_blocks_that_nobody_sees_are_left_out(uncompiled: None) -> None:
    """Otherwise a pack would cost what the square of its length costs."""
    sequences = [(1,) * 256 + (i,) * 300 for i in range(2, 22)]
    (pack,) = plan(sequences, 9999)
    visible = attention._visible(pack)
    assert visible is not None
    rows = torch.arange(len(pack.token_ids))
    mask = ByBlocks(visible, rows)._make_mask(None, CPU)
    n_blocks = int((mask.kv_num_blocks + mask.full_kv_num_blocks).sum())
    side = -(-len(rows) // 128)
    assert n_blocks < 7 * side < side * side / 4
    assert int(mask.full_kv_num_blocks.sum()) > side


def test_a_failing_compiler_is_told_of_once_and_done_without(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no compiler here\nand a long trace")

    monkeypatch.setattr(attention, "_flex", lambda: broken)
    for _ in range(2):
        assert not attention._blocks_work(CPU, torch.float32, (6, 2, 8))
    assert len(caplog.messages) == 1
    assert "FlexAttention does not work on cpu, continuing without: no compiler" in caplog.text


def test_a_kernel_that_gives_wrong_numbers_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(attention, "_flex", lambda: lambda query, *_, **__: query)
    assert not attention._blocks_work(CPU, torch.float32, (2, 2, 8))
    assert "gives wrong numbers" in caplog.text


@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler for torch.compile")
@pytest.mark.filterwarnings("ignore")  # torch's own, while it compiles
def test_the_compiled_kernel_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """For lengths that are fixed: for others torch 2.13 writes C++ that does not compile."""
    compiled = torch.compile(attention.flex_attention, dynamic=False)
    monkeypatch.setattr(attention, "_flex", lambda: compiled)
    pack = list(packs(0))[2]
    assert pack.first_row > 0
    visible = attention._visible(pack)
    assert visible is not None
    rows = list(range(pack.first_row, pack.first_row + len(pack.token_ids)))
    compare(ByBlocks(visible, torch.tensor(rows)), pack, rows, window=40)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.filterwarnings("ignore")  # torch's own, while it compiles
def test_a_gpu_takes_packs_of_many_segments_in_blocks() -> None:
    like = torch.zeros(1, device="cuda")
    (pack,) = plan([(1,) * 200 + (i,) * 50 for i in range(40)], 9999)
    assert isinstance(attention.attention_of(pack, None, (4, 2, 64), like), ByBlocks)
