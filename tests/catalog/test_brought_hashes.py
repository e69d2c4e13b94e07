"""Hashes that people bring for images that are there already: which are taken, which are known, which are refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis import bulk
from analysis.core.hashes import HASHES, bit_lengths, compute
from analysis.models import Comparison, Coverage, Hash, Measurement
from analysis.signals import signal
from analysis.tasks import run_comparison
from analysis.workspace import create_comparison
from catalog.core.errors import BrokenTable
from catalog.core.images import read_image
from catalog.models import Dataset, Image, Label, Project, Upload

Draw = Callable[..., bytes]
Bring = Callable[[str, Mapping[str, bytes]], Dataset]

HEX = {"a": "e1a98d969ab2b135", "b": "93dc2c6173b64959", "c": "ead0d00e958f99b9"}


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


def listed(hashes: Mapping[str, str], file: str = "perceptual_hashes.json") -> dict[str, bytes]:
    """A list of names and a list of hashes in its order."""
    return {"names.json": as_json(list(hashes)), file: as_json(list(hashes.values()))}


def stored(dataset: Dataset, name: str = "phash-8") -> dict[str, str]:
    """Image name → its hash in hexadecimal, without what stands behind the bits."""
    width = -(-bit_lengths()[name] // 8)
    rows = Hash.objects.filter(dataset=dataset, signal__name=name).values_list("image__name", "bits")
    return {image: bytes(bits)[:width].hex() for image, bits in rows}


def latest() -> Upload:
    return Upload.objects.latest("id")


@pytest.fixture
def pictures(import_files: Bring, picture: Draw) -> Dataset:
    """A dataset of three pictures: saints/a, saints/b and saints/é."""
    return import_files("Prints", {f"mine/saints/{name}.png": picture(n) for n, name in enumerate("abé")})


def computed(picture: Draw, name: str) -> dict[str, str]:
    """The hashes of these pictures, by the shortest names that mean them."""
    found = {}
    for n, image in enumerate("abé"):
        row = compute(read_image(picture(n)).rgb, [name])[name]
        found[image] = row[: -(-bit_lengths()[name] // 8)].tobytes().hex()
    return found


@pytest.mark.parametrize("names", [["a", "b", "é"], ["saints/a.png", "prints/mine/saints/b", "./é.png"]])
def test_hashes_brought_later_find_their_pictures(
    import_files: Bring, pictures: Dataset, picture: Draw, names: list[str]
) -> None:
    hashes = dict(zip(names, computed(picture, "pdq-256").values(), strict=True))
    import_files("Prints", listed(hashes, "pdq-256.json"))
    upload = latest()
    assert stored(pictures, "pdq-256") == {f"saints/{n}": h for n, h in computed(picture, "pdq-256").items()}
    assert upload.layout == "Hashes of 3 images here before; 3 hashes pdq-256 from pdq-256.json."
    pictures.refresh_from_db()
    assert (pictures.image_count, pictures.file_count, upload.images_taken, upload.files_refused) == (3, 3, 0, 0)
    row = Hash.objects.filter(signal__name="pdq-256")[0]
    assert HASHES["pdq-256"].note(bytes(row.bits)) == "quality not known"


def test_what_is_there_already_is_said_and_stays(import_files: Bring, pictures: Dataset, picture: Draw) -> None:
    before = dict(Hash.objects.values_list("pk", "bits"))
    own = computed(picture, "phash-8")
    import_files("Prints", listed(own))
    assert (
        "0 hashes phash-8 from perceptual_hashes.json; here before: 3 hashes of perceptual_hashes.json."
    ) in latest().layout
    assert dict(Hash.objects.values_list("pk", "bits")) == before
    import_files("Prints", {"names.json": as_json(["a", "b"]), "phash-8.json": as_json({"b.png": own["b"]})})
    assert "0 hashes phash-8 from phash-8.json; here before: 1 hash of phash-8.json" in latest().layout
    assert dict(Hash.objects.values_list("pk", "bits")) == before


def test_another_hash_of_a_picture_is_refused_by_name_and_the_computed_one_stays(
    import_files: Bring, pictures: Dataset, picture: Draw
) -> None:
    before = dict(Hash.objects.values_list("pk", "bits"))
    own = computed(picture, "phash-8")
    # The right hashes in the wrong order, which no other check could see.
    with pytest.raises(BrokenTable):
        import_files(
            "Prints",
            listed(dict(zip(own, [own["b"], own["a"], own["é"]], strict=True)))
            | listed(own, "dhash-16.json")
            | {"dhash-16.json": as_json(["0" * 64] * 3), "labels.json": as_json({"a": "new"})},
        )
    upload = latest()
    bits = bin(int(own["a"], 16) ^ int(own["b"], 16)).count("1")
    assert upload.status == "failed"
    # Files are read by name: of what stands in dhash-16.json nothing is told, and nothing of either remains.
    assert (
        "dhash-16.json: 3 images have another hash under dhash-16 already, and a signal never changes" in upload.error
    )
    assert "See whether the hashes are in the order of the names." in upload.error
    with pytest.raises(BrokenTable):
        import_files("Prints", listed(dict(zip(own, [own["b"], own["a"], own["é"]], strict=True))))
    assert (
        "perceptual_hashes.json: 2 images have another hash under phash-8 already, and a signal never changes: "
        f"a ({bits} of 64 bits apart), b ({bits} of 64 bits apart)."
    ) in latest().error
    assert dict(Hash.objects.values_list("pk", "bits")) == before
    assert not Label.objects.filter(name="new").exists()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a", "x", "y", "z", "q"], "4 of its 5 names mean no image here, or more than one: x, y, z and 1 more."),
        (["a", "saints/a"], "a and saints/a mean the same image."),
    ],
)
def test_names_are_not_guessed_at_where_there_are_pictures(
    import_files: Bring, pictures: Dataset, names: list[str], said: str
) -> None:
    brought = {"names.json": as_json(names), "pdq-256.json": as_json(["0" * 64] * len(names))}
    with pytest.raises(BrokenTable):
        import_files("Prints", brought)
    assert f"pdq-256.json: {said}" in latest().error
    pictures.refresh_from_db()
    assert (pictures.image_count, Hash.objects.filter(signal__name="pdq-256").count()) == (3, 0)


def test_where_there_are_no_pictures_new_names_are_new_images(import_files: Bring) -> None:
    dataset = import_files("Secret", listed({"a": HEX["a"], "b": HEX["b"]}) | {"labels.json": as_json(["x", "y"])})
    more = listed({"c": HEX["c"], "b": HEX["b"]}) | {"labels.json": as_json(["z", "z"])}
    import_files("Secret", more)
    dataset.refresh_from_db()
    upload = latest()
    assert stored(dataset) == HEX
    assert (dataset.image_count, upload.images_taken) == (3, 1)
    assert upload.layout == (
        "Hashes of 1 image here before, and of 1 new image without pictures; "
        "1 hash phash-8 from perceptual_hashes.json; here before: 1 hash of perceptual_hashes.json."
    )
    assert any("keep their labels" in warning for warning in upload.warnings)
    assert [label.name for label in Image.objects.get(name="b").labels.all()] == ["y"]
    import_files("Secret", listed({name: value * 4 for name, value in HEX.items()}, "robust_hashes.json"))
    assert set(stored(dataset, "block_mean-16")) == set(HEX)


def test_hashes_and_vectors_come_together_for_images_that_are_there(import_files: Bring) -> None:
    import_files("Secret", listed(HEX))
    vectors = b'name,embedding\na,"[1,0]"\nb,"[0,1]"\nc,"[0,1]"\n'
    import_files("Secret", listed(HEX) | {"v.csv": vectors})
    assert latest().layout.startswith("Hashes and vectors of 3 images here before; 0 hashes phash-8")
    assert "3 embeddings v-2 from v.csv" in latest().layout


def compared(project: Project, datasets: list[Dataset]) -> Comparison:
    found = create_comparison(
        project=project, datasets=datasets, signals={"phash-8": 64, "phash-8@any": 64}, scope="both", by=None
    )
    run_comparison(found.pk)
    found.refresh_from_db()
    assert found.status == "done", found.error
    return found


def test_a_comparison_finds_images_whose_hashes_came_later(import_files: Bring, project: Project) -> None:
    names = {"names.json": as_json(list(HEX))}
    dataset = import_files("Secret", names | {"phash-8.json": as_json({"b": HEX["b"]})})
    other = import_files("Other", listed({"o": HEX["c"]}))
    comparison = compared(project, [dataset, other])
    assert Measurement.objects.filter(signal__name="phash-8").count() == 1
    import_files("Secret", listed(HEX))
    comparison.refresh_from_db()
    assert comparison.data_changed_at is not None
    assert not Coverage.objects.filter(dataset_a=dataset).exists()
    assert Coverage.objects.filter(dataset_a=other, dataset_b=other).count() == 2
    Comparison.objects.filter(pk=comparison.pk).update(status="queued")
    run_comparison(comparison.pk)
    # All pairs of four images, as if all hashes had come at once.
    for name in ("phash-8", "phash-8@any"):
        found = Measurement.objects.filter(signal__name=name).values_list("image_a__name", "image_b__name", "distance")
        value = HEX | {"o": HEX["c"]}
        expected = {
            (one, two): bin(int(value[one], 16) ^ int(value[two], 16)).count("1")
            for one in value
            for two in value
            if one < two
        }
        assert {(a, b): distance for a, b, distance in found} == expected


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(st.sets(st.sampled_from("abcdef"), min_size=1), min_size=1, max_size=3),
    file=st.sampled_from(["phash-8.json", "pdq-256.json", "marr_hildreth-576.json"]),
)
def test_in_how_many_uploads_hashes_come_makes_no_difference(
    import_files: Bring, parts: list[set[str]], file: str
) -> None:
    name = file.removesuffix(".json")
    rng = np.random.default_rng(7)
    hashes = {each: rng.bytes(bit_lengths()[name] // 8).hex() for each in "abcdef"}
    dataset = import_files(f"Secret {Dataset.objects.count()}", {"names.json": as_json(list("abcdef")), file: b"{}"})
    for part in parts:
        import_files(dataset.name, {"names.json": as_json(sorted(part)), file: as_json({n: hashes[n] for n in part})})
    assert stored(dataset, name) == {n: hashes[n] for n in set.union(*parts)}
    ids, rows = bulk.read_descriptors(dataset_id=dataset.pk, signal_id=signal(name).id, width=HASHES[name].metric.width)
    assert len(rows) == len(ids) == len(set.union(*parts))
