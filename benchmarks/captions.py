"""Measure how close captions come to the ideal rate of a server, beside what one would write by hand.

Run: python benchmarks/captions.py [--count 2000] [--latency_s 0.05] [--concurrency 16]
The server is the scripted one of the tests, in a process of its own; the ideal is concurrency / latency.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import openai
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from crop_table import selected_objects
from scripted_server import scripted_server

from rarelib.captions import caption_objects
from rarelib.captions.client import FORM, data_url
from rarelib.settings import CaptionSettings

ONE_BY_ONE = 100  # the loop is slow, and its rate does not depend on the number


def main() -> None:
    """Print the rate of each way and its share of the ideal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--latency_s", type=float, default=0.05)
    parser.add_argument("--concurrency", type=int, default=16)
    options = parser.parse_args()
    ideal = options.concurrency / options.latency_s
    print(
        f"ideal: {ideal:.0f} captions/s ({options.concurrency} in flight, {options.latency_s * 1000:.0f} ms an answer)"
    )
    with tempfile.TemporaryDirectory() as folder, scripted_server(latency_s=options.latency_s) as server:
        root = Path(folder)
        selected = selected_objects(root, options.count)
        ways = {
            "rarelib": lambda rows: ask_rarelib(rows, root, server.base_url, options.concurrency),
            "AsyncOpenAI, gather and a semaphore": lambda rows: ask_gather(
                rows, root, server.base_url, options.concurrency
            ),
            "OpenAI, one after another": lambda rows: ask_loop(rows, root, server.base_url),
        }
        for name, ask in ways.items():
            rows = selected.head(ONE_BY_ONE) if "one after another" in name else selected
            rate = len(rows) / seconds_of(ask, rows)
            print(f"{name:<38}{rate:7.0f} captions/s {rate / ideal:6.0%} of the ideal")


def seconds_of(ask: Callable[[pd.DataFrame], object], rows: pd.DataFrame) -> float:
    """Return how long the captions take, after a few that load the libraries."""
    ask(rows.tail(5))
    start = time.perf_counter()
    ask(rows)
    return time.perf_counter() - start


def ask_rarelib(rows: pd.DataFrame, root: Path, base_url: str, concurrency: int) -> pd.DataFrame:
    """Caption with pictures cut with a margin, a journal, checked answers and a table."""
    journal = root / f"{time.monotonic_ns()}.jsonl"
    return caption_objects(
        rows, root, root,
        CaptionSettings(caption_base_url=base_url, caption_concurrency=concurrency, caption_max_objects=len(rows)),
        journal=journal,
    )  # fmt: skip


def ask_gather(rows: pd.DataFrame, root: Path, base_url: str, concurrency: int) -> list[str]:
    """Caption as the client's examples do: all at once behind a semaphore; nothing is kept or checked."""

    async def talk() -> list[str]:
        slots = asyncio.Semaphore(concurrency)
        async with openai.AsyncOpenAI(base_url=base_url, api_key="EMPTY") as client:

            async def one(path: str) -> str:
                async with slots:
                    answer = await client.chat.completions.create(
                        model="m", messages=question(root / path), response_format=FORM
                    )
                return answer.choices[0].message.content

            return await asyncio.gather(*(one(path) for path in rows["crop_path"]))

    return asyncio.run(talk())


def ask_loop(rows: pd.DataFrame, root: Path, base_url: str) -> list[str]:
    """Caption one crop after another."""
    with openai.OpenAI(base_url=base_url, api_key="EMPTY") as client:
        answers = [
            client.chat.completions.create(model="m", messages=question(root / path), response_format=FORM)
            for path in rows["crop_path"]
        ]
    return [answer.choices[0].message.content for answer in answers]


def question(crop_path: Path) -> list[dict]:
    """Return a plain question about a crop file."""
    picture = {"type": "image_url", "image_url": {"url": data_url(crop_path.read_bytes())}}
    return [{"role": "user", "content": [picture, {"type": "text", "text": "What is this? Answer in JSON."}]}]


if __name__ == "__main__":
    main()
