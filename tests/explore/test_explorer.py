"""The explorer without a browser: every question that the component asks, answered over a planted run."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from planted_run import planted_run

from rarelib.explore.explorer import Explorer
from rarelib.explore.learning import deal_ranks
from rarelib.explore.likeness import english_words, first_of_events, rows_alike
from rarelib.explore.places import places_on_map
from rarelib.explore.thumbnails import PictureIndex
from rarelib.run.folder import RunFolder
from rarelib.tables import empty_table


@pytest.fixture
def explorer(tmp_path):
    run = planted_run(tmp_path / "run")
    config = run.read_json("config.json")
    config["parameters"].update(images_folder="", clip_model="demo")
    run.write_json("config.json", config)
    Image.new("RGB", (640, 360), "grey").save(run.path("demo_world/images/drive a/2.jpg"))
    return Explorer(run.root)


def test_crops_come_as_small_jpegs(explorer):
    said, pictures = explorer.answer("crops", rows=[0, 3], side=20)
    assert said == {} and len(pictures) == 2
    assert Image.open(io.BytesIO(pictures[0])).size == (20, 20)


def test_a_crop_that_is_gone_is_cut_out_of_its_picture_and_empty_without(explorer):
    (explorer.run.root / explorer.objects["crop_path"][0]).unlink()
    assert len(explorer.answer("crops", rows=[0], side=20)[1][0]) > 100
    (explorer.run.images_root("") / explorer.objects["original_path"][0]).unlink()
    assert explorer.answer("crops", rows=[0], side=20)[1] == [b""]


def test_the_whole_picture_comes_with_its_boxes_and_neighbours_in_the_drive(explorer):
    said, pictures = explorer.answer("picture", row=0)
    assert said["path"] == "drive a/2.jpg"
    assert [box["row"] for box in said["boxes"]] == [0]
    assert said["boxes"][0]["xyxy"] == [10.0, 20.0, 50.0, 60.0]
    assert Image.open(io.BytesIO(pictures[0])).size == (640, 360)
    before, _ = explorer.answer("picture", image=said["before"])
    assert before["path"] == "drive a/1.jpg" and len(before["boxes"]) == 3
    assert "drive a/1.jpg cannot be read" in before["error"]  # this one is not there


def test_boxes_that_have_no_vector_are_drawn_too(explorer):
    said, _ = explorer.answer("picture", image=explorer._pictures.place_of("img0"))
    assert [box["row"] for box in said["boxes"]] == [-1, -1, 4]


def test_a_box_of_the_whole_picture_has_the_name_of_its_card(explorer):
    found = {"phrase": "bus", "similarity": 0.2, "class_similarity": 0.2, "looks_like": "trailer"}
    explorer.run.write_table("zero_shot", pd.DataFrame({"object_id": ["img1-04"], **found}))
    again = Explorer(explorer.run.root)
    row = again.objects["object_id"].tolist().index("img1-04")
    boxes = again.answer("picture", row=row)[0]["boxes"]
    assert next(box["name"] for box in boxes if box["row"] == row) == again.objects["called"][row] == "trailer"
    japanese = Explorer(explorer.run.root, language="ja")
    assert {box["name"] for box in japanese.answer("picture", row=row)[0]["boxes"]} == {"乗用車", "trailer", "バス"}


def test_more_like_this_is_of_other_events(explorer):
    said, _ = explorer.answer("similar", row=0)
    assert sorted(said["rows"]) == [1, 2, 3, 4]
    assert explorer.answer("words", text="a deer")[0]["error"].startswith("This run's vectors are not CLIP's")


@pytest.mark.parametrize(
    ("text", "read"), [("犬", "dog"), ("車椅子の人", "person in a wheelchair"), ("собака", "dog"), ("a café", "a café")]
)
def test_words_in_another_script_are_searched_by_their_thing(text, read):
    assert english_words(text) == read


def test_words_that_nothing_knows_are_refused_in_both_languages(explorer):
    asked = []

    class Words:
        possible = True

        def similarity(self, text, vectors):
            asked.append(text)
            return vectors[:, 0]

    explorer._words = Words()
    assert len(explorer.answer("words", text="鹿")[0]["rows"]) == 5 and asked == ["deer"]
    assert "does not know “ほげ”" in explorer.answer("words", text="ほげ")[0]["error"]
    explorer.language = "ja"
    assert "「ほげ」は語彙にありません" in explorer.answer("words", text=" ほげ ")[0]["error"] and len(asked) == 1


def test_a_verdict_stands_in_the_file_at_once_and_can_be_taken_back(explorer):
    said, _ = explorer.answer("verdict", object_id="img2-06", rare="yes")
    assert said["told"] == "1 verdict in verdicts.csv"
    path = explorer.run.root / "verdicts.csv"
    header = "object_id,rare,image_id,x_min,y_min,x_max,y_max\n"
    assert path.read_text(encoding="utf-8") == f"{header}img2-06,yes,img2,10,20,50,60\n"
    assert explorer.answer("verdict", object_id="img1-05", rare="unsure")[0]["told"].startswith("2 verdicts in ")
    explorer.answer("verdict", object_id="img2-06", rare="")
    assert path.read_text(encoding="utf-8") == f"{header}img1-05,unsure,img1,10,20,50,60\n"
    assert "must be one of yes, no, unsure" in explorer.answer("verdict", object_id="a", rare="maybe")[0]["error"]
    assert Explorer(explorer.run.root).verdict_file.words == {"img1-05": "unsure"}


def test_verdicts_on_objects_of_no_rank_are_kept_told_and_not_counted(explorer):
    path = explorer.run.root / "verdicts.csv"
    path.write_text("object_id,rare\nimg2-06,yes\ngone-00,yes\nimg0-00,no\n", encoding="utf-8")  # one was set aside
    again = Explorer(explorer.run.root)
    said, _ = again.answer("learn")
    assert said["told"].startswith("Learned from 1 rare and 0 common verdicts")
    assert said["told"].endswith(
        "Verdicts on objects that this run does not rank: 2. They stay in the file and are not used."
    )
    said, _ = again.answer("verdict", object_id="img1-05", rare="no")
    assert said["told"].startswith("2 verdicts in verdicts.csv Verdicts on objects that this run does not rank: 2.")
    assert [row[0] for row in again.data["verdicts"]] == ["img2-06", "", ""]
    assert pd.read_csv(path)["object_id"].tolist() == ["img2-06", "gone-00", "img0-00", "img1-05"]


@pytest.mark.parametrize("text", ["", "\n \n", "object_id,rare\n"])
def test_an_empty_file_holds_no_verdict(explorer, text):
    (explorer.run.root / "verdicts.csv").write_text(text, encoding="utf-8")
    again = Explorer(explorer.run.root)
    assert again.verdict_file.words == {} and "no verdict to learn from" in again.answer("learn")[0]["error"]


def test_verdicts_that_are_unsure_teach_nothing(explorer):
    explorer.answer("verdict", object_id="img0-02", rare="unsure")
    assert explorer.learn()["rose"].abs().sum() == 0
    assert "no verdict to learn from" in explorer.answer("learn")[0]["error"]


def test_learning_puts_what_was_judged_rare_first(explorer):
    assert explorer.learn()["rose"].abs().sum() == 0
    assert "no verdict to learn from" in explorer.answer("learn")[0]["error"]
    explorer.answer("verdict", object_id="img0-02", rare="yes")  # the most common of all
    explorer.answer("verdict", object_id="img2-06", rare="no")
    said, _ = explorer.answer("learn")
    assert said["rank"][4] == 1 and said["rank"][0] == 5
    assert said["told"].startswith("Learned from 1 rare and 1 common verdicts")
    assert explorer.learn().iloc[0].to_dict() == {
        "object_id": "img0-02", "called": "car", "rank": 5, "learned_rank": 1, "rose": 4,
    }  # fmt: skip


def test_verdicts_that_the_run_used_are_not_counted_twice(explorer):
    scores = explorer.run.read_table("scores").assign(rank_before_verdicts=[3, 1, 5, 2, 4])
    learned = []
    for rank, rarity in [([3, 1, 5, 2, 4], [0.5, 0.9, 0.1, 0.7, 0.3]), ([5, 4, 3, 2, 1], [0.0, 0.2, 0.4, 0.6, 1.0])]:
        explorer.run.write_table("scores", scores.assign(rank=rank, rarity=rarity))
        again = Explorer(explorer.run.root)
        again.answer("verdict", object_id="img0-02", rare="yes")
        again.answer("learn")
        learned.append(again.learn().sort_values("learned_rank")["object_id"].tolist())
    assert learned[0] == learned[1]


def test_a_verdict_counts_for_the_views_of_its_event(explorer):
    first, second, *_ = explorer.objects["object_id"]
    scores = explorer.run.read_table("scores")
    scores.loc[scores["object_id"].isin([first, second]), "event"] = first
    explorer.run.write_table("scores", scores)
    again = Explorer(explorer.run.root)
    again.answer("verdict", object_id=first, rare="no")
    assert set(again.learn().sort_values("learned_rank")["object_id"].tail(2)) == {first, second}


def test_other_views_of_what_was_judged_take_no_places(explorer):
    first = explorer.objects["object_id"][0]
    scores = explorer.run.read_table("scores")
    explorer.run.write_table("scores", scores.assign(event=scores["event"].where(scores["rank"].between(2, 3), first)))
    again = Explorer(explorer.run.root)
    again.answer("verdict", object_id=first, rare="yes")
    said, _ = again.answer("learn")
    assert said["rank"] == [1, 2, 3, 4, 5] and "0 objects rose, 0 fell" in said["told"]


def test_cards_change_ranks_with_cards_only():
    learned = deal_ranks(np.arange(1, 7), np.array([0, 1, 1, 1, 2, 3]), np.array([0.5, 1.0, 0.9, 0.8, 0.4, 0.3]))
    assert learned.tolist() == [2, 1, 3, 4, 5, 6]
    behind = deal_ranks(np.arange(1, 5), np.array([0, 1, 1, 2]), np.array([0.9, 0.1, 0.2, 0.5]))
    assert behind.tolist() == [1, 3, 4, 2]  # no view before the card of its event


def test_what_was_chosen_is_a_table(explorer):
    assert len(explorer.selection()) == 5
    explorer.chosen = [3, 1]
    assert explorer.selection()["rank"].tolist() == [4, 2]


def test_the_page_knows_whether_the_rarity_is_by_the_plain_recipe(explorer):
    assert explorer.data["rarity_by"] == "verdicts"
    config = explorer.run.read_json("config.json")
    config["parameters"]["selection"] = "union"
    explorer.run.write_json("config.json", config)
    assert Explorer(explorer.run.root).data["rarity_by"] == "plain"


def test_of_more_objects_than_it_may_hold_the_rarest_and_the_judged_are_there(explorer):
    assert explorer.held == "All 5 ranked objects are here."
    explorer.answer("verdict", object_id="img0-02", rare="no")
    few = Explorer(explorer.run.root, max_objects=4, language="ja")
    assert {1, 5} <= set(few.objects["rank"])
    assert len(few.objects) <= 4 and f"5 個のうち {len(few.objects)} 個" in few.held
    assert few.answer("picture", row=0)[0]["boxes"][0]["row"] == 0
    assert sorted(few.learn()["learned_rank"]) == sorted(few.objects["rank"])


def test_a_file_that_is_no_table_of_verdicts_is_refused(explorer):
    (explorer.run.root / "verdicts.csv").write_text("id,what\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match="must have a column 'object_id'"):
        Explorer(explorer.run.root)


def test_one_row_of_each_event_and_none_of_the_own():
    vectors = np.eye(6, dtype=np.float32)
    vectors[1:4] += 2 * vectors[0]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    events = np.array([0, 0, 2, 2, 4, 5])
    rows, similarity = rows_alike(0, vectors, events)
    assert rows == [2, 4, 5] and similarity[0] == pytest.approx(2 / 5**0.5, abs=1e-3)
    assert first_of_events(np.array([1.0, 3.0, 2.0]), np.array([0, 0, 1]), count=1)[0] == [1]


def test_what_the_map_left_out_stands_beside_what_it_is_like():
    vectors = np.array([[1, 0], [0, 1], [0.99, 0.141]], np.float32)
    places = pd.DataFrame({"x": [0.0, 10.0, np.nan], "y": [0.0, 10.0, np.nan]})
    placed = places_on_map(places, vectors)
    assert placed["x"][:2].tolist() == [0.0, 10.0] and placed["x"][2] < 0.1
    alone = places_on_map(places * np.nan, vectors)
    assert np.isfinite(alone["x"]).all() and abs(alone["x"][0] - alone["x"][1]) > abs(alone["x"][0] - alone["x"][2])


def test_frames_of_one_drive_only_are_before_and_after(tmp_path):
    images = pd.DataFrame({"image_id": list("abcd"), "path": ["y/1", "x/2", "x/1", "3"], "group": ["y", "x", "x", ""]})
    run = RunFolder(tmp_path)
    run.write_table("images", images.assign(width=10, height=10, sampled=True, error=""))
    run.write_table("objects", empty_table("objects"))
    index = PictureIndex(run, [])
    about = {key: index.about(index.place_of(key)) for key in "abcd"}
    assert (about["c"]["before"], index.path_of(about["c"]["after"])) == (None, "x/2")
    assert (about["b"]["after"], about["a"]["before"], about["d"]["before"], about["d"]["after"]) == (None,) * 4
