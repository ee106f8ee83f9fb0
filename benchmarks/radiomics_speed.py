"""Seconds a case of `medgauge radiomics`: one process, two processes, from its cache, and the library alone in a bare loop.

Twenty balls of noise (40 x 40 x 40 voxels, about 14,000 of them in the mask) and, where their folder is given, twenty lung
nodules (32 x 32 x 32). Two processes are timed after they have started, and their start with a first pass apart. Seconds of the
wall clock and of processors, the ways in turn, the smallest of the rounds. Where other programs run beside it, the wall clock says
how the machine shares processors out and not what two processes gain; processor seconds say what they cost more.

    python benchmarks/radiomics_speed.py [FOLDER_OF_LIDC_NODULES]
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas
from common import machine
from numpy.typing import NDArray

import medgauge
from medgauge.data.radiomics.extractor import RadiomicsSettings, extract, library_versions

CASES, ROUNDS = 20, 3
RESULT = Path(__file__).parent / "results" / "radiomics_speed.json"
Volumes = NDArray[Any]


def balls() -> tuple[Volumes, Volumes]:
    """Images and masks."""
    random = np.random.default_rng(0)
    far = np.sqrt(np.sum((np.indices((40, 40, 40)) - 19.5) ** 2, axis=0))
    masks = np.stack([far < radius for radius in random.uniform(14, 16, CASES)]).astype(np.uint8)
    return random.normal(0, 120, masks.shape).astype(np.int16), masks


def nodules(folder: Path) -> tuple[Volumes, Volumes]:
    """Images and masks of every so manieth nodule."""
    with np.load(folder / "volumes.npz") as file:
        step = len(file["images"]) // CASES
        return file["images"][::step][:CASES], file["masks"][::step][:CASES]


def bare(images: Volumes, masks: Volumes) -> None:
    """The library alone, one extractor for all."""
    import SimpleITK
    from radiomics import featureextractor, setVerbosity

    setVerbosity(60)
    cast(Any, SimpleITK.ProcessObject).SetGlobalDefaultNumberOfThreads(1)
    extractor = featureextractor.RadiomicsFeatureExtractor(binWidth=25.0, additionalInfo=False)
    for image, mask in zip(images, masks, strict=True):
        extractor.execute(SimpleITK.GetImageFromArray(image), SimpleITK.GetImageFromArray((mask > 0).astype(np.uint8)))


def processor() -> float:
    """Processor seconds of this process and its children so far."""
    whole = time.process_time()
    for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        ticks = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[11:13]
        whole += sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    return whole


def seconds(run: Callable[[], object]) -> tuple[float, float]:
    """Of the wall clock and of processors."""
    start, before = time.perf_counter(), processor()
    run()
    return time.perf_counter() - start, processor() - before


def measure(images: Volumes, masks: Volumes, place: Path) -> dict[str, Any]:
    """Seconds a case of each way, of the start of two processes, and ratios."""
    np.savez(place / "v.npz", images=images, masks=masks)
    pandas.DataFrame({"case": range(CASES), "row": range(CASES)}).to_csv(place / "cases.csv", index=False)

    def ours(workers: int, cache: str) -> None:
        medgauge.radiomics(
            place / "cases.csv", array="v.npz#images", index="row", mask="v.npz#masks", id="case", out=place / "f.parquet",
            workers=workers, cache=str(place / cache),
        )  # fmt: skip

    extract(images[0], masks[0] > 0, (1.0, 1.0, 1.0), RadiomicsSettings())  # imports
    start, _ = seconds(partial(ours, 2, "start"))
    taken: dict[str, list[tuple[float, float]]] = {}
    for turn in range(ROUNDS):
        ways = {
            "library_alone": partial(bare, images, masks),
            "one_process": partial(ours, 1, f"one{turn}"),
            "two_processes": partial(ours, 2, f"two{turn}"),
            "from_cache": partial(ours, 1, f"one{turn}"),
        }
        for name, run in ways.items():
            taken.setdefault(name, []).append(seconds(run))
    wall, spent = (
        {name: min(one[place] for one in found) / CASES for name, found in taken.items()} for place in (0, 1)
    )
    return {
        "voxels_in_mask": float(np.median((masks > 0).sum((1, 2, 3)))),
        "seconds_a_case": {name: round(value, 4) for name, value in wall.items()},
        "processor_seconds_a_case": {name: round(value, 4) for name, value in spent.items()},
        "start_and_first_pass_of_two_processes_seconds": round(start, 2),
        "one_process_over_library_alone": round(spent["one_process"] / spent["library_alone"], 3),
        "two_processes_over_one_in_processor_seconds": round(spent["two_processes"] / spent["one_process"], 3),
        "one_process_over_two_in_seconds": round(wall["one_process"] / wall["two_processes"], 3),
    }


def main() -> None:
    """Measure and write."""
    about: dict[str, Any] = {"machine": machine(), "versions": {"medgauge": medgauge.__version__, **library_versions()}}
    sets = {"balls": balls(), **({"lidc_nodules": nodules(Path(sys.argv[1]))} if sys.argv[1:] else {})}
    found = {}
    for name, (images, masks) in sets.items():
        with tempfile.TemporaryDirectory() as place:
            found[name] = measure(images, masks, Path(place))
    about["load_after"] = round(os.getloadavg()[0], 2)
    RESULT.write_text(json.dumps({**about, "cases": CASES, "sets": found}, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
