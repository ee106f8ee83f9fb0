"""What a recipe may say of the table, its columns and the splits."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from medgauge.core.settings import Range, Section, Size
from medgauge.core.words import did_you_mean
from medgauge.data.tables.missing import tidy, trim
from medgauge.recipes.entries import KindName

Name = Annotated[str, Size(1)]
LEAK = "that gives the answer away; drop one"
WHO = "that says which patient or case it is; leave it out of the covariates"
WHERE = "give the column of each"
EXCLUDED = {
    ("label", "covariates"): LEAK,
    (
        "label",
        "findings_from",
    ): "its cells are split into labels; name these with data.findings, or leave data.label out",
    ("covariates", "findings_from"): LEAK,
    ("findings_from", "label_times"): LEAK,
    ("findings_from", "group"): WHERE,
    ("findings_from", "id"): WHERE,
    ("findings_from", "split"): WHERE,
    ("findings_from", "image"): WHERE,
    ("findings_from", "index"): WHERE,
    ("label", "label_times"): LEAK,
    ("label", "subgroups"): "figures by regions of the label are given in any case; leave it out of the subgroups",
    ("label", "group"): WHERE,
    ("label", "id"): WHERE,
    ("label", "split"): WHERE,
    ("label", "image"): WHERE,
    ("label", "index"): WHERE,
    ("label", "mask"): WHERE,
    ("image", "mask"): WHERE,
    ("covariates", "mask"): WHO,
    ("covariates", "group"): WHO,
    ("covariates", "id"): WHO,
    ("covariates", "split"): "a new case has no split; leave it out of the covariates",
    ("covariates", "image"): WHO,
    ("covariates", "index"): WHO,
    ("label_times", "group"): WHERE,
    ("label_times", "id"): WHERE,
    ("label_times", "split"): WHERE,
    ("label_times", "index"): WHERE,
    ("group", "split"): WHERE,
}
"""Two things of which a column can be one, and what to do."""
SPLITS = ("train", "val", "calibration", "test")
Names = Annotated[list[Name], Size(distinct=True)]


@dataclass
class DataSettings(Section):
    """The table, its columns, and how cases are split.

    Args:
        table: CSV or Parquet file, or bundled:hc18.
        image: column of image files, relative to the table; may point into an array file (volumes.npz#images[12]).
        image_folders: pattern of folders, relative to the table, in which images are that it names by their file alone
            (images_*/images).
        array: array file that holds all images (volumes.npz#images), with index.
        mask: column of mask files, relative to the table, each on the voxels of its image; image.around says what for.
        mask_label: the label in the masks that counts; null = all above 0.
        index: column of rows in array.
        label: label columns.
        findings: label columns of 0, 1 or nothing (the same as label, with kind finding for each).
        findings_from: column with the names of a case's findings, joined (Effusion|Mass; No Finding = none of them; empty =
            missing), split into 0/1 labels: those of findings, or all names that occur.
        separator: what stands between two names there.
        kind: the kind of a label column, by name: number, grade, finding or class; a column that is not named is a number.
        classes: the names of the classes of a label column, by name, in order; empty = the words or whole numbers of the table.
        group: column of what may not be on both sides of a split (patient, examination).
        no_groups: every case is its own group; must be said.
        groups_are_exact: groups whose names differ in spelling alone (case, blanks, separators as in P-1 and P1, letters that
            look alike, ".0", leading zeros) are different groups.
        merge_groups: groups whose names differ so are one group; with neither setting they are refused.
        covariates: columns of numbers or of words (sex, site) given to the model beside the image.
        covariate_words: the words of covariates of words, by name, which say how they are coded: two are 0 and 1, more are a
            0/1 column each; empty = the words of the training cases, in alphabetical order.
        id: column of case ids; without it the image's path or index.
        split: column of given splits (train, val, calibration, test). With train and val alone, val is the test split; val
            and calibration that it does not give are cut from train.
        split_lists: in place of a split column, a text file a split with the names of its images, one a line, relative to the
            table (train=train_val_list.txt,test=test_list.txt); without a list of train all other cases are.
        resplit: ignore the split column, or the lists.
        shares: shares of the groups, for splits made here.
        test_seed: seed of a test split or of folds made here; null = the recipe's seed. Runs of several seeds then share their test cases.
        folds: parts by group, each left out by one model in turn; 0 = one model on one split.
        fold: the part that this model leaves out, from 0; null = all parts, one model after the other.
        holdout: column=value (or column=value,value): these cases are the test split.
        subgroups: text columns (sex, site) by whose values figures are given too.
        fraction: share of the training and validation groups that is used, for learning curves.
        missing: a number that means a missing label (empty cells, NA, ? and the like mean it by themselves).
        decimal: the mark of decimals, in columns where no cell tells whether 1.234 or 1,234 is a thousand; auto = they are refused.
        label_times: covariate by which labels are divided before training; predictions are multiplied by it.
        label_scaling: zscore, min_max, log2 (of 1 + label, then zscore) or none.
        skip_bad: leave out cases that cannot be read, and those whose picture is another group's too, and list them in problems.csv.
        cache: folder of decoded images; auto = the user's cache folder.
    """

    place = "data"

    table: Name | None = None
    image: Name | None = None
    image_folders: Name | None = None
    array: Name | None = None
    index: Name | None = None
    mask: Name | None = None
    mask_label: Annotated[int, Range(least=1)] | None = None
    label: Names = field(default_factory=list)
    findings: Names = field(default_factory=list)
    findings_from: Name | None = None
    separator: Name = "|"
    kind: dict[Name, KindName] = field(default_factory=dict)
    classes: dict[Name, Names] = field(default_factory=dict)
    group: Name | None = None
    no_groups: bool = False
    groups_are_exact: bool = False
    merge_groups: bool = False
    covariates: Names = field(default_factory=list)
    covariate_words: dict[Name, Names] = field(default_factory=dict)
    id: Name | None = None
    split: Name | None = None
    split_lists: dict[Name, Name] = field(default_factory=dict)
    resplit: bool = False
    shares: dict[str, Annotated[float, Range(least=0, most=1)]] = field(
        default_factory=lambda: {"train": 0.6, "val": 0.1, "calibration": 0.1, "test": 0.2}
    )
    test_seed: Annotated[int, Range(least=0)] | None = None
    folds: Annotated[int, Range(least=0, most=1000)] = 0
    fold: Annotated[int, Range(least=0)] | None = None
    holdout: Name | None = None
    subgroups: Names = field(default_factory=list)
    fraction: Annotated[float, Range(above=0, most=1)] = 1.0
    missing: float | None = None
    decimal: Literal["auto", "point", "comma"] = "auto"
    label_times: Name | None = None
    label_scaling: Literal["zscore", "min_max", "log2", "none"] = "zscore"
    skip_bad: bool = False
    cache: Name = "auto"

    def conflicts(self) -> list[str]:
        """What does not hold between settings, a sentence each."""
        found = self._one_column_twice()
        if self.folds == 1:
            found.append("data.folds must be >= 2 (or 0: one model on one split), got 1")
        if self.fold is not None and self.fold >= self.folds:
            needs = (
                f"must be below data.folds ({self.folds})"
                if self.folds
                else "is one of data.folds, which needs a number of them"
            )
            found.append(f"data.fold {needs}, got {self.fold}")
        if self.groups_are_exact and self.merge_groups:
            found.append("data.groups_are_exact and data.merge_groups contradict one another; give one of them")
        given = {"data.holdout": self.holdout, "data.split": self.split, "data.split_lists": self.split_lists or None}
        both = [name for name, value in given.items() if value is not None]
        if len(both) > 1 and not self.resplit:
            found.append(f"{both[0]} and {both[1]} both say which cases are test; drop one, or set data.resplit")
        for name in self.split_lists:
            if name not in SPLITS:
                found.append(f"data.split_lists names {name!r}, which is no split ({did_you_mean(name, SPLITS)})")
        for name, words in self.covariate_words.items():
            if name not in self.covariates:
                hint = did_you_mean(name, self.covariates)
                found.append(f"data.covariate_words names {name!r}, which is not in data.covariates ({hint})")
            if len(words) < 2:
                found.append(f"data.covariate_words.{name} must be two or more words, got {words}")
            if spaced := [word for word in words if word != trim(word)]:
                found.append(f"data.covariate_words.{name} must be words without spaces around them, got {spaced[0]!r}")
            if name == self.label_times:
                found.append(f"data.label_times must be a column of numbers, and {name} is one of words")
        found += self._class_conflicts()
        unknown = [name for name in self.kind if self.label and name not in (*self.label, *self.findings)]
        hints = [f"{name!r}, which is not in data.label ({did_you_mean(name, self.label)})" for name in unknown]
        return found + [f"data.kind names {hint}" for hint in hints]

    def _class_conflicts(self) -> list[str]:
        """What does not hold of the names of classes, a sentence each."""
        found = []
        for name, words in self.classes.items():
            if self.label and name not in self.label:
                hint = did_you_mean(name, self.label)
                found.append(f"data.classes names {name!r}, which is not in data.label ({hint})")
            if len(words) < 2:
                found.append(f"data.classes.{name} must be two or more names, got {words}")
            if spaced := [word for word in words if word != trim(word)]:
                found.append(f"data.classes.{name} must be names without spaces around them, got {spaced[0]!r}")
        return found

    def _one_column_twice(self) -> list[str]:
        """Columns that are given as two things of which a column can be one, a sentence each."""
        single = (
            ("findings_from", self.findings_from),
            ("label_times", self.label_times),
            ("group", self.group),
            ("id", self.id),
        )
        place = (("split", self.split), ("image", self.image), ("index", self.index), ("mask", self.mask))
        named = [("label", name) for name in self.label] + [("covariates", name) for name in self.covariates]
        named += [("subgroups", name) for name in self.subgroups if tidy(name) in map(tidy, self.label)]
        roles = [(role, name) for role, name in (*named, *single, *place) if name is not None]
        found = []
        for at, (role, name) in enumerate(roles):
            for other, same in roles[at + 1 :]:
                if tidy(name) == tidy(same) and (role, other) in EXCLUDED:
                    found.append(
                        f"column {name!r} is given as data.{role} and as data.{other}; {EXCLUDED[role, other]}"
                    )
        return found
