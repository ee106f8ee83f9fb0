"""How many cases were read, left out and why, and are in each split."""

from collections import Counter
from collections.abc import Sequence

from medgauge.data.tables.folds import KEPT_OUT, UNUSED
from medgauge.data.tables.splits import SPLITS
from medgauge.study.study import Study

REASONS = {
    "file": "image cannot be read",
    "label": "label is wrong",
    "group": "group is on two sides",
    "picture": "picture is that of another group too",
    "table": "id or covariate is wrong",
}


def case_counts(study: Study, splits: Sequence[str] = SPLITS) -> dict[str, object]:
    """As results.json holds them."""
    reasons = Counter((REASONS[problem.kind], split) for problem, split in study.left_out)
    by_split = {
        split: {"cases": len(study.rows(split)), "groups": len({study.table.group[row] for row in study.rows(split)})}
        for split in splits
    }
    left_out = [{"reason": reason, "split": split, "n": n} for (reason, split), n in sorted(reasons.items())]
    unused = study.read - len(study.table) - len({problem.where for problem, _ in study.left_out})
    unused += len(study.rows(UNUSED))
    if study.rows(KEPT_OUT):
        left_out.append(
            {"reason": "test cases, kept out of all folds", "split": "test", "n": len(study.rows(KEPT_OUT))}
        )
    if unused:
        left_out.append({"reason": "not in data.fraction", "split": "train, val", "n": unused})
    return {"read": study.read, "left_out": left_out, "by_split": by_split}
