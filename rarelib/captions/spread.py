"""Conversations spread over the workers of a pool; each keeps its answers in a journal of its own."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from pathlib import Path

from ..engines import Pool, Workers, choose_workers
from ..language import say
from ..settings import CaptionSettings
from .dialogue import GIVE_UP_AFTER, CaptionError, Outcome, Question, hold_dialogues, settled
from .journal import Journal, Record
from .models import identity_of, load_model

ROUNDS = 8  # conversations of a task for each request that its worker may have in flight


@dataclass(frozen=True)
class Held:
    """What came of a task: outcomes by key, how many rounds failed and were answered, and the last error."""

    outcomes: list[tuple[str, Outcome]]
    failed: int
    answered: int
    error: str


def choose_askers(engine: str, settings: CaptionSettings, *, threads: int, ray_address: str = "") -> Workers:
    """Return who asks: this process, or a pool of actors, which take GPUs only for a model of their own.

    Args:
        engine: "local" or "ray"; phrases of CLIP are compared in this process in any case.
        settings: Of the captions.
        threads: Actors, where Ray is started on this machine.
        ray_address: As in engines.choose_workers.
    """
    if settings.caption_source == "clip":
        return threads
    device = settings.device if settings.caption_source == "local" else "cpu"
    return choose_workers(engine, threads=threads, ray_address=ray_address, device=device)


def spread_dialogues(
    questions: Sequence[Question], pool: Pool, journal: Journal, settings: CaptionSettings
) -> Iterator[tuple[str, Outcome]]:
    """Yield key and outcome of each conversation as it ends; what the journals hold is not asked for again.

    All workers together have at most `caption_concurrency` requests in flight. Each writes every answer at once into a
    file of its own beside the journal, so that neither a lost worker nor a killed driver loses what was paid for.

    Args:
        questions: The first ones first.
        pool: Its workers see the run's folder, the pictures and the server or the model.
        journal: Open; takes up the files of the workers.
        settings: Who is asked, and how.

    Raises:
        CaptionError: If the first 20 calls all fail.
    """
    folder = journal.path.with_name(f"{journal.path.stem}.workers").absolute()
    journal.absorb(folder)
    ended = {each.key: settled(each, journal, settings.language, doubt=settings.caption_doubt) for each in questions}
    yield from ((key, outcome) for key, outcome in ended.items() if outcome is not None)
    left = [question for question in questions if ended[question.key] is None]
    workers = max(min(pool.size, settings.caption_concurrency), 1)
    own = replace(settings, caption_concurrency=max(settings.caption_concurrency // workers, 1))
    size = min(own.caption_concurrency * ROUNDS, max(ceil(len(left) / workers), 1))
    chunks = [left[start : start + size] for start in range(0, len(left), size)]
    tasks = [(number, (chunk, _known_of(chunk, journal))) for number, chunk in enumerate(chunks)]
    make = partial(_caption_worker, own, identity_of(settings), folder)
    yield from _outcomes(pool.run(make, tasks, limit=workers), settings.language)
    journal.absorb(folder)


def _outcomes(held: Iterator[Held], language: str) -> Iterator[tuple[str, Outcome]]:
    failed, answered = 0, 0
    for each in held:
        failed, answered = failed + each.failed, answered + each.answered
        if not answered and failed >= GIVE_UP_AFTER:
            raise CaptionError(say("caption_error.give_up", language, failed=failed, error=each.error))
        yield from each.outcomes


def _known_of(questions: Sequence[Question], journal: Journal) -> list[Record]:
    """Return the first answers of these questions, of which the second are missing."""
    return [journal.answered[each.key] for each in questions if each.key in journal.answered]


def _caption_worker(
    settings: CaptionSettings, identity: str, folder: Path, threads: int
) -> Callable[[int, tuple[list[Question], list[Record]]], Held]:
    """Return what holds the conversations of one task in another process."""
    if identity_of(settings) != identity:
        raise ValueError(f"A worker asks {identity_of(settings)} and the run {identity}; give all the same model.")
    model = load_model(settings)
    others = [Journal(path) for path in folder.glob("*.jsonl")]  # of a lost worker, whose task may be this one's
    journal = Journal(folder / f"{uuid.uuid4().hex}.jsonl")
    journal.answered.update({key: record for other in others for key, record in other.answered.items()})

    def hold(number: int, task: tuple[list[Question], list[Record]]) -> Held:
        questions, known = task
        journal.answered.update({record.key: record for record in known})
        before, outcomes = (journal.failed, journal.succeeded), []
        options = {"language": settings.language, "doubt": settings.caption_doubt}
        with journal:
            asyncio.run(hold_dialogues(questions, model, journal, outcomes.append, **options))
        error = next((outcome.error for _, outcome in reversed(outcomes) if outcome.error), "")
        return Held(outcomes, journal.failed - before[0], journal.succeeded - before[1], error)

    return hold
