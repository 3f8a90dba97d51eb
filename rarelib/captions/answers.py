"""What a model's answer must look like, and how its text becomes a checked, clean record."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from ..language import say
from ..run.secrets import hide_everywhere

MAX_CAPTION_CHARS = 300
MAX_KIND_CHARS = 60
MAX_ATTRIBUTES = 4
MAX_ERROR_CHARS = 300
MAX_OUTPUT_TOKENS = 400  # asked for at most
MAX_ANSWER_CHARS = 20_000  # a longer answer is not read at all

THOUGHT = re.compile(r"<think>.*?(</think>|$)", re.DOTALL)
REFUSAL = re.compile(
    r"(i['’]?m|i am|we are) (very |really |so )?(sorry|afraid|unable|not able)\b|(sorry|apologies)([,.;:!]| but\b| i\b)"
    r"|unfortunately,? i\b"
    r"|i (can(['’]t|not| not)|won['’]t|will not) (help|assist|describe|identify|provide|answer|comply|do|fulfil)"
    r"|as an? (ai|artificial|language model|assistant)\b"
    r"|申し訳|すみませんが|お手伝い(は)?できません|お答え(は)?できません|説明(は)?できません|AIとして",
    re.IGNORECASE,
)


class AnswerError(ValueError):
    """An answer that cannot be used; the message says what is wrong with it."""


class RefusalError(AnswerError):
    """An answer in which the model declines; asking again for the form would not help."""


def clean_text(text: str, max_chars: int) -> str:
    """Return one line of text without control, format (zero-width, bidi) and unassigned characters, cut to a length."""
    text = unicodedata.normalize("NFC", text[: max_chars * 20])
    text = "".join(" " if char.isspace() else char for char in text if char.isspace() or _is_visible(char))
    text = " ".join(text.split())
    return text if len(text) <= max_chars else text[: max_chars - 1].rstrip() + "…"


def _is_visible(char: str) -> bool:
    return not unicodedata.category(char).startswith("C")


def _word(value: Any) -> Any:
    yes_no = {True: "yes", False: "no"}
    return yes_no[value] if isinstance(value, bool) else value.strip(" .!").lower() if isinstance(value, str) else value


def _phrases(value: Any) -> Any:
    value = re.split(r"[,、;]", value) if isinstance(value, str) else value
    if not isinstance(value, list):
        return value
    cleaned = [clean_text(item, MAX_KIND_CHARS).replace(",", " ") for item in value if isinstance(item, str)]
    return [item for item in cleaned if item][:MAX_ATTRIBUTES]


def _line(max_chars: int) -> BeforeValidator:
    return BeforeValidator(lambda value: clean_text(value, max_chars) if isinstance(value, str) else value)


@dataclass(frozen=True)
class Reply:
    """What came of one call: a text, or an error where it finally failed."""

    text: str = ""
    error: str = ""
    seconds: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0


class CaptionAnswer(BaseModel):
    """What the model says of one object."""

    caption: Annotated[str, _line(MAX_CAPTION_CHARS), Field(min_length=1)]
    kind: Annotated[str, _line(MAX_KIND_CHARS), Field(min_length=1)]
    attributes: Annotated[list[str], BeforeValidator(_phrases)]
    agrees: Annotated[Literal["yes", "no", "unsure"], BeforeValidator(_word)]
    certainty: Annotated[Literal["low", "medium", "high"], BeforeValidator(_word)]


def answer_schema() -> dict[str, Any]:
    """Return the JSON schema that a server which enforces one is given, in its strict form."""
    text = {"type": "string"}
    properties = {
        "caption": text,
        "kind": text,
        "attributes": {"type": "array", "items": text},
        "agrees": {"type": "string", "enum": ["yes", "no", "unsure"]},
        "certainty": {"type": "string", "enum": ["low", "medium", "high"]},
    }
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def without_secrets(answer: CaptionAnswer, secrets: Sequence[str]) -> CaptionAnswer:
    """Return an answer whose texts hold none of the secrets, however they are spelled."""
    if not secrets:
        return answer
    hidden = {name: hide_everywhere(getattr(answer, name), secrets) for name in ("caption", "kind", "attributes")}
    return answer.model_copy(update=hidden)


def parse_answer(text: str, language: str = "en") -> CaptionAnswer:
    """Read a model's text as an answer; words around the JSON object are passed over.

    Args:
        text: What the model wrote.
        language: Of the errors.

    Raises:
        RefusalError: If the model declines.
        AnswerError: If the text is empty, too long, no JSON object, or not of the promised form.
    """
    if len(text) > MAX_ANSWER_CHARS:
        raise AnswerError(say("caption_error.too_long", language, chars=MAX_ANSWER_CHARS))
    text = THOUGHT.sub("", text).strip()
    if not text:
        raise AnswerError(say("caption_error.empty", language))
    found = _first_object(text)
    if found is None:
        raise _refused(text, language) if REFUSAL.match(text) else AnswerError(say("caption_error.no_object", language))
    try:
        answer = CaptionAnswer.model_validate(found)
    except ValidationError as error:
        raise AnswerError(_problem(error, language)) from error
    if REFUSAL.match(answer.caption):
        raise _refused(answer.caption, language)
    return answer


def _refused(text: str, language: str) -> RefusalError:
    return RefusalError(say("caption_error.refused", language, words=clean_text(text, 120)))


def _first_object(text: str) -> dict[str, Any] | None:
    begins = re.search(r'\{\s*["}]', text)
    if begins is None:
        return None
    try:
        found, _ = json.JSONDecoder(strict=False).raw_decode(text, begins.start())
    except (ValueError, RecursionError):  # cut off, or nested a thousand deep
        return None
    return found


def _problem(error: ValidationError, language: str) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    problem = f"{first['msg'][0].lower()}{first['msg'][1:]}"
    return clean_text(say("caption_error.field", language, field=first["loc"][0], problem=problem), 160)
