"""Captions of the selected objects: words from a vision-language model, or the class name, never nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..engines import Workers
from ..language import say
from ..objects.zero_shot import shown_names
from ..run.folder import fingerprint
from ..run.progress import Progress
from ..run.secrets import hide_secrets, known_secrets
from ..settings import CaptionSettings
from ..tables import BOX, is_proposal
from .answers import MAX_CAPTION_CHARS, MAX_KIND_CHARS, clean_text
from .check import check_caption_settings
from .dialogue import Outcome, Question, hold_dialogues, run_beside
from .journal import Journal
from .models import identity_of, load_model, name_of
from .pictures import PictureReader, object_pictures
from .prompts import prompt_version
from .spread import spread_dialogues

if TYPE_CHECKING:
    from .clip import ClipEmbedder

CLEARLY_NEARER = 0.02  # cosine; at CLIP's temperature of 100 the phrase is then 7 times as likely as the class
# column -> its value where nobody was asked
COLUMNS: dict[str, Any] = {
    "object_id": "", "caption": "", "source": "class_name", "error": "", "model": "", "seconds": 0.0, "kind": "",
    "attributes": "", "agrees": "", "certainty": "", "first_caption": "", "prompt_version": "", "input_tokens": 0,
    "output_tokens": 0, "disagrees": False,
}  # fmt: skip
TEXTS = [name for name, value in COLUMNS.items() if isinstance(value, str)]
FREE_TEXTS = ("caption", "error", "kind", "attributes", "first_caption")  # in the words of a model or a server


def caption_objects(
    selected: pd.DataFrame,
    run_root: Path,
    images_root: Path,
    settings: CaptionSettings,
    *,
    journal: Path | None = None,
    embedder: ClipEmbedder | None = None,
    vectors: tuple[np.ndarray, Sequence[str]] | None = None,
    workers: Workers = 1,
) -> pd.DataFrame:
    """Caption the selected objects that are marked `to_caption`; the others get their class name.

    Args:
        selected: Selected objects, rarest first: object_id, path (of the picture, relative to images_root),
            class_name, confidence [0, 1], x_min, y_min, x_max, y_max [px], crop_path (relative to run_root),
            to_caption (bool; without the column all are) and, if known, zero_shot_phrase (CLIP's phrase, or "") and
            looks_like (the nearest of all names, or "").
        run_root: The run's folder.
        images_root: The folder of the pictures.
        settings: Who is asked, and how.
        journal: File of the answers, by default captions.jsonl in the run's folder.
        embedder: With source clip, what embeds the phrases.
        vectors: With source clip, the embedder's vectors of the objects, unit rows and their object ids, as
            `RunFolder.read_vectors` returns them; without, the crops are embedded.
        workers: A pool whose workers ask, or load the local model, each; a number asks from this process.

    Returns:
        Table with one row per selected object, in the same order, with `COLUMNS`. source is "model", "class_name" (not
        asked for; error tells if the budget was the reason) or "fallback" (asked for, but failed; error tells why).
        Every text is one clean line without the keys of the environment. disagrees tells that the last answer denies
        the detector's class; of a proposal, whose class is a guess, never.

    Raises:
        ValueError: If the source is not configured.
        CaptionError: If the first 20 calls all fail.
    """
    check_caption_settings(settings, reach=False)
    selected = selected.reset_index(drop=True)
    table, asked = _start_table(selected, settings)
    if not asked.any():
        return table
    if settings.caption_source == "clip":
        name = str(getattr(embedder, "about", {}).get("model", "clip"))
        outcomes = _nearest_phrases(selected[asked], run_root, settings, embedder, vectors)
        return _with_outcomes(table, outcomes, selected, model=name, prompt="")
    path = journal or run_root / "captions.jsonl"
    questions = _questions(
        selected[asked], run_root.absolute(), _absolute(images_root), settings, identity_of(settings)
    )
    outcomes = _ask(questions, path, settings, workers)
    return _with_outcomes(table, outcomes, selected, model=name_of(settings), prompt=prompt_version(settings.language))


def choose_captioned(
    scores: pd.DataFrame,
    objects: pd.DataFrame,
    images: pd.DataFrame,
    zero_shot: pd.DataFrame | None = None,
    *,
    selection: str = "ranked",
    language: str = "en",
) -> pd.DataFrame:
    """Return the selected objects, rarest first, joined with where they lie, `to_caption`, and what each is `called`.

    Args:
        scores: Table of stage 04.
        objects: Table of stage 02.
        images: Table of stage 01.
        zero_shot: CLIP's nearest class of each object (object_id, phrase, similarity, class_similarity); it becomes
            zero_shot_phrase where it is clearly nearer than the detector's class.
        selection: With "union" only objects of rare classes are captioned, else all that are selected.
        language: Of `called`.
    """
    chosen = scores[scores["selected"]].sort_values("rank")
    chosen = chosen.merge(objects, on="object_id", suffixes=("", "_of_object"))
    chosen = chosen.merge(images[["image_id", "path"]], on="image_id")
    chosen["to_caption"] = chosen["is_rare_class"] if selection == "union" else True
    looks = pd.DataFrame() if zero_shot is None else zero_shot
    chosen["called"] = shown_names(chosen, looks, language=language)
    if "looks_like" in looks:
        chosen["looks_like"] = chosen["object_id"].map(looks.set_index("object_id")["looks_like"]).fillna("")
    if zero_shot is None:
        return chosen.assign(zero_shot_phrase=pd.Series("", index=chosen.index, dtype="str"))
    clear = zero_shot[zero_shot["similarity"] - zero_shot["class_similarity"] >= CLEARLY_NEARER]
    phrases = clear.set_index("object_id")["phrase"]
    return chosen.assign(zero_shot_phrase=chosen["object_id"].map(phrases).fillna("").astype("str"))


def caption_counts(captions: pd.DataFrame) -> dict[str, Any]:
    """Return what the statistics say of a captions table: rows by what became of them, failures by error, costs.

    call_seconds are summed over calls that ran at the same time, those of earlier runs among them.
    """
    of_source = captions["source"].value_counts()
    captioned, failed = int(of_source.get("model", 0)), int(of_source.get("fallback", 0))
    errors = captions.loc[captions["source"] == "fallback", "error"].value_counts()
    return {
        "selected": len(captions),
        "asked": captioned + failed,
        "captioned": captioned,
        "failed": failed,
        "over_budget": int(((captions["source"] == "class_name") & (captions["error"] != "")).sum()),
        "asked_twice": int((captions["first_caption"] != "").sum()),
        "disagree": int(captions["disagrees"].sum()),
        "failures": {str(error): int(count) for error, count in errors.head(20).items()},
        "input_tokens": int(captions["input_tokens"].sum()),
        "output_tokens": int(captions["output_tokens"].sum()),
        "call_seconds": round(float(captions["seconds"].sum()), 3),
    }


def _start_table(selected: pd.DataFrame, settings: CaptionSettings) -> tuple[pd.DataFrame, pd.Series]:
    """Return the table with class names only, and who is asked about: the first of those marked, up to the budget."""
    marked = selected["to_caption"].astype(bool) if "to_caption" in selected else pd.Series(True, index=selected.index)
    asked = marked & (marked.cumsum() <= settings.caption_max_objects)
    table = pd.DataFrame({name: [value] * len(selected) for name, value in COLUMNS.items()}, columns=list(COLUMNS))
    table["object_id"] = selected["object_id"]
    table["caption"] = [clean_text(str(name), MAX_CAPTION_CHARS) for name in selected["class_name"]]
    table.loc[marked & ~asked, "error"] = say("caption_over_budget", settings.language)
    return table.astype(dict.fromkeys(TEXTS, "str")), asked


def _nearest_phrases(
    rows: pd.DataFrame,
    run_root: Path,
    settings: CaptionSettings,
    embedder: ClipEmbedder | None,
    vectors: tuple[np.ndarray, Sequence[str]] | None,
) -> dict[str, Outcome]:
    from .clip import clip_outcomes

    return clip_outcomes(rows, run_root, embedder, vectors, settings.caption_phrases, settings.language)


def _with_outcomes(
    table: pd.DataFrame, outcomes: dict[str, Outcome], selected: pd.DataFrame, *, model: str, prompt: str
) -> pd.DataFrame:
    rows, secrets = table.to_dict("records"), known_secrets()
    for row in rows:
        if outcome := outcomes.get(row["object_id"]):
            row |= _row(outcome) | {"model": model, "prompt_version": prompt}
            row |= {name: hide_secrets(row[name], secrets) for name in FREE_TEXTS}
    filled = pd.DataFrame(rows, columns=list(COLUMNS))
    if "origin" in selected:
        filled["disagrees"] &= ~is_proposal(selected)  # its class is a guess, which no caption can contradict
    return filled.astype(table.dtypes.to_dict())


def _row(outcome: Outcome) -> dict[str, Any]:
    row: dict[str, Any] = {
        name: getattr(outcome, name) for name in ("error", "seconds", "input_tokens", "output_tokens")
    }
    if outcome.answer is None:
        return row | {"source": "fallback"}
    answer = outcome.answer.model_dump() | {"attributes": ", ".join(outcome.answer.attributes)}
    first = outcome.first.caption if outcome.first else ""
    return row | answer | {"source": "model", "first_caption": first, "disagrees": outcome.answer.agrees == "no"}


def _questions(
    rows: pd.DataFrame, run_root: Path, images_root: Path, settings: CaptionSettings, identity: str
) -> dict[str, Question | str]:
    """Return the question about each object by its id, or why there is none."""
    shown = {
        "max_side": settings.caption_max_side,
        "margin": settings.caption_margin,
        "scene": settings.caption_scene,
    }
    pictures = partial(object_pictures, read=PictureReader(settings.max_megapixels), **shown)
    made_by = [identity, prompt_version(settings.language), settings.language, *shown.values()]
    return {
        row["object_id"]: _question(row, run_root, images_root, pictures, made_by) for row in rows.to_dict("records")
    }


def _question(
    row: dict[str, Any], run_root: Path, images_root: Path, pictures: Any, made_by: list[Any]
) -> Question | str:
    crop_path = run_root / row["crop_path"]
    try:
        with crop_path.open("rb") as file:
            crop = hashlib.file_digest(file, "sha256").hexdigest()[:32]
    except OSError as error:
        return f"{row['crop_path']}: {error.strerror}"
    box = tuple(float(row[side]) for side in BOX)
    phrase = row.get("zero_shot_phrase")
    return Question(
        key=fingerprint([crop, row["class_name"], round(float(row["confidence"]), 2), *made_by]),
        crop=crop,
        class_name=clean_text(str(row["class_name"]), MAX_KIND_CHARS),
        confidence=float(row["confidence"]),
        phrase=phrase if isinstance(phrase, str) else "",
        pictures=partial(pictures, images_root / row["path"], crop_path, box),
    )


def _ask(
    questions: dict[str, Question | str], path: Path, settings: CaptionSettings, workers: Workers
) -> dict[str, Outcome]:
    """Return the outcome for each object id; objects with the same question share one conversation."""
    unique = {question.key: question for question in questions.values() if isinstance(question, Question)}
    found: dict[str, Outcome] = {}
    with Journal(path) as journal:
        known = unique.keys() & journal.answered.keys()
        if isinstance(workers, int):
            options = {"language": settings.language, "doubt": settings.caption_doubt}
            hold = partial(hold_dialogues, list(unique.values()), load_model(settings), journal, **options)
            ended = run_beside(hold)
        else:
            ended = spread_dialogues(list(unique.values()), workers, journal, settings)
        with Progress(len(unique), "captions", done=len(known)) as progress:
            for key, outcome in ended:
                found[key] = outcome
                progress.add(int(key not in known))
    return {object_id: _shared(found, question) for object_id, question in questions.items()}


def _absolute(folder: Any) -> Any:
    """Return the folder so that workers elsewhere find it too; an address is one already."""
    return folder.absolute() if isinstance(folder, Path) else folder


def _shared(found: dict[str, Outcome], question: Question | str) -> Outcome:
    """Return the outcome of a question; what it cost is told once, to the first object that shares it."""
    if isinstance(question, str):
        return Outcome(answer=None, error=question)
    outcome = found[question.key]
    found[question.key] = replace(outcome, seconds=0.0, input_tokens=0, output_tokens=0)
    return outcome
