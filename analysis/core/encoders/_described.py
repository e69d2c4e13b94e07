"""Model files that come with a description: what ONNX and TorchScript files have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.core.encoders import _local
from analysis.core.encoders._declared import ForPeople, ImageInput
from analysis.core.encoders._local import LocalFile
from analysis.core.encoders._memory import check_room
from analysis.core.encoders._protocol import Advance, Encoder, LoadedEncoder, Weights, silent
from analysis.core.encoders._sidecar import Fields
from analysis.core.errors import ModelUnavailable


@dataclass(frozen=True, slots=True)
class Description:
    """What the file beside a model says.

    Attributes:
        image: how it wants its images.
        input: name of its input; empty where it has one only (ONNX).
        output: name or number of its output; empty where it has one only.
        people: what does not change the name.
    """

    image: ImageInput
    input: str
    output: str
    people: ForPeople

    @classmethod
    def read(cls, file: LocalFile) -> Description:
        """Read the description of a model file.

        Raises:
            ModelUnavailable: there is none, or a field is not as it must be.
        """
        if file.sidecar is None:
            raise ModelUnavailable(
                f"{file.path} has no description, so nothing is known of its input.",
                remedy=f"Put {file.path.stem}.toml or .json beside it; docs/models.md lists the fields.",
            )
        fields = Fields(file.sidecar)
        found = cls(
            image=ImageInput.read(fields),
            input=fields.text("input"),
            output=fields.text("output"),
            people=ForPeople.read(fields, title=file.path.stem, summary="A model of your own."),
        )
        fields.finish()
        return found

    def declared(self) -> dict[str, Any]:
        """What the vectors depend on."""
        return self.image.declared() | {"input": self.input, "output": self.output}


Load = Callable[["DescribedModel", str | None], LoadedEncoder]


@dataclass(frozen=True, slots=True)
class DescribedModel:
    """One model file with its description.

    Attributes:
        name: family, the file's stem, ``~`` and digits of its content and description.
        file: the file.
        description: what is declared of it.
        loader: how its family loads it.
    """

    name: str
    file: LocalFile
    description: Description
    loader: Load = field(repr=False)

    has_text = False

    @property
    def title(self) -> str:
        """As described; the file's stem where nothing is."""
        return self.description.people.title

    @property
    def summary(self) -> str:
        """As described."""
        return self.description.people.summary

    @property
    def dim(self) -> int | None:
        """As described."""
        return self.description.people.dim

    @property
    def default_distance(self) -> float:
        """As described."""
        return self.description.people.default_distance

    @property
    def on_disk(self) -> bool:
        """Whether the file is still there."""
        return self.file.on_disk

    def weights(self) -> Weights | None:
        """The file and its description."""
        return self.file.weights()

    def verify(self) -> str:
        """Compare the file with a checksum beside it."""
        return self.file.verify()

    def fetch(self, advance: Advance = silent) -> None:
        """Only its owner can bring it."""
        self.file.fetch(advance)

    def load(self, device: str | None = None, *, may_fetch: bool = False) -> LoadedEncoder:
        """Load it.

        Raises:
            ModelUnavailable: see `Encoder.load`; or it gives another number of dimensions than is described.
        """
        self.file.require(self.name, self.description.declared())
        check_room(self.name, self.file.path.stat().st_size)
        loaded = self.loader(self, device)
        if self.dim is not None and loaded.dim != self.dim:
            raise ModelUnavailable(
                f"{self.file.sidecar}: the field “dim” says {self.dim}, the model gives {loaded.dim} dimensions.",
                remedy="Correct or remove the field; if the model has several outputs, name the right one.",
            )
        return loaded


@dataclass(frozen=True, slots=True)
class DescribedFamily:
    """The files of one folder of the models folder, each with its description.

    Attributes:
        name: family and folder.
        suffixes: what its files end in.
        loader: loads one of them.
    """

    name: str
    suffixes: tuple[str, ...]
    loader: Load

    def find(self, rest: str, folder: Path) -> Encoder:
        """The model of this stem and content."""
        stem, _ = _local.split_name(rest)
        below = folder / self.name
        now = []
        for file in _local.files(folder, below, self.suffixes):
            if isinstance(file, LocalFile) and file.path.stem == stem:
                found = self._model(file)
                if found.name == f"{self.name}:{rest}":
                    return found
                now.append(found.name)
        raise _local.changed(f"{self.name}:{rest}", now, below)

    def present(self, folder: Path) -> Iterator[Encoder | ModelUnavailable]:
        """Every file of the folder."""
        for file in _local.files(folder, folder / self.name, self.suffixes):
            try:
                yield self._model(file) if isinstance(file, LocalFile) else file
            except ModelUnavailable as problem:
                yield problem

    def recommended(self, folder: Path) -> Iterator[Encoder]:
        """None: there are only the operator's own."""
        return iter(())

    def _model(self, file: LocalFile) -> DescribedModel:
        description = Description.read(file)
        digits = file.digest(description.declared())
        return DescribedModel(f"{self.name}:{file.path.stem}~{digits}", file, description, self.loader)
