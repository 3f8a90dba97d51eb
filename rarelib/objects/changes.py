"""Which pictures are new, changed or gone since an earlier detection, and what of it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..language import say
from ..pictures.decoding import ImageError, read_with_content
from ..pictures.sources import READERS, Folder, source_of
from ..run.earlier import Earlier

FILE = ["size", "modified"]  # [bytes] and [ns since 1970], -1 where unknown


@dataclass(frozen=True)
class Changes:
    """How the pictures of a run differ from those of an earlier one with the same settings.

    Attributes:
        images: Rows of the pictures to detect: new, changed, or not readable the last time; stamp tells their files.
        kept: Ids of the pictures whose objects are kept.
        counts: new, changed, removed and reused pictures.
        compared: Whether there was an earlier detection with the same settings.
    """

    images: pd.DataFrame
    kept: set[str]
    counts: dict[str, int]
    compared: bool = True


def find_changes(images: pd.DataFrame, files: pd.DataFrame, folder: str | Folder, earlier: Earlier) -> Changes:
    """Compare pictures with those of an earlier run: by size and time, and where these differ by content.

    Args:
        images: Rows with image_id and path of the pictures that can be read.
        files: Rows with path, size [bytes] and modified [ns since 1970]; what lacks is unknown.
        folder: Folder or address that the paths are relative to.
        earlier: The earlier detection; its rows are those of `picture_state`.
    """
    now = picture_state(images, files)
    images = images.assign(stamp=(now["size"].astype("str") + "-" + now["modified"].astype("str")).to_numpy())
    if earlier.rows is None:
        return Changes(images, set(), {"new": len(images), "changed": 0, "removed": 0, "reused": 0}, False)
    place = pd.Index(earlier.rows["image_id"]).get_indexer(now["image_id"])
    before = earlier.rows.iloc[np.maximum(place, 0)].reset_index(drop=True) if len(earlier.rows) else now
    decoded = (place >= 0) & ~now["image_id"].isin(earlier.tables["unreadable"]["image_id"]).to_numpy()
    same = decoded & (before[FILE].to_numpy() == now[FILE].to_numpy()).all(axis=1) & (now["modified"] >= 0).to_numpy()
    doubtful = np.flatnonzero(decoded & ~same & before["content"].ne("").to_numpy())
    contents = _contents_of(source_of(folder), images["path"].iloc[doubtful].tolist())
    same[doubtful] = before["content"].to_numpy()[doubtful] == contents
    counts = {
        "new": int((place < 0).sum()),
        "changed": int(((place >= 0) & ~same).sum()),
        "removed": int((~earlier.rows["image_id"].isin(now["image_id"])).sum()),
        "reused": int(same.sum()),
    }
    return Changes(images[~same], set(now.loc[same, "image_id"]), counts)


def changes_sentence(changes: Changes, language: str = "en") -> str:
    """Return in words how the pictures differ from those of the earlier detection, or that there is none."""
    return say("changes_sentence" if changes.compared else "changes_none", language, **changes.counts)


def join_kept(
    changes: Changes, images: pd.DataFrame, earlier: Earlier, objects: pd.DataFrame, unreadable: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the objects and the unreadable pictures of all pictures, as if all had been detected now.

    Args:
        changes: Of `find_changes`.
        images: All pictures that can be read, in the order of the table.
        earlier: The earlier detection.
        objects: Found in the pictures of `changes.images`.
        unreadable: Of these.
    """
    if not changes.kept:
        return objects, unreadable
    before = earlier.tables["objects"]
    joined = pd.concat([before[before["image_id"].isin(changes.kept)], objects])
    order = pd.Index(images["image_id"])
    return _in_order(joined, order), _in_order(unreadable, order)


def picture_state(images: pd.DataFrame, files: pd.DataFrame, objects: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return what is kept of each picture to compare with: image_id, size, modified, and content where it is known.

    Args:
        images: Rows with image_id and path.
        files: Rows with path, size and modified.
        objects: Rows with image_id and content; pictures without objects have no known content.
    """
    place = pd.Index(files["path"]).get_indexer(images["path"])
    known = {name: np.append(files[name].to_numpy(np.int64), -1)[place] for name in FILE}
    state = pd.DataFrame({"image_id": images["image_id"].to_numpy(), **known})
    known = objects.drop_duplicates("image_id") if objects is not None and "content" in objects else state.iloc[:0]
    place = pd.Index(known["image_id"]).get_indexer(state["image_id"])
    contents = np.append(known["content"].to_numpy(object), "") if len(known) else np.array([""], object)
    state["content"] = pd.Series(contents[place]).astype("str")
    return state


def _contents_of(folder: Folder, paths: Sequence[str]) -> list[str]:
    def content(path: str) -> str:
        try:
            return read_with_content(folder / path)[1]
        except ImageError:
            return ""  # it is detected again, and gets its reason there

    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(content, paths))


def _in_order(table: pd.DataFrame, order: pd.Index) -> pd.DataFrame:
    place = np.argsort(order.get_indexer(table["image_id"]), kind="stable")
    return table.iloc[place].reset_index(drop=True)
