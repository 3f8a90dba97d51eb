"""Run the demo end to end on several worlds and measure its first page against their truth, counted by events.

Run: python benchmarks/demo_quality.py [--seeds 0 11 12 13] [--out demo_quality.md] [--runs FOLDER] [--clip-model DIR]
A run whose folder is finished and up to date is only measured. Seed 0 is that of `make run`.
"""

import argparse
import json
import tempfile
from pathlib import Path

import pandas as pd
from quality import machine, markdown
from sklearn.metrics import average_precision_score

from rarelib.params import load_params
from rarelib.pipeline.stages import run_pipeline
from rarelib.run.folder import RunFolder, open_run
from rarelib.tables import BOX
from rarelib.trust.evaluation import match_truth, read_truth

PAGE = 24  # entries that the first page shows
DEMO = Path(__file__).parents[1] / "params" / "demo.yaml"
READ = {
    "images": ["image_id", "path", "sampled"],
    "objects": ["object_id", "image_id", *BOX],
    "scores": ["object_id", "event", "rank"],
}
# what only makes a run longer
WITHOUT = {"skip_visualization": True, "skip_caption": True, "audit": False}


def main() -> None:
    """Run, measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 11, 12, 13])
    parser.add_argument("--runs", type=Path, default=Path(tempfile.gettempdir()) / "rarelib_demo_quality")
    parser.add_argument("--clip-model", default="demo", help="another CLIP in its place")
    parser.add_argument("--out", type=Path, default=Path("demo_quality.md"))
    options = parser.parse_args()
    rows = {}
    for seed in options.seeds:
        place = {"name": f"demo_{seed}", "runs_dir": str(options.runs)}
        run_pipeline(load_params(DEMO, {"seed": seed, "clip_model": options.clip_model, **place, **WITHOUT}))
        rows[f"seed {seed}"] = measure_run(open_run(options.runs / f"demo_{seed}"))
        print(seed, json.dumps(rows[f"seed {seed}"]), flush=True)
    options.out.write_text(report(pd.DataFrame(rows).T), encoding="utf-8")
    print(options.out.read_text(encoding="utf-8"))


def measure_run(run: RunFolder) -> dict[str, float]:
    """Return the figures of a finished demo run.

    An entry is an event, shown by its rarest view; it is rare if that view shows a rare or odd object by the rule of
    `match_truth`. first: share of rare entries on the first page; unseen: entries of kinds there that no model saw, of
    all rare ones; kinds: different rare kinds there; AP: average precision of rare things, of which each is found once,
    by its first entry, as further ones are false and things with a box but no entry are missed (as PASCAL VOC counts
    detections); AP_entries: the same of entries, where further ones of a thing are wanted too; AP_unseen: that without
    the entries of rare kinds that a model saw; recall: true rare objects shown within 5 % of all boxes, of those with
    any box, and end to end.
    """
    images, objects, scores = (run.read_table(name, columns=columns) for name, columns in READ.items())
    truth = read_truth(run.root / "demo_world" / "truth.parquet")
    steps = json.loads((run.root / "tables" / "evaluation.json").read_text(encoding="utf-8"))["steps"]
    recall = {step["step"]: step["value"] for step in steps if step["kind"] == "all"}
    shown = things_shown(truth[truth["wanted"]], objects, images)
    entries = entries_of(scores, shown)
    page, met = entries.head(PAGE), entries["rare"] & ~entries["unseen"]
    with_entry = entries["first"].sum() / shown["thing"].nunique()
    return {
        "first": page["rare"].mean(),
        "unseen": float(page["unseen"].sum()),
        "kinds": page.loc[page["rare"], "class_name"].nunique(),
        "AP": average_precision_score(entries["first"], -entries["rank"]) * with_entry,
        "AP_entries": average_precision_score(entries["rare"], -entries["rank"]),
        "AP_unseen": average_precision_score(entries.loc[~met, "rare"], -entries.loc[~met, "rank"]),
        "recall": recall["ranked"],
        "end_to_end": recall["end_to_end"],
    }


def things_shown(wanted: pd.DataFrame, objects: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Return for each box that shows a wanted object (index object_id) its class_name, whether seen, and its thing."""
    pairs = match_truth(wanted, objects, images).set_index("object_id")
    return wanted.loc[pairs["truth_row"], ["class_name", "seen", "thing"]].set_axis(pairs.index)


def entries_of(scores: pd.DataFrame, shown: pd.DataFrame) -> pd.DataFrame:
    """Return one row per event in the order shown: rank, rare, first, unseen, class_name.

    unseen: a rare kind that no model saw. first: the first entry that shows its rare thing.
    """
    heads = scores[scores["event"] == scores["object_id"]].sort_values("rank")
    found = shown.reindex(heads["object_id"])
    rare = found["class_name"].notna().to_numpy()
    unseen = rare & ~found["seen"].fillna(True).to_numpy(bool)
    first = rare & ~found["thing"].duplicated().to_numpy()
    names = found["class_name"].fillna("").to_numpy()
    rank = heads["rank"].to_numpy()
    return pd.DataFrame({"rank": rank, "rare": rare, "first": first, "unseen": unseen, "class_name": names})


def report(table: pd.DataFrame) -> str:
    """Return the figures as Markdown, the first seed apart from the mean of the others."""
    if len(table) > 1:
        table.loc["mean of fresh seeds"] = table.iloc[1:].mean()
    text = pd.DataFrame(index=table.index)
    text[f"rare among the first {PAGE}"] = table["first"].map("{:.2f}".format)
    text["of these of kinds no model saw"] = table["unseen"].map("{:.3g}".format)
    text["kinds among them"] = table["kinds"].map("{:.3g}".format)
    text["average precision, a thing found once"] = table["AP"].map("{:.2f}".format)
    text["of entries, further ones of a thing wanted too"] = table["AP_entries"].map("{:.2f}".format)
    text["of entries, kinds no model saw"] = table["AP_unseen"].map("{:.2f}".format)
    text["found within 5 % of the boxes, of those with a box"] = table["recall"].map("{:.2f}".format)
    text["of all"] = table["end_to_end"].map("{:.2f}".format)
    return (
        f"# First page of the demo\n\n`python benchmarks/demo_quality.py` on {machine()}. Counted by events against "
        f"the world's truth.\n\n{markdown(text)}\n"
    )


if __name__ == "__main__":
    main()
