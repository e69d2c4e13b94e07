"""Pages of reports: asking, progress, reading, downloading; for members of the project alone."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from analysis.models import Comparison, Report
from analysis.tasks import build_report, run_comparison
from analysis.workspace import create_comparison
from catalog.models import Project
from catalog.workspace import create_project


@pytest.fixture
def comparison(project: Project, import_files: Callable[..., Any], picture: Callable[..., bytes]) -> Comparison:
    a = import_files("A", {"x/<script>.png": picture(1), "x/1.png": picture(2)})
    b = import_files("B", {"y/0.png": picture(1)})
    found = create_comparison(
        project=project, datasets=[a, b], signals={"phash-8": 10, "dhash-8": 6}, scope="across", by=None
    )
    run_comparison(found.pk)
    found.refresh_from_db()
    return found


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    found: list[int] = []
    monkeypatch.setattr("analysis.tasks.build_report.delay", found.append)
    return found


def at(name: str, project: Project, *args: Any) -> str:
    return reverse(name, args=[project.slug, *args])


def ask(client: Client, project: Project, comparison: Comparison, **values: Any) -> Any:
    return client.post(at("report-new", project, comparison.pk), values)


def test_the_dashboards_threshold_goes_into_the_report(
    client: Client,
    project: Project,
    comparison: Comparison,
    viewer: User,
    sent: list[int],
    django_capture_on_commit_callbacks: Any,
) -> None:
    client.force_login(viewer)
    with django_capture_on_commit_callbacks(execute=True):
        answer = ask(client, project, comparison, signal="phash-8", t="4")
    report = Report.objects.get()
    assert answer.headers["Location"] == at("report", project, report.pk)
    assert report.thresholds == {"phash-8": 4, "dhash-8": 6}
    assert sent == [report.pk]
    # Asked again before it is made, it is the same report; with other distances it is another.
    assert ask(client, project, comparison, signal="phash-8", t="4").headers["Location"] == answer.headers["Location"]
    ask(client, project, comparison, **{"t_phash-8": "3", "t_dhash-8": "2"})
    assert Report.objects.first().thresholds == {"phash-8": 3, "dhash-8": 2}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"signal": "phash-8", "t": "11"}, "not between 0 and 10"),
        ({"signal": "phash-8", "t": "nan"}, "not between 0 and 10"),
        ({"signal": "phash-8", "t": "far"}, "is no distance"),
        ({"signal": "ahash-8", "t": "1"}, "has no signal"),
    ],
)
def test_distances_beyond_what_was_explored_are_refused(
    client: Client, project: Project, comparison: Comparison, viewer: User, values: dict[str, str], says: str
) -> None:
    client.force_login(viewer)
    answer = ask(client, project, comparison, **values)
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not Report.objects.exists()


def test_a_report_is_followed_read_and_downloaded(
    client: Client, project: Project, comparison: Comparison, viewer: User, sent: list[int]
) -> None:
    client.force_login(viewer)
    ask(client, project, comparison)
    report = Report.objects.get()
    page = at("report", project, report.pk)
    assert 'hx-trigger="every 1s"' in client.get(page).content.decode()
    polled = client.get(page, headers={"HX-Request": "true"})
    assert "<html" not in polled.content.decode()
    assert "HX-Refresh" not in polled.headers
    assert client.get(at("report-download", project, report.pk)).status_code == 404
    build_report(report.pk)
    assert client.get(page, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    shown = client.get(page).content.decode()
    assert "perceptual_cross_duplicates.json" in shown
    answer = client.get(at("report-download", project, report.pk))
    content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert int(answer.headers["Content-Length"]) == len(content)
    assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None
    assert answer.headers["Content-Disposition"].startswith("attachment")
    read = client.get(at("report-download", project, report.pk) + "?view=html")
    assert "sandbox" in read.headers["Content-Security-Policy"]
    assert "script-src" not in read.headers["Content-Security-Policy"]
    assert "<script>" not in read.content.decode()


def test_strangers_and_other_projects_find_nothing(
    client: Client, project: Project, comparison: Comparison, viewer: User, stranger: User, sent: list[int]
) -> None:
    client.force_login(viewer)
    ask(client, project, comparison)
    report = Report.objects.get()
    build_report(report.pk)
    other = create_project(name="Other", owner=viewer)
    for name in ("report", "report-download"):
        assert client.get(at(name, other, report.pk)).status_code == 404
    assert ask(client, other, comparison).status_code == 404
    client.force_login(stranger)
    for name in ("report", "report-download"):
        assert client.get(at(name, project, report.pk)).status_code == 404
    assert ask(client, project, comparison).status_code == 404
    assert client.get(at("report-new", project, comparison.pk)).status_code in (404, 405)


def test_a_failed_report_is_tried_again(
    client: Client,
    project: Project,
    comparison: Comparison,
    viewer: User,
    sent: list[int],
    django_capture_on_commit_callbacks: Any,
) -> None:
    client.force_login(viewer)
    ask(client, project, comparison)
    Report.objects.update(status="failed", error="It broke.")
    report = Report.objects.get()
    assert "It broke." in client.get(at("report", project, report.pk)).content.decode()
    sent.clear()
    with django_capture_on_commit_callbacks(execute=True):
        client.post(at("report", project, report.pk))
    assert (Report.objects.get().status, sent) == ("queued", [report.pk])
