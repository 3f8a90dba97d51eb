"""OpenVINO as rarelib uses it: what is imported and converted is reported to nobody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any


def import_openvino() -> Any:
    """Return the module openvino; a plain import would report itself to OpenVINO's makers."""
    with nothing_reported():
        return import_module("openvino")


@contextmanager
def nothing_reported() -> Iterator[None]:
    """Keep OpenVINO and NNCF from reporting imports and conversions, as they do unless the user has declined.

    What they would report, and the number that they would give this machine in ~/intel, are not written either.
    """
    try:
        opt_in = import_module("openvino_telemetry.utils.opt_in_checker")
        sender = import_module("openvino_telemetry.utils.sender").TelemetrySender
    except ImportError:
        yield
        return
    checker, declined = opt_in.OptInChecker, opt_in.ConsentCheckResult.DECLINED
    check, send = checker.check, sender.send
    checker.check, sender.send = (lambda *_, **__: declined), (lambda *_, **__: None)
    try:
        yield
    finally:
        checker.check, sender.send = check, send
