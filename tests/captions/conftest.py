"""No test of captions sees the server and the key of the machine that it runs on."""

import pytest


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
