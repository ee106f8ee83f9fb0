"""Images per second of `medgauge embed` with the network lite0, beside a bare loop over files, and its second call.

Grey PNG files of 320 x 320. The bare loop opens each with Pillow, scales it to the size that medgauge chose and puts it through
the same network, 32 at a time. Each round of `embed` has an empty cache; the second call finds the features there. One thread,
processor seconds, the ways in turn.

    python benchmarks/embed_speed.py [--count 160] [--out benchmarks/results/embed_speed.json]
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import torch
from common import machine, median_seconds
from PIL import Image

import medgauge
from medgauge.core.version import __version__
from medgauge.models.encoders import build_encoder

BATCH, ROUNDS = 32, 3
RESULTS = Path(__file__).parent / "results" / "embed_speed.json"


def write_images(folder: Path, count: int) -> None:
    """Smooth noise as files, and their table."""
    draw = np.random.default_rng(0)
    for place in range(count):
        coarse = Image.fromarray(draw.integers(0, 256, (20, 20), dtype=np.uint8))
        coarse.resize((320, 320), Image.Resampling.BICUBIC).save(folder / f"{place}.png")
    rows = [f"c{place},{folder}/{place}.png" for place in range(count)]
    (folder / "cases.csv").write_text("\n".join(["case,path", *rows]) + "\n")


def main() -> None:
    """Run all ways in turn and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=160)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_images(folder, asked.count)

        def embed() -> None:
            given: dict[str, Any] = {"table": folder / "cases.csv", "image": "path", "id": "case"}
            medgauge.embed("lite0", out=folder / "features.parquet", cache=str(folder / "cache"), **given)

        def anew() -> None:
            shutil.rmtree(folder / "cache", ignore_errors=True)
            embed()

        anew()
        table = pyarrow.parquet.read_table(folder / "features.parquet")
        height, width = json.loads(table.schema.metadata[b"medgauge"])["size"]
        network = build_encoder("lite0", ndim=2, channels=1, pretrained=True).eval()
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as torch documents it
        found: list[torch.Tensor] = []

        @torch.inference_mode()
        def bare() -> None:
            found.clear()
            for start in range(0, asked.count, BATCH):
                files = [folder / f"{place}.png" for place in range(start, min(start + BATCH, asked.count))]
                images = [Image.open(file).resize((width, height), Image.Resampling.BILINEAR) for file in files]
                batch = torch.from_numpy(np.stack([np.asarray(image) for image in images]))[:, None].float() / 255
                found.append(network(batch.contiguous(memory_format=torch.channels_last)))

        seconds = median_seconds({"embed": anew, "embed, second call": embed, "bare loop": bare}, ROUNDS)
    ours = np.column_stack([table.column(name) for name in table.column_names if name != "case"])
    theirs = torch.cat(found).numpy()
    likeness = float(np.corrcoef(ours.ravel(), theirs.ravel())[0, 1])
    assert ours.shape == theirs.shape
    assert likeness > 0.99, likeness  # the same features but for scaling of images
    result = {
        "what": f"images per processor second, {asked.count} grey PNG files, lite0 at {height} x {width}, one thread",
        "version": __version__,
        "images_per_second": {name: round(asked.count / taken, 1) for name, taken in seconds.items()},
        "embed_over_bare_time": round(seconds["embed"] / seconds["bare loop"], 3),
        "second_call_over_bare_time": round(seconds["embed, second call"] / seconds["bare loop"], 3),
        "likeness_of_features": round(likeness, 5),
        "machine": machine(),
    }
    asked.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
