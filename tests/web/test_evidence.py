"""The evidence of a pair: its page, its pictures, the look at a comparison's pairs; the same by API and command."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from PIL import Image as PillowImage

from analysis import bulk
from analysis.core.arrays import Vectors
from analysis.models import Comparison, Signal, Verification, VerificationRun
from analysis.pipeline.verify import verify_pair
from analysis.tasks import run_verification
from catalog.models import Image, Project
from tests.scenes import scene
from tests.web.overlap_data import compare

pytestmark = pytest.mark.django_db


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
    client: Client, scenes_compared: Comparison, annotator: User
) -> None:
    project = scenes_compared.project
    client.force_login(annotator)
    html = page(client, project)
    assert html.count("Look with ") == 3
    assert "whole over whole" in html
    answer = client.post(address("pair-verify", project) + f"?in={scenes_compared.pk}", {"verifier": "sift-1"})
    assert answer.status_code == 302
    assert answer["Location"] == address("pair", project) + f"?in={scenes_compared.pk}&look=sift-1#keypoints"
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
    client: Client, scenes_compared: Comparison, viewer: User
) -> None:
    rows = [verify_pair(image("a1"), image("b1"), name) for name in ("orb-1", "akaze-1")]
    best, other = sorted(rows, key=lambda row: -row.inliers)
    client.force_login(viewer)
    path = address("pair", scenes_compared.project)
    assert client.get(path).context["shown"].verifier.name == best.verifier
    assert client.get(f"{path}?look={other.verifier}").context["shown"].verifier.name == other.verifier
    assert client.get(f"{path}?look=nonsense&laid=nonsense").context["laid"].key == best.verifier
    assert client.get(f"{path}?laid=whole").context["laid"].key == "whole"


def test_what_was_not_found_is_said_too(client: Client, scenes_compared: Comparison, viewer: User) -> None:
    verify_pair(image("a1"), image("b9"), "orb-1")
    client.force_login(viewer)
    html = page(client, scenes_compared.project, b="b9")
    assert "nothing in common was found" in html
    assert "as ORB found it" not in html


def test_viewers_see_and_do_not_ask(client: Client, scenes_compared: Comparison, viewer: User) -> None:
    client.force_login(viewer)
    assert "Look with" not in page(client, scenes_compared.project)
    assert client.post(address("pair-verify", scenes_compared.project), {"verifier": "orb-1"}).status_code == 403
    assert not Verification.objects.exists()


def test_an_unknown_verifier_and_a_pair_without_pixels_are_refused(
    client: Client, scenes_compared: Comparison, annotator: User
) -> None:
    client.force_login(annotator)
    answer = client.post(address("pair-verify", scenes_compared.project), {"verifier": "orb-0"})
    assert answer.status_code == 404
    assert "akaze-1" in answer.content.decode()
    sketches = compare(scenes_compared.project)
    html = page(client, sketches.project, a="A-0", b="B-0")
    assert "Look with" not in html
    assert "One over the other" not in html
    answer = client.post(address("pair-verify", scenes_compared.project, a="A-0", b="B-0"), {"verifier": "orb-1"})
    assert answer.status_code == 422
    assert (
        client.get(address("pair-laid", scenes_compared.project, "whole", "second", a="A-0", b="B-0")).status_code
        == 404
    )


def test_every_distance_is_on_the_page_with_the_turn_that_it_needed(
    client: Client, scenes_compared: Comparison, viewer: User
) -> None:
    client.force_login(viewer)
    groups = dict(client.get(address("pair", scenes_compared.project, a="a2", b="b2")).context["measured"])
    assert set(groups) == {"Hashes"}
    rows = {row.found.known.name: row for row in groups["Hashes"]}
    assert rows["phash-8@any"].turned == "mirrored left–right"
    assert rows["phash-8@any"].found.distance <= 2
    assert rows["phash-8"].found.distance > 16
    assert "dhash-8" in rows
    assert rows["phash-8"].percent == 100 * rows["phash-8"].found.distance / 32
    html = page(client, scenes_compared.project, a="a2", b="b2")
    assert "the second mirrored left–right" in html
    # Without a verifier, what was measured says how to lay one over the other.
    assert client.get(address("pair", scenes_compared.project, a="a2", b="b2")).context["laid"].key == "turn-2"


def test_embeddings_are_listed_with_distance_and_similarity(
    client: Client, scenes_compared: Comparison, viewer: User
) -> None:
    row = Signal.objects.create(
        name=f"vectors:{scenes_compared.project.pk}/clip-2", dim=2, project=scenes_compared.project
    )
    for name, vector in (("a1", [1.0, 0.0]), ("b1", [0.8, 0.6])):
        bulk.write_embeddings(
            dataset_id=image(name).dataset_id,
            signal_id=row.pk,
            image_ids=np.array([image(name).pk]),
            vectors=Vectors(np.array([vector], np.float32)),
        )
    client.force_login(viewer)
    html = page(client, scenes_compared.project)
    assert "0.2 (similarity 0.8)" in html
    assert "Embeddings</th>" in html
    assert "Brought vectors “clip”, 2 dimensions" in html
    assert "Brought vectors" not in page(client, scenes_compared.project, b="b9")


def test_one_picture_is_laid_over_the_other(client: Client, scenes_compared: Comparison, viewer: User) -> None:
    verify_pair(image("a1"), image("b1"), "orb-1")
    client.force_login(viewer)
    answer = client.get(address("pair-laid", scenes_compared.project, "orb-1", "second"))
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
        address("pair-laid", scenes_compared.project, "orb-1", "second"), headers={"if-none-match": answer["ETag"]}
    )
    assert again.status_code == 304
    difference = client.get(address("pair-laid", scenes_compared.project, "orb-1", "difference")).content
    assert np.asarray(opened(difference).convert("RGB"))[6:-6, 328:-6].mean() < 12
    turned = client.get(address("pair-laid", scenes_compared.project, "turn-2", "second", a="a2", b="b2")).content
    assert np.abs(np.asarray(opened(turned).convert("RGB")).astype(int) - scene(2)).mean() < 6
    for how, layer in (("sift-1", "second"), ("turn-3", "second"), ("orb-1", "third"), ("nonsense", "second")):
        assert client.get(address("pair-laid", scenes_compared.project, how, layer)).status_code == 404
    default_storage.delete(str(image("b1").file))
    assert client.get(address("pair-laid", scenes_compared.project, "whole", "second")).status_code == 404


def test_the_drawing_of_matches_is_a_file(client: Client, scenes_compared: Comparison, viewer: User) -> None:
    client.force_login(viewer)
    path = address("pair-matches", scenes_compared.project, "orb-1")
    assert client.get(path).status_code == 404
    verify_pair(image("a1"), image("b1"), "orb-1")
    answer = client.get(path)
    assert answer["Content-Type"] == "image/png"
    assert answer["Content-Disposition"].startswith("attachment")
    assert opened(answer.content).height == 900
    assert client.get(path, headers={"if-none-match": answer["ETag"]}).status_code == 304


def test_files_are_quoted_never_believed(client: Client, scenes_compared: Comparison, viewer: User) -> None:
    client.force_login(viewer)
    html = client.get(address("pair-files", scenes_compared.project)).content.decode()
    assert "&lt;b&gt;Canon&lt;/b&gt;" in html
    assert "has a position" in html
    assert "52" not in html
    neither = client.get(address("pair-files", scenes_compared.project, a="a2", b="b2")).content.decode()
    assert "Neither file states" in neither
    default_storage.delete(str(image("a1").file))
    assert "Neither file states" in client.get(address("pair-files", scenes_compared.project)).content.decode()


def test_the_look_at_a_comparisons_pairs(
    client: Client,
    scenes_compared: Comparison,
    annotator: User,
    runs_sent: list[int],
    django_capture_on_commit_callbacks: Any,
) -> None:
    project = scenes_compared.project
    client.force_login(annotator)
    assert (
        reverse("verification-box", args=[project.slug, scenes_compared.pk])
        in client.get(reverse("comparison", args=[project.slug, scenes_compared.pk])).content.decode()
    )
    box = reverse("verification-box", args=[project.slug, scenes_compared.pk]) + "?signal=phash-8&t=64"
    html = client.get(box).content.decode()
    assert "6 pairs within 64 of 64 bits wait" in html
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(
            reverse("verification-begin", args=[project.slug, scenes_compared.pk]),
            {"signal": "phash-8", "t": "64", "verifier": "orb-1"},
        )
    run = VerificationRun.objects.get()
    assert runs_sent == [run.pk]
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
    client: Client, scenes_compared: Comparison, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.views.verification.MOST_LOOKS", 5)
    client.force_login(viewer)
    html = client.get(
        reverse("verification-box", args=[scenes_compared.project.slug, scenes_compared.pk]) + "?signal=phash-8&t=64"
    ).content.decode()
    assert "at most 5 are looked at" in html
    assert "Annotators can have verifiers look" in html


@pytest.mark.parametrize("sent_form", [{"verifier": "orb-0"}, {"verifier": "orb-1", "t": "far"}])
def test_what_cannot_be_begun_is_refused(
    client: Client, scenes_compared: Comparison, annotator: User, sent_form: dict[str, str]
) -> None:
    client.force_login(annotator)
    answer = client.post(
        reverse("verification-begin", args=[scenes_compared.project.slug, scenes_compared.pk]), sent_form
    )
    assert answer.status_code in {404, 422}
    assert not VerificationRun.objects.exists()


def test_the_review_says_what_was_found(client: Client, scenes_compared: Comparison, annotator: User) -> None:
    row = verify_pair(image("a2"), image("b2"), "orb-1")
    client.force_login(annotator)
    path = reverse("review-queue", args=[scenes_compared.project.slug, scenes_compared.pk])
    queue = client.get(f"{path}?signal=phash-8&t=64&show=all").json()
    (looked,) = [each for pair in queue["rows"] for each in pair["looked"]]
    assert looked == {"title": "ORB", "words": f"{row.inliers:,} of {row.matches:,} matches, mirrored", "sure": True}
