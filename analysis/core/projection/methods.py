"""The methods of projecting with their parameters: what each may be, and what it does to the picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Protocol

from analysis.core.errors import AnalysisError

MOST_SEED = 2**32 - 1
"""The largest seed that the libraries take."""

MOST_PERPLEXITY = 500.0
MOST_NEIGHBOURS = 500


MOST_IMAGES = 500_000
"""Different images beyond which neighbours alone take hours."""


class InvalidProjection(AnalysisError, ValueError):
    """A projection that cannot be made: a parameter out of range, too few images for it, or none at all."""


class Method(Protocol):
    """A method with its parameters, which are checked when it is made."""

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]

    def check(self, n: int) -> None:
        """Refuse parameters that n different embeddings cannot satisfy.

        Raises:
            InvalidProjection: saying which number would do.
        """
        ...

    def parameters(self) -> dict[str, Any]:
        """The parameters by name, as plain numbers."""
        ...

    def words(self) -> str:
        """The parameters for people; empty where there are none."""
        ...


@dataclass(frozen=True, slots=True)
class _Fields:
    """A method whose parameters are its fields."""

    def parameters(self) -> dict[str, Any]:
        """See `Method`."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Pca(_Fields):
    """Principal components: no parameters."""

    name: ClassVar[str] = "pca"
    title: ClassVar[str] = "PCA"
    summary: ClassVar[str] = (
        "The two directions in which the embeddings differ most. Exact and the same every time; "
        "far apart here is far apart, but what lies close here may differ in other directions."
    )

    def check(self, n: int) -> None:
        """Any number will do."""

    def words(self) -> str:
        """Nothing to say."""
        return ""


@dataclass(frozen=True, slots=True)
class Tsne(_Fields):
    """t-SNE (van der Maaten and Hinton 2008).

    Attributes:
        perplexity: how many neighbours each image attends to, smoothly.
        seed: of the small disorder that the layout begins with.

    Raises:
        InvalidProjection: a parameter out of range.
    """

    name: ClassVar[str] = "tsne"
    title: ClassVar[str] = "t-SNE"
    summary: ClassVar[str] = (
        "Keeps each image beside its neighbours, so that groups of alike images stand apart. "
        "Distances between groups, and their sizes, mean little."
    )

    perplexity: float = 30.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.perplexity) and 1 <= self.perplexity <= MOST_PERPLEXITY):
            raise InvalidProjection(
                f"A perplexity of {self.perplexity:g} is out of range.",
                remedy=f"Give a number from 1 to {MOST_PERPLEXITY:g}; 5 to 50 is usual.",
            )
        _check_seed(self.seed)

    def check(self, n: int) -> None:
        """Each image needs more others than it attends to."""
        _check_time(self.title, n)
        if self.perplexity >= n:
            raise InvalidProjection(
                f"A perplexity of {self.perplexity:g} needs more than {self.perplexity:g} different images; "
                f"there {'is' if n == 1 else 'are'} {n:,}.",
                remedy=f"Give a perplexity of at most {n - 1}; {suggested(n).perplexity:g} suits so many.",
            )

    def words(self) -> str:
        """Perplexity and seed."""
        return f"perplexity {self.perplexity:g}, seed {self.seed}"


@dataclass(frozen=True, slots=True)
class Umap(_Fields):
    """UMAP (McInnes, Healy and Melville 2018).

    Attributes:
        neighbours: how many images each is joined with, itself among them.
        min_dist: how close images may come in the picture.
        seed: of the order in which joins are drawn.

    Raises:
        InvalidProjection: a parameter out of range.
    """

    name: ClassVar[str] = "umap"
    title: ClassVar[str] = "UMAP"
    summary: ClassVar[str] = (
        "Keeps each image beside its neighbours and tells more of how groups lie to each other. "
        "More neighbours show the whole, fewer the detail."
    )

    neighbours: int = 15
    min_dist: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if not 2 <= self.neighbours <= MOST_NEIGHBOURS:
            raise InvalidProjection(
                f"{self.neighbours} neighbours is out of range.",
                remedy=f"Give a whole number from 2 to {MOST_NEIGHBOURS}; 5 to 50 is usual.",
            )
        if not (math.isfinite(self.min_dist) and 0 <= self.min_dist < 1):
            raise InvalidProjection(
                f"A smallest distance of {self.min_dist:g} is out of range.",
                remedy="Give a number from 0 to 0.99; 0.1 is usual, and smaller packs groups tighter.",
            )
        _check_seed(self.seed)

    def check(self, n: int) -> None:
        """There must be as many images as each is joined with."""
        _check_time(self.title, n)
        if self.neighbours > n:
            raise InvalidProjection(
                f"{self.neighbours} neighbours need as many different images; there {'is' if n == 1 else 'are'} {n:,}.",
                remedy=f"Give at most {n} neighbours.",
            )

    def words(self) -> str:
        """Neighbours, smallest distance and seed."""
        return f"{self.neighbours} neighbours, smallest distance {self.min_dist:g}, seed {self.seed}"


METHODS: dict[str, type[Pca] | type[Tsne] | type[Umap]] = {method.name: method for method in (Pca, Tsne, Umap)}
"""Name -> method, in the order in which pages offer them."""


@dataclass(frozen=True, slots=True)
class Suggested:
    """Parameters that suit a number of images."""

    perplexity: float
    neighbours: int


def suggested(n: int) -> Suggested:
    """Parameters that suit n different images: the usual 30 and 15, or fewer where there are not enough."""
    return Suggested(float(max(1, min(30, (n - 1) // 3))), max(2, min(15, n - 1)))


def method_from(name: str, parameters: Mapping[str, Any]) -> Method:
    """The method of this name with these parameters; those left out stand at their usual values.

    Raises:
        InvalidProjection: no such method, a parameter that it does not have, or one out of range.
    """
    if name not in METHODS:
        raise InvalidProjection(f"There is no method “{name}”.", remedy=f"There are: {', '.join(METHODS)}.")
    kind = METHODS[name]
    known = {field.name: field.type for field in fields(kind)}
    if unknown := sorted(set(parameters) - set(known)):
        raise InvalidProjection(
            f"{kind.title} has no parameter “{unknown[0]}”.",
            remedy=f"It has: {', '.join(known)}." if known else "It has none.",
        )
    values: dict[str, Any] = {}
    for key, value in parameters.items():
        number = float if known[key] == "float" else int
        try:
            values[key] = number(value)
        except (TypeError, ValueError, OverflowError):
            values[key] = None
        if values[key] is None or (number is int and values[key] != float(value)):
            what = "a whole number" if number is int else "a number"
            raise InvalidProjection(f"{key} is {what}, not “{value}”.", remedy="Leave it out for its usual value.")
    return kind(**values)


def _check_seed(seed: int) -> None:
    if not 0 <= seed <= MOST_SEED:
        raise InvalidProjection(f"A seed is a whole number from 0 to {MOST_SEED:,}, not {seed:,}.")


def _check_time(title: str, n: int) -> None:
    if n > MOST_IMAGES:
        raise InvalidProjection(
            f"{title} of more than {MOST_IMAGES:,} different images takes hours.",
            remedy="Choose fewer datasets, or PCA.",
        )
