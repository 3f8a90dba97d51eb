"""compare.html: two runs beside each other as one self-contained file that loads nothing and runs nothing."""

from __future__ import annotations

import base64
import hashlib
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from ..explore.payload import plain
from ..explore.thumbnails import small_picture
from ..figures.comparison import plot_rank_changes
from ..figures.style import png_bytes
from ..language import say
from ..run.folder import RunFolder, write_text
from .comparison import GROUPS, comparison_counts, group_rows, rank_agreement, setting_differences, settings_of

CROP_SIDE, CROP_QUALITY = 220, 72  # px, WebP
MAX_OBJECTS = 60  # of each group


def write_compare_page(
    first: RunFolder, second: RunFolder, table: pd.DataFrame, path: str | Path, *, language: str = "en"
) -> Path:
    """Write the comparison of two runs for a reader without Jupyter.

    Args:
        first: The first run, for its name, settings and crops.
        second: The second run.
        table: Of `comparison.compare_runs`.
        path: Of the file.
        language: "en" or "ja".

    Returns:
        The path.
    """
    names = {"first": first.root.resolve().name, "second": second.root.resolve().name}
    settings = setting_differences(*(settings_of(run, language=language) for run in (first, second)))
    page = _template().render(
        language=language,
        say=partial(_say, language),
        title=_say(language, "title", **names),
        names=names,
        sentence=comparison_sentence(first, second, table, language=language),
        policy=_content_policy(),
        css=_style(),
        settings=[{key: plain(value) for key, value in row.items()} for row in settings.to_dict("records")],
        agreement=rank_agreement(table).to_dict("records"),
        chart=_uri(png_bytes(plot_rank_changes(table, language=language)), "png"),
        groups=[_group(first if name == "lost" else second, table, name) for name in GROUPS],
    )
    write_text(Path(path), page)
    return Path(path)


def comparison_sentence(first: RunFolder, second: RunFolder, table: pd.DataFrame, *, language: str = "en") -> str:
    """Return in a sentence how many objects two runs have in common, and what the second gained and lost."""
    names = {"first_name": first.root.resolve().name, "second_name": second.root.resolve().name}
    return say("compare.sentence", language, **names, **comparison_counts(table))


def _group(run: RunFolder, table: pd.DataFrame, name: str) -> dict[str, Any]:
    rows = group_rows(table, name, count=MAX_OBJECTS)
    cards = [
        {
            "class_name": plain(row["class_name"]),
            "rarity": f"{row['rarity']:.2f}",
            "reason": plain(row["reason"]),
            "path": plain(row["path"]),
            "crop": _uri(
                small_picture(run.root / row["crop_path"], CROP_SIDE, form="webp", quality=CROP_QUALITY), "webp"
            ),
        }
        for row in rows.to_dict("records")
    ]
    return {"name": name, "cards": cards, "total": int(table["group"].eq(name).sum())}


def _say(language: str, key: str, **values: Any) -> str:
    return say(f"compare.{key}", language, **values)


def _uri(content: bytes, form: str) -> str:
    return f"data:image/{form};base64,{base64.b64encode(content).decode('ascii')}" if content else ""


def _content_policy() -> str:
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _style() -> str:
    folder = resources.files("rarelib.report")
    return "".join((folder / name).read_text(encoding="utf-8") for name in ("report.css", "compare.css"))


def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    text = (resources.files("rarelib.report") / "compare.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    return environment.from_string(text)
