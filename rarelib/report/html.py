"""report.html: a run as one self-contained file that loads nothing and trusts no text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import Any

from ..explore.component import component_style, page_script
from ..explore.payload import plain
from ..language import phrases, say
from ..run.folder import RunFolder
from ..run.queries import Tables
from ..words.vocabulary import shown_name
from .page import MAX_BYTES, Budget, page_data, page_pictures, page_rows

ABOUT_TRUST = ("audit", "evaluation")  # plots that stand in a section of their own
DRAWN_HERE = (
    "funnel",
    "rarest",
    "gallery",
    "neighbours",
    "signs",
    "captions",
    "map",
)  # what the page shows in its own way
PLOT_ORDER = (
    "contact_sheet", "boxes", "class_counts", "confidence_sizes", "early_filter", "looks_like", "scores", "agreement",
)  # fmt: skip
PHOTOGRAPHS = ("contact_sheet", "boxes")  # stay as they are in the dark
ALWAYS_SAID = ("images_folder", "sampling_rate", "yolo_model", "embedder", "selection", "skip_caption")
TIMES = ("total", "start_up", "read", "compute", "write")
PICTURE_STEPS = ("listed", "sampled", "unreadable")


def write_html(
    run: RunFolder,
    statistics: Mapping[str, Any],
    *,
    images_folder: str = "",
    max_objects: int = 200,
    language: str = "en",
) -> Path:
    """Write report.html: the rarest objects to look through and judge, how far to trust them, the funnel, figures.

    Args:
        run: The run, for its tables, crops, plots, config.json, audit and evaluation.
        statistics: Of `results.collect_statistics`.
        images_folder: Of the source pictures, for whole pictures; "" takes the run's demo world.
        max_objects: At most this many selected objects are cards, rarest first; whole pictures are added as long as
            the page stays below 15 MB.
        language: "en" or "ja".

    Returns:
        Path of the file.
    """
    shown, cards, selected = page_rows(run, max_objects=max_objects, language=language)
    data = page_data(run, shown, language=language)
    plots = _plots(run, language, but=() if _names_compared(run) else ("looks_like",))
    budget = Budget(
        MAX_BYTES - len(safe_json(data)) - sum(len(plot["uri"]) for each in plots.values() for plot in each)
    )
    pictures, whole, wanted = page_pictures(
        run, shown, cards, run.images_root(images_folder), budget, language=language
    )
    ranked = int(shown["selected"].head(cards).sum())  # some cards are there for the precision alone
    counts = {"shown": ranked, "selected": selected, "whole": whole, "wanted": wanted}
    best = {"class_name": plain(shown["called"][0]), "reason": data["reason"][0]} if cards else None
    told = {"data": safe_json(data), "pictures": safe_json(pictures), "counts": counts, "best": best}
    run.write_text("report.html", _render(run, statistics, plots, told, language))
    return run.path("report.html")


def safe_json(value: Any) -> str:
    """Return JSON that cannot end the script element which holds it, nor begin a comment or another one."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _render(
    run: RunFolder,
    statistics: Mapping[str, Any],
    plots: Mapping[str, list[dict[str, Any]]],
    told: Mapping[str, Any],
    language: str,
) -> str:
    config = _json_or_empty(run, "config.json")
    left_out = statistics["left_out"].items()
    classes = [{**row, "class_name": shown_name(row["class_name"], language)} for row in statistics["classes"]]
    return _template().render(
        language=language,
        say=partial(_say, language),
        title=run.root.resolve().name,
        css=_style(),
        script=page_script(),
        policy=_content_policy(),
        sentence=say("report_sentence", language, **statistics["sentence"]),
        steps=_funnel_steps(statistics["funnel"], language),
        asked=_parameters(config.get("parameters", {})),
        trust={name: _json_or_empty(run, f"tables/{name}.json") for name in ABOUT_TRUST},
        plots=plots,
        statistics=statistics,
        classes=classes,
        left_out={what: {plain(reason): count for reason, count in reasons.items()} for what, reasons in left_out},
        times=TIMES,
        config=config,
        **told,
    )


def _say(language: str, key: str, **values: Any) -> str:
    return say(f"report.{key}", language, **values)


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


def _names_compared(run: RunFolder) -> bool:
    """Tell whether names could say of any crop that it looks like what roads are not full of."""
    with Tables(run, optional=("zero_shot",)) as tables:
        if "strangeness" not in tables.columns.get("zero_shot", ()):
            return False
        return bool(tables.value("SELECT count(*) FROM zero_shot WHERE strangeness <= 1"))


def _plots(run: RunFolder, language: str, *, but: Sequence[str] = ()) -> dict[str, list[dict[str, Any]]]:
    """Return title, data URI and kind of the saved plots but some, those about trust apart."""
    found = {path.stem: path for path in sorted((run.root / "plots").glob("*.png")) if path.stem not in but}
    others = [name for name in found if name not in (*PLOT_ORDER, *ABOUT_TRUST, *DRAWN_HERE)]
    order = [name for name in (*PLOT_ORDER, *others) if name in found]
    trust = {name: [_plot(name, found[name], language)] for name in ABOUT_TRUST if name in found}
    return {"others": [_plot(name, found[name], language) for name in order], **trust}


def _plot(name: str, path: Path, language: str) -> dict[str, Any]:
    uri = f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
    return {"title": _plot_title(name, language), "uri": uri, "photograph": name in PHOTOGRAPHS}


def _plot_title(name: str, language: str) -> str:
    key = f"report.plot.{name}"
    return say(key, language) if key in phrases() else plain(name.replace("_", " "))


def _content_policy() -> str:
    """Forbid everything but the page's own style and script, known by their hashes, and pictures within the page."""
    script, style = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (page_script(), _style())
    )
    allowed = f"img-src data: blob:; script-src 'sha256-{script}'; style-src 'sha256-{style}'"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _json_or_empty(run: RunFolder, relative: str) -> dict[str, Any]:
    return run.read_json(relative) if (run.root / relative).is_file() else {}


def _style() -> str:
    return _asset("report.css") + component_style()


@cache
def _asset(name: str) -> str:
    return (resources.files("rarelib.report") / name).read_text(encoding="utf-8")


def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    return environment.from_string(_asset("report.html.j2"))
