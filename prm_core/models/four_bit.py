"""Weights in 4 bits, in the layout Q4_0 of ggml: blocks of 32 with one scale in float16.

A block is 18 bytes for 32 weights of a row, so a matrix takes 4.5 bits per weight. The package
gguf packs; `round_weights` gives the same values while a model is trained. Source:
ggml-org/llama.cpp, `ggml-quants.c` (`quantize_row_q4_0_ref`).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

BLOCK = 32
"""Weights that share a scale."""

BLOCK_BYTES = 2 + BLOCK // 2
"""The scale, then the codes: the low halves of the bytes are the first 16 weights."""

_ZERO, _TOP = 8, 15  # the code of 0, and the highest


def round_weights(weight: Tensor) -> Tensor:
    """A matrix as it comes back from 4 bits.

    The weight farthest from 0 in a block gets the lowest code, so rounding twice changes nothing.

    Args:
        weight: [..., W], W a multiple of `BLOCK`, floating point.

    Returns:
        [..., W] in the same dtype.
    """
    blocks = weight.float().reshape(-1, BLOCK)
    low, high = blocks.amin(1, keepdim=True), blocks.amax(1, keepdim=True)
    farthest = torch.where(-low > high, low, high)
    both = (-low == high).squeeze(1)
    if both.any():  # ggml takes the first; asked for these blocks only, as argmax is slow
        some = blocks[both]
        farthest[both] = some.gather(1, some.abs().argmax(1, keepdim=True))
    scale = farthest / -_ZERO
    inverse = torch.where(scale == 0, scale, 1 / scale)
    codes = (blocks * inverse).add_(_ZERO + 0.5).floor_().clamp_(0, _TOP)
    scale = scale.half().float()
    return codes.sub_(_ZERO).mul_(scale).reshape(weight.shape).to(weight.dtype)


def pack(weight: Tensor) -> Tensor:
    """The bytes of a matrix in 4 bits; `unpack` gives `round_weights` of it.

    Args:
        weight: [R, W], W a multiple of `BLOCK`, floating point.

    Returns:
        [R, W / BLOCK * BLOCK_BYTES] uint8.
    """
    from gguf import GGMLQuantizationType, quantize

    return torch.from_numpy(quantize(weight.float().numpy(), GGMLQuantizationType.Q4_0))


def unpack(packed: Tensor) -> Tensor:
    """The matrix from the bytes of `pack`.

    Args:
        packed: [R, B * BLOCK_BYTES] uint8.

    Returns:
        [R, B * BLOCK] float32.

    Raises:
        ValueError: the shape is another.
    """
    if packed.dim() != 2 or packed.shape[1] % BLOCK_BYTES:
        raise ValueError(f"has shape {tuple(packed.shape)}, which is not a matrix in 4 bits")
    blocks = packed.numpy().reshape(-1, BLOCK_BYTES)
    scales = blocks[:, :2].copy().view(np.float16).astype(np.float32)  # [B, 1]
    pairs = blocks[:, 2:]
    codes = np.concatenate([pairs & 0xF, pairs >> 4], axis=1).astype(np.int8) - np.int8(_ZERO)
    return torch.from_numpy(codes * scales).reshape(len(packed), -1)
