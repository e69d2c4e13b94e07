"""Where the vectors of a cosine comparison come from: a model, or the folders themselves."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.core.encoders import DEFAULT_DISTANCE, Encoder, LoadedEncoder, find, is_encoder, offered
from analysis.core.encoders import FAMILIES as _FAMILIES
from analysis.core.errors import AnalysisError, ModelUnavailable, UnknownName
from simweb.headless.brought import BroughtVectors
from simweb.headless.folders import Folder
from simweb.headless.pictures import Advance

DEFAULT_MODEL = "openclip:ViT-B-32/openai"
_CLIP = "openclip"
_LIBRARIES = {_CLIP: ("torch", "open_clip_torch"), "timm": ("torch", "timm"), "onnx": ("onnxruntime",)}
"""What the vectors of a family depend on; of the others, torch."""


def encoder_named(asked: str, models: Path) -> Encoder:
    """The encoder that people mean.

    Args:
        asked: its whole name; without ``openclip:``, as open_clip writes it, ``ViT-B-32/openai``, or the architecture
            alone where one of its weights is recommended; the operator's own file without the digits at its end.
        models: the models folder.

    Raises:
        UnknownName: there is no such model.
        ModelUnavailable: it is a file that has changed, is broken or gone.
    """
    name = asked if is_encoder(asked) else f"{_CLIP}:{asked}"
    if name.startswith(f"{_CLIP}:") and "/" not in name:
        recommended = [found.name for found in _FAMILIES[_CLIP].recommended(models)]
        name = next((found for found in recommended if found.startswith(f"{name}/")), name)
    try:
        return find(name, models)
    except (UnknownName, ModelUnavailable):
        own = [found for found in offered(models) if found.name.rpartition("~")[0] == name]
        if len(own) == 1:
            return own[0]
        raise


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """How every folder gets its vectors.

    Attributes:
        name: the signal's name.
        title: for people.
        summary: what the signal finds.
        default_distance: at which two images are worth a look.
        encoder: the model that embeds pictures; None where every folder brings its vectors.
        brought: position of a folder -> the vectors that it brings and that are used.
    """

    name: str
    title: str
    summary: str
    default_distance: float
    encoder: Encoder | None
    brought: Mapping[int, BroughtVectors]

    def versions(self) -> dict[str, str]:
        """Library -> version, of those that the vectors and their distances depend on."""
        family = self.name.partition(":")[0]
        libraries = {"torch", *_LIBRARIES.get(family, ())} if self.encoder else {"torch"}
        return {name: importlib.metadata.version(name) for name in sorted(libraries)}

    def load(self, advance: Advance) -> LoadedEncoder | None:
        """The model in memory, fetched where it is not on this machine; None where no folder needs it.

        Raises:
            ModelUnavailable: it cannot be fetched, is broken or does not fit; or it gives vectors of another length
                than a folder brings.
        """
        if self.encoder is None:
            return None
        if not self.encoder.on_disk:
            self.encoder.fetch(lambda what, done, total: advance(f"Fetching {what}", done, total))
        advance(f"Loading {self.title}", 0, 1)
        model = self.encoder.load()
        advance(f"Loading {self.title}", 1, 1)
        _require_dim(model.name, model.dim, list(self.brought.values()))
        return model


def embeddings_of(folders: Sequence[Folder], asked: str | None, models: Path) -> Embeddings:
    """Decide whose vectors are used.

    A folder without pictures is used with the vectors that it brings. Pictures are embedded by the model that was
    asked for; where none was, and every folder brings vectors of one name, those are used.

    Args:
        folders: the datasets.
        asked: the model (see `encoder_named`); None where nobody said.
        models: the models folder.

    Raises:
        UnknownName: there is no such model.
        AnalysisError: a folder has neither pictures nor vectors, or nobody knows whether vectors are comparable.
    """
    brought = {position: found for position, each in enumerate(folders) if (found := BroughtVectors.of(each))}
    for position, folder in enumerate(folders):
        if position not in brought and not folder.has_pictures:
            raise AnalysisError(
                f"{folder.name} has no images, and brings no vectors.",
                remedy="Put embeddings.npy with names.json into it, or compare it with --method perceptual.",
            )
    if asked is None and len(brought) == len(folders):
        return _all_brought(brought)
    used = {position: vectors for position, vectors in brought.items() if not folders[position].has_pictures}
    if used and asked is None:
        names = ", ".join(vectors.folder.name for vectors in used.values())
        raise AnalysisError(
            f"{names} brings vectors, other datasets bring images, and nothing says which model made the vectors.",
            remedy=f"Name it with --clip-model, for example --clip-model {DEFAULT_MODEL}; it then embeds the images.",
        )
    encoder = encoder_named(asked or DEFAULT_MODEL, models)
    if encoder.dim is not None:
        _require_dim(encoder.name, encoder.dim, list(used.values()))
    return Embeddings(
        name=encoder.name,
        title=encoder.title,
        summary=encoder.summary,
        default_distance=encoder.default_distance,
        encoder=None if len(used) == len(folders) else encoder,
        brought=used,
    )


def _all_brought(brought: Mapping[int, BroughtVectors]) -> Embeddings:
    vectors = list(brought.values())
    for other in vectors[1:]:
        if other.name != vectors[0].name:
            raise AnalysisError(
                f"The vectors of {vectors[0].folder.name} are called {vectors[0].name}, those of {other.folder.name} "
                f"{other.name}: they are not of one model, or nothing says so.",
                remedy="If one model made them, name it with --clip-model, or give both files one name.",
            )
    return Embeddings(
        name=vectors[0].name,
        title=f"Brought vectors “{vectors[0].stem}”, {vectors[0].dim:,} dimensions",
        summary="Embeddings that were made elsewhere: images whose vectors point the same way are alike.",
        default_distance=DEFAULT_DISTANCE,
        encoder=None,
        brought=brought,
    )


def _require_dim(name: str, dim: int, brought: Sequence[BroughtVectors]) -> None:
    """Refuse brought vectors that the model cannot have made.

    Raises:
        ModelUnavailable: naming the first of them.
    """
    for vectors in brought:
        if vectors.dim != dim:
            raise ModelUnavailable(
                f"{name} gives vectors of {dim:,} dimensions, and {vectors.file_name} of {vectors.folder.name} has "
                f"{vectors.dim:,}.",
                remedy="Name the model that made them with --clip-model, or bring the images themselves.",
            )
