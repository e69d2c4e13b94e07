"""A query answered, whatever its signal and orientations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.neighbours._embeddings import nearest_embeddings
from analysis.neighbours._hashes import nearest_hashes
from analysis.neighbours._query import Query
from analysis.neighbours._result import Nearest


def nearest(query: Query, *, dataset_ids: Sequence[int], k: int, max_distance: float | None = None) -> Nearest:
    """The k images nearest to a query in some datasets, each in the orientation of the query that is nearest.

    Args:
        query: what is looked for.
        dataset_ids: where; the caller answers for who may see them.
        k: images, 1 or more.
        max_distance: how far away at most; as far as there are any when None.
    """
    # The image that asks is found too, and taken out.
    wanted = k + 1 if query.image_id else k
    parts = []
    for orientation, descriptor in query.turns:
        if isinstance(descriptor, np.ndarray):
            part = nearest_embeddings(
                descriptor,
                signal_id=query.known.id,
                dataset_ids=dataset_ids,
                k=wanted,
                orientation=orientation,
                is_there=query.stored_in in dataset_ids,
            )
        else:
            part = nearest_hashes(
                descriptor,
                known=query.known,
                dataset_ids=dataset_ids,
                k=wanted,
                max_distance=max_distance,
                orientation=orientation,
            )
        parts.append(part)
    found = Nearest.merged(parts).without(query.image_id)
    return (found if max_distance is None else found.within(max_distance)).first(k)
