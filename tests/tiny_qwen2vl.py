"""A real Qwen2-VL of 185,000 parameters, trained here to answer by the colour of a picture, and its real server."""

import contextlib
import io
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from rarelib.captions.answers import parse_answer
from rarelib.captions.doubt import disagreeing_voices
from rarelib.captions.prompts import Message, doubt_messages, first_messages

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>",
           "<|video_pad|>"]  # fmt: skip
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
COLOURS = ("red", "green", "blue")
PIXELS = 56 * 56  # every picture becomes four visual tokens
STEPS, BATCH, RATE, COLOUR_WEIGHT = 100, 8, 1e-2, 8.0
NAMES = ("car", "truck", "bus", "cone", "dog", "person", "traffic light", "bicycle", "motorcycle", "stop sign",
         "other object")  # fmt: skip
PHRASES = ("", "", "a dog", "an overturned car", "a traffic cone", "a tractor", "a person lying on the road", "a bus")
START_S = 90.0


def answer_for(colour: str) -> str:
    """Return what the model is trained to say of a picture of this colour; it doubts the detector for blue ones."""
    agrees = "no" if colour == "blue" else "yes"
    form = {"caption": f"A {colour} object on the road.", "kind": f"{colour} object", "attributes": [colour]}
    return json.dumps(form | {"agrees": agrees, "certainty": "high"})


def picture(colour: str, seed: int) -> bytes:
    """Return a JPEG of random blocks in which one colour prevails."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 110, (8, 8, 3))
    blocks[..., COLOURS.index(colour)] += 120
    size = tuple(int(side) for side in rng.integers(40, 120, 2))
    file = io.BytesIO()
    Image.fromarray(blocks.astype(np.uint8)).resize(size, Image.Resampling.NEAREST).save(file, "JPEG", quality=90)
    return file.getvalue()


def build_tiny_qwen2vl(folder: Path) -> Path:
    """Build, train (some ten seconds) and save the model with its processor; return its folder."""
    import torch

    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more are slower where several processes share the cores
    tokenizer = _tokenizer()
    processor = _processor(tokenizer)
    model = _model(tokenizer)
    weights = _token_weights(tokenizer)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS, pct_start=0.15)
    model.train()
    for step in range(STEPS):
        inputs, labels = _batch(processor, step)
        logits = model(**inputs).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(logits.transpose(1, 2), labels[:, 1:], weight=weights)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    torch.set_num_threads(threads)
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve the model with `transformers serve` on a free port and give its base_url; stopped at the end."""
    log = folder.parent / "serve.log"
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", folder.name, "--port", "0"]
    command += ["--host", "127.0.0.1", "--device", "cpu", "--log-level", "info"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder.parent, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield _wait_until_ready(process, log)
        finally:
            _stop(process)


def _wait_until_ready(process: subprocess.Popen, log: Path) -> str:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text(errors="replace")):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{found[0]}/health", timeout=5):
                return f"{found[0]}/v1"
        time.sleep(0.2)
    raise RuntimeError(f"The server is not ready; its log ends: {log.read_text(errors='replace')[-2000:]}")


def _stop(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _conversation(rng: random.Random, *, doubt: bool) -> tuple[list[Message], str]:
    """Return a conversation of the real prompts, one that goes on in doubt or not, and the answer to be learned."""
    colour = rng.choice(COLOURS)
    name = rng.choice(NAMES)
    pictures = (picture(colour, rng.randrange(1 << 30)),)
    messages = first_messages(name, rng.random(), pictures, "en")
    answer = answer_for(colour)
    if doubt:
        first = parse_answer(answer)
        messages = doubt_messages(messages, first, disagreeing_voices(first, name, rng.choice(PHRASES), "en"), "en")
    return messages, answer


def _tokenizer() -> object:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    rng = random.Random(0)
    talks = [_conversation(rng, doubt=number % 4 == 0) for number in range(40)]
    corpus = [text for messages, answer in talks for text in (*(message.text for message in messages), answer)]
    bytes_level = Tokenizer(models.BPE())
    bytes_level.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_level.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bytes_level.train_from_iterator(
        corpus,
        trainers.BpeTrainer(vocab_size=700, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bytes_level,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=SPECIAL[1:],
    )


def _processor(tokenizer: object) -> object:
    from transformers import Qwen2VLImageProcessor, Qwen2VLProcessor, Qwen2VLVideoProcessor

    limits = {"min_pixels": PIXELS, "max_pixels": PIXELS}
    return Qwen2VLProcessor(
        image_processor=Qwen2VLImageProcessor(**limits),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(**limits),
        chat_template=TEMPLATE,
    )


def _model(tokenizer: object) -> object:
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    ids = {name: tokenizer.convert_tokens_to_ids(token) for name, token in zip(
        ("pad", "start", "eos", "vision_start", "vision_end", "image", "video"), SPECIAL, strict=True)}  # fmt: skip
    text = {"vocab_size": len(tokenizer), "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.1,
            "max_position_embeddings": 4096,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]},
            "bos_token_id": ids["start"], "eos_token_id": ids["eos"], "pad_token_id": ids["pad"]}  # fmt: skip
    vision = {"depth": 1, "embed_dim": 32, "hidden_size": 64, "num_heads": 2, "mlp_ratio": 2, "initializer_range": 0.1}
    return Qwen2VLForConditionalGeneration(
        Qwen2VLConfig(
            text_config=text, vision_config=vision, tie_word_embeddings=True, image_token_id=ids["image"],
            video_token_id=ids["video"], vision_start_token_id=ids["vision_start"],
            vision_end_token_id=ids["vision_end"], bos_token_id=ids["start"], eos_token_id=ids["eos"],
            pad_token_id=ids["pad"],
        )
    )  # fmt: skip


def _token_weights(tokenizer: object) -> object:
    import torch

    weights = torch.ones(len(tokenizer))  # the few tokens that depend on the picture would be learned last
    weights[[index for colour in COLOURS for index in tokenizer(f'"{colour} {colour}')["input_ids"]]] = COLOUR_WEIGHT
    return weights


def _batch(processor: object, seed: int) -> tuple[dict, object]:
    """Return inputs and labels of a batch in which only the answers are learned."""
    rng = random.Random(seed)
    talks = [_conversation(rng, doubt=seed % 4 == 0) for _ in range(BATCH)]
    texts, pictures = [], []
    for messages, answer in talks:
        turns = [_turn(message) for message in messages]
        asked = processor.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        texts.append(f"{asked}{answer}<|im_end|>\n")
        pictures += [Image.open(io.BytesIO(each)) for message in messages for each in message.pictures]
    inputs = processor(text=texts, images=pictures, padding=True, padding_side="right", return_tensors="pt")
    labels = inputs["input_ids"].clone()
    for row, (_, answer) in zip(labels, talks, strict=True):
        length = int((row != processor.tokenizer.pad_token_id).sum())
        answered = len(processor.tokenizer(f"{answer}<|im_end|>\n")["input_ids"])
        row[: length - answered] = -100
        row[length:] = -100
    return dict(inputs), labels


def _turn(message: Message) -> dict:
    parts = [{"type": "image"} for _ in message.pictures]
    return {"role": message.role, "content": [*parts, {"type": "text", "text": message.text}]}
