"""The stage notebooks as files, and what carries them out."""

import subprocess
import sys

PAPERMILL = """
import sys
from rarelib.pipeline.notebooks import import_papermill
assert import_papermill().__name__ == "papermill"
import jsonschema, nbformat
assert "lark" not in sys.modules and "rfc3987_syntax" not in sys.modules
nbformat.validate(nbformat.v4.new_notebook())
import rfc3987_syntax
assert rfc3987_syntax.is_valid_syntax_iri("https://example.org/ä")
"""


def test_papermill_comes_without_a_grammar_that_takes_a_second_and_others_may_still_have_it():
    done = subprocess.run([sys.executable, "-c", PAPERMILL], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
