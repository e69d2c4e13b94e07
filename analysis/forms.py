"""What people fill in to ask for a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from analysis import queries
from analysis.models import Comparison
from analysis.signals import ANY, KnownSignal, signal
from catalog.models import Dataset, Project

SCOPES = {
    "across": ("Across datasets", "Images of one dataset with images of another. For leakage between train and test."),
    "within": ("Within datasets", "Images of one dataset with each other. For copies inside a dataset."),
    "both": ("Both", "Every image with every other."),
}
"""The scopes with their titles and what they are for."""

FIRST_SIGNAL = "phash-8"

GROUPS = {
    "hashes": ("Hashes", "Find copies: resized, recompressed, recoloured. Computed with every upload."),
    "embeddings": (
        "Embeddings",
        "Find the same picture photographed again, cropped, or printed in another book. A model looks at every image.",
    ),
    "further": (
        "More hashes",
        "For crops, rotations and for comparison with other tools. Computed when first asked for.",
    ),
}
"""Groups of signals with their titles and what they are for."""


TURNED = "turned-"
"""Prefix of the tick that has one side of a signal mirrored and turned, too."""


def suggested(known: KnownSignal) -> float:
    """How far to explore by default: twice the signal's usual distance leaves room on both sides of the slider."""
    return min(2 * known.default_distance, known.scale.unrelated)


@dataclass(frozen=True, slots=True)
class SignalChoice:
    """A signal as the form shows it.

    Attributes:
        known: the signal.
        chosen: whether it is ticked.
        turned: whether one side is to be mirrored and turned, too.
        distance: what stands in its distance field, as typed.
        error: what is wrong with it; empty if nothing.
    """

    known: KnownSignal
    chosen: bool
    turned: bool
    distance: str
    error: str

    @property
    def most(self) -> str:
        """The largest distance offered."""
        return self.known.scale.number(self.known.scale.unrelated)

    @property
    def missing(self) -> bool:
        """Whether its model would have to be fetched first."""
        return self.known.is_embedding and not _at_hand(self.known)

    @property
    def may_turn(self) -> bool:
        """Whether its descriptors can be computed of turned pictures."""
        return not self.known.is_embedding or self.known.encoder is not None


class ComparisonForm(forms.Form):
    """Datasets × signals × scope.

    Args:
        project: whose datasets are offered.
        known: the signals that are offered.
        data: what was submitted; None for a fresh form.
        like: a comparison whose choices a fresh form repeats.
    """

    name = forms.CharField(max_length=300, required=False)
    scope = forms.ChoiceField(choices=[(value, title) for value, (title, _) in SCOPES.items()], initial="across")
    datasets = forms.ModelMultipleChoiceField(
        Dataset.objects.none(), error_messages={"required": "Choose the datasets to compare."}
    )

    def __init__(
        self,
        *,
        project: Project,
        known: Sequence[KnownSignal],
        data: Any = None,
        like: Comparison | None = None,
    ) -> None:
        self.project = project
        # The usual first choice stands first.
        self.known = sorted(known, key=lambda each: each.name != FIRST_SIGNAL)
        self.offered = list(project.datasets.all())
        initial: dict[str, Any] = {"datasets": [dataset.pk for dataset in self.offered if dataset.image_count]}
        self._distances = {each.name: each.scale.number(suggested(each)) for each in known}
        self._ticked = {FIRST_SIGNAL}
        self._turned: set[str] = set()
        if like is not None:
            initial = {"datasets": [dataset.pk for dataset in like.datasets.all()], "scope": like.scope}
            rows = [(signal(row.signal.name), row.max_distance) for row in like.signals.all()]
            self._distances |= {each.base.name: each.scale.number(distance) for each, distance in rows}
            self._ticked = {each.base.name for each, _ in rows}
            self._turned = {each.base.name for each, _ in rows if each.any_orientation}
        elif len(initial["datasets"]) == 1:
            initial["scope"] = "within"
        super().__init__(data, initial=initial)
        if data is not None:
            self._ticked = set(data.getlist("signal"))
            self._turned = {each.name for each in known if data.get(f"{TURNED}{each.name}")}
            self._distances |= {
                each.name: data.get(f"distance-{each.name}", self._distances[each.name]) for each in known
            }
        field = self.fields["datasets"]
        assert isinstance(field, forms.ModelMultipleChoiceField)  # noqa: S101  # as declared above
        field.queryset = project.datasets.all()
        self.brought = queries.brought([dataset for dataset in self.offered if dataset.fingerprints_only])
        self.signal_errors: dict[str, str] = {}

    def clean(self) -> dict[str, Any]:
        """Check what the fields say together."""
        cleaned = super().clean() or {}
        datasets = list(cleaned.get("datasets") or [])
        if len(datasets) == 1 and cleaned.get("scope") == "across":
            self.add_error("scope", "Across needs two datasets or more. Choose another dataset, or “within”.")
        cleaned["signals"] = self._signals(datasets)
        return cleaned

    def _signals(self, datasets: Sequence[Dataset]) -> Mapping[str, float]:
        chosen: dict[str, float] = {}
        for each in self.known:
            if each.name not in self._ticked:
                continue
            lacking = [d.name for d in datasets if d.pk in self.brought and each.name not in self.brought[d.pk]]
            distance = 0.0
            try:
                distance = each.scale.threshold(float(self._distances[each.name]))
            except ValueError:
                distance = -1.0
            if not 0 <= distance <= each.scale.unrelated:
                number = "whole number of bits" if each.n_bits else "number"
                most = each.scale.number(each.scale.unrelated)
                self.signal_errors[each.name] = f"Give a {number} from 0 to {most}."
            elif lacking:
                names = " and ".join(f"“{name}”" for name in lacking)
                self.signal_errors[each.name] = (
                    f"{names} brought fingerprints only, and none of these. Leave this signal or the dataset out."
                )
            chosen[f"{each.name}@{ANY}" if each.name in self._turned else each.name] = distance
        if not chosen:
            self.add_error(None, "Choose at least one signal, such as pHash.")
        elif self.signal_errors:
            self.add_error(None, "A signal below needs another look.")
        return chosen

    @property
    def dataset_choices(self) -> list[tuple[Dataset, bool, list[str]]]:
        """The datasets with whether they are ticked and, of fingerprints alone, the titles of the hashes they have."""
        ticked = {str(value) for value in self["datasets"].value() or []}
        titles = {each.name: each.title for each in self.known}
        return [
            (
                dataset,
                str(dataset.pk) in ticked,
                sorted(titles[name] for name in self.brought.get(dataset.pk, ()) if name in titles),
            )
            for dataset in self.offered
        ]

    @property
    def scope_choices(self) -> list[tuple[str, str, str, bool]]:
        """Value, title, explanation and whether it is ticked."""
        value = self["scope"].value()
        return [(key, title, text, key == value) for key, (title, text) in SCOPES.items()]

    @property
    def signal_groups(self) -> list[tuple[str, str, bool, list[SignalChoice]]]:
        """The signals as the page shows them: title and explanation of a group, whether it is open, its signals."""
        groups: dict[str, list[SignalChoice]] = {key: [] for key in GROUPS}
        for each in self.known:
            choice = SignalChoice(
                each,
                each.name in self._ticked,
                each.name in self._turned,
                self._distances[each.name],
                self.signal_errors.get(each.name, ""),
            )
            groups[_group(each)].append(choice)
        # What would have to be fetched first comes last.
        groups["embeddings"].sort(key=lambda choice: choice.missing)
        return [
            (*GROUPS[key], key == "hashes" or any(each.chosen or _at_hand(each.known) for each in choices), choices)
            for key, choices in groups.items()
            if choices
        ]


def _at_hand(known: KnownSignal) -> bool:
    """Whether it is an embedding that needs nothing but its computation."""
    return known.is_embedding and (known.encoder is None or known.encoder.on_disk)


def _group(known: KnownSignal) -> str:
    if known.is_embedding:
        return "embeddings"
    return "hashes" if known.hash.at_import else "further"
