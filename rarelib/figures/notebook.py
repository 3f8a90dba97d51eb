"""What a notebook shows beside its figures: computed sentences and small tables."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from ..language import say
from ..words.vocabulary import shown_name


def show(key: str, language: str = "en", /, **values: Any) -> None:
    """Show a phrase with its numbers as text of the notebook."""
    show_text(say(key, language, **values))


def show_text(text: str) -> None:
    """Show plain text, nothing for none; markup in it is inert."""
    if not text:
        return
    import html

    from IPython.display import HTML, display

    display(HTML(f"<p>{html.escape(text)}</p>"))


def show_table(rows: pd.DataFrame | list[dict[str, Any]], language: str = "en") -> None:
    """Show a small table, classes by their names in the language, or say that there is nothing to show."""
    from IPython.display import HTML, display

    table = pd.DataFrame(rows)
    if table.empty:
        return show("nothing_to_show", language)
    if "class_name" in table:
        table["class_name"] = table["class_name"].map(partial(shown_name, language=language))
    titles = {name: say(f"column_{name}", language) for name in table.columns}
    display(HTML(table.rename(columns=titles).to_html(index=False, escape=True, border=0)))
    return None
