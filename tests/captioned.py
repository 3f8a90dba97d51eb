"""Captions of selected objects as a run asks for them, with little patience."""

from pathlib import Path

import pandas as pd
from scripted_server import Address

from rarelib.captions import caption_objects
from rarelib.settings import CaptionSettings


def caption(selected: pd.DataFrame, root: Path, server: Address | None = None, **options) -> pd.DataFrame:
    options = {"caption_retries": 0, "caption_timeout_s": 5.0} | options
    if server is not None:
        options["caption_base_url"] = server.base_url
    models = {name: options.pop(name) for name in ("embedder", "vectors") if name in options}
    return caption_objects(selected, root, root, CaptionSettings(**options), **models)
