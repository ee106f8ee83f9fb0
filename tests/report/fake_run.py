"""A run folder as a fit on the bundled ultrasound images leaves it, made without any training."""

import csv
import json
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from medgauge.core.version import __version__
from tests.report.fake_blocks import WIDER, Read, grade_block, number_block

RADIUS = 0.35
GRADES = {"stage": (0.35, 0.6, 0.8, 0.93)}  # grades of this target begin at these quantiles of hc_mm


@dataclass
class FakeRun:
    """What to vary. ``ids`` replaces the ids of chosen rows; ``count`` takes the first cases only."""

    record: str = "neighbours"
    looked: bool = True
    targets: tuple[str, ...] = ("hc_mm",)
    images: bool = True
    count: int = 797
    ids: dict[int, str] = field(default_factory=dict)
    infinite: bool = False
    head: bool = True
    recipe_extra: str = ""
    left_out: int = 2


def make_run(path: Path, settings: FakeRun | None = None) -> Path:
    """Write the run folder and return its path."""
    settings = settings or FakeRun()
    path.mkdir(parents=True, exist_ok=True)
    run = _Simulated(settings)
    run.write(path)
    return path


class _Simulated:
    def __init__(self, settings: FakeRun) -> None:
        self.settings = settings
        arrays = np.load(str(files("medgauge.data") / "bundled" / "hc18_96x64.npz"))
        n = settings.count
        chance = np.random.default_rng(7)
        kept = chance.permutation(len(arrays["hc_mm"]))[:n]
        self.image = arrays["images"][kept]
        self.group = [f"{number:03d}" for number in arrays["patient_id"][kept]]
        self.label = np.stack([target_label(arrays, name)[kept] for name in settings.targets], axis=1)
        self.grades = [name for name in settings.targets if name in GRADES]
        self.radius = 0.9 if self.grades else RADIUS
        self.several = 0 < len(self.grades) < len(settings.targets)
        self.id = [settings.ids.get(row, f"{group}_HC_{row}") for row, group in enumerate(self.group)]
        share = np.array([hash_of(group) for group in self.group])
        self.split = np.select([share < 0.6, share < 0.7, share < 0.8], ["train", "val", "calibration"], "test")
        train = self.split == "train"
        scaled = (self.label - self.label[train].mean(0)) / self.label[train].std(0)
        if self.grades:  # a space in which neighbouring grades touch
            scaled = scaled + chance.normal(0, 0.3, scaled.shape)
        turn = np.stack([scaled[:, 0], 0.25 * scaled[:, 0] ** 2, np.sin(1.3 * scaled[:, 0])], axis=1)
        noise = chance.normal(0, 0.07, (n, 8)) * (1 + 0.4 * np.abs(scaled[:, :1]))
        self.embedding = (np.pad(turn, ((0, 0), (0, 5))) + noise).astype(np.float32)
        size = np.array([0.5 if name in GRADES else 4.5 for name in settings.targets])
        self.head = self.label + size * chance.normal(0, 1.0, self.label.shape) * (1 + 0.3 * np.abs(scaled))
        self.train = np.flatnonzero(train)
        self.region = np.stack([self._regions(self.label[:, place]) for place in range(self.label.shape[1])], axis=1)

    def _regions(self, label: np.ndarray) -> np.ndarray:
        from scipy.stats import gaussian_kde

        density = gaussian_kde(label[self.train])
        at_train = density(label[self.train])
        many, medium = np.quantile(at_train, 0.5), np.quantile(at_train, 0.2)
        at = density(label)
        return np.select([at >= many, at >= medium], ["many", "medium"], "few")

    def neighbours(self, row: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """All weights of a case's neighbours, the ten listed ones, and the distance of the nearest."""
        others = self.train[[self.group[other] != self.group[row] for other in self.train]]
        distance = np.linalg.norm(self.embedding[others] - self.embedding[row], axis=1)
        order = np.argsort(distance, kind="stable")
        others, distance = others[order], distance[order]
        within = max(1, int((distance <= self.radius).sum()))
        weight = np.exp(-((distance[:within] / self.radius) ** 2))
        return others[:within], weight / weight.sum(), distance[:within], float(distance[0])

    def write(self, path: Path) -> None:
        for name, text in self.texts().items():
            (path / name).write_text(text, encoding="utf-8")
        self._predictions(path)
        from safetensors.numpy import save_file

        rows = np.arange(len(self.id), dtype=np.int64)
        save_file({"embedding": self.embedding, "row": rows}, str(path / "embeddings.safetensors"))
        if self.settings.images:
            self._thumbnails(path)

    def _splits_shown(self) -> list[str]:
        return ["val", *(["test"] if self.settings.looked else [])]

    def _kinds(self) -> dict[str, list[str]]:
        """The targets of each kind, numbers first."""
        numbers = [name for name in self.settings.targets if name not in GRADES]
        return {kind: names for kind, names in (("number", numbers), ("grade", self.grades)) if names}

    def _predictions(self, path: Path) -> None:
        every = [*self._splits_shown(), "calibration"]
        lines = [self._line(row) for row in range(len(self.id)) if self.split[row] in every]
        names = ["nearest_distance"] if not self.several else [f"{kind}:nearest_distance" for kind in self._kinds()]
        for name in names:
            limit = np.quantile([line[name] for line in lines if line["split"] == "val"], 0.96)
            for line in lines:
                line[name.replace("nearest_distance", "far")] = int(line[name] > limit)
        half: dict[str, float] = {}
        for target in self._kinds().get("number", []):
            of = [abs(x[f"value_{target}"] - x[f"label_{target}"]) for x in lines if x["split"] == "calibration"]
            half[target] = float(np.quantile(of, 0.9))
            for line in lines:
                width = np.inf if self.settings.infinite else WIDER * half[target]
                for part, one in (("", width), ("plain_", half[target])):
                    line[f"{part}lower_{target}"] = line[f"value_{target}"] - one
                    line[f"{part}upper_{target}"] = line[f"value_{target}"] + one
        write_csv(path / "predictions.csv", list(lines[0]), [list(line.values()) for line in lines])
        by_split = {
            name: {
                "cases": int((self.split == name).sum()),
                "groups": len({self.group[row] for row in np.flatnonzero(self.split == name)}),
            }
            for name in ("train", "val", "calibration", "test")
        }
        left_out = [{"reason": "image cannot be read", "n": self.settings.left_out}] if self.settings.left_out else []
        results = {
            **{split: self._block([x for x in lines if x["split"] == split], half) for split in self._splits_shown()},
            "cases": {"read": len(self.id) + self.settings.left_out, "left_out": left_out, "by_split": by_split},
            "looks": {"test": int(self.settings.looked)}, "seconds": 118.4, "peak_memory_mb": 812.5,
            "training": {"steps": 560, "best_step": 490, "stopped_because": "time"},
        }  # fmt: skip
        (path / "results.json").write_text(json.dumps(results, indent=2), encoding="utf-8")

    def _block(self, lines: list[dict[str, Any]], half: dict[str, float]) -> dict[str, Any]:
        block: dict[str, Any] = {}
        for place, name in enumerate(self.settings.targets):
            columns = {
                part: np.array([line[f"{part}_{name}"] for line in lines]) for part in ("label", "value", "region")
            }
            groups = np.array([line["group"] for line in lines])
            median = float(np.median(self.label[self.train, place]))
            read = Read(**columns, group=groups, record=self.settings.record, median=median)
            if name in GRADES:
                block[name] = grade_block(read, [line[f"set_{name}"].split() for line in lines], list(range(5)))
            else:
                block[name] = number_block(read, half[name], infinite=self.settings.infinite)
        block["space"] = {
            "d5": 5.31, "rv": 0.0421, "rv_neighbours": 10, "rv_share": 1.0, "rv_n": len(lines), "rv_note": "",
        }  # fmt: skip
        return block

    def _line(self, row: int) -> dict[str, Any]:
        others, weight, distance, nearest = self.neighbours(row)
        line: dict[str, Any] = {"row": row, "id": self.id[row], "split": self.split[row], "group": self.group[row]}
        for kind, names in self._kinds().items():
            before = f"{kind}:" if self.several else ""
            for name in names:
                place = self.settings.targets.index(name)
                of_kind = self._grade if kind == "grade" else self._number
                line |= of_kind(name, place, row, others, weight) | {f"region_{name}": self.region[row, place]}
            line |= {
                f"{before}neighbours": json.dumps(others[:10].tolist()),
                f"{before}neighbour_ids": json.dumps([self.id[other] for other in others[:10]]),
                f"{before}distances": json.dumps([round(value, 6) for value in distance[:10].tolist()]),
            }
            for name in names:
                line[f"weights_{name}"] = json.dumps([round(value, 6) for value in weight[:10].tolist()])
                line[f"shown_share_{name}"] = float(weight[:10].sum())
            line |= {f"{before}nearest_distance": nearest, f"{before}far": 0}
        return line

    def _number(self, name: str, place: int, row: int, others: np.ndarray, weight: np.ndarray) -> dict[str, Any]:
        near, head = float((weight * self.label[others, place]).sum()), float(self.head[row, place])
        return {
            f"label_{name}": float(self.label[row, place]),
            f"value_{name}": near if self.settings.record == "neighbours" else head,
            f"neighbours_{name}": near,
            **({f"head_{name}": head} if self.settings.head else {}),
            f"lower_{name}": 0.0, f"upper_{name}": 0.0, f"pieces_{name}": 1 + row % 2,
            f"plain_lower_{name}": 0.0, f"plain_upper_{name}": 0.0,
        }  # fmt: skip

    def _grade(self, name: str, place: int, row: int, others: np.ndarray, weight: np.ndarray) -> dict[str, Any]:
        levels = np.arange(5.0)
        vote = np.array([weight[self.label[others, place] == level].sum() for level in levels])
        chance = np.exp(-((levels - self.head[row, place]) ** 2) / 0.7)
        chance /= chance.sum()
        own = vote if self.settings.record == "neighbours" else chance
        order = np.argsort(-own, kind="stable")
        inside = sorted(order[: int((own[order].cumsum() < 0.9).sum()) + 1].tolist())
        return {
            f"label_{name}": float(self.label[row, place]), f"value_{name}": float(own @ levels),
            f"neighbours_{name}": float(vote @ levels),
            **({f"head_{name}": float(chance @ levels)} if self.settings.head else {}),
            f"set_{name}": " ".join(map(str, inside)),
            **{f"probability_{level:g}_{name}": float(f"{own[int(level)]:.6g}") for level in levels},
        }  # fmt: skip

    def texts(self) -> dict[str, str]:
        names = self.settings.targets
        splits = [["id", "group", "split", *[f"region_{name}" for name in names], "picture"]]
        splits += [
            [self.id[row], self.group[row], self.split[row], *self.region[row], f"{row:032x}"]
            for row in range(len(self.id))
        ]
        gallery = [["row", "id", "group", *[f"label_{name}" for name in names]]]
        gallery += [[row, self.id[row], self.group[row], *self.label[row].tolist()] for row in self.train]
        of_kind = {
            "record": self.settings.record, "tuned": {"neighbours": {"radius": self.radius}, "head": {}}, "level": 0.9,
            "far_distance": 0.6, "validation": {"head": 4.6, "neighbours": 4.3},
        }  # fmt: skip
        predictors = {"medgauge": __version__, "tasks": dict.fromkeys(self._kinds(), of_kind)}
        recipe = f"""made:
  medgauge: {__version__}
  seed: 0
  table_sha256: 5d41402abc4b2a76b9719d911017c592
claim:
  source: "Chao et al., MICCAI 2022, Table 1"
  status: not yet reproduced
data:
  table: cases.csv
  label: [{", ".join(names)}]
  group: patient_id
objective:
  isometry: {{factor: 1.0, term: {{class_path: RMLoss, init_args: {{sigma: 0.5, alpha: 0.1}}}}}}
  error: {{factor: 1.0, term: {{class_path: PointwiseLoss, init_args: {{kind: l1}}}}}}
prediction:
  predictor: {self.settings.record}
{self.settings.recipe_extra}
seed: 0
"""
        texts = {
            "recipe.yaml": recipe,
            "splits.csv": to_csv(splits),
            "gallery.csv": to_csv(gallery),
            "predictors.json": json.dumps(predictors),
            "log.csv": to_csv(self._log()),
        }
        if self.settings.left_out:
            texts["problems.csv"] = to_csv(
                [["id", "reason"], *[[f"bad {x}", "image cannot be read"] for x in range(self.settings.left_out)]]
            )
        return texts

    def _log(self) -> list[list[Any]]:
        head = ["epoch", "step", "lr", "isometry", "error", "total"]
        head += ["val_mae", "val_mae_head", "val_mae_neighbours", "val_radius"]
        rows: list[list[Any]] = [head]
        for epoch in range(1, 41):
            fall = np.exp(-epoch / 9)
            terms = [0.1 + 0.9 * fall, 0.08 + 0.7 * fall]
            val = [4.3 + 30 * fall, 4.6 + 32 * fall, 4.3 + 30 * fall, RADIUS] if epoch % 2 == 0 else ["", "", "", ""]
            rows.append([epoch, epoch * 14, 1e-3, *terms, sum(terms), *val])
        return rows

    def _thumbnails(self, path: Path) -> None:
        from PIL import Image

        from medgauge.report.cards import thumbnails_needed
        from medgauge.report.reading import read_run

        folder = path / "thumbnails"
        folder.mkdir(exist_ok=True)
        for row in thumbnails_needed(read_run(path).predictions, read_run(path).gallery):
            Image.fromarray(self.image[row]).save(folder / f"{row}.png")


def target_label(arrays: Any, name: str) -> np.ndarray:
    """A column of the bundled table, or grades made of one."""
    if name not in GRADES:
        return np.asarray(arrays[name], dtype=float)
    size = np.asarray(arrays["hc_mm"], dtype=float)
    return np.digitize(size, np.quantile(size, GRADES[name])).astype(float)


def hash_of(text: str) -> float:
    """A number in [0, 1) that depends on the text only."""
    import hashlib

    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**32


def to_csv(rows: list[list[Any]]) -> str:
    import io

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def write_csv(path: Path, head: list[str], rows: list[list[Any]]) -> None:
    path.write_text(to_csv([head, *rows]), encoding="utf-8")
