"""Tables that a user writes, by hand or with Excel: one reader, one meaning of yes and no, rows named as Excel does."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

YES = frozenset(("yes", "y", "true", "t", "1", "1.0", "はい", "真", "○", "〇", "◯"))
NO = frozenset(("no", "n", "false", "f", "0", "0.0", "いいえ", "偽", "×", "✕"))
UNSURE = frozenset(("unsure", "?", "", "不明"))
SEPARATORS = ",;\t"
MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))  # Excel's ways to save text
ENCODINGS = ("utf-8", "cp932")  # the second is what Excel saves a plain CSV in, in Japan
WORKBOOK = b"PK\x03\x04"


def read_user_table(
    path: str | Path, *, columns: Sequence[str], what: str, optional: Sequence[str] = (), may_be_empty: bool = False
) -> pd.DataFrame:
    """Read a table that a user wrote: a CSV with commas, semicolons or tabs, or Parquet.

    Args:
        path: File; .parquet is Parquet, all else is text.
        columns: Names that it must have; capitals and spaces around names do not matter.
        what: What it is, for errors, such as "truth table".
        optional: Last columns whose cells a row of a CSV may leave out.
        may_be_empty: Whether a CSV without even a header is a table without rows.

    Returns:
        The table, its index the number of each row as a spreadsheet shows it (the header is row 1; a row of Parquet
        counts from 1). Cells of a CSV are text without spaces around; empty rows and unnamed empty columns are left
        out. Numbers written with a decimal comma have a point.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read, lacks a column, names one twice, or a row has more or fewer cells.
    """
    path = Path(path)
    where = f"The {what} {path.name}"
    if not path.is_file():
        raise FileNotFoundError(f"{where} is not there: {path} does not exist.")
    is_parquet = path.suffix.lower() in (".parquet", ".pq")
    table = _read_parquet(path, where) if is_parquet else _read_csv(path, where, optional)
    if may_be_empty and table.columns.empty:
        return pd.DataFrame(columns=list(columns), dtype="str")
    lower = {str(name).strip().lower(): name for name in table}
    for column in columns:
        if column not in table and column not in lower:
            raise ValueError(f"{where} must have a column '{column}'. Got {list(table)} instead.")
    known = {lower[column]: column for column in lower if column not in table}
    return table.rename(columns=known)


def yes_or_no(values: pd.Series, *, where: str, unsure: bool = False) -> pd.Series:
    """Read yes and no in the words, letters and digits that people use.

    Args:
        values: Text, flags or 0 and 1; the index is the number of the row.
        where: What the column is of, for errors.
        unsure: Whether "unsure", "?" and an empty cell are allowed.

    Returns:
        Flags; with unsure numbers, NaN where it is unsure.

    Raises:
        ValueError: With the number of the first row that says something else.
    """
    words = values.map(_word)
    yes, no = words.isin(YES), words.isin(NO)
    allowed = yes | no | (words.isin(UNSURE) if unsure else False)
    if not allowed.all():
        row = allowed.idxmin()
        expected = "yes, no or unsure" if unsure else "yes or no (or true/false, 1/0, はい/いいえ)"
        got = values.loc[row]
        raise ValueError(f"{where}, row {row}: '{values.name}' must be {expected}. Got {got!r} instead.")
    return pd.Series(np.select([yes, no], [1.0, 0.0], np.nan), values.index) if unsure else yes


def is_yes(word: object) -> bool | None:
    """Return True for a yes, False for a no, None for any other word."""
    word = _word(word)
    return True if word in YES else False if word in NO else None


def numbers(values: pd.Series, *, where: str) -> pd.Series:
    """Read numbers.

    Raises:
        ValueError: With the number of the first row that holds none.
    """
    found = pd.to_numeric(values, errors="coerce").astype(float)
    wrong = ~np.isfinite(found)
    if wrong.any():
        row = wrong.idxmax()
        raise ValueError(f"{where}, row {row}: '{values.name}' must be a number. Got {values.loc[row]!r} instead.")
    return found


def _word(value: object) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NA:
        return ""
    return unicodedata.normalize("NFKC", str(value)).strip().casefold()  # also of full-width letters


def _read_parquet(path: Path, where: str) -> pd.DataFrame:
    try:
        table = pd.read_parquet(path)
    except (ValueError, OSError) as error:
        raise ValueError(f"{where} cannot be read: {' '.join(str(error).split())[:200]}.") from error
    return table.set_axis(range(1, len(table) + 1), axis=0)


def _read_csv(path: Path, where: str, optional: Sequence[str]) -> pd.DataFrame:
    text = _decode(path, where)
    first, _, rest = text.partition("\n")
    skipped = 0
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:  # a line for Excel
        separator, text, skipped = first.strip()[-1], rest, 1
    else:
        separator = max(SEPARATORS, key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise ValueError(f"{where} is not a CSV table: {error}.") from error
    header, cells, numbered = _whole_rows(rows, skipped, where, optional)
    if separator != ",":
        cells = [[_decimal_point(cell) for cell in row] for row in cells]
    return pd.DataFrame(cells, columns=header, index=numbered, dtype="str")


def _whole_rows(
    rows: list[list[str]], skipped: int, where: str, optional: Sequence[str]
) -> tuple[list[str], list[list[str]], list[int]]:
    rows = [[_plain(cell) for cell in row] for row in rows]
    filled = [(number, row) for number, row in enumerate(rows, start=1 + skipped) if any(row)]
    if not filled:
        return [], [], []
    (_, header), *body = filled
    width = max((at + 1 for at, name in enumerate(header) if name), default=0)
    least = max((at + 1 for at, name in enumerate(header) if name and name not in optional), default=0)
    for number, row in body:
        if len(row) < least or any(row[width:]):
            cells = max((at + 1 for at, cell in enumerate(row) if cell), default=0)
            raise ValueError(
                f"{where}, row {number}: a row must have {width} cells as the header. Got {cells} instead."
            )
    twice = [name for name in header[:width] if header[:width].count(name) > 1]
    if twice:
        raise ValueError(f"{where} must name each column once. Got {twice[0]!r} twice.")
    return header[:width], [(row + [""] * width)[:width] for _, row in body], [number for number, _ in body]


def _decode(path: Path, where: str) -> str:
    data = path.read_bytes()
    if data.startswith(WORKBOOK):
        raise ValueError(f'{where} is an Excel workbook; save it as "CSV UTF-8" and give that file.')
    marked = [encoding for mark, encoding in MARKS if data.startswith(mark)]
    for encoding in marked or ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            row = data.count(b"\n", 0, error.start) + 1
    raise ValueError(f"{where} is not a CSV table: row {row} holds no UTF-8 text. Save it as CSV UTF-8.")


def _plain(cell: str) -> str:
    cell = cell.strip()
    if cell.startswith('="') and cell.endswith('"'):  # how Excel keeps leading zeros
        return cell[2:-1]
    return cell


def _decimal_point(cell: str) -> str:
    whole, comma, part = cell.partition(",")
    return f"{whole}.{part}" if comma and part.isdigit() and whole.lstrip("-").isdigit() else cell
