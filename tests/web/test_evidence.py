"""The evidence of a pair: its page, its pictures, the look at a comparison's pairs; the same by API and command."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO, StringIO
from typing import Any

import cv2
import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from PIL import ExifTags
from PIL import Image as PillowImage

from analysis import bulk, queries, tasks
from analysis.core.arrays import Vectors
from analysis.models import Comparison, Signal, Verification, VerificationRun
from analysis.pipeline.verify import verify_pair
from analysis.tasks import run_comparison, run_verification
from analysis.workspace import create_comparison
from catalog.models import Dataset, Image, Project
from tests.scenes import as_file, scene
from tests.web.overlap_data import compare

pytestmark = pytest.mark.django_db


@pytest.fixture
def compared(project: Project, import_files: Callable[[str, dict[str, bytes]], Dataset]) -> Comparison:
    """b1 is the right half of a1, b2 is a2 mirrored, b9 is another scene."""
    exif = PillowImage.Exif()
    exif[ExifTags.Base.Model] = "<b>Canon</b>"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (52.123, 0.0, 0.0)
    half = np.ascontiguousarray(scene(1)[:, 320:])
    mirrored = np.ascontiguousarray(scene(2)[:, ::-1])
    first = import_files("a", {"a1.jpg": as_file(scene(1), "JPEG", exif), "a2.png": as_file(scene(2))})
    second = import_files(
        "b", {"b1.png": as_file(half), "b2.png": as_file(mirrored), "b9.png": as_file(scene(9, (200, 160)))}
    )
    comparison = create_comparison(
        project=project, datasets=[first, second], signals={"phash-8": 64, "phash-8@any": 16}, scope="across", by=None
    )
    run_comparison(comparison.pk)
    return queries.comparison(project, comparison.pk)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any) -> list[int]:
    """The keys of runs that were sent to the workers."""
    keys: list[int] = []
    monkeypatch.setattr(run_verification, "delay", keys.append)
    return keys


def image(name: str) -> Image:
    return Image.objects.select_related("dataset").get(name=name)


def address(name: str, project: Project, *more: Any, a: str = "a1", b: str = "b1") -> str:
    return reverse(name, args=[project.slug, image(a).pk, image(b).pk, *more])


def page(client: Client, project: Project, query: str = "", **names: str) -> str:
    answer = client.get(address("pair", project, **names) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def opened(data: bytes) -> PillowImage.Image:
    return PillowImage.open(BytesIO(data))


def test_a_verifier_looks_on_request_and_its_finding_is_shown(
    client: Client, compared: Comparison, annotator: User
) -> None:
    project = compared.project
    client.force_login(annotator)
    html = page(client, project)
    assert html.count("Look with ") == 3
    assert "whole over whole" in html
    answer = client.post(address("pair-verify", project) + f"?in={compared.pk}", {"verifier": "sift-1"})
    assert answer.status_code == 302
    assert answer["Location"] == address("pair", project) + f"?in={compared.pk}&look=sift-1#keypoints"
    html = client.get(answer["Location"]).content.decode()
    row = Verification.objects.get()
    assert f"{row.inliers} inliers among {row.matches} matches" in html.replace('<span class="num">', "").replace(
        '</span> <span class="muted">', " "
    )
    assert "The second is a detail: it shows 50 % of the first." in html
    assert "show the same thing" in html
    assert "as SIFT found it" in html
    assert html.count("Look with ") == 2
    drawn = client.get(answer["Location"].partition("#")[0]).context["drawing"]
    assert len(drawn.inliers) == min(120, row.inliers)
    (part,) = drawn.parts
    assert part == pytest.approx((drawn.a[2] / 2, 0, drawn.a[2] / 2, 600), abs=6)
    # Lines end inside their own picture.
    assert all(0 <= x <= drawn.a[2] and drawn.b[0] <= u <= drawn.width for x, _, u, _ in drawn.inliers)


def test_the_best_founded_look_is_shown_unless_another_is_named(
    client: Client, compared: Comparison, viewer: User
) -> None:
    rows = [verify_pair(image("a1"), image("b1"), name) for name in ("orb-1", "akaze-1")]
    best, other = sorted(rows, key=lambda row: -row.inliers)
    client.force_login(viewer)
    path = address("pair", compared.project)
    assert client.get(path).context["shown"].verifier.name == best.verifier
    assert client.get(f"{path}?look={other.verifier}").context["shown"].verifier.name == other.verifier
    assert client.get(f"{path}?look=nonsense&laid=nonsense").context["laid"].key == best.verifier
    assert client.get(f"{path}?laid=whole").context["laid"].key == "whole"


def test_what_was_not_found_is_said_too(client: Client, compared: Comparison, viewer: User) -> None:
    verify_pair(image("a1"), image("b9"), "orb-1")
    client.force_login(viewer)
    html = page(client, compared.project, b="b9")
    assert "nothing in common was found" in html
    assert "as ORB found it" not in html


def test_viewers_see_and_do_not_ask(client: Client, compared: Comparison, viewer: User) -> None:
    client.force_login(viewer)
    assert "Look with" not in page(client, compared.project)
    assert client.post(address("pair-verify", compared.project), {"verifier": "orb-1"}).status_code == 403
    assert not Verification.objects.exists()


def test_an_unknown_verifier_and_a_pair_without_pixels_are_refused(
    client: Client, compared: Comparison, annotator: User
) -> None:
    client.force_login(annotator)
    answer = client.post(address("pair-verify", compared.project), {"verifier": "orb-0"})
    assert answer.status_code == 404
    assert "akaze-1" in answer.content.decode()
    sketches = compare(compared.project)
    html = page(client, sketches.project, a="A-0", b="B-0")
    assert "Look with" not in html
    assert "One over the other" not in html
    answer = client.post(address("pair-verify", compared.project, a="A-0", b="B-0"), {"verifier": "orb-1"})
    assert answer.status_code == 422
    assert client.get(address("pair-laid", compared.project, "whole", "second", a="A-0", b="B-0")).status_code == 404


def test_every_distance_is_on_the_page_with_the_turn_that_it_needed(
    client: Client, compared: Comparison, viewer: User
) -> None:
    client.force_login(viewer)
    groups = dict(client.get(address("pair", compared.project, a="a2", b="b2")).context["measured"])
    assert set(groups) == {"Hashes"}
    rows = {row.found.known.name: row for row in groups["Hashes"]}
    assert rows["phash-8@any"].turned == "mirrored left–right"
    assert rows["phash-8@any"].found.distance <= 2
    assert rows["phash-8"].found.distance > 16
    assert "dhash-8" in rows
    assert rows["phash-8"].percent == 100 * rows["phash-8"].found.distance / 32
    html = page(client, compared.project, a="a2", b="b2")
    assert "the second mirrored left–right" in html
    # Without a verifier, what was measured says how to lay one over the other.
    assert client.get(address("pair", compared.project, a="a2", b="b2")).context["laid"].key == "turn-2"


def test_embeddings_are_listed_with_distance_and_similarity(client: Client, compared: Comparison, viewer: User) -> None:
    row = Signal.objects.create(name=f"vectors:{compared.project.pk}/clip-2", dim=2, project=compared.project)
    for name, vector in (("a1", [1.0, 0.0]), ("b1", [0.8, 0.6])):
        bulk.write_embeddings(
            dataset_id=image(name).dataset_id,
            signal_id=row.pk,
            image_ids=np.array([image(name).pk]),
            vectors=Vectors(np.array([vector], np.float32)),
        )
    client.force_login(viewer)
    html = page(client, compared.project)
    assert "0.2 (similarity 0.8)" in html
    assert "Embeddings</th>" in html
    assert "Brought vectors “clip”, 2 dimensions" in html
    assert "Brought vectors" not in page(client, compared.project, b="b9")


def test_one_picture_is_laid_over_the_other(client: Client, compared: Comparison, viewer: User) -> None:
    verify_pair(image("a1"), image("b1"), "orb-1")
    client.force_login(viewer)
    answer = client.get(address("pair-laid", compared.project, "orb-1", "second"))
    assert answer["Content-Type"] == "image/webp"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["Cache-Control"].startswith("private")
    laid = np.asarray(opened(answer.content).convert("RGBA"))
    assert laid.shape == (480, 640, 4)
    assert (laid[:, :312, 3] < 128).all()
    assert (laid[6:-6, 328:-6, 3] > 128).all()
    there = laid[6:-6, 328:-6, :3].astype(int)
    assert np.abs(there - scene(1)[6:-6, 328:-6]).mean() < 6
    again = client.get(
        address("pair-laid", compared.project, "orb-1", "second"), headers={"if-none-match": answer["ETag"]}
    )
    assert again.status_code == 304
    difference = client.get(address("pair-laid", compared.project, "orb-1", "difference")).content
    assert np.asarray(opened(difference).convert("RGB"))[6:-6, 328:-6].mean() < 12
    turned = client.get(address("pair-laid", compared.project, "turn-2", "second", a="a2", b="b2")).content
    assert np.abs(np.asarray(opened(turned).convert("RGB")).astype(int) - scene(2)).mean() < 6
    for how, layer in (("sift-1", "second"), ("turn-3", "second"), ("orb-1", "third"), ("nonsense", "second")):
        assert client.get(address("pair-laid", compared.project, how, layer)).status_code == 404
    default_storage.delete(str(image("b1").file))
    assert client.get(address("pair-laid", compared.project, "whole", "second")).status_code == 404


def test_the_drawing_of_matches_is_a_file(client: Client, compared: Comparison, viewer: User) -> None:
    client.force_login(viewer)
    path = address("pair-matches", compared.project, "orb-1")
    assert client.get(path).status_code == 404
    verify_pair(image("a1"), image("b1"), "orb-1")
    answer = client.get(path)
    assert answer["Content-Type"] == "image/png"
    assert answer["Content-Disposition"].startswith("attachment")
    assert opened(answer.content).height == 900
    assert client.get(path, headers={"if-none-match": answer["ETag"]}).status_code == 304


def test_files_are_quoted_never_believed(client: Client, compared: Comparison, viewer: User) -> None:
    client.force_login(viewer)
    html = client.get(address("pair-files", compared.project)).content.decode()
    assert "&lt;b&gt;Canon&lt;/b&gt;" in html
    assert "has a position" in html
    assert "52" not in html
    neither = client.get(address("pair-files", compared.project, a="a2", b="b2")).content.decode()
    assert "Neither file states" in neither
    default_storage.delete(str(image("a1").file))
    assert "Neither file states" in client.get(address("pair-files", compared.project)).content.decode()


def test_the_look_at_a_comparisons_pairs(
    client: Client, compared: Comparison, annotator: User, sent: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    project = compared.project
    client.force_login(annotator)
    assert (
        reverse("verification-box", args=[project.slug, compared.pk])
        in client.get(reverse("comparison", args=[project.slug, compared.pk])).content.decode()
    )
    box = reverse("verification-box", args=[project.slug, compared.pk]) + "?signal=phash-8&t=64"
    html = client.get(box).content.decode()
    assert "6 pairs within 64 of 64 bits wait" in html
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(
            reverse("verification-begin", args=[project.slug, compared.pk]),
            {"signal": "phash-8", "t": "64", "verifier": "orb-1"},
        )
    run = VerificationRun.objects.get()
    assert sent == [run.pk]
    assert "signal=phash-8&t=64&verify=1#verify" in answer["Location"]
    assert (run.verifier, run.max_distance, run.created_by) == ("orb-1", 64, annotator)
    status = reverse("verification-status", args=[project.slug, run.pk])
    html = client.get(box).content.decode()
    assert status in html
    assert "Look at them" not in html
    assert "HX-Refresh" not in client.get(status).headers
    run_verification(run.pk)
    assert client.get(status)["HX-Refresh"] == "true"
    html = client.get(box).content.decode()
    assert "looked at 6 of 6 pairs" in html
    assert "<b>2</b> surely show the same thing, 1 of them mirrored" in html
    few = client.get(f"{box}&t=0").content.decode()
    assert "No pair lies within 0 of 64 bits" in few


def test_too_many_pairs_are_not_counted_one_by_one(
    client: Client, compared: Comparison, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.views.verification.MOST_LOOKS", 5)
    client.force_login(viewer)
    html = client.get(
        reverse("verification-box", args=[compared.project.slug, compared.pk]) + "?signal=phash-8&t=64"
    ).content.decode()
    assert "at most 5 are looked at" in html
    assert "Annotators can have verifiers look" in html


@pytest.mark.parametrize("sent_form", [{"verifier": "orb-0"}, {"verifier": "orb-1", "t": "far"}])
def test_what_cannot_be_begun_is_refused(
    client: Client, compared: Comparison, annotator: User, sent_form: dict[str, str]
) -> None:
    client.force_login(annotator)
    answer = client.post(reverse("verification-begin", args=[compared.project.slug, compared.pk]), sent_form)
    assert answer.status_code in {404, 422}
    assert not VerificationRun.objects.exists()


def test_the_review_says_what_was_found(client: Client, compared: Comparison, annotator: User) -> None:
    row = verify_pair(image("a2"), image("b2"), "orb-1")
    client.force_login(annotator)
    path = reverse("review-queue", args=[compared.project.slug, compared.pk])
    queue = client.get(f"{path}?signal=phash-8&t=64&show=all").json()
    (looked,) = [each for pair in queue["rows"] for each in pair["looked"]]
    assert looked == {"title": "ORB", "words": f"{row.inliers:,} of {row.matches:,} matches, mirrored", "sure": True}


# ---- API and command ----


def test_the_api_looks_at_a_pair(client: Client, compared: Comparison, annotator: User, viewer: User) -> None:
    root = f"/api/v1/projects/{compared.project.slug}"
    path = f"{root}/pairs/{image('b2').pk}-{image('a2').pk}/verifications"
    client.force_login(viewer)
    assert [each["name"] for each in client.get("/api/v1/verifiers").json()] == ["akaze-1", "orb-1", "sift-1"]
    assert client.get(path).json() == []
    assert client.post(path, {"verifier": "orb-1"}, content_type="application/json").status_code == 403
    client.force_login(annotator)
    answer = client.post(path, {"verifier": "orb-1"}, content_type="application/json")
    assert answer.status_code == 201
    found = answer.json()
    assert (found["a"], found["b"]) == (image("a2").pk, image("b2").pk)
    assert found["sure"] is True
    assert found["mirrored"] is True
    assert found["inlier_ratio"] == found["inliers"] / found["matches"]
    assert found["transformation"]["words"] == ["Both show the whole picture.", "The second is mirrored left–right."]
    assert found["transformation"]["scale"] == pytest.approx(1, abs=0.01)
    homography = np.array(found["transformation"]["homography"])
    middle = cv2.perspectiveTransform(np.array([[[100.0, 240.0]]]), homography)[0, 0]
    assert middle == pytest.approx([539, 240], abs=1.5)
    assert found["versions"]["opencv"] == cv2.__version__
    client.force_login(viewer)
    assert client.get(path).json() == [found]
    client.force_login(annotator)
    assert client.post(path, {"verifier": "x"}, content_type="application/json").status_code == 404
    other = f"{root}/pairs/{image('a1').pk}-{image('b9').pk}/verifications"
    nothing = client.post(other, {}, content_type="application/json").json()
    assert (nothing["inliers"], nothing["sure"], nothing["transformation"]) == (0, False, None)


def test_the_api_runs_over_a_comparison(
    client: Client,
    compared: Comparison,
    annotator: User,
    viewer: User,
    sent: list[int],
    django_capture_on_commit_callbacks: Any,
) -> None:
    root = f"/api/v1/projects/{compared.project.slug}"
    path = f"{root}/comparisons/{compared.pk}/verifications"
    client.force_login(viewer)
    asked = {"verifier": "orb-1", "signal": "phash-8", "max_distance": 64}
    assert client.post(path, asked, content_type="application/json").status_code == 403
    client.force_login(annotator)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(path, asked, content_type="application/json")
    assert answer.status_code == 202
    run = answer.json()
    assert sent == [run["id"]]
    assert (run["status"], run["found"]) == ("queued", {"pairs": 6, "looked_at": 0, "sure": 0, "mirrored": 0})
    run_verification(run["id"])
    client.force_login(viewer)
    run = client.get(f"{root}/verifications/{run['id']}").json()
    assert (run["status"], run["found"]) == ("done", {"pairs": 6, "looked_at": 6, "sure": 2, "mirrored": 1})
    seen: list[Any] = []
    after: str | None = ""
    while after is not None:
        part = client.get(f"{root}/verifications/{run['id']}/pairs?limit=4&after={after}").json()
        seen += part["items"]
        after = part["next"]
    assert len(seen) == 6
    sure = client.get(f"{root}/verifications/{run['id']}/pairs?min_inliers=20").json()["items"]
    assert sure == [each for each in seen if each["inliers"] >= 20]
    assert [(each["a"]["name"], each["b"]["name"], each["mirrored"]) for each in sure] == [
        ("a1", "b1", False),
        ("a2", "b2", True),
    ]
    assert client.get(f"{root}/verifications/{run['id']}/pairs?after=x").status_code == 422
    assert client.get(f"{root}/verifications/{run['id'] + 1}").status_code == 404


def test_the_api_tells_strangers_nothing(client: Client, compared: Comparison, stranger: User, owner: User) -> None:
    run = VerificationRun.objects.create(
        comparison=compared, signal=compared.signals.all()[0].signal, max_distance=8, verifier="orb-1"
    )
    root = f"/api/v1/projects/{compared.project.slug}"
    pair = f"{root}/pairs/{image('a1').pk}-{image('b1').pk}/verifications"
    client.force_login(stranger)
    for path in (pair, f"{root}/verifications/{run.pk}", f"{root}/verifications/{run.pk}/pairs"):
        assert client.get(path).status_code == 404
    for path in (pair, f"{root}/comparisons/{compared.pk}/verifications"):
        assert client.post(path, {}, content_type="application/json").status_code == 404
    # Nor through a project of their own.
    from catalog.workspace import create_project

    own = f"/api/v1/projects/{create_project(name='Own', owner=stranger).slug}"
    assert client.get(f"{own}/verifications/{run.pk}").status_code == 404
    assert client.get(f"{own}/pairs/{image('a1').pk}-{image('b1').pk}/verifications").status_code == 404


def test_the_command_looks_lists_and_prints_json(compared: Comparison, owner: User) -> None:
    def run(*more: str) -> str:
        out = StringIO()
        call_command("verify", compared.project.slug, str(compared.pk), "--user", owner.username, *more, stdout=out)
        return out.getvalue()

    said = run("--wait", "--signal", "phash-8", "--max-distance", "64")
    assert "ORB has looked at 6 of 6 pairs: 2 surely show the same thing, 1 of them mirrored." in said
    lines = run("--wait", "--max-distance", "64", "--list").splitlines()
    assert [line.split("\t")[:2] for line in lines] == [["a/a1", "b/b1"], ["a/a2", "b/b2"]]
    shown = json.loads(run("--wait", "--max-distance", "64", "--json"))
    assert (shown["status"], shown["found"]["sure"], shown["verifier"]) == ("done", 2, "orb-1")
    with pytest.raises(CommandError, match="akaze-1"):
        run("--verifier", "none")
    with pytest.raises(CommandError, match=f"It has: {compared.pk}"):
        call_command("verify", compared.project.slug, "999999", "--user", owner.username)
    assert tasks.run_verification is run_verification
