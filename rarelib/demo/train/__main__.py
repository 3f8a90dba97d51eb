"""Make the demo world's two models and their model card: `python -m rarelib.demo.train`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import textwrap
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...run.folder import write_text
from ..draw.kinds import ALL_KINDS, DETECTOR_CLASSES, OTHER, STRANGERS, UNSEEN_KINDS
from ..draw.strangers import FAMILIES
from .clip import ClipSettings, check_clip, train_clip
from .detector import DetectorSettings, check_detector, train_detector
from .vocabulary import names_without_pictures

MODELS = Path(__file__).parents[1] / "models"
CARD = """# Models of the demo world

Two small models that know nothing but the pictures that `rarelib/demo` draws. They show the whole path from pictures
to ranked rare objects without any download; for real pictures they are of no use.
`python -m rarelib.demo.train` makes both again; this text is written by it, with what it measured.

{unseen}

## Detector: `detector.pt`

{n_parameters:,} parameters, half precision, {detector_mb:.1f} MB; YOLOv8 with depth {depth}, width {width}.
Classes: {classes}.

Rare kinds are in none of its pictures: an object that stands there without a label teaches a detector to overlook it,
and one that is labelled would be no find. "{other}" is learned from street clutter and from sculptures of random
parts, none of which counts as rare, so that a thing of no known class still gets a box. Odd instances of kinds that
may be seen carry the class of what they are: an overturned car is a car.

| on {n_check_scenes} unseen scenes without rare kinds, {imgsz} px | AP50 |
|---|---|
| all classes (mAP50) | {map50:.3f} |
{ap_rows}

mAP50-95 is {map:.3f}. Trained in {detector_minutes:.0f} minutes.
{detector_note}

## CLIP: `clip/`

A transformers folder, safetensors in half precision, {clip_mb:.1f} MB: a picture tower for squares of {image_size} px,
a text tower with a tokenizer of its own. Crops gather round an anchor of their kind, then phrases come to the anchors.

It learns {n_known} kinds of the world and {n_strangers} strangers: kinds with a common name ("cow", "piano") whose
shape is made by one of {n_families} body plans from measures that the name decides, and that stand in no run; and
as many things of the same plans that are like no other and have only the name of their family ("animal"). So it learns
to tell kinds, and not those that are left out. Of {n_absent:,} more names of the package's vocabulary it learns only
that none of its crops shows them.

| zero-shot, "a photo of ...", all trained kinds, what is found in unseen scenes | crops | share | mean over kinds |
|---|---|---|---|
| trained kinds, nearest phrase right | {trained_crops:,} | {trained_top1:.1%} | {trained_kinds:.1%} |
| kinds left out, nearest to nothing ordinary | {left_out_crops:,} | {left_out_strange:.1%} | {left_out_kinds:.1%} |
| things without a name, nearest to nothing ordinary | {nameless_crops:,} | {nameless_strange:.1%} | |
| ordinary kinds, nearest to nothing ordinary | {ordinary_crops:,} | {ordinary_strange:.1%} | |

The second row is what finds a thing that was never met; its own name cannot be found, as the text tower never met
it. Trained in {clip_minutes:.0f} minutes.
{clip_note}

## Settings

Detector: `{detector_settings}`

CLIP: `{clip_settings}`

Machine: {machine}.
Rounding differs between machines, so weights made again are alike, not the same.
Licence: AGPL-3.0, as the detector's architecture comes from ultralytics.
"""


def main(arguments: list[str] | None = None) -> None:
    """Train what is asked for, check it, and write the card when both are there."""
    parser = argparse.ArgumentParser(prog="python -m rarelib.demo.train", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/demo_training"), help="folder for pictures and notes")
    parser.add_argument("--models", type=Path, default=MODELS, help="folder that the models go to")
    parser.add_argument("--only", choices=("detector", "clip", "card"), help="one part alone")
    parser.add_argument("--start", type=Path, help="a CLIP of the same shape whose picture tower is trained further")
    parser.add_argument("--threads", type=int, help="threads of torch, all cores by default")
    options = parser.parse_args(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    if options.only in (None, "detector"):
        make_detector(options.work, options.models, threads=options.threads)
    if options.only in (None, "clip"):
        make_clip(options.work, options.models, start=options.start, threads=options.threads)
    if options.only in (None, "card"):
        write_card(options.work, options.models)


def make_detector(
    work: Path, models: Path, *, settings: DetectorSettings | None = None, threads: int | None = None
) -> None:
    """Train and check the detector; what was measured goes to `detector.json` in the work folder."""
    settings = settings or DetectorSettings()
    start = time.monotonic()
    model = train_detector(work, models / "detector.pt", settings, threads=threads)
    note_training(work / "detector.json", asdict(settings), time.monotonic() - start)
    note_check(work / "detector.json", check_detector(work, model, settings))


def make_clip(
    work: Path,
    models: Path,
    *,
    settings: ClipSettings | None = None,
    start: Path | None = None,
    threads: int | None = None,
) -> None:
    """Train CLIP on what the detector beside it finds, and check it; what was measured goes to `clip.json`."""
    settings = settings or ClipSettings()
    began = time.monotonic()
    detector = models / "detector.pt"
    model = train_clip(work, models / "clip", settings, detector=detector, start=start, threads=threads)
    note_training(work / "clip.json", asdict(settings), time.monotonic() - began)
    note_check(work / "clip.json", check_clip(work, model, settings, detector=detector))


def note_training(path: Path, settings: Mapping[str, Any], seconds: float) -> None:
    """Note how a model was trained and how long it took."""
    write_text(path, json.dumps({"settings": dict(settings), "seconds": seconds, "machine": describe_machine()}))


def note_check(path: Path, figures: Mapping[str, float]) -> None:
    """Add what was measured of a model."""
    write_text(path, json.dumps({**json.loads(path.read_text(encoding="utf-8")), "figures": dict(figures)}))


def write_card(work: Path, models: Path) -> None:
    """Write the model card from what was noted of both models."""
    detector, clip = (json.loads((work / f"{name}.json").read_text(encoding="utf-8")) for name in ("detector", "clip"))
    shown, zero_shot = detector["figures"], clip["figures"]
    text = CARD.format(
        unseen=_wrap(f"Never in any training: {', '.join(UNSEEN_KINDS)}. Finding these is the test."),
        classes=", ".join(DETECTOR_CLASSES),
        other=OTHER,
        n_parameters=_count_parameters(models / "detector.pt"),
        detector_mb=_megabytes(models / "detector.pt"),
        clip_mb=sum(_megabytes(file) for file in (models / "clip").iterdir() if file.is_file()),
        map50=shown["mAP50"],
        map=shown["mAP50-95"],
        ap_rows="\n".join(f"| {name} | {shown[name]:.3f} |" for name in DETECTOR_CLASSES if name in shown),
        trained_kinds=zero_shot["trained_top1_mean_of_kinds"],
        left_out_kinds=zero_shot["left_out_strange_mean_of_kinds"],
        n_known=len([kind for kind in ALL_KINDS if kind.seen]),
        n_strangers=len(STRANGERS),
        n_families=len(FAMILIES),
        n_absent=len(names_without_pictures()),
        detector_minutes=detector["seconds"] / 60,
        clip_minutes=clip["seconds"] / 60,
        detector_note=_wrap(detector.get("note", "")),
        clip_note=_wrap(clip.get("note", "")),
        detector_settings=_in_one_line(detector["settings"]),
        clip_settings=_in_one_line(clip["settings"]),
        machine=detector["machine"],
        **{name: detector["settings"][name] for name in ("depth", "width", "imgsz", "n_check_scenes")},
        image_size=clip["settings"]["image_size"],
        **{name: zero_shot[name] for name in ("trained_crops", "trained_top1", "left_out_crops", "left_out_strange")},
        **{name: zero_shot[name] for name in ("nameless_crops", "nameless_strange")},
        **{name: zero_shot[name] for name in ("ordinary_crops", "ordinary_strange")},
    )
    write_text(models / "MODEL_CARD.md", text)


def describe_machine() -> str:
    """Return in words what the models were trained on, without the machine's name."""
    import torch

    bfloat16 = "with" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "without"
    return f"{os.cpu_count()} cores ({platform.machine()}, {bfloat16} bfloat16), no GPU"


def _count_parameters(path: Path) -> int:
    from ...models.yolo import load_net

    return sum(weights.numel() for weights in load_net(path).parameters())


def _megabytes(path: Path) -> float:
    return path.stat().st_size / 1e6


def _wrap(text: str) -> str:
    return textwrap.fill(text, 118)


def _in_one_line(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


if __name__ == "__main__":
    main()
