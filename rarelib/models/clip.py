"""CLIP as networks for pictures and texts; the only code that knows transformers' CLIP (it loads lazily)."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import weights
from .exports import cached_export
from .runtime import OpenVinoNetwork, Runtime, place_network
from .unreported import import_openvino

EXPORT_VERSION = 2  # raise it when what is exported changes
OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)  # Radford et al. (2021), the released preprocessing
OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)
LENGTH_STEP = 8  # tokens; texts run as long as the longest of them, a fifth of the work of 77
LETTERS_PER_TOKEN = 2  # a word of several pieces with fewer letters each is spelled, not known


@dataclass(frozen=True)
class Clip:
    """A CLIP ready to run.

    Attributes:
        images: (b, size, size, 3) uint8 RGB in, [(b, dim)] out, not normalised.
        texts: (b, length) token numbers in, [(b, dim)] out; None without a tokenizer.
        tokenizer: Text to token numbers; None without one.
        size: Side of the square input [px].
        mean_rgb: Mean colour of its training pictures, 0 to 255.
        dim: Length of a vector.
        length: Tokens of the longest text.
        sha256: Of the configuration and weights.
    """

    images: Any
    texts: Any
    tokenizer: Any
    size: int
    mean_rgb: tuple[int, int, int]
    dim: int
    length: int
    sha256: str

    def tokenize(self, texts: Sequence[str]) -> np.ndarray:
        """Return (b, longest) int64 token numbers; texts beyond `length` are cut off, shorter ones padded."""
        return np.array([code.ids[: self.length] for code in self.tokenizer.encode_batch(list(texts))], np.int64)

    def reads(self, words: Sequence[str]) -> np.ndarray:
        """Tell for each word whether the tokenizer knows it as more than letters; bool array (n,).

        A real CLIP knows nearly any English word in a few pieces; a small one knows the words that it was trained on.
        """
        unknown = getattr(self.tokenizer.model, "unk_token", None)
        codes = [self.tokenizer.encode(word, add_special_tokens=False) for word in words]
        pieces = [
            [token for token, kept in zip(code.tokens, code.attention_mask, strict=True) if kept] for code in codes
        ]
        return np.array([_is_read(word, found, unknown) for word, found in zip(words, pieces, strict=True)], bool)


def load_clip(model: str, runtime: Runtime, *, trust_pickles: bool = False) -> Clip:
    """Load a CLIP by hub name, local folder or "demo"; for OpenVINO it is exported once and kept.

    Raises:
        FileNotFoundError: If it is not there and cannot be fetched.
        ValueError: If it is no CLIP, or holds pickles only.
    """
    folder = clip_folder(model, trust_pickles=trust_pickles)
    config = _read_config(folder, model)
    sha256 = weights.clip_sha256(folder)
    if runtime.library == "torch":
        images, texts = (place_network(tower, runtime) for tower in _load_towers(folder, config))
        tokenizer = _backend_tokenizer(folder, config)
    else:
        exported = _export(folder, sha256, config)
        images = OpenVinoNetwork(exported / "images.xml", runtime.unquantized)
        texts = OpenVinoNetwork(exported / "texts.xml", runtime.unquantized)
        tokenizer = _read_tokenizer(exported / "tokenizer.json", config)
    return Clip(
        images,
        texts if tokenizer is not None else None,
        tokenizer,
        size=config["size"],
        mean_rgb=tuple(round(255 * mean) for mean in config["mean"]),
        dim=config["dim"],
        length=config["length"],
        sha256=sha256,
    )


def clip_folder(model: str, *, trust_pickles: bool = False) -> Path:
    """Return the local folder of a CLIP; one of the hub is fetched.

    Raises:
        FileNotFoundError: If it is not there and cannot be fetched.
        ValueError: If it lacks config.json or safe weights.
    """
    folder = weights.find_clip_model(model, trust_pickles=trust_pickles)
    if folder is not None:
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    kinds = ("model*.safetensors", *(("pytorch_model*.bin",) if trust_pickles else ()))
    wanted = [*weights.CLIP_ABOUT, *(f"{kind}{part}" for kind in kinds for part in ("", ".index.json"))]
    try:
        folder = Path(snapshot_download(model, allow_patterns=wanted))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise FileNotFoundError(
            f"The 'clip_model' parameter names {model!r}, which cannot be fetched; {weights.CLIP_WAYS}."
        ) from error
    if not weights.clip_weights(folder):
        raise FileNotFoundError(
            f"The 'clip_model' parameter names {model!r}, of which the hub has no {weights.CLIP_WEIGHTS[0]}; "
            f"{weights.CLIP_WAYS}, or load its pickle with --trust_pickles true if you trust whoever made it."
        )
    weights.check_clip_folder(folder, model, trust_pickles=trust_pickles)
    return folder


def _read_config(folder: Path, model: str) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        preprocessor = folder / "preprocessor_config.json"
        pictures = json.loads(preprocessor.read_text(encoding="utf-8")) if preprocessor.is_file() else {}
        if config.get("model_type") != "clip":
            raise ValueError(f"its model_type is {config.get('model_type')!r}")
        vision, text = config.get("vision_config") or {}, config.get("text_config") or {}
        return {
            "size": vision.get("image_size", 224),
            "dim": config.get("projection_dim", 512),
            "length": text.get("max_position_embeddings", 77),
            "vocabulary": text.get("vocab_size", 49408),
            "mean": pictures.get("image_mean", OPENAI_MEAN),
            "std": pictures.get("image_std", OPENAI_STD),
        }
    except (OSError, ValueError, AttributeError) as error:
        raise ValueError(f"The 'clip_model' parameter must be a CLIP. {model!r} is not: {error}.") from error


def _load_towers(folder: Path, config: dict[str, Any]) -> tuple[Any, Any]:
    from .clip_towers import load_towers

    safe = weights.is_safe(weights.clip_weights(folder))
    return load_towers(folder, mean=config["mean"], std=config["std"], use_safetensors=safe)


def _export(folder: Path, sha256: str, config: dict[str, Any]) -> Path:
    ov = import_openvino()

    def build(target: Path) -> dict[str, Any]:
        import torch

        images, texts = _load_towers(folder, config)
        pictures = torch.zeros((2, config["size"], config["size"], 3), dtype=torch.uint8)
        tokens = torch.full((2, config["length"]), 1, dtype=torch.int64)
        for tower, example, name in ((images, pictures, "images"), (texts, tokens, "texts")):
            with torch.inference_mode(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # tracing warns of shapes that are constant here on purpose
                traced = torch.jit.trace(tower, example, strict=False, check_trace=False)
            exported = ov.convert_model(traced, example_input=example)
            exported.reshape([-1, *example.shape[1:]] if name == "images" else [-1, -1])
            ov.save_model(exported, target / f"{name}.xml", compress_to_fp16=False)
        tokenizer = _backend_tokenizer(folder, config)
        if tokenizer is not None:
            tokenizer.save(str(target / "tokenizer.json"))
        return {"sha256": sha256}

    settings = {"version": EXPORT_VERSION, "openvino": ov.__version__, "kind": "clip", **config}
    return cached_export(folder, sha256, settings, build)[0]


def _backend_tokenizer(folder: Path, config: dict[str, Any]) -> Any | None:
    if not weights.has_tokenizer(folder):
        return None
    from transformers import CLIPTokenizer

    return _set_length(CLIPTokenizer.from_pretrained(folder).backend_tokenizer, config)


def _read_tokenizer(path: Path, config: dict[str, Any]) -> Any | None:
    if not path.is_file():
        return None
    from tokenizers import Tokenizer

    return _set_length(Tokenizer.from_file(str(path)), config)


def _set_length(tokenizer: Any, config: dict[str, Any]) -> Any:
    if tokenizer.get_vocab_size() > config["vocabulary"]:
        counts = f"{tokenizer.get_vocab_size():,} tokens for {config['vocabulary']:,} vectors"
        raise ValueError(f"The 'clip_model' parameter must be a CLIP whose tokenizer fits. Got {counts} instead.")
    end = tokenizer.encode("").ids[-1]  # an empty text is start, end; what follows the end has no effect
    tokenizer.enable_truncation(config["length"])
    tokenizer.enable_padding(pad_to_multiple_of=LENGTH_STEP, pad_id=end)
    return tokenizer


def _is_read(word: str, pieces: list[str], unknown: str | None) -> bool:
    letters = sum(char.isalnum() for char in word)
    return bool(pieces) and unknown not in pieces and (len(pieces) == 1 or letters >= LETTERS_PER_TOKEN * len(pieces))
