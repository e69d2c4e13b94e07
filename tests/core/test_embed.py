"""The pipeline gives every image its own vector, in order, whatever fits into memory and whoever stops early."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analysis.core.arrays import Vectors
from analysis.core.encoders import LoadedEncoder, _heap, embed, offered
from analysis.core.encoders._memory import OutOfMemory
from analysis.core.errors import ModelUnavailable
from tests.core.model_files import Hungry, describe, mean_colour_onnx, script

Image = NDArray[np.uint8]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> LoadedEncoder:
    folder = tmp_path_factory.mktemp("models")
    describe(mean_colour_onnx(folder / "onnx" / "mean.onnx"))
    return offered(folder)[0].load("cpu")


@pytest.fixture
def hungry(tmp_path: Path) -> Callable[[int], LoadedEncoder]:
    def make(fits: int) -> LoadedEncoder:
        describe(script(Hungry(fits), tmp_path / "torchscript" / "hungry.pt"))
        return offered(tmp_path)[0].load("cpu")

    return make


def colours(n: int, seed: int = 0) -> list[Image]:
    rng = np.random.default_rng(seed)
    return [np.broadcast_to(colour, (5, 7, 3)).copy() for colour in rng.integers(1, 256, (n, 3), np.uint8)]


def vectors_of(images: list[Image]) -> NDArray[np.float32]:
    raw = np.array([image[0, 0] for image in images], np.float64).reshape(-1, 3)
    return np.asarray(raw / np.linalg.norm(raw, axis=1, keepdims=True), np.float32)


def slow(image: Image, seconds: float) -> Callable[[], Image]:
    def give() -> Image:
        time.sleep(seconds)
        return image

    return give


@settings(max_examples=60, deadline=None)
@given(n=st.integers(0, 40), batch_size=st.integers(1, 13), workers=st.integers(1, 5), seed=st.integers(0, 99))
def test_order_is_kept_however_long_each_image_takes(
    encoder: LoadedEncoder, n: int, batch_size: int, workers: int, seed: int
) -> None:
    images = colours(n, seed)
    takes = np.random.default_rng(seed).uniform(0, 0.002, n)
    given_out = [slow(image, seconds) for image, seconds in zip(images, takes, strict=True)]
    parts = [part.values for part in embed(encoder, given_out, batch_size=batch_size, workers=workers)]
    assert [len(part) for part in parts] == [batch_size] * (n // batch_size) + (
        [n % batch_size] if n % batch_size else []
    )
    found = np.concatenate(parts) if parts else np.empty((0, 3), np.float32)
    np.testing.assert_allclose(found, vectors_of(images), atol=1e-6)


def test_images_are_made_ahead_but_only_a_few_batches(encoder: LoadedEncoder) -> None:
    made = 0
    lock = threading.Lock()

    def make() -> Image:
        nonlocal made
        with lock:
            made += 1
        return np.full((5, 7, 3), 99, np.uint8)

    taken = embed(encoder, (make for _ in range(10_000)), batch_size=4, workers=2)
    next(taken)
    time.sleep(0.3)
    # One is taken; two wait, one is held on each side of the model, one is being put together.
    assert 8 <= made <= 60
    before = threading.active_count()
    taken.close()  # type: ignore[attr-defined]
    assert threading.active_count() < before
    assert made <= 60


def test_the_model_goes_on_while_the_caller_does_something_else(encoder: LoadedEncoder) -> None:
    seconds = 0.02
    images = [slow(image, seconds) for image in colours(40)]
    start = time.perf_counter()
    for _ in embed(encoder, images, batch_size=4, workers=1):
        time.sleep(4 * seconds)
    # One after the other it would take twice as long.
    assert time.perf_counter() - start < 1.6 * 40 * seconds


def test_an_image_that_cannot_be_had_stops_it_at_its_turn(encoder: LoadedEncoder) -> None:
    def broken() -> Image:
        raise OSError("the file is gone")

    images = [slow(image, 0) for image in colours(10)]
    taken = embed(encoder, [*images[:8], broken, *images[8:]], batch_size=4)
    assert sum(len(next(taken)) for _ in range(2)) == 8
    with pytest.raises(OSError, match="the file is gone"):
        next(taken)


def test_an_iterable_that_breaks_off_is_not_taken_for_the_end(encoder: LoadedEncoder) -> None:
    def images() -> Iterator[Callable[[], Image]]:
        yield slow(colours(1)[0], 0)
        raise RuntimeError("no more rows")

    with pytest.raises(RuntimeError, match="no more rows"):
        list(embed(encoder, images(), batch_size=1, workers=1))


@pytest.mark.parametrize("fits", [1, 3, 5, 8])
def test_batches_that_do_not_fit_are_halved_and_nothing_is_lost(
    hungry: Callable[[int], LoadedEncoder], fits: int
) -> None:
    encoder = hungry(fits)
    images = colours(37)
    with pytest.raises(OutOfMemory):
        encoder.encode([encoder.prepare(image) for image in images[: fits + 1]])
    parts = list(embed(encoder, [slow(image, 0) for image in images], batch_size=16))
    assert [len(part) for part in parts] == [16, 16, 5]
    np.testing.assert_allclose(np.concatenate([part.values for part in parts]), vectors_of(images), atol=1e-6)


def test_a_model_that_fits_not_one_image_says_so(hungry: Callable[[int], LoadedEncoder]) -> None:
    # Loading describes one image already.
    with pytest.raises(ModelUnavailable, match=r"torchscript:hungry~\w{8} does not fit into memory.*smaller model"):
        hungry(0)


def test_an_image_without_direction_is_named_as_the_models_fault(encoder: LoadedEncoder) -> None:
    black = np.zeros((5, 7, 3), np.uint8)
    with pytest.raises(ModelUnavailable, match="nothing but zeros"):
        list(embed(encoder, [lambda: black]))


class Elsewhere:
    """A model that says it computes on a device, and notes which thread asks it to.

    Args:
        encoder: what computes.
        device: what it says.
    """

    def __init__(self, encoder: LoadedEncoder, device: str) -> None:
        self._encoder, self.device, self.threads = encoder, device, set[int]()
        self.name, self.dim, self.batch_size = encoder.name, encoder.dim, encoder.batch_size
        self.prepare, self.encode_text = encoder.prepare, encoder.encode_text

    def encode(self, prepared: Sequence[NDArray[Any]] | NDArray[Any]) -> Vectors:
        self.threads.add(threading.get_ident())
        return self._encoder.encode(prepared)


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
def test_a_model_on_the_processor_runs_in_the_callers_thread_and_any_other_beside_it(
    encoder: LoadedEncoder, device: str
) -> None:
    images = colours(9)
    watched = Elsewhere(encoder, device)
    values = np.concatenate(
        [part.values for part in embed(watched, [slow(image, 0) for image in images], batch_size=2)]
    )
    np.testing.assert_allclose(values, vectors_of(images), atol=1e-6)
    assert (watched.threads == {threading.get_ident()}) == (device == "cpu")


NEW_PAGES = """
import resource
from analysis.core.encoders import _heap

def new_pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    assert len(b"x" * (100 * 2**20)) == 100 * 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

with _heap.kept():
    new_pages()
    again = new_pages()
print(again, new_pages())
"""


def test_memory_that_one_layer_gives_back_is_taken_by_the_next() -> None:
    if _heap._glibc() is None:
        pytest.skip("no glibc: memory is kept as this system keeps it")
    # In a process of its own: a thread whose allocation has failed once takes its memory from elsewhere.
    done = subprocess.run([sys.executable, "-c", NEW_PAGES], capture_output=True, text=True, check=True)
    inside, outside = map(int, done.stdout.split())
    assert inside < 20
    assert outside >= 20, "at the end all of it has gone back"
