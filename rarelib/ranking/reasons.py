"""Why an object is shown: a short sentence in plain words with the numbers behind it, and codes for machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from ..language import say
from ..tables import DETECTED, LABEL, PROPOSAL
from .crop_quality import crop_faults

EXPLAINED = 100_000  # more are on no page; a sentence takes 2 kB while it is made
ROWS_AT_ONCE = 10_000
FEW, FEW_SHARE = 20, 0.05
STRANGE = 0.9  # percentile of the look from which it is said
TOLD = 0.5  # of a sign from which it is said; among the signs of the text tower about the first twentieth
GOOD_QUALITY = 0.5
OFF_ROAD = 0.5  # how little roads are expected to show a class, from which it is said
FAINT = 0.01  # confidence of which two decimals say nothing
HIDDEN = 0.3  # share from which what stands in front is told


def explain_objects(table: pd.DataFrame, *, n_objects: int, language: str = "en") -> pd.DataFrame:
    """Say for each object that is selected, or among the first EXPLAINED, why it stands where it does.

    Args:
        table: Objects joined with their scores: class_name, confidence, origin, class_count, class_missed, the columns
            of SIGNS, embedding_rarity, phrase ("" or the class that fits better), nearest (cosine or NaN), quality,
            hidden (share), event, event_size, selected, rank, verdict (1, 0 or NaN), and what crop_faults reads.
        n_objects: Detected objects, among which the class was counted.
        language: Of the sentences.

    Returns:
        The table with reason (sentence) and reason_codes (separated by commas), both "" for all others.
    """
    faults = crop_faults(table)
    told = np.flatnonzero(table["selected"] | (table["rank"] <= EXPLAINED))
    sentences, codes = (np.full(len(table), "", dtype=object) for _ in range(2))
    for start in range(0, len(told), ROWS_AT_ONCE):
        numbers = told[start : start + ROWS_AT_ONCE]
        for number, row in zip(numbers, table.iloc[numbers].to_dict("records"), strict=True):
            wrong = [name for name in faults if faults[name][number]] if row["quality"] < GOOD_QUALITY else []
            said = list(_signs(row, n_objects, wrong, language))
            sentences[number] = say("rarity.between", language).join(text for _, text in said)
            codes[number] = ",".join(code for code, _ in said)
    return table.assign(reason=pd.Series(sentences, dtype="str"), reason_codes=pd.Series(codes, dtype="str"))


def _signs(row: dict[str, Any], n_objects: int, wrong: list[str], language: str) -> Iterator[tuple[str, str]]:
    def told(key: str, **values: object) -> tuple[str, str]:
        return key, say(f"rarity.{key}", language, **values)

    name, count = row["class_name"], row["class_count"]
    proposal = row["origin"] not in (DETECTED, LABEL)
    looks_like = row["phrase"] if max(row["sign_words"], row["sign_strange"]) >= TOLD else ""
    if not np.isnan(row["verdict"]):
        yield told("verdict_rare" if row["verdict"] == 1 else "verdict_common")
    if proposal:
        guess = "proposal" if row["confidence"] >= FAINT else "proposal_faint"
        whose = "second" if row["origin"] != PROPOSAL else "proposal_like" if looks_like else guess
        values = {"confidence": row["confidence"], "origin": row["origin"], "phrase": looks_like}
        yield "proposal", told(whose, class_name=name, **values)[1]
    else:
        yield told(_frequency(count, n_objects), class_name=name, count=count, objects=n_objects)
        if row["class_missed"] and count < FEW:
            yield told("missed", count=row["class_missed"])
    if row["sign_keyword"]:
        yield told("keyword", class_name=name)
    if row["sign_name"] >= OFF_ROAD and not proposal:
        yield told("off_road", class_name=name)
    if row["embedding_rarity"] >= STRANGE:
        odd = count >= FEW and not proposal
        yield told("odd" if odd else "unlike", class_name=name, share=min(row["embedding_rarity"], 0.999))
    if looks_like and not proposal:
        yield told("mismatch", class_name=name, phrase=looks_like)
    if row["sign_doubt"] >= TOLD:
        yield told("doubt", class_name=name, confidence=row["confidence"])
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


def _frequency(count: int, n_objects: int) -> str:
    """Return the code that says how frequent a class is."""
    if count <= 1:
        return "only_one"
    return "few" if count < FEW and count < FEW_SHARE * n_objects else "common"
