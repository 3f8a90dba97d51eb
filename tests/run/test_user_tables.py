"""Tables as people and spreadsheets write them: read, or refused with the row's number."""

import numpy as np
import pandas as pd
import pytest

from rarelib.run.user_tables import is_yes, numbers, read_user_table, yes_or_no

PLAIN = "path,rare,x_min\na.jpg,yes,1.5\nb.jpg,no,2\n"


def read(tmp_path, content, columns=("path", "rare", "x_min"), name="t.csv"):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_user_table(tmp_path / name, columns=columns, what="truth table")


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace("\n", "\r\n"),
        b"\xef\xbb\xbf" + PLAIN.encode(),
        PLAIN.replace(",", "\t").encode("utf-16"),
        PLAIN.replace(",", ";").replace("1.5", "1,5"),
        "sep=;\n" + PLAIN.replace(",", ";").replace("1.5", "1,5"),
        'Path , RARE,x_min,,\n"a.jpg",yes,"1.5",,\nb.jpg,no,2,,\n,,,,\n',
        '"path","rare","x_min"\n="a.jpg",yes,1.5\nb.jpg,no,2',
    ],
    ids=["plain", "windows", "byte order mark", "unicode text", "semicolons", "sep=", "empty columns", "kept as text"],
)
def test_what_spreadsheets_write(tmp_path, content):
    table = read(tmp_path, content)
    assert table["path"].tolist() == ["a.jpg", "b.jpg"]
    assert numbers(table["x_min"], where="t").tolist() == [1.5, 2.0]
    assert yes_or_no(table["rare"], where="t").tolist() == [True, False]


def test_japanese_excel(tmp_path):
    table = read(
        tmp_path, "path,rare,備考\n画像/一.jpg,はい,犬\n画像/二.jpg,いいえ,\n".encode("cp932"), ("path", "rare")
    )
    assert table["path"].tolist() == ["画像/一.jpg", "画像/二.jpg"]
    assert yes_or_no(table["rare"], where="t").tolist() == [True, False]


def test_numbers_of_rows_are_those_of_the_spreadsheet(tmp_path):
    table = read(tmp_path, "path,rare\n\na.jpg,yes\nb.jpg,maybe\n", ("path", "rare"))
    with pytest.raises(ValueError, match=r"t, row 4: 'rare' must be yes or no .* Got 'maybe' instead"):
        yes_or_no(table["rare"], where="t")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("path,rare\na.jpg\n", r"truth table t\.csv, row 2: a row must have 2 cells as the header\. Got 1"),
        ("path,rare\na.jpg,yes,no\n", "row 2: a row must have 2 cells as the header. Got 3"),
        ("path,path,rare\na,b,c\n", "must name each column once. Got 'path' twice"),
        ("path,odd\na.jpg,1\n", "must have a column 'rare'. Got"),
        ('path,rare\n"a', "is not a CSV table"),
        (b"path,rare\na.jpg,yes\n\x81\x20,no\n", "row 3 holds no UTF-8 text"),
        (b"PK\x03\x04rest", "is an Excel workbook"),
        ("", "must have a column 'path'"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, content, ("path", "rare"))


@pytest.mark.parametrize(
    "word", ["yes", "Yes ", "Y", "TRUE", "1", "1.0", "はい", "１", "ｙｅｓ", "○", True, 1, 1.0, np.True_]
)
def test_yes(word):
    assert yes_or_no(pd.Series([word], name="rare"), where="t").tolist() == [True]
    assert is_yes(word) is True


@pytest.mark.parametrize("word", ["no", "NO", "n", "False", "0", "いいえ", "０", "×", False, 0, 0.0, np.int64(0)])
def test_no(word):
    assert yes_or_no(pd.Series([word], name="rare"), where="t").tolist() == [False]
    assert is_yes(word) is False


def test_unsure_only_where_it_is_allowed():
    words = pd.Series(["yes", "", "?", "no"], name="rare", index=[2, 3, 4, 5])
    np.testing.assert_array_equal(yes_or_no(words, where="t", unsure=True), [1, np.nan, np.nan, 0])
    with pytest.raises(ValueError, match="row 3: 'rare' must be yes or no"):
        yes_or_no(words, where="t")
    with pytest.raises(ValueError, match=r"row 2: 'rare' must be yes, no or unsure\. Got 'perhaps'"):
        yes_or_no(pd.Series(["perhaps"], name="rare", index=[2]), where="t", unsure=True)
    assert is_yes("unsure") is None


def test_words_where_numbers_belong_are_refused():
    with pytest.raises(ValueError, match=r"t, row 3: 'x_min' must be a number\. Got 'left'"):
        numbers(pd.Series(["1", "left"], name="x_min", index=[2, 3]), where="t")


def test_parquet_is_read_as_it_is(tmp_path):
    pd.DataFrame({"path": ["a.jpg"], "rare": [True], "x_min": [1.5]}).to_parquet(tmp_path / "t.parquet")
    table = read_user_table(tmp_path / "t.parquet", columns=("path", "rare"), what="truth table")
    assert yes_or_no(table["rare"], where="t").tolist() == [True] and table.index.tolist() == [1]
    (tmp_path / "bad.parquet").write_bytes(b"no table")
    with pytest.raises(ValueError, match=r"truth table bad\.parquet cannot be read"):
        read_user_table(tmp_path / "bad.parquet", columns=("path",), what="truth table")
