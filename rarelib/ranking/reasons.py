"""Why an object is shown: a short sentence in plain words with the numbers behind it, and codes for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..language import say
from ..tables import DETECTED, LABEL, PROPOSAL, is_proposal
from ..words.vocabulary import shown_name
from .crop_quality import crop_faults
from .percentiles import percentile_of
from .shares import rarity_parts
from .signs import SIGNS

EXPLAINED = 100_000  # more are on no page; a sentence takes 2 kB while it is made
ROWS_AT_ONCE = 10_000
FEW, FEW_SHARE = 20, 0.05
STRANGE = 0.9  # percentile of the look from which it is said
TOLD = 0.5  # of a sign from which it is said; among the signs of the text tower about the first twentieth
OFF_ROAD = 0.5  # how little roads are expected to show a class, from which it is said
MATTERS = 0.1  # of rarity that a sign adds, from which it is said if none adds more, however weak it is
SIGNS_SAID = 3  # at most of those that raise, the ones that add most
HOLDS_BACK = 0.2  # share of what was raised that a sign takes away, from which it is said
LEAST_COMPARED = 50  # detected objects; among fewer a percentage says nothing
LARGEST_SHARE = 0.999  # nothing is told as stranger than 100.0 %
FAINT = 0.01  # confidence of which two decimals say nothing
HIDDEN = 0.3  # share from which what stands in front is told
RAISING, HOLDING = ([sign.name for sign in SIGNS if sign.raises is raises] for raises in (True, False))
HELD = {"sign_evidence": "held_evidence", "sign_size": "held_size", "sign_height": "held_height"}
UNCLEAR = "unclear"  # a crop that is poor in many ways, in none of them much
SAID_ANYHOW = ("sign_frequency",)  # of what was detected, how frequent it is comes first


def explain_objects(table: pd.DataFrame, *, n_objects: int, language: str = "en") -> pd.DataFrame:
    """Say for each object that is selected, judged, or among the first EXPLAINED, why it stands where it does.

    Of the signs those are named that are strong, and the one that added most; of the ones that hold down those that
    took away much.

    Args:
        table: Objects joined with their scores: class_name, confidence, origin, class_count, class_missed, the columns
            of SIGNS, embedding_rarity, phrase ("" or the class that fits better), nearest (cosine or NaN), hidden
            (share), event, event_size, selected, rank, verdict (1, 0 or NaN), and what crop_faults reads.
        n_objects: Detected objects, among which the class was counted.
        language: Of the sentences.

    Returns:
        The table with reason (sentence) and reason_codes (separated by commas), both "" for all others.
    """
    faults = crop_faults(table)
    compared = int((~is_proposal(table)).sum())
    told = np.flatnonzero(table["selected"] | (table["rank"] <= EXPLAINED) | table["verdict"].notna())
    sentences, codes = (np.full(len(table), "", dtype=object) for _ in range(2))
    for start in range(0, len(told), ROWS_AT_ONCE):
        numbers = told[start : start + ROWS_AT_ONCE]
        rows = table.iloc[numbers]
        known = zip(numbers, rows.to_dict("records"), rarity_parts(rows).to_dict("records"), strict=True)
        for number, row, parts in known:
            row |= {"faults": [name for name in faults if faults[name][number]], "compared": compared}
            said = list(_said({**row, "objects": n_objects}, parts, language))
            sentences[number] = say("rarity.between", language).join(text for _, text in said)
            codes[number] = ",".join(code for code, _ in said)
    return table.assign(reason=pd.Series(sentences, dtype="str"), reason_codes=pd.Series(codes, dtype="str"))


def _said(row: dict[str, Any], parts: Mapping[str, float], language: str) -> Iterator[tuple[str, str]]:
    """Yield codes and texts: verdict, how rare its class is, what raised it, what is near, what holds it back."""

    def told(code: str, key: str = "", **values: object) -> tuple[str, str]:
        return code, say(f"rarity.{key or code}", language, **values)

    about = {"class_name": shown_name(row["class_name"], language), "objects": row["objects"]}
    proposal = row["origin"] not in (DETECTED, LABEL)
    signs = _chosen(row, parts, said_anyhow=() if proposal else SAID_ANYHOW)
    about["phrase"] = row["phrase"] if {"sign_words", "sign_strange"} & set(signs) else ""
    if not np.isnan(row["verdict"]):
        yield told("verdict_rare" if row["verdict"] == 1 else "verdict_common")
    if proposal:
        yield told("proposal", _proposal_key(row, about["phrase"]), **_numbers(row), **about)
    frequency = "" if proposal else _frequency(row["class_count"], row["objects"])
    if frequency and frequency != "common":
        yield told(frequency, count=row["class_count"], **about)
        if row["class_missed"] and row["class_count"] < FEW:
            yield told("missed", count=row["class_missed"])
    for code, key in _sign_keys(row, signs, proposal=proposal, phrase=about["phrase"]):
        yield told(code, key, **_numbers(row), **about)
    if frequency == "common":  # is no reason, and comes after those
        yield told(frequency, count=row["class_count"], **about)
    if not np.isnan(row["nearest"]):
        yield told("nearest", similarity=row["nearest"])
    if row["event"] != row["object_id"]:
        yield told("repeat")
    elif row["event_size"] > 1:
        yield told("event", size=row["event_size"])
    if row["hidden"] >= HIDDEN:
        yield told("hidden", share=row["hidden"])
    for code in _holding(parts):
        faults = say("rarity.between_faults", language).join(
            say(f"rarity.fault_{f}", language) for f in row["faults"] or [UNCLEAR]
        )
        yield told(code, faults=faults, evidence=row["sign_evidence"])


def _chosen(row: Mapping[str, Any], parts: Mapping[str, float], *, said_anyhow: tuple[str, ...]) -> list[str]:
    """Return the signs that raise and are to be named, the first SIGNS_SAID by what they add."""
    by_part = sorted(RAISING, key=lambda name: -parts[name])
    strong = {
        "sign_name": row["sign_name"] >= OFF_ROAD,
        "sign_look": row["embedding_rarity"] >= STRANGE,
        "sign_words": row["sign_words"] >= TOLD,
        "sign_strange": row["sign_strange"] >= TOLD,
        "sign_doubt": row["sign_doubt"] >= TOLD,
        "sign_keyword": row["sign_keyword"] > 0,
    }
    first = by_part[0] if parts[by_part[0]] >= MATTERS else ""
    named = [name for name in by_part if strong.get(name) or name == first]
    return [name for name in named if name not in said_anyhow][:SIGNS_SAID]


def _sign_keys(row: Mapping[str, Any], signs: list[str], *, proposal: bool, phrase: str) -> Iterator[tuple[str, str]]:
    """Yield the code of each sign that is named, and the key of its text where that is another one."""
    percentages = row["compared"] >= LEAST_COMPARED
    if "sign_keyword" in signs:
        yield "keyword", ""
    if "sign_name" in signs:
        yield "off_road", "off_road_guess" if proposal else ""
    if "sign_frequency" in signs:
        yield "few", "few_guess"
    if "sign_look" in signs and percentages:
        odd = row["embedding_rarity"] >= STRANGE and row["class_count"] >= FEW and not proposal
        yield "odd" if odd else "unlike", ""
    if phrase and not proposal:
        yield "mismatch", ""
    if "sign_strange" in signs:
        yield "strange", "" if percentages else "strange_few"
    if "sign_doubt" in signs:
        yield "doubt", ""


def _numbers(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers that texts name."""
    beyond = percentile_of(row["sign_strange"] / max(1 - row["hidden"], 1e-9))
    shares = {"share": row["embedding_rarity"], "beyond": beyond}
    return {
        **{name: min(float(share), LARGEST_SHARE) for name, share in shares.items()},
        **{name: row[name] for name in ("confidence", "origin")},
        "count": row["class_count"],
    }


def _proposal_key(row: Mapping[str, Any], phrase: str) -> str:
    if row["origin"] != PROPOSAL:
        return "second"
    guess = "proposal" if row["confidence"] >= FAINT else "proposal_faint"
    return "proposal_like" if phrase else guess


def _holding(parts: Mapping[str, float]) -> Iterator[str]:
    """Yield the code of each sign that took away much, those first that took most."""
    least = HOLDS_BACK * sum(parts.values()) - 1e-9  # one of weight 0.2 takes so much, but for rounding
    for name in sorted(HOLDING, key=lambda name: -parts[name]):
        if parts[name] >= least > 0:
            yield HELD.get(name, "held_back")


def _frequency(count: int, n_objects: int) -> str:
    """Return the code that says how frequent a class is."""
    if count <= 1:
        return "only_one"
    return "few" if count < FEW and count < FEW_SHARE * n_objects else "common"
