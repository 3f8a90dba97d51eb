"""The page of a planted run, what is embedded in it, and what a report can tell of trust."""

import json
import re

from rarelib.report.html import write_html
from rarelib.report.results import collect_statistics

AUDIT = {"available": True, "sentence": "An unseen kind would be among the first 10 with probability 71%."}
STEP = {"kind": "all", "value": 0.5, "low": 0.25, "high": 0.75, "random": None, "n": 4}
EVALUATION = {
    "available": True,
    "sentence": "Of 4 truly rare objects, 50% have a box.",
    "rule": "IoU of at least 0.5.",
    "steps": [{"step": name, **STEP} for name in ("detected", "ranked", "end_to_end")],
}


def page_of(run, language="en", **options):
    path = write_html(run, collect_statistics(run), language=language, **options)
    return path.read_text(encoding="utf-8")


def told(text, name="object-data"):
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', text, re.DOTALL)
    return json.loads(found[1])
