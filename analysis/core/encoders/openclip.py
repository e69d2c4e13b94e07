"""open_clip: image and text towers by architecture and pretrained tag, or with a checkpoint of the operator's."""

from __future__ import annotations

import importlib.util
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from analysis.core.encoders import _own, _published
from analysis.core.encoders._declared import ForPeople
from analysis.core.encoders._download import Source
from analysis.core.encoders._local import LocalFile
from analysis.core.encoders._own import OwnCheckpoint
from analysis.core.encoders._protocol import Advance, Encoder, silent
from analysis.core.encoders._published import PublishedModel
from analysis.core.encoders._sidecar import Fields
from analysis.core.encoders._store import Store
from analysis.core.encoders._tokens import Tokens
from analysis.core.encoders._torch import TorchEncoder, import_library, normaliser, split_transform, torch_device
from analysis.core.encoders._weights import refusal
from analysis.core.encoders._words import PART
from analysis.core.errors import ModelUnavailable, UnknownName

_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_SUMMARY = (
    "Trained on pictures with their captions: finds the same motif, other photographs of an object and crops, and "
    "answers searches in words."
)

RECOMMENDED = {
    "ViT-B-32/openai": (
        "CLIP ViT-B/32",
        "timm/vit_base_patch32_clip_224.openai",
        f"{_SUMMARY} The fastest of its kind.",
    ),
    "ViT-B-16/openai": ("CLIP ViT-B/16", "timm/vit_base_patch16_clip_224.openai", f"{_SUMMARY} Sees finer detail."),
    "ViT-L-14/openai": ("CLIP ViT-L/14", "timm/vit_large_patch14_clip_224.openai", f"{_SUMMARY} Large and slow."),
    "ViT-B-16-SigLIP/webli": ("SigLIP ViT-B/16", "timm/ViT-B-16-SigLIP", _SUMMARY),
}
"""Architecture and tag → title, repository, summary."""

_NEAREST = 5
_LONGEST_COMPARED = 100

_PREPROCESSING = ("mean", "std", "interpolation", "resize_mode")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipModel(PublishedModel):
    """An architecture with weights by open_clip's tag.

    Attributes:
        architecture: e.g. ``ViT-B-32``.
        tag: e.g. ``openai``.
    """

    architecture: str
    tag: str

    has_text = True

    def published(self) -> Source:
        """As open_clip says."""
        return self.source or _source(self.architecture, self.tag)

    def fetch(self, advance: Advance = silent) -> None:
        """The weights, and the tokenizer where it does not come with open_clip."""
        PublishedModel.fetch(self, advance)
        _tokens(self.name, self.architecture, self.store.folder).fetch(advance)

    def build(self, path: Path, device: str | None) -> TorchEncoder:
        """With the activation and the preprocessing that the weights were trained with."""
        trained = _trained(_tags(self.architecture)[self.tag])
        return _build(self.name, self.architecture, path, device=device, folder=self.store.folder, trained=trained)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipCheckpoint(OwnCheckpoint):
    """A checkpoint of one of open_clip's architectures."""

    has_text = True

    def fetch(self, advance: Advance = silent) -> None:
        """Only the tokenizer can be downloaded, where it does not come with open_clip."""
        OwnCheckpoint.fetch(self, advance)
        _tokens(self.name, self.architecture, self.file.folder).fetch(advance)

    def build(self, device: str | None) -> TorchEncoder:
        """Preprocessing as all published weights of the architecture have it, unless described otherwise."""
        trained = _agreed(self.architecture)
        trained = _Trained(trained.preprocessing | self.declared, trained.quick_gelu)
        file = self.file
        return _build(self.name, self.architecture, file.path, device=device, folder=file.folder, trained=trained)


@dataclass(frozen=True, slots=True)
class OpenClip:
    """The family."""

    name: str = "openclip"

    def find(self, rest: str, folder: Path) -> Encoder:
        """``architecture/tag``, or a checkpoint as ``architecture/file~digits``."""
        architecture, _, weights = rest.partition("/")
        if "~" in weights:
            return _own.find(folder, self.name, rest, _checkpoint)
        config = _config(architecture)
        if config is None:
            raise UnknownName(
                f"open_clip has no architecture {architecture!r}.",
                remedy=f"The nearest are {_nearest(architecture)}.",
            )
        found = _known(rest, folder)
        if found is None:
            tags = ", ".join(f"openclip:{architecture}/{tag}" for tag in _tags(architecture))
            raise UnknownName(
                f"open_clip has no weights {weights!r} for {architecture}."
                if weights
                else f"openclip:{architecture} does not say which weights.",
                remedy=f"There are: {tags or 'none; bring a checkpoint of your own'}.",
            )
        return found

    def present(self, folder: Path) -> Iterator[Encoder | ModelUnavailable]:
        """Recommended ones first, then others that were fetched, then checkpoints."""
        yield from _published.present(folder, self.name, RECOMMENDED, _known)
        yield from _own.present(folder, self.name, _checkpoint)

    def recommended(self, folder: Path) -> Iterator[Encoder]:
        """OpenAI's three, and a SigLIP."""
        for model in RECOMMENDED:
            found = _known(model, folder)
            if found is not None:
                yield found


def _known(model: str, folder: Path) -> ClipModel | None:
    """The architecture with this tag; None where open_clip has none. Imports open_clip only for what is new here."""
    architecture, _, tag = model.partition("/")
    config = _config(architecture)
    if config is None or not PART.fullmatch(tag):
        return None
    name = f"openclip:{model}"
    store = Store(folder, f"openclip/{model}", name)
    title, repository, summary = RECOMMENDED.get(model, (f"{architecture} ({tag})", "", _SUMMARY))
    if not repository and store.about() is None and tag not in _tags(architecture):
        return None
    return ClipModel(
        name=name,
        title=title,
        summary=summary,
        dim=int(config["embed_dim"]),
        source=Source(repository, _FILES) if repository else None,
        store=store,
        architecture=architecture,
        tag=tag,
    )


def _checkpoint(architecture: str, file: LocalFile) -> ClipCheckpoint:
    config = _config(architecture)
    if config is None:
        raise ModelUnavailable(
            f"{file.path.parent} is no architecture of open_clip.",
            remedy=f"Name the folder of {file.path.name} after one. The nearest are {_nearest(architecture)}.",
        )
    fields = Fields(file.sidecar)
    people = ForPeople.read(fields, title=f"{file.path.stem} ({architecture})", summary=_SUMMARY)
    declared = _own.preprocessing(fields, ("bilinear", "bicubic"))
    if fields.has("resize_mode"):
        declared["resize_mode"] = fields.choice("resize_mode", ("shortest", "longest", "squash"))
    fields.finish()
    return ClipCheckpoint(
        name=f"openclip:{architecture}/{file.path.stem}~{file.digest(declared)}",
        architecture=architecture,
        file=file,
        people=ForPeople(people.title, people.summary, people.default_distance, int(config["embed_dim"])),
        declared=declared,
    )


def _home() -> Path:
    """The folder of open_clip's descriptions of architectures, found without importing it."""
    spec = importlib.util.find_spec("open_clip")
    if spec is None or spec.origin is None:
        raise ModelUnavailable("The library open_clip is not installed.", remedy="Run: pip install open_clip_torch")
    return Path(spec.origin).parent / "model_configs"


def _architectures() -> list[str]:
    return sorted(path.stem for path in _home().glob("*.json"))


def _nearest(architecture: str) -> str:
    """A few architectures with names like this one, and where all are told, for a remedy."""
    compared = SequenceMatcher()
    # No name is nearly as long; whoever asks for one that is waits no longer than others.
    compared.set_seq2(architecture[:_LONGEST_COMPARED].casefold())

    def unlike(known: str) -> float:
        compared.set_seq1(known.casefold())
        return -compared.ratio()

    return f"{', '.join(sorted(_architectures(), key=unlike)[:_NEAREST])}; open_clip.list_models() gives all"


def _config(architecture: str) -> dict[str, Any] | None:
    if architecture not in _architectures():
        return None
    found: dict[str, Any] = json.loads((_home() / f"{architecture}.json").read_text())
    return found


def _tags(architecture: str) -> dict[str, dict[str, Any]]:
    """Tag → where the weights are published and how they were trained."""
    known = import_library("open_clip.pretrained")
    tags = known.list_pretrained_tags_by_model(architecture)
    return {tag: known.get_pretrained_cfg(architecture, tag) for tag in tags}


@dataclass(frozen=True, slots=True)
class _Trained:
    """How weights were trained, where it differs from what open_clip assumes.

    Attributes:
        preprocessing: open_clip's words → values.
        quick_gelu: with OpenAI's form of the activation. open_clip only warns where that is not the architecture's
            own, and gives other vectors than were published.
    """

    preprocessing: dict[str, Any]
    quick_gelu: bool


def _trained(tagged: dict[str, Any]) -> _Trained:
    preprocessing = {key: tagged[key] for key in _PREPROCESSING if tagged.get(key)}
    return _Trained(preprocessing, bool(tagged.get("quick_gelu")))


def _agreed(architecture: str) -> _Trained:
    """The preprocessing of the architecture's published weights, where all have the same; else open_clip's own."""
    of_tags = [_trained(tagged).preprocessing for tagged in _tags(architecture).values()]
    same = of_tags and all(each == of_tags[0] for each in of_tags)
    return _Trained(of_tags[0] if same else {}, quick_gelu=False)


def _source(architecture: str, tag: str) -> Source:
    tagged = _tags(architecture)[tag]
    repository, _, name = str(tagged.get("hf_hub") or "").rpartition("/")
    if not repository:
        return Source(url=str(tagged.get("url") or ""))
    if not name:
        return Source(repository, _FILES)
    stem, _, suffix = name.rpartition(".")
    return Source(repository, (f"{stem}.safetensors", name) if suffix in ("bin", "pth", "pt") else (name,))


def _build(
    name: str, architecture: str, path: Path, *, device: str | None, folder: Path, trained: _Trained
) -> TorchEncoder:
    """The model with the weights of a file.

    Args:
        name: the encoder's name.
        architecture: open_clip's name of it.
        path: the file.
        device: where to compute; None chooses.
        folder: the models folder, for the tokenizer.
        trained: how the weights were trained.

    Raises:
        ModelUnavailable: the file does not fit the architecture tensor by tensor, or is refused.
    """
    open_clip = import_library("open_clip")
    chosen = torch_device(device)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = open_clip.create_model(
                architecture,
                pretrained=str(path),
                device=chosen,
                force_quick_gelu=trained.quick_gelu,
                force_preprocess_cfg=trained.preprocessing,
                weights_only=True,
            ).eval()
    except Exception as error:
        raise refusal(name, path, error) from error
    preprocessing = open_clip.transform.PreprocessCfg(**open_clip.get_model_preprocess_cfg(model))
    resize, mean, std = split_transform(name, open_clip.transform.image_transform_v2(preprocessing, is_train=False))
    return TorchEncoder(
        name=name,
        device=chosen,
        forward=model.encode_image,
        resize=resize,
        normalise=normaliser(mean, std, chosen),
        tokens=_tokens(name, architecture, folder),
        forward_text=model.encode_text,
    )


def _tokens(name: str, architecture: str, folder: Path) -> Tokens:
    text = (_config(architecture) or {}).get("text_cfg", {})
    return Tokens(name=name, architecture=architecture, text=text, folder=folder)


ENTRIES = (OpenClip(),)
