"""What is asked of a run, and what it finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.core.errors import AnalysisError
from analysis.core.report import ReportData
from simweb.headless.halves import COSINE, Limits
from simweb.headless.scenes import Embedded


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be compared, and how.

    Attributes:
        hashed_as: what names of files call the hashes, ``perceptual`` or ``robust``; empty where none are compared.
        hash_name: the hash.
        cosine: whether embeddings are compared.
        clip_model: the model, as people name it; None where nobody said.
        models: the models folder.
        limits: largest distances.
        scope: ``across``, ``within`` or ``both``; None for a report of pairs across with lists of those inside.
        max_images: images taken of each dataset at most; all when None.
        batch_size: images that the model takes at a time; its own choice when None.
        threads: threads that decode and join; one for each core when None.
        projected: whether projections are to be drawn.
        ground_truth: whether labels are required.
    """

    hashed_as: str
    hash_name: str
    cosine: bool
    clip_model: str | None
    models: Path
    limits: Limits
    scope: str | None
    max_images: int | None
    batch_size: int | None
    threads: int | None
    projected: bool
    ground_truth: bool

    @property
    def methods(self) -> tuple[str, ...]:
        """What names of files call what is compared."""
        return (*filter(None, [self.hashed_as]), *([COSINE] if self.cosine else []))


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """What was found.

    Attributes:
        data: the report.
        inside: the same with the pairs inside each dataset.
        methods: what names of files call each signal.
        listed: dataset and signal by position, of which the pairs inside are known.
        hashes: for each dataset, name -> hash in hexadecimal; None where no hashes were compared.
        embedded: for each dataset its embeddings; empty where none were compared.
        device: where the model computed; empty where none did.
        problems: method -> what stopped it, of a method that stopped while another went on.
        notes: sentences on how it was done.
    """

    data: ReportData
    inside: ReportData
    methods: Sequence[str]
    listed: frozenset[tuple[int, int]]
    hashes: Sequence[Mapping[str, str]] | None
    embedded: Sequence[Embedded]
    device: str
    problems: Mapping[str, AnalysisError]
    notes: Sequence[str]
