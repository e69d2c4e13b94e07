"""All that is known of a pair stands on its page: every hash in bits, what both files are, labels, everything said."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from io import BytesIO

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from PIL import Image as Picture

from analysis.core.hashes import HASHES, compute
from analysis.models import Hash, Signal
from analysis.pipeline.review import judge, withdraw
from catalog.core.images import read_pixels
from catalog.models import Dataset, Image, Project
from simweb.templatetags.words import in_bytes

Import = Callable[[str, dict[str, bytes]], Dataset]


@pytest.fixture
def pair(import_files: Import, picture: Callable[..., bytes]) -> tuple[Image, Image]:
    """A picture of a saint, and a smaller copy of it in another format under another label."""
    first = import_files("Prints", {"Jerome/1.png": picture(1, size=(320, 200)), "Peter/2.png": picture(2)})
    second = import_files(
        "Scans", {"Paul/1.jpg": picture(1, size=(160, 100), format="JPEG"), "Jerome/3.png": picture(3)}
    )
    return first.images.get(name="Jerome/1"), second.images.get(name="Paul/1")


def shown(client: Client, project: Project, pair: tuple[Image, Image]) -> str:
    """What is read on the page, spaces made single."""
    answer = client.get(reverse("pair", args=[project.slug, pair[0].pk, pair[1].pk]))
    assert answer.status_code == 200
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.content.decode())).split())


def test_every_hash_is_listed_with_its_bits(
    client: Client, project: Project, viewer: User, pair: tuple[Image, Image]
) -> None:
    client.force_login(viewer)
    text = shown(client, project, pair)
    names = set(Hash.objects.filter(image=pair[0]).values_list("signal__name", flat=True))
    assert len(names) == 9
    for name in names:
        left, right = (bytes(Hash.objects.get(image=each, signal__name=name).bits) for each in pair)
        bits = (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).bit_count()
        assert re.search(rf"{re.escape(HASHES[name].title)} {bits} of \d+ bits", text), name


def test_what_hashes_say_of_themselves_stands_beside_their_distance(
    client: Client, project: Project, viewer: User, import_files: Import, picture: Callable[..., bytes]
) -> None:
    blank = BytesIO()
    Picture.new("RGB", (96, 80), "white").save(blank, "PNG")
    files = {"blank.png": blank.getvalue(), "saint.png": picture(1)}
    dataset = import_files("Flat", files)
    images = [dataset.images.get(name=name) for name in ("blank", "saint")]
    for name in ("pdq-256", "crop_resistant-64"):
        row, _ = Signal.objects.get_or_create(name=name)
        for image, content in zip(images, files.values(), strict=True):
            bits = compute(read_pixels(content), [name])[name].tobytes()
            Hash.objects.create(image=image, dataset=dataset, signal=row, bits=bits)
    client.force_login(viewer)
    text = shown(client, project, (images[0], images[1]))
    assert "PDQ, 256 bits the first: quality 0 of 100, too flat to trust; the second: quality 100 of 100" in text
    assert re.search(r"Crop-resistant hash, 64 bits a segment (both|the first): \d+ segments?", text)


def test_what_both_files_are_and_how_they_differ(
    client: Client, project: Project, viewer: User, pair: tuple[Image, Image]
) -> None:
    client.force_login(viewer)
    text = shown(client, project, pair)
    assert "Path Jerome/1.png Paul/1.jpg Size 320 × 200 px 160 × 100 px Format PNG (RGB) JPEG (RGB) File" in text
    assert f"File {in_bytes(pair[0].bytes)} {in_bytes(pair[1].bytes)} " in text
    assert "Labels Jerome only here Paul only here" in text


def test_everything_that_was_said_stands_there_the_latest_first(
    client: Client, project: Project, owner: User, annotator: User, pair: tuple[Image, Image]
) -> None:
    one, other = pair
    judge(one=one, other=other, annotator=owner, choice="detail", note="cropped at the left")
    mistaken = judge(one=one, other=other, annotator=annotator, choice="different", note="not sure")
    withdraw(verdict=mistaken, annotator=annotator)
    judge(one=one, other=other, annotator=annotator, choice="same_image")
    client.force_login(owner)
    said = shown(client, project, pair).partition("What was said")[2]
    places = [said.index(words) for words in ("annotator", "not sure", "olga", "cropped at the left")]
    assert places == sorted(places)
    assert "no longer stands" in said
    assert said.count("annotator") == 3
