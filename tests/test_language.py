"""Phrases: both languages, the same values in both."""

import re
import string
from pathlib import Path

import pytest

from rarelib.language import LANGUAGES, phrases, say


@pytest.mark.parametrize("key", sorted(key for key in phrases() if not key.startswith("parameter.")))
def test_every_phrase_has_both_languages_with_the_same_values(key):
    fields = [
        {name for _, name, _, _ in string.Formatter().parse(phrases()[key][language]) if name} for language in LANGUAGES
    ]
    assert fields[0] == fields[1]


@pytest.mark.parametrize(("count", "said"), [(0, "0 objects are"), (1, "1 object is"), (2000, "2,000 objects are")])
def test_one_is_not_said_as_many(count, said):
    told = say("map_sentence", points=count, capped=1, method="t-SNE")
    assert told.startswith(f"{said} laid out by t-SNE; 1 more is left out")


def test_no_sentence_of_notebooks_and_report_counts_one_as_many():
    for key in phrases():
        english = phrases()[key].get("en", "")
        if key.endswith("_sentence") and key not in ("scratch_sentence", "audit_sentence"):  # of many, always
            assert not re.search(r"\{\w+:,\} (pictures|objects|more boxes|boxes|calls|were|are|have)\b", english), key


def test_unknown_keys_and_languages_are_refused():
    with pytest.raises(ValueError, match="There is no phrase 'nothing'"):
        say("nothing")
    with pytest.raises(ValueError, match="The language must be one of"):
        say("nothing", "fr")


PROJECT = Path(__file__).parents[1]
TRANSLATED = ("README", "docs/parameters", "docs/first-result", "docs/how-to-read-a-run")
# no engineer's words: 車載画像, 自己評価, ランダムフォレスト, 分布図, 自己監査, 解凍爆弾, デコード, API キー, … are
NOT_SAID = ("走行画像", "自分を測る", "展開爆弾", "復号", "計算機", "語句", "件を代表", "頁", "森", "鍵")
PLACES = ("README.ja.md", "docs/*.ja.md", "notebooks/*.ipynb", "rarelib/phrases/*.yaml")


@pytest.mark.parametrize("page", TRANSLATED)
def test_a_japanese_page_has_all_that_the_english_one_has(page):
    texts = [(PROJECT / f"{page}{end}.md").read_text(encoding="utf-8") for end in ("", ".ja")]
    for what in (r"^#+ ", r"^\|", r"^```", r"^!\["):
        english, japanese = (len(re.findall(what, text, flags=re.MULTILINE)) for text in texts)
        assert english == japanese, (page, what)


def test_japanese_uses_the_words_of_engineers():
    files = sorted(path for place in PLACES for path in PROJECT.glob(place))
    assert len(files) > 15
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert [word for word in NOT_SAID if word in text] == [], path.name
        assert not re.search("(?<!自己)監査", text), path.name


@pytest.mark.parametrize("page", sorted(PROJECT.glob("docs/*.md")) + sorted(PROJECT.glob("*.md")), ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert "://" in link or (page.parent / link).exists(), link


@pytest.mark.parametrize("page", ["first-result.md", "first-result.ja.md"])
def test_messages_that_a_page_quotes_are_said_so(page):
    code = " ".join(path.read_text(encoding="utf-8") for path in (PROJECT / "rarelib").rglob("*.py"))
    said = re.sub(r"\{[^{}]*\}", "\0", code.replace('"\n            f"', ""))
    quoted = re.findall(r"^\| \*(.+?)\* \|", (PROJECT / "docs" / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(quoted) >= 4
    for message in quoted:
        for part in re.split(r"…|'\w+'", message):
            assert part.strip(" ,") in said, (message, part)
