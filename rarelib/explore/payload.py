"""What the component is told of a run: columns of plain values, names once, and every text in the run's language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..language import phrases, say
from ..ranking.shares import rarity_parts
from ..ranking.signs import SIGNS
from ..run.verdict_file import COLUMNS, OWNER, as_cells
from ..tables import BOX
from .rows import code_name

SAID_ELSEWHERE = (
    "common",
    "missed",
    "nearest",
    "event",
    "proposal",
    "caption_disagrees",
)  # reason codes without a chip
MAX_TEXT = 600
DIGITS = 6  # of what is rounded to two on the page, as in reasons: rounded twice, 0.705431 is told as 0.70
UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
TEXTS = ("reason", "caption", "caption_error", "kind", "first_caption", "certainty", "attributes")


def component_data(
    rows: pd.DataFrame,
    neighbours: pd.DataFrame | None,
    *,
    run_name: str,
    verdicts: pd.DataFrame,
    can: Mapping[str, bool],
    selection: str = "ranked",
    language: str = "en",
) -> dict[str, Any]:
    """Return what the component needs, JSON-able.

    Args:
        rows: Of `rows.gather_objects`, or some of them.
        neighbours: The neighbours table; only objects among the rows are told.
        run_name: Under which a page remembers verdicts; no other run of other pictures has it.
        verdicts: Of `VerdictFile.rows`.
        can: What the host offers: words, learn, frames, download.
        selection: Of the run; with "union" the rarity is that of the plain recipe.
        language: "en" or "ja".

    Returns:
        Columns by name, all in the order of the rows; class, origin, drive, path, image as {names, codes}; codes as
        {names, shown, lists}; near as row -> [[row, similarity], …]; by_signs the rarity that the signs that raise add
        up to, None where they are not known; texts by key; verdicts as rows of owner ("" for none) and cells of the
        file, those of objects that are not among the rows too, so that saving loses none.
    """
    number = pd.Series(np.arange(len(rows)), index=rows["object_id"])
    texts = {name: _caption_text(rows, name) for name in TEXTS}
    return {
        "run": run_name,
        "language": language,
        "texts": component_texts(language),
        "can": dict(can),
        "verdicts": as_cells(verdicts)[[OWNER, *COLUMNS]].to_numpy().tolist(),
        "id": rows["object_id"].tolist(),
        "image": _codes_of(rows["image_id"]),
        "class": _named(rows["called"]),
        "origin": _named(rows["origin"], shown=lambda name: _origin_name(name, language)),
        "drive": _named(rows["group"]),
        "path": _named(rows["original_path"]),
        "codes": _codes(rows["reason_codes"], language),
        "rank": rows["rank"].astype(int).tolist(),
        "selected": rows["selected"].astype(int).tolist(),
        "marked": rows["marked"].astype(int).tolist(),
        "disagrees": rows["disagrees"].astype(int).tolist(),
        "event": _events(rows, number),
        "event_size": rows["event_size"].astype(int).tolist(),
        "box": rows[BOX].round().astype(int).to_numpy().tolist(),
        "near": _near(neighbours, number),
        **_signs(rows, language),
        "rarity_by": "plain" if selection == "union" else "verdicts",  # where it is not that by the signs
        **{name: _numbers(rows[name], DIGITS) for name in ("rarity", "confidence")},
        **{name: _numbers(rows[name], 3) for name in ("x", "y")},
        "size": _numbers(rows["size"], 0),
        **texts,
    }


def component_texts(language: str) -> dict[str, str]:
    """Return the component's own texts by key, with {places} for values left open."""
    start = "explore.ui."
    return {key.removeprefix(start): said[language] for key, said in phrases().items() if key.startswith(start)}


def plain(text: object, limit: int = MAX_TEXT) -> str:
    """Return a text without control, direction and broken characters, cut to a length."""
    flat = " ".join(UNSAFE.sub("", str(text)).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def _caption_text(rows: pd.DataFrame, name: str) -> list[str]:
    values = rows["reason_alone" if name == "reason" else name]  # what disagrees is said apart
    if name == "caption":
        values = values.where(rows["caption_source"] == "model", "")
    elif name == "caption_error":
        values = values.where(rows["caption_source"] == "fallback", "")
    codes, known = pd.factorize(values)  # most objects have no caption: each text is cleaned once
    texts = [plain(text) for text in known]
    return [texts[code] for code in codes]


def _named(values: pd.Series, shown: Any = None) -> dict[str, Any]:
    codes, names = pd.factorize(values.map(plain), sort=True)
    found = {"names": names.tolist(), "codes": codes.tolist()}
    return {**found, "shown": [shown(name) for name in names]} if shown else found


def _codes_of(values: pd.Series) -> dict[str, Any]:
    codes, names = pd.factorize(values)
    return {"names": names.tolist(), "codes": codes.tolist()}


def _codes(values: pd.Series, language: str) -> dict[str, Any]:
    lists = [[code for code in text.split(",") if code and code not in SAID_ELSEWHERE] for text in values]
    names = sorted({code for codes in lists for code in codes})
    place = {name: number for number, name in enumerate(names)}
    shown = [plain(code_name(name, language)) for name in names]
    return {"names": [plain(name) for name in names], "shown": shown, "lists": [[place[c] for c in cs] for cs in lists]}


def _origin_name(name: str, language: str) -> str:
    key = f"report.origin_{name}"
    return say(key, language) if key in phrases() else name


def _events(rows: pd.DataFrame, number: pd.Series) -> list[int]:
    """Return for each row the first row of its event; where that is not among the rows, the first that is."""
    first = pd.Series(np.arange(len(rows)), index=rows.index).groupby(rows["event"]).transform("first")
    return rows["event"].map(number).fillna(first).astype(int).tolist()


def _near(neighbours: pd.DataFrame | None, number: pd.Series) -> dict[int, list[list[float]]]:
    found: dict[int, list[list[float]]] = {}
    if neighbours is None:
        return found
    for row in neighbours.sort_values("position").itertuples():
        if row.object_id in number.index and row.neighbour_id in number.index:
            pair = [int(number[row.neighbour_id]), round(float(row.similarity), DIGITS)]
            found.setdefault(int(number[row.object_id]), []).append(pair)
    return found


def _signs(rows: pd.DataFrame, language: str) -> dict[str, Any]:
    from ..figures.signs import COLOURS, sign_name  # a pipeline that shows nothing loads no matplotlib

    parts = rarity_parts(rows)
    raising = [sign.name for sign in SIGNS if sign.raises and sign.name in parts]
    signs = [
        {
            "name": name,
            "label": sign_name(name, language),
            "raises": name in raising,
            "colour": COLOURS.get(name, ""),
            "values": _numbers(parts[name], 3),
        }
        for name in parts.columns
    ]
    return {"signs": signs, "by_signs": _numbers(parts[raising].sum(axis=1, min_count=1), 3)}


def _numbers(values: pd.Series, digits: int) -> list[float | None]:
    numbers = np.round(values.to_numpy(dtype=float, na_value=np.nan), digits)
    return np.where(np.isnan(numbers), None, numbers.astype(object)).tolist()
