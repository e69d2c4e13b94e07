"""Embeddings: the pipeline from JPEG files to vectors, against the bare model on batches that are ready in memory.

    python benchmarks/encoding.py [--images 256] [--rounds 5] [--device cuda] [--models resnet18] [--pictures FOLDER]

The bare model is the loaded encoder's own `encode` on stacks of prepared images, with freed memory kept as ours keeps
it. Ours decodes each file as an import
does, prepares it, and encodes the same batches, with everything at once. The plain way is the loop that people write:
open each file with Pillow, hand it to the library's own transform, and give the model a batch when it is full. All
take turns in one process, and the best round of each counts. The run fails unless every vector is equal, bit for bit.

Where the model computes on the processor, decoding takes time from it, so what a pipeline can reach at most is the
model's share of all work; the script prints that limit beside the ratio, and the ratio of the processor time that both
took, which other work on the machine disturbs less. Trained weights cannot be had everywhere, and
speed does not depend on them: open_clip's and timm's models have random ones. MobileNetV2 is read from beside the
project where it is present.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from extraction import SHARED_IMAGES, drawn
from machine import describe
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from analysis.core.encoders import LoadedEncoder, embed, offered
from analysis.core.encoders._heap import kept
from analysis.core.encoders._torch import import_library
from catalog.core.images import read_pixels

SHARED_MODEL = SHARED_IMAGES.parents[1] / "models" / "mobilenet_v2_1.0_224.onnx"
TARGET = 0.9
Array = NDArray[Any]
RANDOM = {
    "resnet18": "timm",
    "resnet50": "timm",
    "efficientnet_b0": "timm",
    "vit_small_patch14_dinov2": "timm",
    "ViT-B-32": "openclip",
    "ViT-B-16": "openclip",
}
MOBILENET = {"size": 224, "resize": "whole", "mean": 0.5, "std": 0.5, "output": "embedding"}


def make_folder(folder: Path, names: Sequence[str]) -> None:
    """A models folder with random weights for the architectures asked for, and the trained ONNX model."""
    # Behind the encoders, which say how torch's threads wait before torch reads it.
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    for name in names:
        if name in RANDOM:
            place = folder / RANDOM[name] / name
            place.mkdir(parents=True)
            library = import_library({"timm": "timm", "openclip": "open_clip"}[RANDOM[name]])
            weights = {key: value.half() for key, value in library.create_model(name).state_dict().items()}
            save_file(weights, place / "random.safetensors")
        elif SHARED_MODEL.is_file():
            place = folder / "onnx"
            place.mkdir(parents=True)
            (place / SHARED_MODEL.name).symlink_to(SHARED_MODEL)
            (place / SHARED_MODEL.name).with_suffix(".json").write_text(json.dumps(MOBILENET))
        else:
            print(f"{name}: skipped, the shared material is absent")


def timed(work: Callable[[], list[Array]]) -> tuple[float, float, list[Array]]:
    """Seconds on the clock, seconds of all cores, and what was made."""
    start, used = time.perf_counter(), time.process_time()
    done = work()
    return time.perf_counter() - start, time.process_time() - used, done


def decode(data: bytes) -> NDArray[np.uint8]:
    return read_pixels(data)


def plain_transform(encoder: LoadedEncoder) -> Callable[[Image.Image], Array]:
    """The library's own way from an opened picture to the model's size; torchvision's where it has none."""
    family, _, rest = encoder.name.partition(":")
    name = rest.partition("/")[0]
    if family == "timm":
        timm = import_library("timm")
        how = timm.data.resolve_data_config({}, pretrained_cfg=timm.get_pretrained_cfg(name).to_dict())
        steps = timm.data.create_transform(**how, is_training=False).transforms[:-2]
    elif family == "openclip":
        clip = import_library("open_clip")
        steps = clip.image_transform(clip.get_model_config(name)["vision_cfg"]["image_size"], False).transforms[:-2]
    else:
        transforms = import_library("torchvision.transforms")
        steps = [transforms.Resize((MOBILENET["size"],) * 2)]

    def transform(image: Image.Image) -> Array:
        for step in steps:
            image = step(image)
        return np.asarray(image)

    return transform


def plain(encoder: LoadedEncoder, files: Sequence[bytes]) -> list[Array]:
    """The loop that people write."""
    transform = plain_transform(encoder)
    found, batch = [], []
    for data in files:
        batch.append(transform(Image.open(io.BytesIO(data)).convert("RGB")))
        if len(batch) == encoder.batch_size or data is files[-1]:
            found.append(encoder.encode(np.stack(batch)).values)
            batch = []
    return found


def measure(encoder: LoadedEncoder, kind: str, files: Sequence[bytes], rounds: int) -> bool:
    """Print one line of figures; returns whether all vectors agreed."""
    readers = [partial(decode, data) for data in files]
    some = readers[:: max(1, len(readers) // 32)]
    preparing = min(timed(lambda: [encoder.prepare(reader()) for reader in some])[1] for _ in range(3)) / len(some)
    size = encoder.batch_size
    prepared = [encoder.prepare(reader()) for reader in readers]
    batches = [np.stack(prepared[start : start + size]) for start in range(0, len(prepared), size)]
    encoder.encode(batches[0])
    bare = whole = bare_cpu = whole_cpu = loop = float("inf")
    equal = True
    for _ in range(rounds):
        with kept():
            took, used, expected = timed(lambda: [encoder.encode(batch).values for batch in batches])
        bare, bare_cpu = min(bare, took), min(bare_cpu, used)
        took, used, found = timed(lambda: [part.values for part in embed(encoder, readers)])
        whole, whole_cpu = min(whole, took), min(whole_cpu, used)
        took, _, theirs = timed(lambda: plain(encoder, files))
        loop = min(loop, took)
        equal = equal and all(
            np.array_equal(a, b) and np.array_equal(a, c) for a, b, c in zip(expected, found, theirs, strict=True)
        )
    per_image = 1e3 / len(files)
    line = f"  {kind:22}{bare * per_image:8.2f} ms bare{whole * per_image:8.2f} ms ours   ratio {bare / whole:.2f}"
    line += f", {loop / whole:.1f} times the plain loop"
    if encoder.device == "cpu":
        limit = bare_cpu / (bare_cpu + preparing * len(files))
        line += f", of processor time {bare_cpu / whole_cpu:.2f}, limit {limit:.2f} "
        line += f"({bare_cpu * per_image:.2f} ms of a core for the model, {1e3 * preparing:.2f} ms for its image)"
    print(line + ("" if equal else "; VECTORS DIFFER") + ("" if bare / whole >= TARGET else f"; below {TARGET}"))
    return equal


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=256, help="files of each kind")
    parser.add_argument("--rounds", type=int, default=5, help="the best round of each way counts")
    parser.add_argument("--device", default=None, help="cpu, cuda or mps (default: the fastest)")
    parser.add_argument(
        "--models", nargs="+", default=["mobilenet", "resnet18", "ViT-B-32"], choices=["mobilenet", *RANDOM]
    )
    parser.add_argument("--pictures", type=Path, default=SHARED_IMAGES, help="folder of real JPEG files")
    arguments = parser.parse_args()
    print(describe("torch", "open_clip_torch", "timm", "onnxruntime", "pillow"))
    kinds = {"drawn, 480 × 360": drawn(480, 360, min(64, arguments.images), 1)}
    real = [path.read_bytes() for path in sorted(arguments.pictures.rglob("*.jpg"))]
    if real:
        kinds["real pictures"] = real[:: max(1, len(real) // arguments.images)]
    else:
        print("real pictures: skipped, there are none in the folder")
    for kind, files in kinds.items():
        # Copies, so that the last file is known from those before it that hold the same.
        kinds[kind] = [bytes(bytearray(files[n % len(files)])) for n in range(arguments.images)]
        pixels = np.mean([read_pixels(data).size // 3 for data in kinds[kind][: len(files)]])
        print(f"{kind}: {len(kinds[kind])} files, {pixels / 1e6:.2f} megapixels on average")
    equal = True
    with tempfile.TemporaryDirectory() as folder:
        make_folder(Path(folder), arguments.models)
        for encoder in offered(Path(folder)):
            if encoder.on_disk:
                loaded = encoder.load(arguments.device)
                print(f"\n{encoder.title} on {loaded.device}, {loaded.batch_size} at a time")
                for kind, files in kinds.items():
                    equal = measure(loaded, kind, files, arguments.rounds) and equal
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
