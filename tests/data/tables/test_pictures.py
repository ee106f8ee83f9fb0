import numpy as np

from medgauge.data.tables.pictures import picture_notes, pictures_of_groups, several_labels, shared_pictures


def test_shared_pictures_are_named_with_their_cases_and_the_ways_on() -> None:
    digests = ["x", "y", "x", "z", "z", "x", "", ""]
    split = ["train", "train", "test", "val", "val", "train", "train", "test"]
    problems = shared_pictures(digests, split, list("abcdefgh"))
    assert [str(problem) for problem in problems] == [
        "the same picture: is in train (cases a, f) and test (case c); "
        "give such cases one group and one split, or leave them out (--skip-bad does)"
    ]
    assert problems[0].kind == "picture"
    assert shared_pictures(digests, ["train"] * 8, list("abcdefgh")) == []


def test_pictures_that_are_all_the_same_are_one_sentence() -> None:
    problems = shared_pictures(["x"] * 4, ["train", "val", "train", "test"], list("abcd"))
    assert [str(problem) for problem in problems] == [
        "all 4 images: are the same picture; look at the files and at the column that names them"
    ]
    assert shared_pictures(["x"] * 4, ["train"] * 4, list("abcd")) == []
    assert shared_pictures([""] * 4, ["train", "val", "train", "test"], list("abcd")) == []


def test_all_cases_of_a_picture_of_several_groups_are_named_and_none_of_a_groups_own() -> None:
    digests = ["x", "y", "x", "z", "z", "x", "", ""]
    group = ["p", "p", "q", "r", "r", "p", "s", "t"]
    problems = pictures_of_groups(digests, group, list("abcdefgh"))
    assert [(str(problem), problem.row, problem.kind) for problem in problems] == [
        ("case a: its picture is also that of case c, of another group", 0, "picture"),
        ("case c: its picture is also that of cases a, f, of another group", 2, "picture"),
        ("case f: its picture is also that of case c, of another group", 5, "picture"),
    ]


def test_a_note_counts_pictures_and_names_cases() -> None:
    assert picture_notes(["x", "y", "x", "y", "z", "z"], ["p", "p", "q", "r", "s", "s"], list("abcdef")) == [
        "2 pictures are that of several groups, all on one side here (cases a, b, c, d); "
        "give such cases one group and one split, or leave them out (--skip-bad does)"
    ]
    assert picture_notes(["x", "x", "", ""], ["p", "p", "q", "r"], list("abcd")) == []


def test_many_pictures_on_two_sides_are_one_sentence() -> None:
    digests, split = [*"abcd", *"abcd"], ["train"] * 4 + ["test"] * 4
    problems = shared_pictures(digests, split, list("stuvwxyz"))
    assert [str(problem) for problem in problems] == [
        "4 pictures: are on two sides; the first is in train (case s) and test (case w); "
        "give such cases one group and one split, or leave them out (--skip-bad does)"
    ]
    assert len(shared_pictures(digests[:3] + digests[4:7], split[:3] + split[4:7], list("stuwxy"))) == 3


def test_one_picture_with_two_labels_is_told_within_its_group_alone() -> None:
    label = np.array([[60.0, 1], [70, 1], [65, 2], [65, np.nan], [65, 2], [61, 3]])
    digests, group = ["x", "x", "y", "y", "", ""], ["p", "p", "q", "q", "r", "r"]
    assert several_labels(digests, group, label, ["hc", "stage"], list("abcdef")) == [
        "a picture is that of several cases with different labels (cases a, b): hc is 60 in one and 70 in another; correct the "
        "labels, or the column that names the images"
    ]
    assert several_labels(digests, list("abcdef"), label, ["hc", "stage"], list("abcdef")) == []
