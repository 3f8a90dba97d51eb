"""What makes rendered notebooks and reports safe to share: no path of the machine, no user name, no key."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

from ..params import Params

KEY_NAMES = ("OPENAI_API_KEY", "HF_TOKEN")


def redactions(params: Params) -> dict[str, str]:
    """Return what is replaced in shared files, longest first: folders, keys, names."""
    files = ("yolo_model", "clip_model", "truth", "verdicts", "caption_model")
    folders = {
        _absolute(params.images_folder): "<images_folder>",
        _absolute(params.runs_dir): Path(params.runs_dir).name or "runs",
        **{_absolute(getattr(params, name)): Path(getattr(params, name)).name for name in files},
        sys.prefix: "<python>",
        sys.base_prefix: "<python>",
        str(Path(__file__).resolve().parents[2]): "<rarelib>",
        str(Path.cwd()): ".",
        str(Path.home()): "~",
    }
    keys = {os.environ.get(name, ""): "<key>" for name in KEY_NAMES}
    keys |= {urlsplit(params.caption_base_url).netloc.rpartition("@")[0]: "<key>"}  # user:password@host
    names = {f"/{Path.home().name}/": "/<user>/", socket.gethostname().removeprefix("localhost"): "<host>"}
    found = {**{folder: folders[folder] for folder in sorted(folders, key=len, reverse=True)}, **keys, **names}
    return {text: shown for text, shown in found.items() if len(text) > 3}


def redact(text: str, params: Params) -> str:
    """Return the text with every path of the machine, key and host name replaced."""
    for secret, shown in redactions(params).items():
        text = text.replace(secret, shown)
    return text


def redact_notebook(text: str, params: Params) -> str:
    """Return a notebook's JSON redacted; base64 pictures are left as they are."""
    notebook = json.loads(text)
    notebook["metadata"].get("papermill", {}).update(input_path="", output_path="")
    pictures = []
    for output in (output for cell in notebook["cells"] for output in cell.get("outputs", [])):
        if "image/png" in output.get("data", {}):
            pictures.append(output["data"]["image/png"])
            output["data"]["image/png"] = f"@picture {len(pictures) - 1}@"
    clean = redact(json.dumps(notebook, ensure_ascii=False, indent=1), params)
    for number, picture in enumerate(pictures):
        clean = clean.replace(f'"@picture {number}@"', json.dumps(picture))
    return clean


def _absolute(path: str) -> str:
    return path if path and Path(path).is_absolute() else ""
