"""What must be there before captions are started, so that a run does not fail an hour later."""

from __future__ import annotations

import http.client
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from ..run.secrets import hidden_parts
from ..settings import CaptionSettings

SOURCES = ("api", "clip", "local")
REACH_TIMEOUT_S = 5.0
NO_KEY = "EMPTY"  # what local servers are sent
HOW_TO_START = (
    "start one with `vllm serve Qwen/Qwen2-VL-2B-Instruct` and give --caption_base_url http://127.0.0.1:8000/v1"
)
HOW_TO_SKIP = "leave captions out with --skip_caption true"


def check_caption_settings(settings: CaptionSettings, *, reach: bool = True) -> None:
    """Check that captions can be made with these settings, as `check_caption_source` does."""
    check_caption_source(
        settings.caption_source,
        base_url=settings.caption_base_url,
        model=settings.caption_model,
        phrases=settings.caption_phrases,
        reach=reach,
    )


def check_caption_source(
    source: str, *, base_url: str = "", model: str = "", phrases: Sequence[str] = (), reach: bool = True
) -> None:
    """Check that captions can be made.

    Args:
        source: "api", "clip" or "local".
        base_url: Address of the server for api; empty takes OPENAI_BASE_URL.
        model: Folder of the checkpoint for local.
        phrases: What clip chooses from; empty takes the built-in list.
        reach: Whether the server is also contacted.

    Raises:
        ValueError: With one line that says what is missing, how to get it and how to skip.
    """
    check_address(base_url)
    if source not in SOURCES:
        raise ValueError(f"The 'caption_source' parameter must be one of {', '.join(SOURCES)}. Got {source!r} instead.")
    if source == "api":
        api_key()
        check_caption_server(base_url, reach=reach)
    if source == "local" and not (Path(model).expanduser() / "config.json").is_file():
        raise ValueError(
            "The 'caption_model' parameter must be a checkpoint folder (config.json) with caption_source local. "
            f"Got {model!r} instead."
        )
    if any(not phrase.strip() for phrase in phrases):
        raise ValueError("The 'caption_phrases' parameter must hold phrases with words. Got an empty one instead.")


def check_address(base_url: str) -> None:
    """Check that an address that is written into the run's files holds nothing secret.

    Raises:
        ValueError: If it holds a user, a password, a query or a fragment; the message leaves them out.
    """
    if hidden_parts(base_url):
        raise ValueError(
            "The 'caption_base_url' parameter must be an address without user, password and query, as it is written "
            f"into the run's files. Got one for {public_address(base_url)!r}; give the whole address in the "
            "environment variable OPENAI_BASE_URL."
        )


def check_caption_server(base_url: str = "", *, reach: bool = True) -> str:
    """Return the server's address, from the parameter or else OPENAI_BASE_URL.

    Args:
        base_url: Address such as http://127.0.0.1:8000/v1.
        reach: Whether the server is asked for its models, within 5 s.

    Raises:
        ValueError: If no server is configured, the address is none, nothing answers there, or the key is refused.
    """
    address = (base_url or os.environ.get("OPENAI_BASE_URL", "")).strip().rstrip("/")
    if not address:
        raise ValueError(f"Captions need a server and none is configured: {HOW_TO_START}, or {HOW_TO_SKIP}.")
    parts = urllib.parse.urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(
            "The 'caption_base_url' parameter must be an address such as http://127.0.0.1:8000/v1. "
            f"Got {public_address(address)!r} instead."
        )
    if reach:
        _reach(address)
    return address


def api_key() -> str:
    """Return OPENAI_API_KEY, or what local servers take for one.

    Raises:
        ValueError: If it holds characters that no request can carry; the message does not show it.
    """
    key = os.environ.get("OPENAI_API_KEY", "").strip() or NO_KEY
    wrong = [position for position, char in enumerate(key, 1) if not "!" <= char <= "~"]
    if wrong:
        raise ValueError(
            "The key in OPENAI_API_KEY cannot be sent: it must be printable ASCII without spaces or line breaks, and "
            f"character {wrong[0]} of {len(key)} is not. Set it again."
        )
    return key


def _reach(address: str) -> None:
    shown, query = public_address(address), urllib.parse.urlsplit(address).query
    models = f"{shown}/models" + (f"?{query}" if query else "")
    request = urllib.request.Request(models, headers={"Authorization": f"Bearer {api_key()}"})
    try:
        urllib.request.urlopen(request, timeout=REACH_TIMEOUT_S).close()
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (401, 403):
            raise ValueError(
                f"The caption server at {shown} refuses the key in OPENAI_API_KEY (HTTP {error.code})."
            ) from None
        if error.code == 404 and not urllib.parse.urlsplit(address).path:
            raise ValueError(f"There is no API at {shown}; such addresses mostly end in /v1.") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        reason = getattr(reason, "strerror", None) or reason
        raise ValueError(
            f"The caption server at {shown} cannot be reached ({reason}); wait until it is ready, "
            f"{HOW_TO_START}, or {HOW_TO_SKIP}."
        ) from error


def public_address(address: str) -> str:
    """Return an address without user, password and query."""
    parts = urllib.parse.urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
