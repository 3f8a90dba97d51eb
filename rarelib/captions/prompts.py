"""What is said and shown to the model about one object; the wording stands in `phrases/prompts.yaml`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from ..language import phrases, say
from ..run.folder import fingerprint
from .answers import MAX_KIND_CHARS, CaptionAnswer, clean_text


@dataclass(frozen=True)
class Message:
    """One turn of a conversation: its words and its pictures, JPEG bytes shown before the words."""

    role: Literal["system", "user", "assistant"]
    text: str
    pictures: tuple[bytes, ...] = ()


@cache
def prompt_version(language: str) -> str:
    """Return the version of the prompt in a language: its number and a hash of its words, such as `1-3fa9c2d1`."""
    words = {
        key: texts[language] for key, texts in phrases().items() if key.startswith(("caption_prompt", "caption_voice"))
    }
    return f"{say('caption_prompt_number', language)}-{fingerprint(words)[:8]}"


def first_messages(class_name: str, confidence: float, pictures: tuple[bytes, ...], language: str) -> list[Message]:
    """Return the question about one object.

    Args:
        class_name: What the detector called it; data, so it is cleaned and cut.
        confidence: How sure the detector was, in [0, 1].
        pictures: JPEG of the crop, and of the scene if it is shown.
        language: Language of the question and of the answer.
    """
    class_name = quotable(class_name)
    parts = [say("caption_prompt_crop", language, class_name=class_name, confidence=round(100 * confidence))]
    parts += [say("caption_prompt_scene", language)] if len(pictures) > 1 else []
    parts.append(say("caption_prompt_form", language, class_name=class_name))
    return [Message("system", say("caption_prompt_system", language)), Message("user", "\n".join(parts), pictures)]


def quotable(name: str) -> str:
    """Return a name as it may stand inside a prompt: short, and without what could end a quotation or a turn."""
    return clean_text(re.sub(r'["<>|{}\\\\]', " ", name), MAX_KIND_CHARS)


def repair_messages(messages: list[Message], text: str, problem: str, language: str) -> list[Message]:
    """Return the conversation with an answer that cannot be read and the request to write it again."""
    again = say("caption_prompt_repair", language, problem=problem)
    return [*messages, Message("assistant", clean_text(text, 1000) or "…"), Message("user", again)]


def doubt_messages(messages: list[Message], first: CaptionAnswer, voices: str, language: str) -> list[Message]:
    """Return the conversation with the first answer and the disagreement spelled out."""
    again = say("caption_prompt_doubt", language, voices=voices)
    return [*messages, Message("assistant", first.model_dump_json()), Message("user", again)]
