"""A key is found in a text however it is spelled, and ordinary words are left alone."""

import base64

import pytest

from rarelib.run.secrets import hidden_parts, hide_everywhere, hide_secrets, known_secrets

KEY = "sk-Proj-4f9a8c7e6d5b4a39"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "spelled",
    [
        KEY.upper(),
        "".join(f"\\u{ord(char):04x}" for char in KEY),
        "".join(f"&#{ord(char)};" for char in KEY),
        "".join(f"%{ord(char):02X}" for char in KEY),
        " ".join(KEY),
        "\u200b".join(KEY),
        KEY[::-1],
        KEY[:-4],  # cut off
        KEY.encode().hex(),
        base64.b64encode(KEY.encode()).decode(),
        base64.b64encode(f"Bearer {KEY}".encode()).decode(),
        base64.b64encode(f"ab{KEY}cd".encode()).decode(),
        "ｓｋ－Ｐｒｏｊ－" + KEY[8:],  # full width
    ],
)
def test_other_spellings_take_the_whole_text_away(spelled):
    assert hide_secrets(f"the key is {spelled}, they say", (KEY,)) == "<key>"


def test_as_written_only_the_key_is_replaced():
    assert hide_secrets(f"the key is {KEY}.", (KEY,)) == "the key is <key>."
    assert hide_secrets("a white bus beside a crane", (KEY,)) == "a white bus beside a crane"


def test_short_keys_are_replaced_as_whole_words_only():
    assert hide_secrets("car in a cart of cars", ("cart",)) == "car in a <key> of cars"


def test_placeholders_are_no_secrets(monkeypatch):
    for placeholder in ("EMPTY", "null", "none", "abc"):
        monkeypatch.setenv("OPENAI_API_KEY", placeholder)
        assert known_secrets() == ()


def test_secrets_come_from_keys_and_addresses(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", f" {KEY}\n")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://me:p%40ssword@host/v1?token=abc%2Fdef&x=1")
    assert {KEY, "me:p%40ssword", "p%40ssword", "me:p@ssword", "abc%2Fdef", "abc/def"} == set(known_secrets())
    assert "tok-12345" in known_secrets("http://host/v1#tok=tok-12345")
    assert hidden_parts("http://host/v1") == []


def test_names_of_fields_stay():
    value = {"metadata": ["metadata", {"a": 1, "b": None, "c": "xmetadatax"}]}
    assert hide_everywhere(value, ("metadata",)) == {"metadata": ["<key>", {"a": 1, "b": None, "c": "<key>"}]}
