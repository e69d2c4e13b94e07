"""Verification as a stage: what is stored is what the verifier finds, however often and in whatever pieces it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from django.core.files.storage import default_storage

from analysis import bulk, queries
from analysis.core.arrays import Vectors
from analysis.core.errors import AnalysisError, UnknownName
from analysis.core.search import cosine_join
from analysis.core.verifiers import Transformation, verify
from analysis.models import Comparison, Measurement, Verification, VerificationRun
from analysis.pipeline import verify as stage
from analysis.pipeline.verify import NoPicture, verify_pair
from analysis.queries import PairRow
from analysis.signals import signal
from analysis.tasks import run_comparison, run_verification, sweep
from analysis.workspace import create_comparison, request_verification
from catalog.core.images import read_image
from catalog.jobs import claim
from catalog.models import Dataset, Image, Job, Project
from tests.scenes import as_file, scene

pytestmark = pytest.mark.django_db
Import = Callable[[str, dict[str, bytes]], Dataset]


@pytest.fixture
def compared(project: Project, import_files: Import) -> Comparison:
    """Two datasets of scenes: b holds a smaller copy of scene 1, a mirrored one of scene 2, and another scene."""
    small = np.asarray(cv2.resize(scene(1), (320, 240), interpolation=cv2.INTER_AREA), np.uint8)
    mirrored = np.ascontiguousarray(scene(2)[:, ::-1])
    first = import_files("a", {f"a{n}.png": as_file(scene(n)) for n in (1, 2, 3)})
    second = import_files(
        "b", {"b1.png": as_file(small), "b2.jpg": as_file(mirrored, "JPEG"), "b9.png": as_file(scene(9))}
    )
    comparison = create_comparison(
        project=project, datasets=[first, second], signals={"phash-8": 64, "dhash-8": 12}, scope="across", by=None
    )
    run_comparison(comparison.pk)
    comparison.refresh_from_db()
    assert comparison.status == "done", comparison.error
    return queries.comparison(project, comparison.pk)


def image(name: str) -> Image:
    return Image.objects.select_related("dataset").get(name=name)


def pixels(name: str) -> Any:
    with default_storage.open(str(image(name).file)) as stream:
        return read_image(stream.read()).rgb


def found() -> dict[tuple[str, str], tuple[int, int, bool]]:
    rows = Verification.objects.select_related("image_a", "image_b")
    return {(row.image_a.name, row.image_b.name): (row.matches, row.inliers, row.mirrored) for row in rows}


def expected(first: str = "a1 a2 a3", second: str = "b1 b2 b9") -> dict[tuple[str, str], tuple[int, int, bool]]:
    """Each pair verified by itself."""
    by_force = {}
    for a in first.split():
        for b in second.split():
            one = verify("orb-1", pixels(a), pixels(b))
            by_force[a, b] = (one.matches, one.inliers, one.mirrored)
    return by_force


def ask(comparison: Comparison, **more: Any) -> VerificationRun:
    return request_verification(comparison=comparison, verifier="orb-1", by=None, max_distance=64, **more)


def test_one_pair_is_stored_once_with_what_was_found(compared: Comparison) -> None:
    row = verify_pair(image("a1"), image("b1"), "orb-1")
    direct = verify("orb-1", pixels("a1"), pixels("b1"))
    assert (row.keypoints_a, row.keypoints_b) == (direct.keypoints_a, direct.keypoints_b)
    assert (row.matches, row.inliers, row.mirrored) == (direct.matches, direct.inliers, False)
    assert row.inlier_ratio == direct.inliers / direct.matches
    stored = Verification.objects.get()
    lies = Transformation.from_json(stored.geometry)
    assert lies.scale == pytest.approx(0.5, rel=0.01)
    assert stored.versions["opencv"] == cv2.__version__
    lines = np.array(stored.geometry["lines"])
    assert lines[:, 4].sum() == min(direct.inliers, stage.INLIERS_DRAWN)
    ends = cv2.perspectiveTransform(lines[None, lines[:, 4] == 1, :2], lies.homography)[0]
    assert np.linalg.norm(ends - lines[lines[:, 4] == 1, 2:4], axis=1).max() < 4
    # Found before is found again, even where the file has gone since.
    default_storage.delete(str(image("b1").file))
    assert verify_pair(image("a1"), image("b1"), "orb-1").computed_at == stored.computed_at
    with pytest.raises(NoPicture):
        verify_pair(image("a1"), image("b1"), "akaze-1")
    with pytest.raises(UnknownName):
        verify_pair(image("a1"), image("b1"), "orb-0")


def test_without_pixels_there_is_nothing_to_look_at(project: Project, hashed: Callable[..., Dataset]) -> None:
    hashed("h", 2)
    one, other = Image.objects.order_by("pk")
    with pytest.raises(NoPicture, match="only fingerprints"):
        verify_pair(one, other, "orb-1")


def test_a_run_finds_what_the_verifier_finds_in_each_pair(compared: Comparison) -> None:
    run = ask(compared)
    run_verification(run.pk)
    run.refresh_from_db()
    assert (run.status, run.error, run.done, run.total) == ("done", "", 9, 9)
    assert found() == expected()
    state = queries.verified(compared, signal_id=run.signal_id, max_distance=64, verifier="orb-1", inliers=20)
    assert state == queries.Verified(pairs=9, looked_at=9, sure=2, mirrored=1)
    assert found()["a2", "b2"][2] is True


def test_a_run_that_was_cut_off_goes_on_and_ends_the_same(
    compared: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "CHUNK", 2)
    monkeypatch.setattr(stage, "KEPT", 1)
    run = ask(compared)
    store = stage._store

    def cut(rows: Any) -> None:
        if Verification.objects.count() == 4:
            raise KeyboardInterrupt
        store(rows)

    monkeypatch.setattr(stage, "_store", cut)
    with pytest.raises(KeyboardInterrupt):
        run_verification(run.pk)
    assert Verification.objects.count() == 4
    before = dict(Verification.objects.values_list("pk", "computed_at"))
    monkeypatch.setattr(stage, "_store", store)
    VerificationRun.objects.filter(pk=run.pk).update(status=Job.Status.QUEUED)
    run_verification(run.pk)
    run.refresh_from_db()
    assert (run.status, run.done, run.total) == ("done", 5, 5)
    assert found() == expected()
    assert {pk: at for pk, at in Verification.objects.values_list("pk", "computed_at") if pk in before} == before


def test_delivered_twice_it_is_done_once(compared: Comparison) -> None:
    run = ask(compared)
    assert claim(VerificationRun, run.pk) is not None
    run_verification(run.pk)
    assert not Verification.objects.exists()


def test_only_the_pairs_asked_for_are_looked_at(compared: Comparison) -> None:
    near = Measurement.objects.filter(signal_id=signal("phash-8").id, distance__lte=10)
    run = request_verification(comparison=compared, verifier="akaze-1", by=None, max_distance=10)
    run_verification(run.pk)
    assert {pk[:2] for pk in Verification.objects.values_list("pk", flat=True)} == {
        (row.image_a_id, row.image_b_id) for row in near
    }
    assert set(found()) == {("a1", "b1")}


def test_a_picture_that_is_gone_stops_its_own_pairs_only(compared: Comparison) -> None:
    default_storage.delete(str(image("b1").file))
    run = ask(compared)
    with pytest.raises(AnalysisError):
        run_verification(run.pk)
    run.refresh_from_db()
    assert run.status == "failed"
    assert "“b1” of “b”" in run.error
    assert found() == expected("a1 a2 a3", "b2 b9")


def test_an_image_deleted_meanwhile_takes_its_pairs_along(compared: Comparison) -> None:
    one, other, third = image("a1"), image("b1"), image("b2")
    rows = [
        stage._row(one, each, "orb-1", verify("orb-1", scene(1, (64, 64)), scene(1, (64, 64))))
        for each in (other, third)
    ]
    Image.objects.filter(pk=third.pk).delete()
    stage._store(rows)
    assert [pk[1] for pk in Verification.objects.values_list("pk", flat=True)] == [other.pk]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"verifier": "orb-0"}, "orb-1"),
        ({"signal_name": "whash-8"}, "no signal"),
        ({"signal_name": "dhash-8", "max_distance": 13}, "beyond 12"),
        ({"max_distance": 0.5}, "no distance"),
    ],
)
def test_what_cannot_be_asked_is_refused(compared: Comparison, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(AnalysisError, match=said):
        request_verification(**{"comparison": compared, "verifier": "orb-1", "by": None, **asked})
    assert not VerificationRun.objects.exists()


def test_too_many_pairs_and_an_unfinished_comparison_are_refused(
    compared: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.workspace._verification.MOST_LOOKS", 8)
    with pytest.raises(AnalysisError, match="9 pairs are more"):
        ask(compared)
    compared.status = Job.Status.RUNNING
    with pytest.raises(AnalysisError, match="not done yet"):
        ask(compared)


def test_the_same_is_not_asked_twice_while_it_waits(compared: Comparison) -> None:
    first = ask(compared)
    assert ask(compared) == first
    run_verification(first.pk)
    assert ask(compared) != first


def test_the_sweep_sends_a_lost_run_again(compared: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    monkeypatch.setattr(run_verification, "delay", sent.append)
    run = ask(compared)
    sweep()
    assert sent == []
    VerificationRun.objects.filter(pk=run.pk).update(heartbeat_at="2020-01-01T00:00:00Z")
    sweep()
    assert sent == [run.pk]


def test_distances_are_known_of_pairs_that_no_comparison_reached(compared: Comparison) -> None:
    a, b = image("a1"), image("b9")
    for each in (a, b):
        # Seeds of which the distance differs in its last digit where it is not worked out as the join does.
        vector = np.random.default_rng(0 if each == a else 2).standard_normal((1, 5)).astype(np.float32)
        bulk.write_embeddings(
            dataset_id=each.dataset_id,
            signal_id=signal_of_vectors(compared.project),
            image_ids=np.array([each.pk]),
            vectors=Vectors(vector / np.linalg.norm(vector)),
        )
    known = {found.known.name: found for found in queries.distances(a, b)}
    for measured in queries.measurements(a, b):
        assert known[measured.known.name] == measured
    assert "dhash-8" not in {measured.known.name for measured in queries.measurements(a, b)}
    assert known["dhash-8"].distance > 12
    (name,) = (name for name in known if name.startswith("vectors:"))
    sides = [bulk.read_embeddings(dataset_id=each.dataset_id, signal_id=known[name].known.id)[1] for each in (a, b)]
    assert sides[0] is not None
    assert known[name].distance == float(cosine_join(sides[0], sides[1], 2.0).distance[0])
    assert list(known)[-1] == name
    # Measured or not, a distance is the same number.
    close = {found.known.name: found.distance for found in queries.distances(image("a1"), image("b1"))}
    measured_ones = {found.known.name: found.distance for found in queries.measurements(image("a1"), image("b1"))}
    Measurement.objects.all().delete()
    assert {found.known.name: found.distance for found in queries.distances(image("a1"), image("b1"))} == close
    assert measured_ones.items() <= close.items()


def signal_of_vectors(project: Project) -> int:
    from analysis.models import Signal

    row, _ = Signal.objects.get_or_create(name=f"vectors:{project.pk}/clip-5", defaults={"dim": 5, "project": project})
    return int(row.pk)


def test_what_was_found_is_read_for_many_pairs_at_once(
    compared: Comparison, django_assert_num_queries: Callable[[int], Any]
) -> None:
    for verifier in ("orb-1", "akaze-1"):
        verify_pair(image("a1"), image("b1"), verifier)
    verify_pair(image("a2"), image("b2"), "orb-1")
    pairs = [PairRow(image(a), image(b), 0, "") for a, b in (("a1", "b1"), ("a2", "b2"), ("a3", "b9"))]
    with django_assert_num_queries(1):
        read = queries.verifications_of(pairs)
        names = [[each.verifier.name for each in read[pair.a.pk, pair.b.pk]] for pair in pairs]
        second = read[pairs[1].a.pk, pairs[1].b.pk][0]
        assert (second.mirrored, second.sure) == (True, True)
    assert names == [["akaze-1", "orb-1"], ["orb-1"], []]
    assert [each.verifier for each in queries.verifications(image("a1"), image("b1"))] == ["akaze-1", "orb-1"]


def test_runs_are_those_of_the_project(compared: Comparison, stranger: Any) -> None:
    from django.http import Http404

    from catalog.workspace import create_project

    run = ask(compared)
    assert queries.verification_run(compared.project, run.pk) == run
    with pytest.raises(Http404):
        queries.verification_run(create_project(name="Own", owner=stranger), run.pk)
