"""Words for the objects shown; the only room that knows the OpenAI-compatible API, and it ranks nothing."""

from .captioning import caption_counts, caption_objects, choose_captioned
from .check import check_address, check_caption_server, check_caption_settings, check_caption_source
from .dialogue import CaptionError
from .doubt import REASON_CODE, add_caption_reasons, disagreement_sentence
from .spread import choose_askers

__all__ = [
    "REASON_CODE", "CaptionError", "add_caption_reasons", "caption_counts", "caption_objects", "check_address",
    "check_caption_server", "check_caption_settings", "check_caption_source", "choose_askers", "choose_captioned",
    "disagreement_sentence",
]  # fmt: skip
