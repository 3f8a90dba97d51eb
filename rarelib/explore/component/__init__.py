"""The component's own script and style, in parts that are joined: nothing is built, nothing is fetched."""

from __future__ import annotations

from functools import cache
from importlib import resources

PARTS = ("base.js", "state.js", "map.js", "card.js", "gallery.js", "picture.js", "judge.js", "main.js")


def notebook_module() -> str:
    """Return the component as an ES module with `export default { render }`, as anywidget wants it."""
    return "\n".join([*map(_asset, PARTS), "export default { render };\n"])


def page_script() -> str:
    """Return the component as the script of a page that holds its data."""
    return "\n".join(map(_asset, (*PARTS, "standalone.js")))


def component_style() -> str:
    """Return the style of the component."""
    return _asset("explore.css")


@cache
def _asset(name: str) -> str:
    return (resources.files(__name__) / name).read_text(encoding="utf-8")
