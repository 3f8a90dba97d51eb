"""A finished run to look through, judge and search in JupyterLab."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import pandas as pd
import traitlets

from ..language import say
from ..run.asked import asked_parameters
from ..run.folder import VERDICTS, find_upwards, open_run
from ..run.rows import vectors_of
from ..run.verdict_file import VerdictFile
from .chosen import choose_objects
from .component import component_style, notebook_module
from .learning import learned_ranks
from .likeness import WordSearch, english_words, first_of_events, rows_alike
from .payload import component_data, plain
from .places import places_on_map
from .rows import crop_sources, gather_objects, neighbours_of, open_tables
from .thumbnails import PictureIndex, small_picture

WHOLE_SIDE = 1280  # px
MAX_BUNDLE = 256
MAX_OBJECTS = 50_000  # that are held, about 7 kB each, and sent to the page
Answer = tuple[dict[str, Any], list[bytes]]


class Explorer(anywidget.AnyWidget):
    """Map, gallery, verdicts and search over one run; nothing is asked of any outside host.

    Attributes:
        objects: One row per embedded object that is held, rarest first, in the component's order.
        held: How many objects are held, and of how many, in a sentence.
        verdict_file: Where each verdict is written at once.
    """

    _esm = notebook_module()
    _css = component_style()
    data = traitlets.Dict().tag(
        sync=True, to_json=lambda value, _: json.dumps(value, allow_nan=False)
    )  # sent as one text
    chosen = traitlets.List(trait=traitlets.Int()).tag(sync=True)

    def __init__(
        self,
        run_folder: str | Path,
        *,
        images_folder: str = "",
        clip_model: str = "",
        verdicts: str = "",
        max_objects: int = MAX_OBJECTS,
        language: str = "en",
    ) -> None:
        """Open a run.

        Args:
            run_folder: Of a run whose stages 01 to 04 are finished.
            images_folder: Of its pictures; "" takes what the run says.
            clip_model: The CLIP that words are searched with; "" takes the run's.
            verdicts: File to write to; "" takes verdicts.csv in the run's folder.
            max_objects: At most about so many objects are held: of a larger run the rarest selected, a quarter of so
                many, what is judged or marked for the precision, their neighbours and the other views of their
                events, and a random draw of the rest. Likeness, words and learning look among these.
            language: "en" or "ja".
        """
        self.run = open_run(run_folder)
        self.language = language
        asked = asked_parameters(self.run)
        self._images_root = self.run.images_root(images_folder or asked["images_folder"])
        self.verdict_file = VerdictFile(find_upwards(verdicts) if verdicts else self.run.root / VERDICTS, self.run)
        self.objects, self.held = self._held_objects(max_objects)
        self._vectors = vectors_of(self.run, self.objects["object_id"])
        self._events = pd.factorize(self.objects["event"])[0]
        self._words = WordSearch(self.run, clip_model or asked["clip_model"])
        self._pictures = PictureIndex(self.run, self.objects["object_id"], language=language)
        self.objects = self.objects.assign(**places_on_map(self.objects[["x", "y"]], self._vectors))
        super().__init__(data=self._data())
        self.on_msg(self._receive)

    def selection(self) -> pd.DataFrame:
        """Return the objects that a lasso, a likeness or words left in the gallery; all where nothing was chosen."""
        return self.objects.iloc[self.chosen] if self.chosen else self.objects

    def learn(self) -> pd.DataFrame:
        """Return object_id, called, rank, learned_rank and rose (places won), ranked anew by all verdicts.

        Without any verdict, or with unsure ones alone, the ranks are the run's own.
        """
        order = self.objects["rank"].to_numpy() if np.isnan(self._taught()).all() else self._learned_ranks()
        table = self.objects[["object_id", "called", "rank"]].assign(learned_rank=order)
        table["rose"] = table["rank"] - table["learned_rank"]
        return table.sort_values("learned_rank", ignore_index=True)

    def answer(self, kind: str, **asked: Any) -> Answer:
        """Answer one question of the component: crops, picture, similar, words, verdict or learn.

        Returns:
            What is said, and pictures as encoded bytes; a question that cannot be answered says its error.
        """
        answers: dict[str, Callable[..., Answer]] = {
            "crops": self._crops,
            "picture": self._picture,
            "similar": self._similar,
            "words": self._search,
            "verdict": self._verdict,
            "learn": self._learn,
        }
        try:
            return answers[kind](**asked)
        except (ValueError, OSError) as error:
            return {"error": plain(error)}, []

    def _held_objects(self, most: int) -> tuple[pd.DataFrame, str]:
        with open_tables(self.run) as tables:
            total, among = int(tables.value("SELECT count(*) FROM scores")), None
            if total > most:
                judged = tuple(self.verdict_file.words)
                among, _ = choose_objects(tables, cards=most // 4, common=most // 2, also=judged, most=most)
        held = gather_objects(self.run, among=among, language=self.language)
        key = "explore.holds_all" if among is None else "explore.holds_some"
        return held, say(key, self.language, held=len(held), total=total)

    def _data(self) -> dict[str, Any]:
        return component_data(
            self.objects,
            neighbours_of(self.run, self.objects["object_id"]),
            run_name=self.run.root.resolve().name,
            verdicts=self.verdict_file.rows,
            can={"words": self._words.possible, "learn": True, "frames": True, "download": False},
            selection=asked_parameters(self.run).get("selection", "ranked"),
            language=self.language,
        )

    def _receive(self, _: Any, content: dict[str, Any], __: Any) -> None:
        asked = dict(content)
        number, kind = asked.pop("id", ""), asked.pop("kind", "")
        said, pictures = self.answer(kind, **asked)
        self.send({"id": number, **said}, pictures)

    def _crops(self, rows: Sequence[int], side: int) -> Answer:
        rows = crop_sources(self.objects.iloc[rows[:MAX_BUNDLE]], self.run, self._images_root)
        return {}, [small_picture(row, min(side, 512)) for row in rows]

    def _picture(self, row: int | None = None, image: int | None = None) -> Answer:
        place = self._pictures.place_of(self.objects["image_id"][row]) if image is None else image
        about = self._pictures.about(place)
        picture = small_picture(self._images_root / self._pictures.path_of(place), WHOLE_SIDE)
        if picture:
            return about, [picture]
        return {
            **about,
            "error": say("explore.no_source_picture", self.language, path=about["path"], folder=str(self._images_root)),
        }, []

    def _similar(self, row: int) -> Answer:
        rows, similarity = rows_alike(row, self._vectors, self._events)
        return {"rows": rows, "similarity": similarity}, []

    def _search(self, text: str, count: int = 48) -> Answer:
        if not self._words.possible:
            return {"error": say("explore.no_text_tower", self.language)}, []
        found = self._words.similarity(english_words(text, language=self.language), self._vectors)
        rows, similarity = first_of_events(found, self._events, count=count)
        return {"rows": rows, "similarity": similarity}, []

    def _verdict(self, object_id: str, rare: str) -> Answer:
        self.verdict_file.put({object_id: rare}, self.objects[self.objects["object_id"] == object_id])
        values = {"count": len(self.verdict_file.words), "path": self.verdict_file.path.name}
        return {"told": self._with_elsewhere(say("explore.verdict_saved", self.language, **values))}, []

    def _learn(self) -> Answer:
        order = self._learned_ranks()
        moved = self.objects["rank"].to_numpy() - order
        words = self._said().tolist()
        values = {"rare": words.count("yes"), "common": words.count("no")}
        first = ~self.objects["event"].duplicated().to_numpy()  # those that have a card
        counts = {"rose": int((moved[first] > 0).sum()), "fell": int((moved[first] < 0).sum())}
        told = self._with_elsewhere(say("explore.learned", self.language, **values, **counts))
        return {"rank": order.tolist(), "told": told}, []

    def _said(self) -> pd.Series:
        """Return the word on each object that is held; NaN without a verdict."""
        return self.objects["object_id"].map(self.verdict_file.words)

    def _taught(self) -> np.ndarray:
        """Return 1 for each object that is held and was judged rare, 0 for one judged common, NaN for all others."""
        return self._said().map({"yes": 1.0, "no": 0.0}).to_numpy(float)

    def _with_elsewhere(self, told: str) -> str:
        """Return a sentence with how many verdicts are on no ranked object, where there are such."""
        if not self.verdict_file.elsewhere:
            return told
        return f"{told} {say('verdicts_elsewhere', self.language, count=self.verdict_file.elsewhere)}"

    def _learned_ranks(self) -> np.ndarray:
        verdicts = self._taught()
        if np.isnan(verdicts).all():
            raise ValueError(say("explore.no_verdicts", self.language))
        fused = asked_parameters(self.run).get("selection") != "union"
        return learned_ranks(self.objects, self._vectors, verdicts, fused=fused)
