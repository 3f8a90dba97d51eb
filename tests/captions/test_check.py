"""What is missing for captions is said before work starts, in one line that tells what to do."""

import socket

import pytest
from scripted_server import scripted_server

from rarelib.captions.check import api_key, check_address, check_caption_server, check_caption_source


def test_no_server_tells_how_to_start_one_and_how_to_skip():
    with pytest.raises(ValueError, match=r"vllm serve Qwen/Qwen2-VL-2B-Instruct.*--skip_caption true"):
        check_caption_source("api")


def test_the_address_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1/")
    assert check_caption_server(reach=False) == "http://127.0.0.1:8000/v1"
    assert check_caption_server("http://other/v1", reach=False) == "http://other/v1"


@pytest.mark.parametrize("address", ["127.0.0.1:8000/v1", "file:///etc/passwd", "http://"])
def test_an_address_must_be_one(address):
    with pytest.raises(ValueError, match="'caption_base_url' parameter must be an address"):
        check_caption_server(address)


def test_nobody_there_is_said_without_the_password(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://user:secret@127.0.0.1:{port}/v1?token=secret")
    with pytest.raises(ValueError, match=rf"http://127\.0\.0\.1:{port}/v1 cannot be reached.*refused.*vllm") as raised:
        check_caption_server()
    assert "secret" not in str(raised.value)


def test_a_server_that_is_there_is_enough():
    with scripted_server() as server:
        check_caption_source("api", base_url=server.base_url)
        with pytest.raises(ValueError, match="mostly end in /v1"):
            check_caption_server(server.base_url.removesuffix("/v1"))


def test_a_refused_key_is_said_and_not_shown(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-key")
    with scripted_server(key="sk-right") as server:
        with pytest.raises(ValueError, match="refuses the key in OPENAI_API_KEY") as raised:
            check_caption_server(server.base_url)
        assert "sk-wrong" not in str(raised.value)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-right")
        check_caption_server(server.base_url)


def test_a_local_source_needs_a_checkpoint(tmp_path):
    with pytest.raises(ValueError, match="'caption_model' parameter must be a checkpoint folder"):
        check_caption_source("local", model=str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    check_caption_source("local", model=str(tmp_path))


def test_sources_and_phrases_are_checked():
    with pytest.raises(ValueError, match="must be one of api, clip, local"):
        check_caption_source("magic")
    with pytest.raises(ValueError, match="'caption_phrases' parameter must hold phrases with words"):
        check_caption_source("clip", phrases=["car", " "])
    check_caption_source("clip")


def test_local_servers_get_a_key_that_is_none(monkeypatch):
    assert api_key() == "EMPTY"
    monkeypatch.setenv("OPENAI_API_KEY", " sk-1\n")
    assert api_key() == "sk-1"


@pytest.mark.parametrize(
    "address", ["http://me:pass@host/v1", "http://host/v1?token=s3cret-token", "http://host/v1#s3cret-token"]
)
def test_secrets_in_an_address_that_is_written_down_are_refused_and_not_shown(address):
    with pytest.raises(
        ValueError, match=r"without user, password and query.*'http://host/v1'.*OPENAI_BASE_URL"
    ) as told:
        check_address(address)
    assert "pass@" not in str(told.value) and "s3cret" not in str(told.value)
    for source in ("api", "clip"):
        with pytest.raises(ValueError, match="OPENAI_BASE_URL"):
            check_caption_source(source, base_url=address)


def test_a_query_from_the_environment_goes_with_every_request(monkeypatch):
    with scripted_server(key="sk-right-1", token="abc") as server:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-right-1")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.base_url}?token=abc")
        assert check_caption_server() == f"{server.base_url}?token=abc"


@pytest.mark.parametrize("key", ["sk-one\nsk-two", "sk-schlüssel", "sk-\u8a00", "sk one", "sk-\x07", "sk-\udce4"])
def test_a_key_that_cannot_be_sent_is_said_before_the_run(key, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ValueError, match=r"OPENAI_API_KEY cannot be sent: it must be printable ASCII") as told:
        check_caption_source("api", base_url="http://127.0.0.1:1/v1", reach=False)
    assert key not in str(told.value)
    check_caption_source("clip")
