"""The only code that talks to an OpenAI-compatible server; every exchange is bounded in number, time and size."""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

import httpx2  # the HTTP library of the openai client
import openai
from pydantic import BaseModel, BeforeValidator, Field, NonNegativeInt, ValidationError

from ..language import say
from ..run.secrets import hide_exact, hide_secrets, known_secrets
from .answers import MAX_ERROR_CHARS, MAX_OUTPUT_TOKENS, Reply, answer_schema, clean_text
from .check import api_key
from .prompts import Message

MAX_RESPONSE_BYTES = 256 * 1024
FORM = {"type": "json_schema", "json_schema": {"name": "caption", "strict": True, "schema": answer_schema()}}


class ResponseRefusedError(openai.OpenAIError):
    """A response that is not read on: it goes on beyond any caption, or is packed; the text is a phrase's key."""


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message


class _Usage(BaseModel):
    prompt_tokens: NonNegativeInt = 0
    completion_tokens: NonNegativeInt = 0


class _Completion(BaseModel):
    """The parts of a chat completion that are used; a field that is null counts as missing."""

    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: Annotated[_Usage, BeforeValidator(lambda usage: usage or {})] = _Usage()

    @property
    def text(self) -> str:
        message = self.choices[0].message
        return f"I'm sorry: {message.refusal}" if message.refusal else message.content or ""


class ApiModel:
    """A model behind an OpenAI-compatible server, sent at most `concurrency` requests at once.

    The key comes from OPENAI_API_KEY; it is taken out of every text and error that the server sends back.
    """

    def __init__(
        self, *, base_url: str, model: str, concurrency: int, timeout_s: float, retries: int, language: str = "en"
    ) -> None:
        """Connect to nothing yet.

        Args:
            base_url: Address of the server, such as http://127.0.0.1:8000/v1; its query goes with every request.
            model: Name of the model at the server.
            concurrency: Requests in flight at once.
            timeout_s: Longest wait for one answer, each retry anew [s].
            retries: Tries again after 408, 409, 429, 5xx, time-outs and cut connections, waiting as long as
                Retry-After says (up to two minutes), else 0.5 s, 1 s, 2 s, … 8 s.
            language: Of the errors.

        Raises:
            ValueError: If OPENAI_API_KEY cannot be sent.
        """
        self.name = model
        self.parallel = concurrency
        self._timeout_s, self._language = timeout_s, language
        self._secrets = known_secrets(base_url)
        parts = urlsplit(base_url)
        self._address: dict[str, Any] = {
            "base_url": parts._replace(query="", fragment="").geturl(),
            "default_query": dict(parse_qsl(parts.query)),
            "api_key": api_key(),
            "max_retries": retries,
        }
        self._client: openai.AsyncOpenAI
        self._options: dict[str, Any] = {"response_format": FORM, "temperature": 0}

    async def __aenter__(self) -> ApiModel:
        bounded = _BoundedHttpClient(timeout_s=self._timeout_s, connections=self.parallel)
        self._client = openai.AsyncOpenAI(**self._address, http_client=bounded)
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._client.close()

    async def ask(self, messages: list[Message]) -> Reply:
        """Send a conversation and return the answer or the final error; nothing is raised for a failed call."""
        sent = [_as_openai(message) for message in messages]
        start = time.monotonic()
        try:
            response = await self._send(sent)
            completion = _Completion.model_validate_json(response.content)
        except openai.OpenAIError as error:
            return Reply(error=self._describe(error), seconds=time.monotonic() - start)
        except ValidationError:
            error = say("caption_error.no_completion", self._language)
            return Reply(error=error, seconds=time.monotonic() - start)
        return Reply(
            text=hide_exact(completion.text, self._secrets),
            seconds=response.extensions["seconds"],
            input_tokens=completion.usage.prompt_tokens,
            output_tokens=completion.usage.completion_tokens,
        )

    async def _send(self, messages: list[dict[str, Any]]) -> httpx2.Response:
        options = self._options
        try:
            return await self._post(messages, options)
        except (openai.BadRequestError, openai.UnprocessableEntityError):
            if not options:
                raise
            response = await self._post(messages, {})  # some servers know no JSON schema or fix the temperature
            self._options = {}
            return response

    async def _post(self, messages: list[dict[str, Any]], options: dict[str, Any]) -> httpx2.Response:
        body = {"model": self.name, "messages": messages, "max_completion_tokens": MAX_OUTPUT_TOKENS, **options}
        # post, not chat.completions.create: that walks through every part of the body, a third of a call's CPU time
        return await self._client.post("/chat/completions", body=body, cast_to=httpx2.Response)

    def _describe(self, error: openai.OpenAIError) -> str:
        if isinstance(error, openai.APITimeoutError):
            text = say("caption_error.timeout", self._language, seconds=self._timeout_s)
        elif isinstance(error, ResponseRefusedError):
            text = say(str(error), self._language, kib=MAX_RESPONSE_BYTES // 1024)
        elif isinstance(error, openai.APIConnectionError):
            cause = error.__cause__ or error
            text = say("caption_error.connection", self._language, reason=str(cause) or type(cause).__name__)
        elif isinstance(error, openai.APIStatusError):
            text = f"HTTP {error.status_code}: {_server_words(error)}"
        else:
            text = str(error) or type(error).__name__
        return clean_text(hide_secrets(text, self._secrets), MAX_ERROR_CHARS)


class _BoundedHttpClient(httpx2.AsyncClient):
    """An HTTP client that gives an exchange a time as a whole, however slowly it drips, and its answer a size."""

    def __init__(self, *, timeout_s: float, connections: int) -> None:
        super().__init__(
            timeout=None,  # `send` bounds the whole
            limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
            headers={"Accept-Encoding": "identity"},
            event_hooks={"response": [_bound_size]},
        )
        self._timeout_s, self._slots = timeout_s, asyncio.Semaphore(connections)

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send as the base class does, when a slot is free, and within the time from then on; note the seconds."""
        try:
            async with self._slots, asyncio.timeout(self._timeout_s):
                start = time.monotonic()
                response = await super().send(request, **options)
                response.extensions["seconds"] = time.monotonic() - start
                return response
        except TimeoutError as error:
            raise httpx2.ReadTimeout("the whole exchange took too long", request=request) from error


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > MAX_RESPONSE_BYTES:
                raise ResponseRefusedError("caption_error.large")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _bound_size(response: httpx2.Response) -> None:
    if response.headers.get("content-encoding", "identity") != "identity":  # a small packed body can be a huge text
        raise ResponseRefusedError("caption_error.packed")
    response.stream = _BoundedStream(response.stream)


def _as_openai(message: Message) -> dict[str, Any]:
    if not message.pictures:
        return {"role": message.role, "content": message.text}
    pictures = [{"type": "image_url", "image_url": {"url": data_url(picture)}} for picture in message.pictures]
    return {"role": message.role, "content": [*pictures, {"type": "text", "text": message.text}]}


def data_url(jpeg: bytes) -> str:
    """Return a JPEG as base64 data URL."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")


def _server_words(error: openai.APIStatusError) -> str:
    body = error.body
    words = body.get("message") or body.get("detail") if isinstance(body, dict) else body
    return re.sub(r"<[^>]*>", " ", str(words or error.response.reason_phrase)[:2000])
