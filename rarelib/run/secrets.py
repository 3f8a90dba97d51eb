"""Keys and passwords of the environment: known here so that they can be taken out of every text that is kept."""

from __future__ import annotations

import base64
import html
import os
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

KEY_NAMES = ("OPENAI_API_KEY", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
             "AWS_SESSION_TOKEN", "AZURE_STORAGE_KEY", "RAY_AUTH_TOKEN")  # fmt: skip
ADDRESS_NAMES = ("OPENAI_BASE_URL", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")
SHOWN = "<key>"
LEAST_EXACT = 4  # shorter ones, and PLACEHOLDERS, are no secrets but what a server is sent that wants none
PLACEHOLDERS = frozenset({"empty", "none", "null", "dummy", "test"})
LEAST_SPELLED = 8  # letters and digits that must be there before other spellings are looked for
PIECE = 12  # so many letters and digits of a key in a row give it away, as where a text was cut off
ESCAPES = re.compile(r"\\u\{?([0-9a-fA-F]{4,6})\}?|\\x([0-9a-fA-F]{2})")


def known_secrets(*addresses: str) -> tuple[str, ...]:
    """Return the keys and tokens of the environment, and what these addresses hide, longest first."""
    keys = [os.environ.get(name, "").strip() for name in KEY_NAMES]
    hidden = [part for name in ADDRESS_NAMES for part in hidden_parts(os.environ.get(name, ""))]
    hidden += [part for address in addresses for part in hidden_parts(address)]
    real = {text for text in (*keys, *hidden) if len(text) >= LEAST_EXACT and text.casefold() not in PLACEHOLDERS}
    return tuple(sorted(real, key=lambda text: (-len(text), text)))


def hidden_parts(address: str) -> list[str]:
    """Return what an address holds that only its owner may see: user and password, and the values of its query."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return [address]
    user = parts.netloc.rpartition("@")[0]
    written = [piece.partition("=")[2] or piece for piece in (*parts.query.split("&"), *parts.fragment.split("&"))]
    read = [value for _, value in parse_qsl(parts.query)]
    return [part for part in {user, user.partition(":")[2], unquote(user), *written, *read} if part]


def hide_exact(text: str, secrets: Sequence[str]) -> str:
    """Return a text with each secret, as it is written and as a whole word, replaced."""
    for secret in secrets:
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", SHOWN, text) if secret in text else text
    return text


def hide_secrets(text: str, secrets: Sequence[str]) -> str:
    """Return a text with each secret replaced; where one stands in another spelling, nothing of the text is left.

    Other spellings are other case, spaces or signs in between, escapes of JSON, HTML and addresses, base64, hex,
    backwards, and pieces of 12 letters and digits.
    """
    text = hide_exact(text, secrets)
    if not secrets:
        return text
    squeezed = _squeezed(text)
    return SHOWN if any(needle in squeezed for secret in secrets for needle in _needles(secret)) else text


def hide_everywhere(value: Any, secrets: Sequence[str]) -> Any:
    """Return a JSON value with the secrets taken out of its texts; names of fields stay."""
    if isinstance(value, str):
        return hide_secrets(value, secrets)
    if isinstance(value, dict):
        return {name: hide_everywhere(item, secrets) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [hide_everywhere(item, secrets) for item in value]
    return value


def _squeezed(text: str) -> str:
    """Return the letters and digits of a text, in lower case, with its escapes read."""
    text = ESCAPES.sub(lambda found: _character(found.group(1) or found.group(2)), unquote(html.unescape(text)))
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())


def _character(digits: str) -> str:
    number = int(digits, 16)
    return chr(number) if number <= 0x10FFFF else ""


@cache
def _needles(secret: str) -> tuple[str, ...]:
    plain = _squeezed(secret)
    if len(plain) < LEAST_SPELLED:
        return ()
    pieces = [plain[start : start + PIECE] for start in range(max(len(plain) - PIECE, 0) + 1)]
    raw = secret.encode("utf-8", "surrogateescape")
    coded = [_squeezed(raw.hex()), *(_squeezed(_base64_core(raw, before)) for before in range(3))]
    return tuple(dict.fromkeys([*pieces, *(piece[::-1] for piece in pieces), *coded]))


def _base64_core(raw: bytes, before: int) -> str:
    """Return the characters of base64 that depend on the secret alone when `before` other bytes precede it."""
    whole = base64.b64encode(b"\0" * before + raw).decode("ascii").rstrip("=")
    return whole[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
