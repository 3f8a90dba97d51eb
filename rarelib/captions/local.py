"""Captions by an image-text-to-text checkpoint that runs in this process, through transformers."""

from __future__ import annotations

import asyncio
import io
import time
from pathlib import Path
from typing import Any

from PIL import Image

from ..models.runtime import choose_runtime
from ..models.weights import sha256_of
from .answers import MAX_ERROR_CHARS, MAX_OUTPUT_TOKENS, Reply, clean_text
from .prompts import Message

LOCAL_BATCH = 8  # conversations that are generated at once


class LocalModel:
    """A checkpoint folder of any image-text-to-text model; calls are gathered into batches."""

    def __init__(self, folder: str | Path, *, device: str = "auto") -> None:
        """Load the model and its processor; code inside the folder is never run.

        Raises:
            ValueError: If the folder holds no image-text-to-text checkpoint.
        """
        from transformers import AutoModelForImageTextToText, AutoProcessor

        self.name, self.parallel = Path(folder).name, LOCAL_BATCH
        chosen = choose_runtime("torch", device).devices[0]  # several GPUs are for several workers
        options = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._processor = AutoProcessor.from_pretrained(folder, **options)
            model = AutoModelForImageTextToText.from_pretrained(folder, dtype="auto", use_safetensors=True, **options)
        except (OSError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ValueError(f"{folder} holds no image-text-to-text checkpoint ({reason}).") from error
        self._model = model.to(chosen).eval()
        self._processor.tokenizer.padding_side = "left"  # so that every answer starts at the same column
        self._waiting: asyncio.Queue[tuple[list[Message], asyncio.Future[Reply]]]
        self._worker: asyncio.Task[None] | None = None

    async def __aenter__(self) -> LocalModel:
        self._waiting = asyncio.Queue()  # of this event loop: the model may be opened again in another one
        self._worker = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._worker.cancel()

    async def ask(self, messages: list[Message]) -> Reply:
        """Return the model's answer to a conversation.

        Raises:
            RuntimeError: If the model has stopped working altogether.
        """
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        await self._waiting.put((messages, reply))
        await asyncio.wait({reply, self._worker}, return_when=asyncio.FIRST_COMPLETED)
        if not reply.done():  # nobody may wait for a worker that has ended
            raise RuntimeError("the model's worker has ended") from self._worker.exception()
        return reply.result()

    async def _work(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            await asyncio.sleep(0.01)  # the other conversations of the batch arrive
            while not self._waiting.empty() and len(batch) < self.parallel:
                batch.append(self._waiting.get_nowait())
            replies = await asyncio.to_thread(self._replies, [messages for messages, _ in batch])
            for (_, future), reply in zip(batch, replies, strict=True):
                if not future.done():  # its conversation may be cancelled
                    future.set_result(reply)

    def _replies(self, conversations: list[list[Message]]) -> list[Reply]:
        """Answer a batch; where it fails (memory, a picture that the model cannot take) each half by itself."""
        try:
            return self._generate(conversations)
        except Exception as error:  # a chat template, a processor or torch may raise anything; each is an answer
            if len(conversations) == 1:
                return [Reply(error=clean_text(f"{type(error).__name__}: {error}".rstrip(": "), MAX_ERROR_CHARS))]
        half = len(conversations) // 2
        return self._replies(conversations[:half]) + self._replies(conversations[half:])

    def _generate(self, conversations: list[list[Message]]) -> list[Reply]:
        import torch

        start = time.monotonic()
        inputs = self._processor.apply_chat_template(
            [[_as_transformers(message) for message in messages] for messages in conversations],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True},
        ).to(self._model.device, dtype=self._model.dtype)
        with torch.inference_mode():
            output = self._model.generate(**inputs, max_new_tokens=MAX_OUTPUT_TOKENS, do_sample=False)
        seconds = (time.monotonic() - start) / len(conversations)
        asked = inputs["attention_mask"].sum(dim=1).tolist()
        written = output[:, inputs["input_ids"].shape[1] :]
        texts = self._processor.batch_decode(written, skip_special_tokens=True)
        ends = self._processor.tokenizer.pad_token_id
        return [
            Reply(text=text, seconds=seconds, input_tokens=int(count), output_tokens=int((row != ends).sum()))
            for text, count, row in zip(texts, asked, written, strict=True)
        ]


def checkpoint_identity(folder: Path) -> str:
    """Return what tells a checkpoint folder from another of the same name."""
    return f"{folder.name} {sha256_of(folder)}"


def _as_transformers(message: Message) -> dict[str, Any]:
    pictures = [{"type": "image", "image": Image.open(io.BytesIO(picture))} for picture in message.pictures]
    return {"role": message.role, "content": [*pictures, {"type": "text", "text": message.text}]}
