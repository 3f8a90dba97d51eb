"""Which objects of a run are held and shown where all would be too many; all are where they are few enough."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..run.queries import Tables
from .rows import marked_objects


def choose_objects(
    tables: Tables, *, cards: int, common: int, also: Sequence[str] = (), most: int | None = None, seed: int = 0
) -> tuple[list[str], int]:
    """Return the rarest selected objects, what is marked and what belongs to them, and some of the others.

    Args:
        tables: Of `rows.open_tables`.
        cards: At most so many selected ones are cards, rarest first; those marked for the precision always.
        common: So many of the others that are not selected are drawn, so that it is seen what is normal.
        also: object_ids that belong to the cards in any case.
        most: No more than so many in all; the last are left out.
        seed: Of the draw.

    Returns:
        object_ids: the cards; their neighbours, the other views of their events and `also`; those drawn; each part
        rarest first. And how many are cards.
    """
    first = tables.rows("SELECT object_id FROM scores WHERE selected ORDER BY rank LIMIT $most", most=cards)
    tables.keep("cards", pd.concat([first, _ids(marked_objects(tables))]).drop_duplicates())
    tables.keep("also", _ids(also))
    event = "s.event" if "event" in tables.columns["scores"] else "s.object_id"
    near = "neighbours" in tables.columns
    beside = "SELECT neighbour_id FROM neighbours JOIN cards USING (object_id)" if near else "SELECT '' WHERE false"
    views = f"SELECT {event} FROM scores s JOIN cards USING (object_id)"
    tables.keep(
        "belonging",
        tables.rows(f"""
        SELECT object_id FROM scores s ANTI JOIN cards USING (object_id) WHERE object_id IN ({beside})
            OR object_id IN (SELECT object_id FROM also) OR ({event} IN ({views}) AND NOT selected) ORDER BY rank"""),
    )
    rest = "FROM scores ANTI JOIN cards USING (object_id) ANTI JOIN belonging USING (object_id) WHERE NOT selected"
    count = int(tables.value(f"SELECT count(*) {rest}"))
    drawn = np.random.default_rng(seed).choice(count, min(count, common), replace=False)
    tables.keep("drawn", pd.DataFrame({"place": np.asarray(drawn, np.int64)}))
    shown = tables.rows("SELECT object_id FROM scores JOIN cards USING (object_id) ORDER BY rank")
    others = tables.rows(f"""
        SELECT object_id FROM (SELECT object_id, rank, row_number() OVER (ORDER BY rank) - 1 AS place {rest})
            JOIN drawn USING (place) ORDER BY rank""")
    parts = (shown, tables.rows("SELECT object_id FROM belonging JOIN scores USING (object_id) ORDER BY rank"), others)
    return pd.concat(parts)["object_id"].tolist()[:most], min(len(shown), len(shown) if most is None else most)


def _ids(object_ids: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame({"object_id": pd.Series(list(object_ids), dtype="str")})
