"""timm: feature extractors by the library's names, with weights from the hub or in a file of the operator's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.core.encoders import _own, _published
from analysis.core.encoders._declared import ForPeople
from analysis.core.encoders._download import Source
from analysis.core.encoders._local import LocalFile
from analysis.core.encoders._own import OwnCheckpoint
from analysis.core.encoders._protocol import Encoder
from analysis.core.encoders._published import PublishedModel
from analysis.core.encoders._sidecar import Fields
from analysis.core.encoders._store import Store
from analysis.core.encoders._torch import TorchEncoder, import_library, normaliser, split_transform, torch_device
from analysis.core.encoders._weights import refusal, state_dict
from analysis.core.encoders._words import PART
from analysis.core.errors import ModelUnavailable, UnknownName

_FILES = ("model.safetensors", "pytorch_model.bin")
_CLASSIFIED = "Trained to tell the classes of ImageNet apart: finds the same picture and motifs that look alike."

RECOMMENDED = {
    "resnet18.a1_in1k": ("ResNet-18", 512, f"{_CLASSIFIED} Small and fast."),
    "resnet50.a1_in1k": ("ResNet-50", 2048, _CLASSIFIED),
    "efficientnet_b0.ra_in1k": ("EfficientNet-B0", 1280, f"{_CLASSIFIED} Small and fast."),
    "vit_small_patch14_dinov2.lvd142m": (
        "DINOv2 small",
        384,
        "Trained on pictures without any labels: finds the same object, building or scene from another view.",
    ),
}
"""Name → title, dimensions, summary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimmModel(PublishedModel):
    """A model with weights by timm's name, e.g. ``resnet18.a1_in1k``.

    Attributes:
        model: timm's name.
    """

    model: str

    def published(self) -> Source:
        """As timm says."""
        return self.source or _source(self.model)

    def build(self, path: Path, device: str | None) -> TorchEncoder:
        """As timm builds and preprocesses it."""
        return _build(self.name, self.model, path, device, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class TimmCheckpoint(OwnCheckpoint):
    """A checkpoint of one of timm's architectures."""

    def build(self, device: str | None) -> TorchEncoder:
        """As timm builds it; preprocessing as timm has it for the name, unless described otherwise."""
        return _build(self.name, self.architecture, self.file.path, device, self.declared)


@dataclass(frozen=True, slots=True)
class Timm:
    """The family."""

    name: str = "timm"

    def find(self, rest: str, folder: Path) -> Encoder:
        """A model by timm's name with its weights, or a checkpoint as ``architecture/file~digits``."""
        if "/" in rest:
            return _own.find(folder, self.name, rest, _checkpoint)
        known = _known(rest, folder) if PART.fullmatch(rest) else None
        if known is None:
            raise _unknown(rest)
        return known

    def present(self, folder: Path) -> Iterator[Encoder | ModelUnavailable]:
        """Recommended ones first, then others that were fetched, then checkpoints."""
        yield from _published.present(folder, self.name, RECOMMENDED, _known)
        yield from _own.present(folder, self.name, _checkpoint)

    def recommended(self, folder: Path) -> Iterator[Encoder]:
        """ResNet-18 and 50, EfficientNet-B0, DINOv2 small."""
        for model, words in RECOMMENDED.items():
            yield _made(model, folder, *words)


def _made(model: str, folder: Path, title: str, dim: int | None, summary: str) -> TimmModel:
    name = f"timm:{model}"
    store = Store(folder, f"timm/{model}", name)
    source = Source(f"timm/{model}", _FILES) if model in RECOMMENDED else None
    return TimmModel(name=name, title=title, summary=summary, dim=dim, source=source, store=store, model=model)


def _known(model: str, folder: Path) -> TimmModel | None:
    """The model of this name with weights; None where timm knows none. Imports timm only for what is new here."""
    if model in RECOMMENDED:
        return _made(model, folder, *RECOMMENDED[model])
    about = Store(folder, f"timm/{model}", f"timm:{model}").about()
    if about is None and not _is_pretrained(model):
        return None
    return _made(model, folder, model, (about or {}).get("dim"), "A feature extractor of the library timm.")


def _is_pretrained(model: str) -> bool:
    timm = import_library("timm")

    # A name without weights means those that timm prefers, which another version may prefer no longer.
    return "." in model and timm.is_model(model) and model in timm.list_pretrained(model)


def _unknown(model: str) -> UnknownName:
    timm = import_library("timm")

    architecture = model.partition(".")[0]
    known = timm.list_pretrained(f"{architecture}.*") if PART.fullmatch(model) else []
    remedy = f"There are: {', '.join(f'timm:{name}' for name in known[:10])}." if known else ""
    return UnknownName(
        f"timm has no weights {model!r}." if "." in model else f"timm:{model} does not say which weights.",
        remedy=remedy or "Names are those of timm.list_pretrained(), e.g. timm:resnet18.a1_in1k.",
    )


def _source(model: str) -> Source:
    timm = import_library("timm")

    known = timm.get_pretrained_cfg(model)
    if known.hf_hub_id:
        repository = known.hf_hub_id if not known.hf_hub_id.endswith("/") else f"{known.hf_hub_id}{model}"
        return Source(repository, (known.hf_hub_filename,) if known.hf_hub_filename else _FILES)
    return Source(url=known.url or "")


def _checkpoint(architecture: str, file: LocalFile) -> TimmCheckpoint:
    fields = Fields(file.sidecar)
    people = ForPeople.read(
        fields,
        title=f"{file.path.stem} ({architecture})",
        summary="A checkpoint of your own, for an architecture of timm.",
    )
    declared = _own.preprocessing(fields, ("bilinear", "bicubic", "nearest"))
    if fields.has("crop"):
        declared["crop_pct"] = fields.number("crop", None, low=0.01, high=1)
    fields.finish()
    return TimmCheckpoint(
        name=f"timm:{architecture}/{file.path.stem}~{file.digest(declared)}",
        architecture=architecture,
        file=file,
        people=people,
        declared=declared,
    )


def _build(name: str, model: str, path: Path, device: str | None, declared: dict[str, Any]) -> TorchEncoder:
    """The model without its classifier, with the weights of a file.

    Raises:
        ModelUnavailable: timm has no such architecture, or the file does not fit it tensor by tensor.
    """
    timm = import_library("timm")

    chosen = torch_device(device)
    if not timm.is_model(model):
        raise ModelUnavailable(
            f"timm has no architecture {model!r}.", remedy=f"Name the folder of {path.name} after one of timm's."
        )
    tensors = state_dict(name, path)
    # With as many classes as the file has, timm loads it strictly: a tensor that is missing is an error then, where
    # it would otherwise keep random values.
    known = timm.get_pretrained_cfg(model)
    classifier = getattr(known, "classifier", None) or ""
    head = tensors.get(f"{classifier if isinstance(classifier, str) else classifier[0]}.weight")
    classes = 0 if head is None else len(head)
    try:
        built = timm.create_model(
            model,
            pretrained=True,
            num_classes=classes,
            pretrained_cfg_overlay={"state_dict": tensors, "num_classes": classes, "label_offset": 0},
        )
        built.reset_classifier(0)
    except Exception as error:
        raise refusal(name, path, error) from error
    preprocessing = timm.data.resolve_data_config(declared, pretrained_cfg=built.pretrained_cfg)
    resize, mean, std = split_transform(name, timm.data.create_transform(**preprocessing, is_training=False))
    return TorchEncoder(
        name=name,
        device=chosen,
        forward=built.eval().to(chosen),
        resize=resize,
        normalise=normaliser(mean, std, chosen),
    )


ENTRIES = (Timm(),)
