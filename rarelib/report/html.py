"""report.html: a run as one self-contained file that loads nothing and trusts no text."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from ..captions.doubt import disagreement_sentence
from ..language import phrases, say
from ..run.folder import RunFolder

CROP_SIDE, NEIGHBOUR_SIDE = 260, 96  # px
WEBP_QUALITY = 74
NEIGHBOURS_SHOWN = 3
ABOUT_TRUST = ("audit", "evaluation")  # plots that stand in a section of their own
DRAWN_HERE = ("funnel", "rarest", "gallery", "neighbours", "captions")  # plots that the page shows in its own way
PLOT_ORDER = (
    "contact_sheet",
    "boxes",
    "class_counts",
    "confidence_sizes",
    "early_filter",
    "scores",
    "agreement",
    "map",
)
ALWAYS_SAID = ("images_folder", "sampling_rate", "yolo_model", "embedder", "selection", "skip_caption")
TIMES = ("total", "start_up", "read", "compute", "write")
PICTURE_STEPS = ("listed", "sampled", "unreadable")
SAID_ELSEWHERE = ("common", "nearest", "event", "proposal", "caption_disagrees")  # reason codes without a chip
MAX_TEXT = 600
UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def write_html(
    run: RunFolder,
    results: pd.DataFrame,
    statistics: Mapping[str, Any],
    *,
    max_objects: int = 200,
    language: str = "en",
) -> Path:
    """Write report.html: what was asked, the funnel, the rarest objects with reasons, how far to trust it, figures.

    Args:
        run: The run, for its crops, plots, config.json, neighbours, audit and evaluation.
        results: Table of `report.collect_results`.
        statistics: Of `report.collect_statistics`.
        max_objects: At most this many selected objects stand in the gallery, rarest first.
        language: "en" or "ja".

    Returns:
        Path of the file.
    """
    config = _json_or_empty(run, "config.json")
    selected = results[results["selected"].astype(bool)].sort_values("rank")
    cards = [_card(run, row, language) for row in selected.head(max_objects).to_dict("records")]
    _add_neighbours(run, cards, results)
    page = _template().render(
        language=language,
        say=partial(_say, language),
        title=run.root.resolve().name,
        css=_asset("report.css"),
        script=_asset("report.js"),
        policy=_content_policy(),
        sentence=say("report_sentence", language, **statistics["sentence"]),
        steps=_funnel_steps(statistics["funnel"], language),
        asked=_parameters(config.get("parameters", {})),
        cards=cards,
        selected=len(selected),
        filters=_filters(cards),
        trust={name: _json_or_empty(run, f"tables/{name}.json") for name in ABOUT_TRUST},
        plots=_plots(run, language),
        statistics=statistics,
        left_out={
            what: {plain(reason): count for reason, count in reasons.items()}
            for what, reasons in statistics["left_out"].items()
        },
        times=TIMES,
        config=config,
    )
    run.write_text("report.html", page)
    return run.path("report.html")


def plain(text: object, limit: int = MAX_TEXT) -> str:
    """Return a text without control, direction and broken characters, cut to a length."""
    flat = " ".join(UNSAFE.sub("", str(text)).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def picture_uri(path: Path, side: int) -> str:
    """Return a picture made smaller as a data URI; "" where it cannot be read."""
    from PIL import Image

    from ..pictures.decoding import read_image
    from ..pictures.listing import ImageError

    try:
        picture = Image.fromarray(read_image(path))
    except ImageError:
        return ""
    picture.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = io.BytesIO()
    picture.save(buffer, "webp", quality=WEBP_QUALITY, method=4)
    return _data_uri(buffer.getvalue(), "image/webp")


def code_name(code: str, language: str) -> str:
    """Return what a reason code is called."""
    key = f"report.code.{code}"
    return say(key, language) if key in phrases() else plain(code.replace("_", " "))


def _say(language: str, key: str, **values: Any) -> str:
    return say(f"report.{key}", language, **values)


def _card(run: RunFolder, row: Mapping[str, Any], language: str) -> dict[str, Any]:
    codes = [code for code in str(row["reason_codes"]).split(",") if code and code not in SAID_ELSEWHERE]
    if row["disagrees"]:  # said apart, where it is seen
        said = disagreement_sentence(row["class_name"], row["kind"], language)
        row = {**row, "reason": row["reason"].removesuffix(said).removesuffix(say("rarity.between", language))}
    texts = ("class_name", "reason", "caption", "kind", "first_caption", "original_path", "caption_error", "origin")
    return {
        **row,
        **{name: plain(row[name]) for name in texts},
        "codes": [(plain(code), code_name(code, language)) for code in codes],
        "caption": plain(row["caption"]) if row["caption_source"] == "model" else "",
        "picture": picture_uri(run.root / row["crop_path"], CROP_SIDE),
        "box": " ".join(f"{value:.0f}" for value in row["bbox"]),
        "neighbours": [],
    }


def _add_neighbours(run: RunFolder, cards: Sequence[dict[str, Any]], results: pd.DataFrame) -> None:
    if not run.table_path("neighbours").is_file():
        return
    near = run.read_table("neighbours")
    crops = results[["object_id", "crop_path", "class_name"]].rename(columns={"object_id": "neighbour_id"})
    near = near[near["object_id"].isin([card["object_id"] for card in cards])]
    near = near[near["position"] <= NEIGHBOURS_SHOWN].merge(crops, on="neighbour_id")
    small = cache(lambda path: picture_uri(run.root / path, NEIGHBOUR_SIDE))
    of = {key: rows.sort_values("position") for key, rows in near.groupby("object_id")}
    for card in cards:
        for row in of.get(card["object_id"], near.head(0)).itertuples():
            about = {"class_name": plain(row.class_name), "similarity": f"{row.similarity:.2f}"}
            card["neighbours"].append({"picture": small(row.crop_path), **about})


def _filters(cards: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, tuple[str, int]]]:
    """Return for each filter its values, with what they are called and how many cards have them."""
    found: dict[str, dict[str, tuple[str, int]]] = {"class": {}, "code": {}, "origin": {}}
    for card in cards:
        values = [("class", card["class_name"], card["class_name"]), ("origin", card["origin"], card["origin"])]
        for name, value, shown in values + [("code", code, text) for code, text in card["codes"]]:
            found[name][value] = (shown, found[name].get(value, (shown, 0))[1] + 1)
    return {name: dict(sorted(values.items(), key=lambda item: -item[1][1])) for name, values in found.items()}


def _funnel_steps(funnel: Mapping[str, int | None], language: str) -> list[dict[str, Any]]:
    steps = []
    for name, count in funnel.items():
        unit = PICTURE_STEPS if name in PICTURE_STEPS else tuple(set(funnel) - set(PICTURE_STEPS))
        most = max([funnel[other] or 0 for other in unit if other in funnel] + [1])
        text = say("plots.skipped", language) if count is None else f"{count:,}"
        share = 100 * (count or 0) / most
        steps.append(
            {"name": name, "label": say(f"plots.step.{name}", language), "text": text, "width": round(share, 2)}
        )
    return steps


def _parameters(parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return name, value, and whether it is worth saying: changed from its default, or one that explains the run."""
    from ..params import Params

    defaults = {name: field.default for name, field in Params.model_fields.items()}
    rows = []
    for name, value in parameters.items():
        text = ", ".join(str(part) for part in value) if isinstance(value, list) else str(value)
        said = name in ALWAYS_SAID or value != defaults.get(name)
        rows.append({"name": name, "value": plain(re.sub(r"//[^/@\s]+@", "//", text)), "said": said})
    return rows


def _plots(run: RunFolder, language: str) -> dict[str, list[tuple[str, str]]]:
    """Return (title, data URI) of the saved plots, those about trust apart."""
    found = {path.stem: path for path in sorted((run.root / "plots").glob("*.png"))}
    others = [name for name in found if name not in (*PLOT_ORDER, *ABOUT_TRUST, *DRAWN_HERE)]
    order = [name for name in (*PLOT_ORDER, *others) if name in found]
    drawn = {name: (_plot_title(name, language), _data_uri(found[name].read_bytes(), "image/png")) for name in found}
    trust = {name: [drawn[name]] for name in ABOUT_TRUST if name in found}
    return {"others": [drawn[name] for name in order], **trust}


def _plot_title(name: str, language: str) -> str:
    key = f"report.plot.{name}"
    return say(key, language) if key in phrases() else plain(name.replace("_", " "))


def _data_uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _content_policy() -> str:
    """Forbid everything but the page's own style and script, known by their hashes, and pictures within the page."""
    script, style = (
        base64.b64encode(hashlib.sha256(_asset(name).encode()).digest()).decode()
        for name in ("report.js", "report.css")
    )
    allowed = f"img-src data:; script-src 'sha256-{script}'; style-src 'sha256-{style}'"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _json_or_empty(run: RunFolder, relative: str) -> dict[str, Any]:
    return run.read_json(relative) if (run.root / relative).is_file() else {}


@cache
def _asset(name: str) -> str:
    return (resources.files("rarelib.report") / name).read_text(encoding="utf-8")


def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    return environment.from_string(_asset("report.html.j2"))
