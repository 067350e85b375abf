"""What training writes: a checkpoint to resume from, and the finished model with its card."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

from prm_core.errors import ModelLoadError
from prm_core.families.heads import ValueHead
from prm_core.families.value_head import read_head, save_value_head
from prm_core.models.backbone import load_backbone, load_config, quiet_transformers
from prm_core.models.device import Placement
from prm_core.models.weight_files import ModelFolder, pack_weights, read_tensors
from prm_core.training.model import parameters_that_learn

LEARNT_FILE = "learnt.safetensors"
"""If only a part of the weights is trained, a checkpoint contains only that part."""


@dataclass(slots=True)
class Learner:
    """A model in training, and how it is written.

    Attributes:
        module: the trained module: a `Verifier` or a `HeadOnly`.
        model: the stock causal language model.
        head: the value head.
        tokenizer: the model's.
        prm: the family file.
        dtype: of the finished weights; the head stays float32.
        whole: whether the whole model is trained; checkpoints are then models themselves.
        merge: turns a model with adapters into a stock one; None if there are none.
        apart: whether the finished model is only the head, with the adapters if there are any; the
            family file names its backbone.
        write_adapters: writes the adapters into a folder; None if there are none.
        four_bit: whether the finished model's matrices are written in 4 bits.
        unchanged: the folder of a backbone that is not trained, whose files are copied; None if it
            is trained, merged, cut, or a pickle.
    """

    module: nn.Module
    model: PreTrainedModel
    head: ValueHead
    tokenizer: PreTrainedTokenizerBase
    prm: Mapping[str, Any]
    dtype: torch.dtype
    whole: bool = True
    merge: Callable[[], PreTrainedModel] | None = None
    apart: bool = False
    write_adapters: Callable[[Path], None] | None = None
    four_bit: bool = False
    unchanged: ModelFolder | None = None

    def save_checkpoint(self, directory: Path, state: Mapping[str, Tensor] | None) -> None:
        """Write the trained weights, exactly as they are.

        Args:
            directory: created if needed.
        state: the module's weights if they are spread over processes; else None.
        """
        if self.whole:
            self._write(directory, state)
            return
        state = self.module.state_dict() if state is None else state
        names = parameters_that_learn(self.module)
        directory.mkdir(parents=True, exist_ok=True)
        learnt = {name: state[name].detach().cpu().contiguous() for name in names}
        save_file(learnt, directory / LEARNT_FILE, metadata={"format": "pt"})

    def load_checkpoint(self, directory: Path) -> None:
        """Read the output of `save_checkpoint`.

        Raises:
            ModelLoadError: a file is missing or damaged.
        """
        if not self.whole:
            learnt = read_tensors(directory / LEARNT_FILE)
            if learnt.keys() != parameters_that_learn(self.module).keys():
                raise ModelLoadError(
                    f"{directory}: the checkpoint comes from another mode of training"
                )
            self.module.load_state_dict(learnt, strict=False)
            return
        place = Placement(torch.device("cpu"), torch.float32, "as it was written")
        folder = ModelFolder(directory)
        with quiet_transformers():
            config = load_config(folder)
            stored = load_backbone(folder, config, place, AutoModelForCausalLM)
        self.model.load_state_dict(stored.state_dict())
        head = read_head(folder, self.head)
        self.head.load_state_dict(head.state_dict())

    def save(self, directory: Path, state: Mapping[str, Tensor] | None = None) -> None:
        """Write the finished model; training cannot continue afterwards.

        Args:
            directory: created if needed; `load_scorer` reads it, and stock transformers the
                backbone, unless its weights are in 4 bits.
            state: as for `save_checkpoint`.
        """
        if self.apart:
            save_value_head(directory, self.head, self.prm)
            if self.write_adapters is not None:
                self.write_adapters(directory)
            return
        if self.merge is not None:
            self.model, self.merge = self.merge(), None
        if self.four_bit:
            self._write(directory, state)
            pack_weights(directory)
            _without_blanks(directory / "tokenizer.json")
            return
        if state is None and self.unchanged is None:
            nn.Module.to(self.model, dtype=self.dtype)  # transformers' own `to` is untyped
        self._write(directory, state)

    def _write(self, directory: Path, state: Mapping[str, Tensor] | None) -> None:
        weights, head = None, self.head
        if state is not None:
            weights = _part(state, "model.")
            head = self.head.sibling()
            head.load_state_dict(_part(state, "head."))
        with quiet_transformers():
            if self.unchanged is None:
                self.model.save_pretrained(directory, state_dict=weights)
            else:
                self.unchanged.copy_weights(directory)
            self.tokenizer.save_pretrained(directory)
        save_value_head(directory, head, self.prm)


def _without_blanks(file: Path) -> None:
    """Write a JSON file on one line; a vocabulary takes half the space then."""
    content = json.loads(file.read_text(encoding="utf-8"))
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    file.write_text(text + "\n", encoding="utf-8")


def _part(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors of one part of a module, under their names there."""
    return {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)}
