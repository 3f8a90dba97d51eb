"""How every figure looks: fonts that show Japanese, colours that everybody can tell apart, and words for nothing."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any, TypeVar

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..language import text_columns

WIDTH = 9.0  # inches; about the text width of a notebook at DPI
DPI = 110
AS_SHOWN = {"dpi": DPI, "format": "png"}  # how notebooks show a figure, and a run's plots are saved
INK, QUIET, GRID, PAPER = "#22303c", "#6b7886", "#e4e9ed", "#ffffff"
COMMON, PALE, RARE = "#5b7f9e", "#c6d3de", "#d55e00"
# Okabe and Ito (2008), without the colour kept for what is rare; the yellow darkened to be read on white
CLASS_COLOURS = ("#0072b2", "#009e73", "#cc79a7", "#56b4e9", "#b08900", "#6a51a3", "#1b3a4b", "#8c510a")
LARGE_BYTES = 100_000
MAX_TEXT = 400
WIDE = 1.7  # Japanese letters in columns; columns leave room for wide Latin ones, Japanese ones are all alike
NOT_FIRST = "、。，．・：；？！」』）］｝〉》】〕’”ーぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ々…％"
NOT_LAST = "「『（［｛〈《【〔‘“"
JAPANESE = r"[\u2e80-\uffef]"
PIECES = re.compile(  # what stays on one line: a Latin word, or a Japanese letter with the marks that hold on to it
    rf"[{NOT_LAST}]*[^\s\u2e80-\uffef]+[{NOT_FIRST}]*\s*|[{NOT_LAST}]*{JAPANESE}[{NOT_FIRST}]*|\s"
)
Plot = TypeVar("Plot", bound=Callable[..., Any])

STYLE: dict[str, Any] = {
    "font.family": ["DejaVu Sans", "IPAexGothic"],  # the second is asked for what the first lacks
    "font.size": 9.0,
    "text.color": INK,
    "text.parse_math": False,  # a class may be called $x$
    "axes.edgecolor": QUIET,
    "axes.labelcolor": QUIET,
    "axes.titlecolor": INK,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "axes.titlepad": 8.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
    "xtick.minor.size": 0.0,
    "ytick.minor.size": 0.0,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "figure.dpi": DPI,
    "figure.facecolor": PAPER,
    "figure.constrained_layout.use": True,
    "axes.unicode_minus": False,
}
with mpl.rc_context():  # the import makes its font known to matplotlib, and takes it for the default, which stays ours
    from matplotlib_fontja import get_font_ttf_path


def styled(plot: Plot) -> Plot:
    """Draw in this package's style, and leave the style of the caller's own figures alone."""

    @wraps(plot)
    def draw(*args: Any, **options: Any) -> Any:
        with mpl.rc_context(STYLE):  # type: ignore[arg-type]
            return plot(*args, **options)

    return draw  # type: ignore[return-value]


class Chart(Figure):
    """A figure that shows itself in a notebook as a small PNG, that of its file where it was saved and not changed."""

    def __init__(self, width: float = WIDTH, height: float = 4.0) -> None:
        """Take the size in inches."""
        self._saved = b""
        super().__init__(figsize=(width, height), dpi=DPI)
        FigureCanvasAgg(self)

    def draw(self, renderer: RendererBase) -> None:
        """Draw as matplotlib does."""
        self._saved = b""
        super().draw(renderer)

    def savefig(self, fname: Any, **options: Any) -> None:
        """Save as matplotlib does, but a large PNG, which holds photographs, in 256 colours."""
        if not hasattr(fname, "write") and Path(fname).suffix:
            options = {"format": Path(fname).suffix[1:], **options}
        buffer = io.BytesIO()
        with mpl.rc_context(STYLE):  # type: ignore[arg-type]
            super().savefig(buffer, **options)
        content = buffer.getvalue()
        if content.startswith(b"\x89PNG") and len(content) > LARGE_BYTES:
            content = _in_256_colours(content)
        fname.write(content) if hasattr(fname, "write") else Path(fname).write_bytes(content)
        if options == AS_SHOWN:
            self._saved, self.stale = content, False

    def _repr_png_(self) -> bytes:
        return self._saved if self._saved and not self.stale else png_bytes(self)


def png_bytes(figure: Figure) -> bytes:
    """Return the figure as a PNG file's content."""
    buffer = io.BytesIO()
    figure.savefig(buffer, **AS_SHOWN)
    return buffer.getvalue()


def new_chart(title: str, *, height: float = 3.6, width: float = WIDTH) -> Chart:
    """Return an empty figure with its title at the upper left."""
    chart = Chart(width, height)
    chart.suptitle(printable(title), x=0.01, ha="left", fontsize=11.5, color=INK)
    return chart


def words_only(title: str, message: str) -> Chart:
    """Return a figure that says in words why there is nothing to draw."""
    chart = new_chart(title, height=1.5)
    axes = chart.add_subplot()
    axes.set_axis_off()
    axes.text(0.0, 0.5, fit_text(message, 100, 3), ha="left", va="center", color=QUIET, fontsize=10)
    return chart


def quiet_axes(axes: Axes, *, grid: str = "x") -> Axes:
    """Take away all but the base line and pale grid lines along one direction ("x", "y", "both" or "")."""
    if grid:
        axes.grid(True, axis=grid)  # type: ignore[arg-type]
    axes.spines["left"].set_visible(False)
    return axes


def printable(text: object, limit: int = MAX_TEXT) -> str:
    """Return the text on one line, cut, with a box in place of each character that no font shows."""
    flat = " ".join(str(text)[: limit * 4].split())
    seen = "".join(c if ord(c) in _glyphs() else "□" for c in flat if unicodedata.category(c) not in ("Cc", "Cf"))
    return seen if len(seen) <= limit else seen[: limit - 1] + "…"


def fit_text(text: object, columns: int, lines: int = 1) -> str:
    """Return the text broken into at most so many lines of so many columns, at least one, cut with "…".

    A column has room for a Latin letter; Japanese characters are WIDE of them wide, and a line may break between any
    two of them but where kinsoku shori forbids it (JIS X 4051): no line begins with a closing mark or a small kana,
    none ends with an opening bracket.
    """
    columns, rows = max(columns, 1), [""]
    for piece in PIECES.findall(printable(text)):
        for part in _cut(piece, columns):
            if _print_columns(rows[-1] + part.rstrip()) > columns:
                rows.append("")
            rows[-1] += part
    if len(rows) > lines:
        rows = [*rows[: lines - 1], _shorten("".join(rows[lines - 1 :]), columns)]
    return "\n".join(row.rstrip() for row in rows)


def _in_256_colours(content: bytes) -> bytes:
    from PIL import Image

    small = io.BytesIO()
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(small, "png", optimize=True)
    return small.getvalue()


def _cut(piece: str, columns: int) -> list[str]:
    return [piece[start : start + columns] for start in range(0, len(piece), columns)]


def _shorten(text: str, columns: int) -> str:
    while _print_columns(text) > columns - 1:
        text = text[:-1]
    return text.rstrip() + "…"


def _print_columns(text: str) -> float:
    wide = text_columns(text) - len(text)
    return len(text) + (WIDE - 1) * wide


@cache
def _glyphs() -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    latin = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    paths = (font_manager.findfont("DejaVu Sans") if not latin.is_file() else str(latin), get_font_ttf_path())
    return frozenset(code for path in paths for code in FT2Font(path).get_charmap())
