"""Model files that come with a description: what ONNX and TorchScript files have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.core.encoders import _local, _local_model
from analysis.core.encoders._declared import ForPeople, ImageInput
from analysis.core.encoders._local import LocalFile
from analysis.core.encoders._local_model import LocalModel
from analysis.core.encoders._protocol import Encoder, LoadedEncoder
from analysis.core.encoders._sidecar import Fields
from analysis.core.errors import ModelUnavailable


@dataclass(frozen=True, slots=True)
class Description:
    """What the file beside a model says of its computation.

    Attributes:
        image: how it wants its images.
        input: name of its input; empty where it has one only (ONNX).
        output: name or number of its output; empty where it has one only.
    """

    image: ImageInput
    input: str
    output: str

    @classmethod
    def read(cls, fields: Fields) -> Description:
        """Take these fields from a description.

        Raises:
            ModelUnavailable: a field is missing or wrong.
        """
        return cls(image=ImageInput.read(fields), input=fields.text("input"), output=fields.text("output"))

    def declared(self) -> dict[str, Any]:
        """What the vectors depend on."""
        return self.image.declared() | {"input": self.input, "output": self.output}


Load = Callable[["DescribedModel", str | None], LoadedEncoder]


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedModel(LocalModel):
    """One model file with its description.

    Attributes:
        description: what is declared of it.
        loader: how its family loads it.
    """

    description: Description
    loader: Load = field(repr=False)

    def build(self, device: str | None) -> LoadedEncoder:
        """As its family loads it.

        Raises:
            ModelUnavailable: see `Encoder.load`; or it gives another number of dimensions than is described.
        """
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
        below = folder / self.name
        return _local_model.find(f"{self.name}:{rest}", rest, self._files(folder), self._model, below=below)

    def present(self, folder: Path) -> Iterator[Encoder | ModelUnavailable]:
        """Every file of the folder."""
        return _local_model.present(self._files(folder), self._model)

    def recommended(self, folder: Path) -> Iterator[Encoder]:
        """None: there are only the operator's own."""
        return iter(())

    def _files(self, folder: Path) -> Iterator[LocalFile | ModelUnavailable]:
        return _local.files(folder, folder / self.name, self.suffixes)

    def _model(self, file: LocalFile) -> DescribedModel:
        if file.sidecar is None:
            raise ModelUnavailable(
                f"{file.path} has no description, so nothing is known of its input.",
                remedy=f"Put {file.path.stem}.toml or .json beside it; docs/models.md lists the fields.",
            )
        fields = Fields(file.sidecar)
        description = Description.read(fields)
        people = ForPeople.read(fields, title=file.path.stem, summary="A model of your own.")
        fields.finish()
        declared = description.declared()
        return DescribedModel(
            name=f"{self.name}:{file.path.stem}~{file.digest(declared)}",
            file=file,
            people=people,
            declared=declared,
            description=description,
            loader=self.loader,
        )
