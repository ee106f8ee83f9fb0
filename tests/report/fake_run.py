"""A run folder as a fit on the bundled ultrasound images leaves it, made without any training."""

import csv
import json
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

RADIUS = 0.35
WIDER = 1.2  # the interval of record against the one beside it
UNITS = {"hc_mm": "mm", "hc_px": "px"}


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
        self.label = np.stack([arrays[name][kept].astype(float) for name in settings.targets], axis=1)
        self.id = [settings.ids.get(row, f"{group}_HC_{row}") for row, group in enumerate(self.group)]
        share = np.array([hash_of(group) for group in self.group])
        self.split = np.select([share < 0.6, share < 0.7, share < 0.8], ["train", "val", "calibration"], "test")
        train = self.split == "train"
        scaled = (self.label - self.label[train].mean(0)) / self.label[train].std(0)
        turn = np.stack([scaled[:, 0], 0.25 * scaled[:, 0] ** 2, np.sin(1.3 * scaled[:, 0])], axis=1)
        noise = chance.normal(0, 0.07, (n, 8)) * (1 + 0.4 * np.abs(scaled[:, :1]))
        self.embedding = (np.pad(turn, ((0, 0), (0, 5))) + noise).astype(np.float32)
        self.head = self.label + chance.normal(0, 4.5, self.label.shape) * (1 + 0.3 * np.abs(scaled))
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
        within = max(1, int((distance <= RADIUS).sum()))
        weight = np.exp(-((distance[:within] / RADIUS) ** 2))
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
        return ["val", "calibration", *(["test"] if self.settings.looked else [])]

    def _predictions(self, path: Path) -> None:
        rows = [row for row in range(len(self.id)) if self.split[row] in self._splits_shown()]
        lines = [self._line(row) for row in rows]
        limit = np.quantile([line["nearest_distance"] for line in lines if line["split"] == "val"], 0.96)
        for line in lines:
            line["far"] = int(line["nearest_distance"] > limit)
        half = {
            name: np.quantile(
                [abs(x[f"value_{name}"] - x[f"label_{name}"]) for x in lines if x["split"] == "calibration"], 0.9
            )
            for name in self.settings.targets
        }
        for line in lines:
            for name in self.settings.targets:
                width = np.inf if self.settings.infinite else WIDER * half[name]
                for part, one in (("", width), ("plain_", half[name])):
                    line[f"{part}lower_{name}"] = line[f"value_{name}"] - one
                    line[f"{part}upper_{name}"] = line[f"value_{name}"] + one
        write_csv(path / "predictions.csv", list(lines[0]), [list(line.values()) for line in lines])
        blocks: dict[str, Any] = {
            split: self._block([line for line in lines if line["split"] == split], half)
            for split in self._splits_shown()
        }
        by_split = {
            name: {
                "cases": int((self.split == name).sum()),
                "groups": len({self.group[row] for row in np.flatnonzero(self.split == name)}),
            }
            for name in ("train", "val", "calibration", "test")
        }
        left_out = [{"reason": "image cannot be read", "n": self.settings.left_out}] if self.settings.left_out else []
        results = {
            **blocks,
            "cases": {"read": len(self.id) + self.settings.left_out, "left_out": left_out, "by_split": by_split},
            "looks": {"test": int(self.settings.looked)}, "seconds": 118.4, "peak_memory_mb": 812.5,
            "training": {"steps": 560, "epochs": 40, "best_step": 490, "stopped_because": "time"},
        }  # fmt: skip
        (path / "results.json").write_text(json.dumps(results, indent=2), encoding="utf-8")

    def _line(self, row: int) -> dict[str, Any]:
        others, weight, distance, nearest = self.neighbours(row)
        line: dict[str, Any] = {"row": row, "id": self.id[row], "group": self.group[row], "split": self.split[row]}
        for place, name in enumerate(self.settings.targets):
            near = float((weight * self.label[others, place]).sum())
            head = float(self.head[row, place])
            line |= {
                f"label_{name}": float(self.label[row, place]),
                f"value_{name}": near if self.settings.record == "neighbours" else head,
                f"neighbours_{name}": near,
                **({f"head_{name}": head} if self.settings.head else {}),
                f"lower_{name}": 0.0, f"upper_{name}": 0.0, f"pieces_{name}": 1 + row % 2,
                f"plain_lower_{name}": 0.0, f"plain_upper_{name}": 0.0, f"region_{name}": self.region[row, place],
            }  # fmt: skip
        line |= {
            "neighbours": json.dumps(others[:10].tolist()),
            "neighbour_ids": json.dumps([self.id[other] for other in others[:10]]),
            "distances": json.dumps([round(value, 6) for value in distance[:10].tolist()]),
        }
        for name in self.settings.targets:
            line[f"weights_{name}"] = json.dumps([round(value, 6) for value in weight[:10].tolist()])
            line[f"shown_share_{name}"] = float(weight[:10].sum())
        return {**line, "nearest_distance": nearest, "far": 0}

    def _block(self, lines: list[dict[str, Any]], half: dict[str, float]) -> dict[str, Any]:
        block: dict[str, Any] = {}
        for place, name in enumerate(self.settings.targets):
            label = np.array([line[f"label_{name}"] for line in lines])
            value = np.array([line[f"value_{name}"] for line in lines])
            region = np.array([line[f"region_{name}"] for line in lines])
            groups = np.array([line["group"] for line in lines])
            error = value - label
            mae, bias = float(abs(error).mean()), float(error.mean())
            few_groups = len(set(groups)) < 20
            spread = 2 * float(error.std()) / np.sqrt(len(error))
            median = float(abs(label - np.median(self.label[self.train, place])).mean())
            covariates = median * 0.36
            wide = np.inf if self.settings.infinite else WIDER * half[name]
            block[name] = {
                "predictor": self.settings.record, "unit": UNITS[name], "n": len(lines), "groups": len(set(groups)), "mae": mae,
                "rmse": float(np.sqrt((error**2).mean())), "r2": 1 - float((error**2).mean() / label.var()),
                "pearson": float(np.corrcoef(label, value)[0, 1]), "spearman": 0.981, "concordance_correlation": 0.986,
                "geometric_mean_error": mae * 0.6, "bias": bias, "calibration_slope": 1.012,
                "calibration_intercept": -1.9,
                "by_region": {
                    key: {
                        "n": int((region == key).sum()), "groups": len(set(groups[region == key])),
                        "mae": float(abs(error[region == key]).mean()) if (region == key).any() else None,
                        "bias": float(error[region == key].mean()) if (region == key).any() else None,
                        "baselines": {"median": median * 1.25, "covariates_only": covariates * 1.25},
                    }
                    for key in ("many", "medium", "few")
                },
                "ci95": {
                    "mae": "too few groups" if few_groups else [mae - spread / 2, mae + spread / 2],
                    "bias": "too few groups" if few_groups else [bias - spread, bias + spread],
                    "r2": "too few groups" if few_groups else [0.97, 0.99],
                    "spearman": "too few groups" if few_groups else [0.972, 0.988],
                },
                "interval": self._interval("label_conditional", error, region, groups, wide),
                "plain_interval": self._interval("split", error, region, groups, half[name]),
                "by_predictor": {"head": {"mae": mae * 1.06}, "neighbours": {"mae": mae}},
                "baselines": {"median": {"mae": median}, "covariates_only": {"mae": covariates, "kind": "ridge"}},
                "skill": {"median": 1 - mae / median, "covariates_only": 1 - mae / covariates},
            }  # fmt: skip
        block["space"] = {
            "d5": 5.31, "rv": 0.0421, "rv_neighbours": 10, "rv_share": 1.0, "rv_n": len(lines), "rv_note": "",
        }  # fmt: skip
        return block

    def _interval(
        self, kind: str, error: np.ndarray, region: np.ndarray, groups: np.ndarray, half: float
    ) -> dict[str, Any]:
        from medgauge.inference import binomial_interval

        def figures(rows: np.ndarray) -> dict[str, Any]:
            inside, many = int((abs(error[rows]) <= half).sum()), int(rows.sum())
            share = inside / many if many else None
            ends = list(binomial_interval(inside, many)) if many else [None, None]
            return {
                "n": many, "coverage": share, "coverage_ci95": ends, "set_coverage": share, "set_coverage_ci95": ends,
                "drawn": len(set(groups[rows])), "drawn_covered": inside, "width": None if np.isinf(half) else 2 * half,
                "pieces": 1.25 if kind != "split" else 1.0, "share_empty": 0.0, "share_infinite": float(np.isinf(half)),
                "over_coverage": {"length": 0.04, "coverage": 0.015},
            }  # fmt: skip

        calibration = {"many": 33, "medium": 22, "few": 4 if self.settings.infinite else 16}
        own = kind == "label_conditional"
        note = "A 90 % interval needs 9 calibration groups in each label region, and region few has 4: it is infinite there."
        return {
            "kind": kind, "level": 0.9, "n_groups": 71, "note": note if np.isinf(half) else "", **figures(region != ""),
            "by_region": {
                key: figures(region == key) | ({"calibration_groups": calibration[key]} if own else {})
                for key in calibration
            },
        }  # fmt: skip

    def texts(self) -> dict[str, str]:
        names = self.settings.targets
        splits = [["id", "group", "split", *[f"region_{name}" for name in names]]]
        splits += [[self.id[row], self.group[row], self.split[row], *self.region[row]] for row in range(len(self.id))]
        gallery = [["row", "id", "group", *[f"label_{name}" for name in names]]]
        gallery += [[row, self.id[row], self.group[row], *self.label[row].tolist()] for row in self.train]
        predictors = {
            "record": self.settings.record, "radius": RADIUS, "level": 0.9,
            "regions": {}, "far_distance": 0.6, "validation_mae": {"head": 4.6, "neighbours": 4.3},
        }  # fmt: skip
        recipe = f"""made:
  medgauge: 0.1.0
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
  value: {{factor: 1.0, term: {{class_path: PointwiseLoss, init_args: {{kind: l1}}}}}}
prediction:
  record: {self.settings.record}
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
        head = ["epoch", "step", "seconds", "lr", "isometry", "value", "total"]
        head += ["val_mae", "val_mae_head", "val_mae_neighbours", "val_radius"]
        rows: list[list[Any]] = [head]
        for epoch in range(1, 41):
            fall = np.exp(-epoch / 9)
            terms = [0.1 + 0.9 * fall, 0.08 + 0.7 * fall]
            val = [4.3 + 30 * fall, 4.6 + 32 * fall, 4.3 + 30 * fall, RADIUS] if epoch % 2 == 0 else ["", "", "", ""]
            rows.append([epoch, epoch * 14, epoch * 2.9, 1e-3, *terms, sum(terms), *val])
        return rows

    def _thumbnails(self, path: Path) -> None:
        from PIL import Image

        from medgauge.report.cards import thumbnails_needed
        from medgauge.report.reading import read_run

        folder = path / "thumbnails"
        folder.mkdir(exist_ok=True)
        for row in thumbnails_needed(read_run(path).predictions):
            Image.fromarray(self.image[row]).save(folder / f"{row}.png")


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
