"""Every exchange with a server is bounded in number, time and size, and ends in a reply."""

import asyncio
import time

import pytest
from scripted_server import FAULTS, Address, scripted_server

from rarelib.captions.answers import Reply
from rarelib.captions.client import ApiModel
from rarelib.captions.prompts import Message, first_messages


def ask(server: Address, *conversations: list[Message], **options) -> list[Reply]:
    options = {"concurrency": 4, "timeout_s": 2.0, "retries": 0} | options

    async def talk() -> list[Reply]:
        async with ApiModel(base_url=server.base_url, model="m", **options) as model:
            return await asyncio.gather(*(model.ask(conversation) for conversation in conversations))

    return asyncio.run(talk())


def about(picture: bytes) -> list[Message]:
    return first_messages("bus", 0.5, (picture,), "en")


def test_an_answer_comes_with_its_costs():
    with scripted_server(latency_s=0.05) as server:
        (reply,) = ask(server, about(b"p"))
        (body,) = server.stats()["bodies"]
    assert '"kind": "vehicle"' in reply.text
    assert (reply.error, reply.input_tokens, reply.output_tokens) == ("", 300, 40)
    assert 0.04 < reply.seconds < 2
    assert body["response_format"]["json_schema"]["strict"] is True
    assert body["messages"][1]["content"][0]["image_url"]["url"] == "data:image/jpeg;base64,cA=="


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("429", "HTTP 429: slow down"),
        ("500", "HTTP 500: out of order"),
        ("503", "HTTP 503: out of order"),
        ("slow", "no answer within 1 s"),
        ("cut", "connection failed: "),
        ("half_body", "not a chat completion"),
        ("no_json", "not a chat completion"),
        ("huge", "larger than 256 KiB"),
        ("packed", "compressed"),
    ],
)
def test_a_fault_is_a_reply_with_its_error(fault, error):
    assert fault in FAULTS
    with scripted_server(fault_share=1, faults=fault) as server:
        (reply,) = ask(server, about(b"p"), timeout_s=1.0)
    assert error in reply.error
    assert reply.text == ""


def test_nobody_there_is_a_reply_too():
    with scripted_server() as server:
        pass
    (reply,) = ask(server, about(b"p"))
    assert reply.error.startswith("connection failed")


def test_retry_after_is_honoured():
    with scripted_server(fault_share=1, faults="429", retry_after_s=1.3) as server:
        start = time.monotonic()
        (reply,) = ask(server, about(b"p"), retries=1)
        assert time.monotonic() - start >= 1.3
        assert list(server.stats()["requests"].values()) == [["429", "429"]] and reply.error.startswith("HTTP 429")


def test_no_more_requests_are_in_flight_than_allowed():
    with scripted_server(latency_s=0.05) as server:
        replies = ask(server, *(about(bytes([number])) for number in range(20)), concurrency=3)
        assert server.stats()["peak"] == 3
    assert not any(reply.error for reply in replies)


def test_a_server_without_json_schema_is_asked_plainly_from_then_on():
    with scripted_server(plain=1) as server:
        first = ask(server, about(b"p"))
        stats = server.stats()
    assert first[0].error == ""
    assert ["response_format" in body for body in stats["bodies"]] == [True, False]


def test_the_key_is_sent_but_never_comes_back(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-1")
    with scripted_server(key="sk-other") as server:
        (reply,) = ask(server, about(b"p"))
    assert reply.error == "HTTP 401: Incorrect API key provided: Bearer <key>"
    with scripted_server(key="sk-secret-1", answers='["the key is sk-secret-1"]') as server:
        (reply,) = ask(server, about(b"p"))
    assert reply.text == "the key is <key>"


def test_the_query_of_the_address_goes_with_every_request():
    with scripted_server(token="abc") as server:
        with_query = Address(f"{server.base_url}?token=abc", server.process)
        (reply,) = ask(with_query, about(b"p"))
        (without,) = ask(server, about(b"p"))
    assert reply.error == ""
    assert without.error.startswith("HTTP 404")


def test_a_key_that_cannot_be_sent_is_refused(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-one\nsk-two")
    with pytest.raises(ValueError, match="cannot be sent"):
        ApiModel(base_url="http://127.0.0.1:1/v1", model="m", concurrency=1, timeout_s=1.0, retries=0)
