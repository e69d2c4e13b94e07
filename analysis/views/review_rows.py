"""Pairs as the review page's script reads them: ready words, so that the script only shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse

from analysis import queries
from analysis.core.orientations import exchanges_sides, words
from analysis.models import Verdict
from analysis.models.review import Choice
from analysis.queries import Looked, Measured, PairRow
from catalog.core.sizes import in_bytes
from catalog.models import Image

SAME_SHAPE = 0.02
"""Largest relative difference of two aspect ratios that goes unmentioned: rounding to whole pixels makes about one
percent at 100 pixels."""


def describe(
    rows: Sequence[PairRow],
    *,
    project: str,
    person: int,
    blind: bool,
    signal: str = "",
    known: Mapping[tuple[int, int], Sequence[dict[str, Any]]] | None = None,
) -> list[dict[str, Any]]:
    """Pairs with everything known of them; three queries, however many pairs.

    Args:
        rows: pairs with images, datasets and labels.
        project: the project's slug.
        person: the id of who asks.
        blind: whether others' verdicts are kept back until the person has judged.
        signal: the signal that orders them; the second picture is turned as it found it closest.
        known: image ids of a pair → evidence as `evidence` gives it, shown before what was measured and instead of
            what was measured under the same signal.
    """
    distances = queries.measurements_of(rows)
    looked = queries.verifications_of(rows)
    said = queries.verdicts_of(rows)
    described = []
    for row in rows:
        a, b = row.a, row.b
        shared = {label.pk for label in a.labels.all()} & {label.pk for label in b.labels.all()}
        measured = distances[a.pk, b.pk]
        first = (known or {}).get((a.pk, b.pk), ())
        rest = [found for found in measured if found.known.name not in {each["signal"] for each in first}]
        turn = next((found.orientation for found in measured if found.known.name == signal), None) or 1
        described.append(
            {
                "key": str(row.key),
                "distance": row.distance,
                "judge": reverse("pair-judge", args=[project, a.pk, b.pk]),
                "page": reverse("pair", args=[project, a.pk, b.pk]),
                "images": [_image(a, project, shared), _image(b, project, shared, turn)],
                "labels": _labels(a, b, shared),
                "evidence": [*first, *(evidence(found) for found in rest)],
                "looked": [_looked(found) for found in looked[a.pk, b.pk]],
                "differs": differences(a, b, turn),
                **history(said[a.pk, b.pk], person=person, blind=blind),
            }
        )
    return described


def history(verdicts: Sequence[Verdict], *, person: int, blind: bool) -> dict[str, Any]:
    """What was said of a pair, the newest first, and what the person says of it now.

    Args:
        verdicts: of one pair, the oldest first.
        person: the id of who asks.
        blind: whether others' verdicts are kept back until one of the person's own stands.
    """
    stacks = queries.standing_stacks(verdicts)
    standing = {stack[-1].pk for stack in stacks.values()}
    mine = stacks.get(person)
    shown = [verdict for verdict in verdicts if not blind or mine or verdict.annotator_id == person]
    return {
        "mine": mine[-1].choice if mine else "",
        "mine_note": mine[-1].note if mine else "",
        "history": [
            {
                "verdict": verdict.pk,
                "who": "you" if verdict.annotator_id == person else verdict.annotator.get_username(),
                "choice": verdict.choice,
                "title": "took it back" if verdict.choice == Choice.WITHDRAWN else Choice(verdict.choice).label,
                "note": verdict.note,
                "at": verdict.created_at.isoformat(timespec="seconds"),
                "standing": verdict.pk in standing,
            }
            for verdict in reversed(shown)
        ],
    }


def differences(a: Image, b: Image, turn: int = 1) -> list[str]:
    """What differs between two files, in sentences; what is equal is said only where it decides.

    Args:
        a: the first image.
        b: the second image.
        turn: the EXIF orientation in which the second is shown.
    """
    if not (a.has_picture and b.has_picture):
        known = "the second" if b.has_picture else "the first" if a.has_picture else ""
        return [
            f"Of {known} alone there is a picture." if known else "There is no picture of either: only fingerprints."
        ]
    if a.sha256 and a.sha256 == b.sha256:
        return ["The same file, byte for byte."]
    sentences = []
    if a.pixel_hash and a.pixel_hash == b.pixel_hash:
        sentences.append("The same pixels in different files.")
    if a.width and a.height and b.width and b.height:
        shown = (b.height, b.width) if exchanges_sides(turn) else (b.width, b.height)
        sentences += _sizes(a.width, a.height, *shown)
    if a.format != b.format:
        sentences.append(f"{a.format} and {b.format}.")
    if a.mode != b.mode:
        sentences.append(f"Stored as {a.mode} and {b.mode}.")
    if a.bytes and b.bytes and a.bytes != b.bytes:
        sentences.append(f"{in_bytes(a.bytes)} and {in_bytes(b.bytes)}.")
    return sentences


def _sizes(width_a: int, height_a: int, width_b: int, height_b: int) -> list[str]:
    if (width_a, height_a) == (width_b, height_b):
        return [f"The same size, {width_a} × {height_a}."]
    first, second = width_a * height_a, width_b * height_b
    sentences = []
    ratio = (max(first, second) / min(first, second)) ** 0.5
    if ratio >= 1.05:
        sentences.append(f"The {'second' if second > first else 'first'} is {ratio:.1f} × larger.")
    shapes = width_a / height_a, width_b / height_b
    if abs(shapes[0] / shapes[1] - 1) > SAME_SHAPE:
        wider = "first" if shapes[0] > shapes[1] else "second"
        times = max(shapes) / min(shapes)
        more = f"{100 * (times - 1):.0f} % wider" if times < 2 else f"{times:,.1f} × as wide"
        sentences.append(f"The {wider} is {more} for its height: perhaps cropped or stretched.")
    return sentences or [f"{width_a} × {height_a} and {width_b} × {height_b}."]


def _image(image: Image, project: str, shared: set[int], turn: int = 1) -> dict[str, Any]:
    facts = []
    if image.width and image.height:
        facts.append(f"{image.width} × {image.height}")
    if image.format:
        facts.append(image.format)
    picture = reverse("image-file", args=[image.pk, "view"]) if image.has_picture else None
    if turn != 1:
        facts.append(f"shown {words(turn)}")
        picture = picture and f"{picture}?turn={turn}"
    return {
        "id": image.pk,
        "dataset": image.dataset.name,
        "color": image.dataset.color,
        "name": image.name,
        "page": reverse("image", args=[project, image.pk]),
        "picture": picture,
        "facts": " · ".join(facts),
        "labels": [
            {"name": label.name, "title": str(label), "shared": label.pk in shared} for label in image.labels.all()
        ],
    }


def _labels(a: Image, b: Image, shared: set[int]) -> str:
    """Whether the labels agree, as a sentence."""
    counts = [len(image.labels.all()) for image in (a, b)]
    if not any(counts):
        return "Neither image has a label."
    if not all(counts):
        return "Only the second has labels." if counts[1] else "Only the first has labels."
    if counts == [len(shared)] * 2:
        return "The same labels on both." if len(shared) > 1 else "The same label on both."
    return "Labels differ: some are shared." if shared else "Labels differ: none is shared."


def evidence(found: Measured, *, note: str = "") -> dict[str, Any]:
    """A distance of a pair, ready to be shown; `note` says more of it in a line of its own.

    `apart` is its share of what unrelated pictures differ by: the length of its bar, here as on the pair's page.
    """
    return {
        "signal": found.known.name,
        "title": found.known.title,
        "words": found.words,
        "apart": min(1.0, found.distance / found.known.scale.unrelated),
        "usual": found.usual,
        "orientation": found.orientation,
        "note": note,
    }


def _looked(found: Looked) -> dict[str, Any]:
    """What a verifier found, in a line."""
    return {
        "title": found.verifier.title,
        "words": f"{found.inliers:,} of {found.matches:,} matches" + (", mirrored" if found.mirrored else ""),
        "sure": found.sure,
    }
