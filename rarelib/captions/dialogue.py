"""The conversation with a model about each object: a question, a repair of its form, a second look in doubt."""

from __future__ import annotations

import asyncio
import math
import queue
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ..language import say
from ..run.folder import fingerprint
from ..run.secrets import hide_secrets, known_secrets
from .answers import MAX_ERROR_CHARS, AnswerError, CaptionAnswer, RefusalError, Reply, clean_text, parse_answer
from .doubt import disagreeing_voices, is_doubtful
from .journal import Journal, Record
from .prompts import Message, doubt_messages, first_messages, prompt_version, repair_messages

GIVE_UP_AFTER = 20  # calls that all fail
AHEAD = 0.5  # share of further conversations that prepare their pictures while the model is busy with the others
MAX_KEPT_CHARS = 2000  # of a text that could not be used


class CaptionError(RuntimeError):
    """The captions cannot be made at all; the message is one clear line."""


class Model(Protocol):
    """What answers conversations: a server or a checkpoint in this process."""

    name: str
    parallel: int  # calls that it takes at once

    async def ask(self, messages: list[Message]) -> Reply:
        """Answer a conversation; a failed call is a reply with its error."""
        ...


@dataclass(frozen=True)
class Question:
    """One crop to be captioned; objects with the same crop, class and settings share it."""

    key: str
    crop: str  # hash of the crop file
    class_name: str
    confidence: float
    phrase: str  # CLIP's nearest phrase, or ""
    pictures: Callable[[], tuple[bytes, ...]]  # called only when the model has to be asked


@dataclass(frozen=True)
class Outcome:
    """What a conversation came to: its last answer or an error, and the first answer where a second one followed."""

    answer: CaptionAnswer | None
    first: CaptionAnswer | None = None
    error: str = ""
    seconds: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0


class Dialogue:
    """Holds the conversations of one run and stops when the first of them all fail."""

    def __init__(self, model: Model, journal: Journal, *, language: str, doubt: bool) -> None:
        """Take what answers, and where the answers are kept.

        Args:
            model: Asked by as many conversations at once as it takes.
            journal: Answers that are there are not asked for again; new ones are added.
            language: Language of prompts and answers.
            doubt: Whether to ask once more where detector, caption and CLIP disagree.
        """
        self.model, self.journal, self.language, self.doubt = model, journal, language, doubt

    async def hold_all(self, questions: Sequence[Question], emit: Callable[[tuple[str, Outcome]], None]) -> None:
        """Hold all conversations, the first questions first, and emit key and outcome of each as it ends.

        Raises:
            CaptionError: If the first 20 calls all fail.
        """
        pending = iter(questions)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(math.ceil(self.model.parallel * (1 + AHEAD)), len(questions))):
                    group.create_task(self._work(pending, emit))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _work(self, pending: Iterator[Question], emit: Callable[[tuple[str, Outcome]], None]) -> None:
        for question in pending:
            emit((question.key, await self.hold(question)))

    async def hold(self, question: Question) -> Outcome:
        """Return what the conversation about one object comes to."""
        first = await self._round(question, "first", question.key, lambda messages: messages)
        answer, class_name, phrase = first.answer, question.class_name, question.phrase
        if answer is None or not self.doubt or not is_doubtful(answer, class_name, phrase):
            return _outcome(first)
        voices = disagreeing_voices(answer, class_name, phrase, self.language)
        key = _second_key(question, answer, voices)
        second = await self._round(
            question, "doubt", key, lambda messages: doubt_messages(messages, answer, voices, self.language)
        )
        return _outcome(first, second)

    async def _round(
        self,
        question: Question,
        name: Literal["first", "doubt"],
        key: str,
        go_on: Callable[[list[Message]], list[Message]],
    ) -> Record:
        if key in self.journal.answered:
            return self.journal.answered[key]
        about = {"key": key, "crop": question.crop, "model": self.model.name, "round": name}
        about |= {"prompt_version": prompt_version(self.language), "language": self.language}
        try:
            pictures = await asyncio.to_thread(question.pictures)
        except Exception as error:  # Pillow's decoders raise whatever they meet; the row says what it was
            unread = say("caption_error.picture", self.language, reason=_words_of(error))
            return Record(**about, answer=None, error=clean_text(unread, 200))
        opening = first_messages(question.class_name, question.confidence, pictures, self.language)
        record = self.journal.add(Record(**about, **await self._ask(go_on(opening))))
        self._check_worth_going_on(record)
        return record

    async def _ask(self, messages: list[Message]) -> dict[str, Any]:
        reply = await self._call(messages)
        try:
            return self._read(reply)
        except RefusalError as refusal:
            return _failure(str(refusal), reply)
        except AnswerError as problem:
            again = await self._call(repair_messages(messages, reply.text, str(problem), self.language))
        try:
            return self._read(again, reply)
        except AnswerError as problem:
            return _failure(say("caption_error.answer", self.language, problem=problem), again, reply)

    async def _call(self, messages: list[Message]) -> Reply:
        """Return the model's reply; whatever it raises is a reply too, so that no conversation is left without one."""
        try:
            return await self.model.ask(messages)
        except Exception as error:  # named in the row; when all calls end so, the run stops with it
            reason = hide_secrets(_words_of(error), known_secrets())
            failed = say("caption_error.failed", self.language, reason=reason)
            return Reply(error=clean_text(failed, MAX_ERROR_CHARS))

    def _read(self, reply: Reply, before: Reply | None = None) -> dict[str, Any]:
        if reply.error:
            return _failure(reply.error, reply, before)
        return {"answer": parse_answer(reply.text, self.language), **_costs(reply, before)}

    def _check_worth_going_on(self, record: Record) -> None:
        failed = self.journal.failed
        if not self.journal.succeeded and failed >= GIVE_UP_AFTER:
            raise CaptionError(say("caption_error.give_up", self.language, failed=failed, error=record.error))


def settled(question: Question, journal: Journal, language: str, *, doubt: bool) -> Outcome | None:
    """Return what a conversation came to whose answers are all in the journal; None if someone has to be asked."""
    first = journal.answered.get(question.key)
    if first is None or first.answer is None:
        return None
    if not doubt or not is_doubtful(first.answer, question.class_name, question.phrase):
        return _outcome(first)
    voices = disagreeing_voices(first.answer, question.class_name, question.phrase, language)
    second = journal.answered.get(_second_key(question, first.answer, voices))
    return None if second is None else _outcome(first, second)


def _second_key(question: Question, answer: CaptionAnswer, voices: Any) -> str:
    return fingerprint([question.key, answer.model_dump(), voices])


def run_beside(produce: Callable[[Callable[[Any], None]], Coroutine[Any, Any, None]]) -> Iterator[Any]:
    """Yield what a coroutine emits; it runs in a thread of its own, as a notebook's thread has an event loop already.

    When the caller stops early (an interrupted cell), the coroutine is cancelled.
    """
    emitted: queue.SimpleQueue[Any] = queue.SimpleQueue()
    running: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = Future()
    end = object()

    async def main() -> None:
        running.set_result((asyncio.get_running_loop(), asyncio.current_task()))
        await produce(emitted.put)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(asyncio.run, main())
        done.add_done_callback(lambda _: emitted.put(end))
        try:
            while (item := emitted.get()) is not end:
                yield item
            done.result()
        finally:
            if not done.done():
                loop, task = running.result()
                loop.call_soon_threadsafe(task.cancel)


async def hold_dialogues(
    questions: Sequence[Question],
    model: AbstractAsyncContextManager[Model],
    journal: Journal,
    emit: Callable[[tuple[str, Outcome]], None],
    *,
    language: str,
    doubt: bool,
) -> None:
    """Open the model, hold all conversations, and close it."""
    async with model as opened:
        await Dialogue(opened, journal, language=language, doubt=doubt).hold_all(questions, emit)


def _words_of(error: Exception) -> str:
    """Return what an error says, and its type where that is not plain already; never nothing."""
    said = " ".join(str(error).split())
    return said if said and isinstance(error, (OSError, ValueError)) else f"{type(error).__name__}: {said}".rstrip(": ")


def _failure(error: str, reply: Reply, before: Reply | None = None) -> dict[str, Any]:
    text = clean_text(reply.text, MAX_KEPT_CHARS)
    return {"answer": None, "error": error, "text": text, **_costs(reply, before)}


def _costs(reply: Reply, before: Reply | None) -> dict[str, float]:
    replies = [reply] if before is None else [before, reply]
    return {name: sum(getattr(each, name) for each in replies) for name in ("seconds", "input_tokens", "output_tokens")}


def _outcome(first: Record, second: Record | None = None) -> Outcome:
    records = [first] if second is None else [first, second]
    last = next((record for record in reversed(records) if record.answer), first)
    return Outcome(
        answer=last.answer,
        first=first.answer if last is second else None,
        error=records[-1].error,
        seconds=sum(record.seconds for record in records),
        input_tokens=sum(record.input_tokens for record in records),
        output_tokens=sum(record.output_tokens for record in records),
    )
