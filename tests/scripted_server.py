"""A real HTTP server that speaks the chat protocol; which picture meets which fault stands in its hash."""

import argparse
import asyncio
import contextlib
import hashlib
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

FAULTS = (
    "429", "500", "503", "slow", "cut", "half_json", "wrong_schema", "empty", "refusal", "huge", "half_body", "no_json",
    "packed",
)  # fmt: skip
GOOD = {"caption": "A vehicle.", "kind": "vehicle", "attributes": ["red"], "agrees": "yes", "certainty": "high"}
SETTLE_S = 0.003
HUGE = b'{"choices": [{"message": {"role": "assistant", "content": "' + b"a" * 10_000_000 + b'"}}]}'


@dataclass(frozen=True)
class Address:
    """Where a running scripted server is, and what it has counted."""

    base_url: str
    process: subprocess.Popen

    def stats(self) -> dict:
        """Return `requests` (what each picture got, in order), `peak` (most in flight), `bodies` (the last)."""
        with urllib.request.urlopen(self.base_url.removesuffix("/v1") + "/stats", timeout=20) as response:
            return json.load(response)


@contextmanager
def scripted_server(**options: object) -> Iterator[Address]:
    """Run the server in a process of its own; options are those of its command line."""
    flags = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    process = subprocess.Popen([sys.executable, __file__, *flags], stdout=subprocess.PIPE, text=True)
    try:
        yield Address(f"http://127.0.0.1:{int(process.stdout.readline())}/v1", process)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Script:
    """Decides what each request gets, and counts."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.faults = options.faults.split(",")
        self.answers = json.loads(options.answers)  # of the first, second, … request of each conversation
        self.requests: dict[str, list[str]] = {}
        self.bodies: list[dict] = []
        self.in_flight = self.peak = 0

    def knows(self, headers: dict[str, str]) -> bool:
        """Tell whether the key is right, or none is asked for."""
        return not self.options.key or headers.get("authorization") == f"Bearer {self.options.key}"

    def fault_of(self, picture: str) -> str:
        """Return the fault of this request: always for one half of the faulty pictures, once for the other."""
        number = int(picture[:12], 16)
        if number % 1000 >= self.options.fault_share * 1000:
            return ""
        once = number // 1000 % 2
        return "" if once and self.requests.get(picture) else self.faults[number // 2000 % len(self.faults)]

    def content(self, body: dict) -> str:
        """Return the answer to a conversation, by how often the model has spoken in it."""
        turn = sum(message["role"] == "assistant" for message in body["messages"])
        answer = self.answers[min(turn, len(self.answers) - 1)]
        return answer if isinstance(answer, str) else json.dumps(GOOD | answer)

    async def respond(
        self, headers: dict[str, str], raw: bytes, reader: asyncio.StreamReader
    ) -> tuple[int, bytes, dict]:
        """Return status, body and further headers of a chat request."""
        body = json.loads(raw)
        picture = picture_of(body)
        fault = self.fault_of(picture)
        self.requests.setdefault(picture, []).append(fault or "good")
        self.bodies = [*self.bodies[-9:], body]
        if not self.knows(headers):
            return 401, error_body(f"Incorrect API key provided: {headers.get('authorization')}"), {}
        if self.options.plain and "response_format" in body:
            return 400, error_body("response_format is not supported"), {}
        return await self.faulty(fault, body, reader)

    async def faulty(self, fault: str, body: dict, reader: asyncio.StreamReader) -> tuple[int, bytes, dict]:
        """Return what this fault looks like on the wire; no fault is a good answer."""
        with contextlib.suppress(TimeoutError):  # a client that hangs up ends the wait
            wait_s = self.options.slow_s if fault == "slow" else self.options.latency_s
            await asyncio.wait_for(reader.read(1), max(wait_s - SETTLE_S, 0))
        good = completion(self.content(body))
        match fault:
            case "429":
                return 429, error_body("slow down"), {"Retry-After": str(self.options.retry_after_s)}
            case "500" | "503":
                return int(fault), error_body("out of order"), {"Connection": "close"} if fault == "500" else {}
            case "cut":
                return 0, good, {}
            case "huge":
                return 200, HUGE, {}
            case "half_body":
                return 200, good[: len(good) // 2], {}
            case "no_json":
                return 200, b"<html>It works!</html>", {"Content-Type": "text/html"}
            case "packed":
                return 200, good, {"Content-Encoding": "gzip"}
            case "half_json" | "wrong_schema" | "empty" | "refusal":
                return 200, completion(BROKEN[fault]), {}
        return 200, good, {}


BROKEN = {
    "half_json": '{"caption": "A vehi',
    "wrong_schema": '{"caption": ["A vehicle"], "kind": 7, "agrees": "perhaps"}',
    "empty": "",
    "refusal": "I'm sorry, but I can't help with identifying this.",
}


def picture_of(body: dict) -> str:
    """Return the hash of the first picture of a conversation."""
    parts = next(message["content"] for message in body["messages"] if isinstance(message["content"], list))
    return hashlib.sha256(parts[0]["image_url"]["url"].encode()).hexdigest()


def completion(content: str) -> bytes:
    """Return the body of an answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 300, "completion_tokens": 40, "total_tokens": 340}
    whole = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}
    return json.dumps(whole).encode()


def error_body(message: str) -> bytes:
    """Return the body of an error."""
    return json.dumps({"error": {"message": message, "type": "error", "code": None}}).encode()


async def serve(script: Script) -> None:
    """Serve until killed; print the port first."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await exchange(script, reader, writer):
                pass
        writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0, limit=1 << 24)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def exchange(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Answer one request; return whether the connection stays open."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    raw = await reader.readexactly(int(headers.get("content-length", 0)))
    if script.options.token and f"?token={script.options.token} " not in first:
        return await send(writer, 404, b"{}", {})
    if first.startswith("POST /v1/chat/completions"):
        await asyncio.sleep(SETTLE_S)  # connections that the client closed before this request are seen as closed
        script.in_flight += 1
        script.peak = max(script.peak, script.in_flight)
        try:
            status, body, more = await script.respond(headers, raw, reader)
            return await send(writer, status, body, more)
        finally:
            script.in_flight -= 1
    if first.startswith("GET /v1/models"):
        return await send(writer, 200 if script.knows(headers) else 401, b'{"object": "list", "data": []}', {})
    if first.startswith("GET /stats"):
        counted = {"requests": script.requests, "peak": script.peak, "bodies": script.bodies}
        return await send(writer, 200, json.dumps(counted).encode(), {})
    return await send(writer, 404, b"{}", {})


async def send(writer: asyncio.StreamWriter, status: int, body: bytes, more: dict[str, str]) -> bool:
    """Send a response; status 0 cuts the connection in the middle of one."""
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))} | more
    head = f"HTTP/1.1 {status or 200} Status\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(head.encode() + b"\r\n" + (body if status else body[:20]))
    await writer.drain()
    return bool(status) and headers.get("Connection") != "close"


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fault_share", type=float, default=0.0)
    parser.add_argument("--faults", default=",".join(FAULTS))
    parser.add_argument("--latency_s", type=float, default=0.001)
    parser.add_argument("--slow_s", type=float, default=30.0)
    parser.add_argument("--retry_after_s", type=float, default=0.2)
    parser.add_argument("--key", default="")
    parser.add_argument("--token", default="")  # must stand in the query of every address
    parser.add_argument("--plain", type=int, default=0)
    parser.add_argument("--answers", default="[{}]")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(Script(parser.parse_args())))


if __name__ == "__main__":
    main()
