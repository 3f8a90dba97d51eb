"""Why an object is shown: a short sentence in plain words with the numbers behind it, and codes for machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from ..language import say
from .crop_quality import crop_faults

FEW, FEW_SHARE = 20, 0.05
STRANGE = 0.9  # percentile of the look from which it is said
GOOD_QUALITY = 0.5
OFF_ROAD = 0.5  # how little roads are expected to show a class, from which it is said
HIDDEN = 0.3  # share from which what stands in front is told


def explain_objects(table: pd.DataFrame, *, n_objects: int, language: str = "en") -> pd.DataFrame:
    """Say for each object why it stands where it does.

    Args:
        table: Objects joined with their scores: class_name, confidence, origin, class_count, named, off_road,
            embedding_rarity, phrase ("" or the class that fits better), nearest (cosine or NaN), quality,
            hidden (share), event, event_size, verdict (1, 0 or NaN), and what crop_faults reads.
        n_objects: Objects among which the class was counted.
        language: Of the sentences.

    Returns:
        The table with reason (sentence) and reason_codes (separated by commas).
    """
    faults = crop_faults(table)
    sentences, codes = [], []
    for number, row in enumerate(table.to_dict("records")):
        wrong = [name for name in faults if faults[name][number]] if row["quality"] < GOOD_QUALITY else []
        said = list(_signs(row, n_objects, wrong, language))
        sentences.append(say("rarity.between", language).join(text for _, text in said))
        codes.append(",".join(code for code, _ in said))
    return table.assign(reason=pd.Series(sentences, dtype="str"), reason_codes=pd.Series(codes, dtype="str"))


def _signs(row: dict[str, Any], n_objects: int, wrong: list[str], language: str) -> Iterator[tuple[str, str]]:
    def told(key: str, **values: object) -> tuple[str, str]:
        return key, say(f"rarity.{key}", language, **values)

    name, count = row["class_name"], row["class_count"]
    if not np.isnan(row["verdict"]):
        yield told("verdict_rare" if row["verdict"] == 1 else "verdict_common")
    if row["origin"] == "proposal":
        yield told("proposal", class_name=name, confidence=row["confidence"])
    elif count <= 1:
        yield told("only_one", class_name=name, objects=n_objects)
    else:
        yield told(
            "few" if count < FEW and count < FEW_SHARE * n_objects else "common",
            class_name=name,
            count=count,
            objects=n_objects,
        )
    if row["named"] and row["origin"] != "proposal":
        yield told("keyword", class_name=name)
    if row["off_road"] >= OFF_ROAD and row["origin"] != "proposal":
        yield told("off_road", class_name=name)
    if row["embedding_rarity"] >= STRANGE:
        odd = count >= FEW and row["origin"] != "proposal"
        yield told("odd" if odd else "unlike", class_name=name, share=min(row["embedding_rarity"], 0.999))
    if row["phrase"]:
        yield told("mismatch", class_name=name, phrase=row["phrase"])
    if not np.isnan(row["nearest"]):
        yield told("nearest", similarity=row["nearest"])
    if row["event"] != row["object_id"]:
        yield told("repeat")
    elif row["event_size"] > 1:
        yield told("event", size=row["event_size"])
    if row["hidden"] >= HIDDEN:
        yield told("hidden", share=row["hidden"])
    if wrong:
        faults = say("rarity.between_faults", language).join(say(f"rarity.fault_{fault}", language) for fault in wrong)
        yield told("held_back", faults=faults)
