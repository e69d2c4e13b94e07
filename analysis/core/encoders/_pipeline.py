"""From images to vectors without letting the model wait: decoding and preprocessing run ahead in threads."""

from __future__ import annotations

import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.core.arrays import Vectors
from analysis.core.encoders._heap import kept
from analysis.core.encoders._memory import OutOfMemory, too_large
from analysis.core.encoders._protocol import LoadedEncoder

READY_BATCHES = 2
"""Batches that wait for the model, and batches of vectors that wait for the caller, at most."""

Image = Callable[[], NDArray[np.uint8]]
Item = TypeVar("Item")


def embed(
    encoder: LoadedEncoder,
    images: Iterable[Image],
    *,
    batch_size: int | None = None,
    workers: int | None = None,
) -> Iterator[Vectors]:
    """The vectors of many images, batch by batch, in the order of the images.

    Images are decoded and prepared ahead in threads, also while the caller does something with a batch; at most a few
    batches are in memory. A model on the processor runs in the caller's thread, best the main one (see `_heap.kept`);
    on another device it runs in a thread of its own, so that the device has work while the caller has. A batch that
    does not fit into memory is halved, and so are those after it.

    Args:
        encoder: a loaded model, used by nobody else meanwhile.
        images: functions that each give one image, uint8 of shape (height, width, 3). They are called in threads, and
            the iterable is read in a thread too, a few batches ahead.
        batch_size: images at a time; the encoder's own choice when None.
        workers: threads that decode; one for each core when None.

    Raises:
        ModelUnavailable: not even one image fits into memory, or the model gives no vectors.
        Exception: whatever a function in `images` raises, when its turn comes.
    """
    size = batch_size or encoder.batch_size
    batches = _ahead(_batches(encoder, images, size, workers or os.cpu_count() or 1))
    vectors = _encoded(encoder, batches)
    if encoder.device != "cpu":
        yield from _ahead(vectors)
        return
    with kept():
        yield from vectors


def _batches(
    encoder: LoadedEncoder, images: Iterable[Image], size: int, workers: int
) -> Generator[NDArray[Any], None, None]:
    """Prepared images, stacked."""
    waiting: deque[Future[NDArray[Any]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="prepare")
    try:
        for image in images:
            waiting.append(pool.submit(_prepare, encoder, image))
            if len(waiting) >= size + 2 * workers:
                yield np.stack([waiting.popleft().result() for _ in range(size)])
        while waiting:
            yield np.stack([waiting.popleft().result() for _ in range(min(size, len(waiting)))])
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare(encoder: LoadedEncoder, image: Image) -> NDArray[Any]:
    return encoder.prepare(image())


def _encoded(encoder: LoadedEncoder, batches: Generator[NDArray[Any], None, None]) -> Generator[Vectors, None, None]:
    fits = None
    try:
        for batch in batches:
            fits = len(batch) if fits is None else fits
            parts = []
            start = 0
            while start < len(batch):
                try:
                    parts.append(encoder.encode(batch[start : start + fits]).values)
                    start += fits
                except OutOfMemory as error:
                    if fits == 1:
                        raise too_large(encoder.name, "one image at a time") from error
                    fits = max(1, min(fits, len(batch)) // 2)
            yield Vectors(np.concatenate(parts)) if len(parts) > 1 else Vectors(parts[0])
    finally:
        batches.close()


@dataclass(frozen=True, slots=True)
class _Ended:
    """What comes after the last item: nothing, or the error that stopped them."""

    error: BaseException | None = None


def _ahead(items: Generator[Item, None, None]) -> Generator[Item, None, None]:
    """The same items, made in a thread of their own, at most `READY_BATCHES` ahead of who takes them."""
    ready: queue.Queue[Item | _Ended] = queue.Queue(READY_BATCHES)
    over = threading.Event()

    def make() -> None:
        ended = _Ended()
        try:
            for item in items:
                ready.put(item)
                if over.is_set():
                    break
        except BaseException as error:
            ended = _Ended(error)
        finally:
            items.close()
            ready.put(ended)

    thread = threading.Thread(target=make, name="ahead", daemon=True)
    thread.start()
    ended = None
    try:
        while not isinstance(taken := ready.get(), _Ended):
            yield taken
        ended = taken
    finally:
        # Whoever stops early must not leave the thread waiting for room.
        over.set()
        while ended is None:
            taken = ready.get()
            ended = taken if isinstance(taken, _Ended) else None
        thread.join()
    if ended.error is not None:
        raise ended.error
