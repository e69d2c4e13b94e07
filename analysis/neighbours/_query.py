"""What is looked for: one picture or text under one signal, as it is stored, made from whatever people bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.core.files.storage import default_storage
from numpy.typing import NDArray

from analysis.core.arrays import PackedBits
from analysis.core.encoders import Encoder
from analysis.core.errors import AnalysisError, InvalidArray, ModelUnavailable
from analysis.core.hashes import as_stored, bit_lengths, compute
from analysis.core.orientations import ORIENTATIONS, turned
from analysis.models import Embedding, Hash, Signal
from analysis.neighbours._models import loaded
from analysis.signals import UPRIGHT, KnownSignal
from catalog.core.images import read_pixels
from catalog.models import Image

Descriptor = bytes | NDArray[np.float32]
"""A hash as it is stored; an embedding, float32, shape (dim,), of unit length."""


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """A descriptor to look for, or eight of one picture turned and mirrored.

    Attributes:
        known: the signal, of pictures as they are.
        turns: EXIF orientation and descriptor of the picture turned so.
        image_id: the image that asks, which is no neighbour of itself; 0 where it is none.
        stored_in: the dataset in which exactly this descriptor is stored; 0 where that is not known.
    """

    known: KnownSignal
    turns: tuple[tuple[int, Descriptor], ...]
    image_id: int = 0
    stored_in: int = 0


def of_pixels(rgb: NDArray[np.uint8], signals: Sequence[KnownSignal], *, any_orientation: bool = False) -> list[Query]:
    """A picture under each of several signals; what the hashes have in common is computed once.

    Args:
        rgb: uint8, shape (height, width, 3).
        signals: hashes, and embeddings whose model is on this machine.
        any_orientation: describe it in all eight orientations.

    Raises:
        ModelUnavailable: the model is not here, or it is not known which one made the embeddings.
    """
    orientations = ORIENTATIONS if any_orientation else (UPRIGHT,)
    hashes = [known.entry.name for known in signals if not known.is_embedding]
    # One turned copy at a time: eight of a large picture at once would be a gigabyte.
    described = [(each, compute(turned(rgb, each), hashes)) for each in orientations] if hashes else []
    found = []
    for known in signals:
        if known.is_embedding:
            with loaded(encoder_of(known)) as model:
                vectors = model.encode([model.prepare(turned(rgb, each)) for each in orientations]).values
            turns: tuple[tuple[int, Descriptor], ...] = tuple(zip(orientations, vectors, strict=True))
        else:
            turns = tuple((each, values[known.entry.name].tobytes()) for each, values in described)
        found.append(Query(known.base, turns))
    return found


def of_image(image: Image, known: KnownSignal, *, any_orientation: bool = False) -> Query:
    """An image of the catalogue: by its stored descriptor, or by its picture where that is missing or to be turned.

    Raises:
        AnalysisError: neither is there.
        ModelUnavailable: the picture has to be described, and the model is not here.
    """
    if not any_orientation and (stored := _stored(image, known)) is not None:
        return Query(known.base, ((UPRIGHT, stored),), image.pk, image.dataset_id)
    if not image.has_picture:
        lacks = "No picture of it was brought, so it cannot be turned" if any_orientation else "It was brought without"
        raise AnalysisError(
            f"“{image.name}”: {lacks} ({known.title}).",
            remedy="Choose another signal." if not any_orientation else "Search without mirroring and turning.",
        )
    with default_storage.open(str(image.file)) as stream:
        rgb = read_pixels(stream.read())
    (query,) = of_pixels(rgb, [known], any_orientation=any_orientation)
    return Query(query.known, query.turns, image.pk)


def _stored(image: Image, known: KnownSignal) -> Descriptor | None:
    if known.is_embedding:
        vectors = Embedding.objects.filter(image=image, signal_id=known.base.id).values_list("vector", flat=True)
        return np.asarray(vectors[0], np.float32) if vectors else None
    rows = Hash.objects.filter(image=image, signal_id=known.base.id).values_list("bits", flat=True)
    return bytes(rows[0]) if rows else None


def of_text(text: str, known: KnownSignal) -> Query:
    """A description in words, under a model that was trained with texts.

    Raises:
        AnalysisError: there is no text, or the signal knows none.
        ModelUnavailable: the model is not here.
    """
    words = " ".join(text.split())
    if not words:
        raise AnalysisError("There is no text to search by.", remedy="Describe the picture in a few words.")
    if known.encoder is None or not known.encoder.has_text:
        raise AnalysisError(
            f"{known.title} compares pictures only.", remedy="Choose a model that knows texts, such as CLIP or SigLIP."
        )
    with loaded(encoder_of(known)) as model:
        vector = model.encode_text([words]).values[0]
    return Query(known.base, ((UPRIGHT, vector),))


def of_hash(text: str, known: KnownSignal) -> Query:
    """A hash in hexadecimal, or in the characters 0 and 1.

    Raises:
        AnalysisError: the signal is no hash.
        InvalidArray: it is no such hash.
    """
    metric, digits = known.hash.metric, text.strip()
    listed = bit_lengths().get(known.base.name)
    try:
        if known.n_bits and len(digits) == known.n_bits and not set(digits) - {"0", "1"}:
            raw = np.packbits(np.frombuffer(digits.encode(), np.uint8) - ord("0")).tobytes()
        elif known.n_bits and known.n_bits % 4 == 0 and metric.width == -(-known.n_bits // 8):
            raw = PackedBits.from_hex([digits], known.n_bits).packed.tobytes()
        else:
            raw = bytes.fromhex(digits)
        if listed and len(raw) == -(-listed // 8):
            bits = PackedBits(np.frombuffer(raw, np.uint8)[None], listed)
            raw = as_stored(known.base.name, bits).tobytes()
        if metric.width not in (None, len(raw)):
            raise InvalidArray(f"A {known.name} hash has {metric.width} bytes, not {len(raw)}.")
        metric.stack([raw])
    except ValueError as error:
        long = f"{listed // 4} hexadecimal digits" if listed else "hexadecimal digits"
        raise InvalidArray(
            f"{digits[:80]!r} is no {known.name} hash: {error}", remedy=f"Send it as {long}, as exports hold it."
        ) from error
    return Query(known.base, ((UPRIGHT, raw),))


def of_vector(values: Sequence[float], known: KnownSignal) -> Query:
    """A vector that was made elsewhere by the signal's model; it is brought to unit length.

    Raises:
        AnalysisError: the signal is a hash.
        InvalidArray: another number of values, values that are not finite, or all zero.
    """
    if not known.is_embedding:
        raise AnalysisError(f"{known.name} is a hash, not an embedding.", remedy="Send it as `hash`, in hexadecimal.")
    dim = Signal.objects.values_list("dim", flat=True).get(pk=known.base.id)
    vector = np.asarray(values, np.float64)
    if vector.ndim != 1 or (dim is not None and len(vector) != dim):
        raise InvalidArray(f"A vector under {known.name} has {dim:,} values, not {vector.size:,}.")
    largest = float(np.abs(vector).max(initial=0))
    if not np.isfinite(largest) or largest == 0:
        raise InvalidArray(
            "The vector has no direction: its values are all zero, or not finite.",
            remedy="Send what the signal's model gives for a picture.",
        )
    # Squares of very large or small values would leave the range of numbers.
    vector /= largest
    return Query(known.base, ((UPRIGHT, (vector / np.linalg.norm(vector)).astype(np.float32)),))


def encoder_of(known: KnownSignal) -> Encoder:
    """The model of a signal, which has to be on this machine.

    Raises:
        ModelUnavailable: it is not.
    """
    encoder = known.encoder
    if encoder is None:
        raise ModelUnavailable(
            f"{known.title} came without their model, so a new picture cannot be described.",
            remedy="Search from an image that has such a vector, or send a vector.",
        )
    if not encoder.on_disk:
        raise ModelUnavailable(
            f"{encoder.title} is not on this machine.",
            remedy=f"Whoever runs the service can fetch it: python manage.py models fetch {encoder.name}",
        )
    return encoder


def takes_text(known: KnownSignal) -> bool:
    """Whether texts can be searched by under the signal, here and now."""
    encoder = known.encoder
    return encoder is not None and encoder.has_text and encoder.on_disk


def takes_pictures(known: KnownSignal) -> bool:
    """Whether new pictures can be described under the signal, here and now."""
    return not known.is_embedding or (known.encoder is not None and known.encoder.on_disk)
