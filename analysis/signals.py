"""Signals as the product knows them: registry entry and database key, scale and words.

Names: a hash's or an encoder's own name; ``vectors:<project>/<stem>-<dim>`` for embeddings that people brought. With
``@any`` behind it, image b is tried in all eight orientations and the closest counts; ``@2`` to ``@8`` name the
descriptors of the turned picture, which that needs (EXIF's numbers of orientations).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from django.conf import settings
from django.db import connection, transaction

from analysis.core.encoders import Encoder, find, offered
from analysis.core.errors import AnalysisError, InvalidArray, ModelUnavailable, UnknownName
from analysis.core.hashes import HASHES, Hash
from analysis.core.scales import Bits, Cosine, Scale
from analysis.models import Embedding, Signal
from analysis.models import Hash as StoredHash
from catalog.models import Dataset, Project

ANY = "any"
UPRIGHT = 1
ORIENTATIONS = range(1, 9)
"""As EXIF numbers them; 1 is upright."""

BROUGHT = "vectors:"
_BROUGHT_NAME = re.compile(r"vectors:\d+/(?P<stem>.+)-(?P<dim>\d+)\Z")


@dataclass(frozen=True, slots=True)
class StoredVectors:
    """Embeddings without the model that made them: brought by people, or left by a model that is no longer here."""

    name: str
    brought: bool

    @property
    def title(self) -> str:
        """For people."""
        found = _BROUGHT_NAME.match(self.name)
        if found:
            return f"Brought vectors “{found['stem']}”, {int(found['dim']):,} dimensions"
        return self.name

    @property
    def summary(self) -> str:
        """One sentence."""
        if self.brought:
            return "Embeddings that were uploaded ready-made: images whose vectors point the same way are alike."
        return "Embeddings of a model that is no longer on this machine: new images cannot be described."

    @property
    def default_distance(self) -> float:
        """Cosine distance at which a look is worth it, for want of knowing the model."""
        return 0.1


Entry: TypeAlias = Hash | Encoder | StoredVectors


@dataclass(frozen=True, slots=True)
class KnownSignal:
    """A signal with its database key.

    Attributes:
        id: the key that large tables carry.
        name: its storage key, e.g. ``phash-8``.
        entry: what describes single images.
        orientation: empty for pictures as they are, `ANY`, or the number of one orientation.
    """

    id: int
    name: str
    entry: Entry
    orientation: str = ""

    @property
    def base(self) -> KnownSignal:
        """The signal of pictures as they are."""
        return signal(self.entry.name) if self.orientation else self

    @property
    def title(self) -> str:
        """The name for people."""
        if not self.orientation:
            return self.entry.title
        return f"{self.entry.title}, {'any orientation' if self.any_orientation else f'turned ({self.orientation})'}"

    @property
    def summary(self) -> str:
        """One sentence on what it finds and what it misses."""
        also = " One side is also mirrored and turned, in all eight orientations." if self.any_orientation else ""
        return self.entry.summary + also

    @property
    def any_orientation(self) -> bool:
        """Whether the closest of eight orientations counts."""
        return self.orientation == ANY

    @property
    def is_embedding(self) -> bool:
        """Whether its descriptors are vectors compared by cosine distance."""
        return self.entry.name not in HASHES

    @property
    def hash(self) -> Hash:
        """The hash that it is.

        Raises:
            AnalysisError: it is an embedding.
        """
        if self.is_embedding:
            raise AnalysisError(f"{self.name} is no hash.", remedy=f"Hashes are: {', '.join(HASHES)}.")
        return HASHES[self.entry.name]

    @property
    def encoder(self) -> Encoder | None:
        """The model that makes its embeddings; None for a hash, and where no model is known."""
        if isinstance(self.entry, StoredVectors) or not self.is_embedding:
            return None
        return cast(Encoder, self.entry)

    @property
    def scale(self) -> Scale:
        """What its distances are counted in."""
        return Cosine() if self.is_embedding else self.hash.metric.scale

    @property
    def default_distance(self) -> float:
        """Largest distance at which two images are worth a look."""
        return float(self.entry.default_distance)

    @property
    def described(self) -> Sequence[tuple[int, KnownSignal]]:
        """The signals under which its descriptors are stored, with the orientation of the picture; upright first."""
        if not self.any_orientation:
            return ((int(self.orientation or UPRIGHT), self),)
        name = self.entry.name
        return ((UPRIGHT, self.base), *((turn, signal(f"{name}@{turn}")) for turn in ORIENTATIONS if turn != UPRIGHT))

    @property
    def stored(self) -> type[StoredHash] | type[Embedding]:
        """The table of its descriptors."""
        return Embedding if self.is_embedding else StoredHash

    @property
    def n_bits(self) -> int | None:
        """Bits of its hashes; None where they are not counted in bits."""
        return self.scale.n_bits if isinstance(self.scale, Bits) else None

    def words(self, distance: float) -> str:
        """A distance with its unit: ``8 of 64 bits``, ``0.1 (similarity 0.9)``."""
        return self.scale.words(distance)


_kept: dict[str, KnownSignal] = {}
"""The signals that this process has used, with the keys of rows that are there for good."""


@dataclass(frozen=True, slots=True)
class _Keep:
    """What a transaction does with a signal when it is committed."""

    known: KnownSignal

    def __call__(self) -> None:
        """Keep it."""
        _kept[self.known.name] = self.known


def signal(name: str) -> KnownSignal:
    """The signal of this name; its row is made at the first use.

    Raises:
        UnknownName: nothing has this name.
    """
    return _kept.get(name) or _of_transaction(name) or _made(name)


def _of_transaction(name: str) -> KnownSignal | None:
    """What the open transaction knows: a row that it made goes when it is rolled back, and Django forgets both."""
    waiting = (each[1] for each in connection.run_on_commit)
    return next((each.known for each in waiting if isinstance(each, _Keep) and each.known.name == name), None)


def _made(name: str) -> KnownSignal:
    base, at, turn = name.partition("@")
    if at and turn != ANY and turn not in {str(each) for each in ORIENTATIONS if each != UPRIGHT}:
        raise UnknownName(f"There is no orientation {turn!r}.", remedy="Write @any, or @2 to @8.")
    entry = _entry(base)
    row, _ = Signal.objects.get_or_create(name=name)
    known = KnownSignal(row.pk, name, entry, turn)
    transaction.on_commit(_Keep(known))
    return known


def forget_signals() -> None:
    """Know none, as a new process: for tests, whose database is another each time."""
    _kept.clear()


def _entry(name: str) -> Entry:
    unknown: AnalysisError
    if name.startswith(BROUGHT):
        unknown = UnknownName(
            f"There are no vectors {name!r}.",
            remedy="Upload them into a dataset of the project, and name them as the upload says, such as "
            "embeddings-512.",
        )
    elif ":" not in name:
        return HASHES[name]
    else:
        try:
            return find(name, settings.MODELS_DIR)
        except (UnknownName, ModelUnavailable) as error:
            unknown = error
    # What was computed stays readable when the model has gone.
    if Signal.objects.filter(name=name).exists():
        return StoredVectors(name, brought=name.startswith(BROUGHT))
    raise unknown


def signal_in(project: Project, name: str) -> KnownSignal:
    """The signal of this name, if the project may use it.

    Vectors that were brought may be named as their upload names them (``embeddings-512``), also behind the project's
    slug (``vectors:saints/embeddings-512``).

    Raises:
        UnknownName: nothing has this name, or it is another project's.
    """
    known = signal(_own(project, name))
    if Signal.objects.filter(pk=known.base.id).exclude(project=None).exclude(project=project).exists():
        raise UnknownName(f"There is no signal {name!r} in this project.", remedy="Choose one of its own.")
    return known


def _own(project: Project, name: str) -> str:
    """The storage key that a name stands for in a project; the name itself where it is none of its brought vectors."""
    base, at, turn = name.partition("@")
    stem = base.removeprefix(f"{BROUGHT}{project.slug}/")
    key = f"{BROUGHT}{project.pk}/{stem}"
    if stem in HASHES or ":" in stem or not Signal.objects.filter(name=key).exists():
        return name
    return f"{key}{at}{turn}"


def hashes() -> list[KnownSignal]:
    """Every hash, in the order of its file's name."""
    return [signal(name) for name in HASHES]


def with_embeddings(datasets: Sequence[Dataset]) -> list[KnownSignal]:
    """The signals under which some image of the datasets has an embedding, by name."""
    query = """
        SELECT s.name FROM analysis_signal s WHERE s.dim IS NOT NULL AND s.name NOT LIKE '%%@%%' AND EXISTS (
            SELECT 1 FROM unnest(%s::bigint[]) AS d(id)
            JOIN analysis_embedding e ON e.dataset_id = d.id AND e.signal_id = s.id
        ) ORDER BY s.name
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [[dataset.pk for dataset in datasets]])
        return [signal(name) for (name,) in cursor.fetchall()]


def signals(datasets: Sequence[Dataset] = ()) -> list[KnownSignal]:
    """Every signal that can be chosen for the datasets: hashes, models, and embeddings that are there."""
    known = {each.name: each for each in hashes()}
    known |= {each.name: signal(each.name) for each in offered(settings.MODELS_DIR)}
    known |= {each.name: each for each in with_embeddings(datasets)}
    return list(known.values())


def check_distance(known: KnownSignal, distance: float) -> float:
    """A largest distance that makes sense under the signal, as it is compared with stored ones.

    Raises:
        InvalidArray: no distance on the signal's scale.
    """
    try:
        return known.scale.threshold(distance)
    except InvalidArray as error:
        usual = known.scale.number(known.default_distance)
        raise InvalidArray(
            f"{distance:g} is no distance under {known.name}: {error.remedy[0].lower()}{error.remedy[1:]}",
            remedy=f"Most copies lie within {usual}.",
        ) from error
