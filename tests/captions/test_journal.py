"""Answers are kept line by line, and a line that a kill tore does no harm."""

from rarelib.captions.answers import CaptionAnswer
from rarelib.captions.journal import Journal, Record

ANSWER = CaptionAnswer(caption="A bus.", kind="bus", attributes=["old"], agrees="yes", certainty="high")


def record(key: str, answer: CaptionAnswer | None = ANSWER) -> Record:
    about = {"crop": "c", "model": "m", "prompt_version": "1", "language": "en", "round": "first"}
    return Record(key=key, answer=answer, error="" if answer else "HTTP 500", seconds=0.5, **about)


def test_answers_come_back_and_failures_do_not_count(tmp_path):
    path = tmp_path / "run" / "captions.jsonl"
    with Journal(path) as journal:
        journal.add(record("a"))
        journal.add(record("b", None))
        assert len(path.read_text().splitlines()) == 2  # there before the file is closed
    assert Journal(path).answered == {"a": record("a")}


def test_a_torn_or_foreign_line_is_passed_over_and_the_next_stands_alone(tmp_path):
    path = tmp_path / "captions.jsonl"
    whole = record("a").model_dump_json()
    path.write_bytes(whole.encode() + b'\n\xff\x00\n{"key": "x"}\n' + whole.replace('"a"', '"b"').encode()[:-9])
    with Journal(path) as journal:
        assert set(journal.answered) == {"a"}
        journal.add(record("c"))
    assert set(Journal(path).answered) == {"a", "c"}


def test_an_empty_file_is_an_empty_journal(tmp_path):
    path = tmp_path / "captions.jsonl"
    path.touch()
    with Journal(path) as journal:
        assert journal.answered == {}
    assert path.read_bytes() == b""
