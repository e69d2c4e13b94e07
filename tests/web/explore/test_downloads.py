"""Projections as files: CSV, PNG, and a page that needs no network."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from PIL import Image as Picture

from analysis.core.projection import Pca
from analysis.models import Projection
from analysis.plots import Plot
from analysis.signals import KnownSignal
from analysis.tasks import run_projection
from analysis.workspace import request_projection
from catalog.models import Image, Project
from tests.analysis.embedded import around, describe
from tests.web.explore.plot import CENTRES, HOSTILE, at


def test_files_for_download(client: Client, project: Project, pca: Projection, viewer: User) -> None:
    client.force_login(viewer)
    answers = {
        kind: client.get(at("projection-download", project, pca.pk, kind, by="label"))
        for kind in ("csv", "png", "html")
    }
    for kind, answer in answers.items():
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert f"saints-in-art-pca-brought-vectors-clip-16-dimensions.{kind}" in answer.headers["Content-Disposition"]
        assert answer.headers["Cache-Control"] == "private, no-store"
    rows = list(csv.DictReader(io.StringIO(answers["csv"].content.decode())))
    assert [row["image"] for row in rows] == list(
        Image.objects.order_by("dataset_id", "id").values_list("name", flat=True)
    )
    assert rows[0]["label"] == HOSTILE
    plot = Plot(pca)
    np.testing.assert_allclose([[float(row["x"]), float(row["y"])] for row in rows], plot.points, rtol=1e-6)
    with Picture.open(io.BytesIO(answers["png"].content)) as image:
        assert image.format == "PNG"
    html = answers["html"].content.decode()
    assert HOSTILE not in html
    held = json.loads(html.split('id="data">')[1].split("</script>")[0])
    assert held["shown"] == "label"
    assert [each["key"] for each in held["colorings"]] == ["dataset", "label", "verdict", "cluster"]
    assert client.get(at("projection-download", project, pca.pk, "exe")).status_code == 404


def test_small_pictures_go_into_the_page_where_there_are_few(
    client: Client,
    project: Project,
    known: KnownSignal,
    viewer: User,
    import_files: Callable[..., Any],
    picture: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client.force_login(viewer)
    dataset = import_files("P", {f"{n}.png": picture(n) for n in range(4)})
    describe(dataset, list(dataset.images.order_by("pk")), around(CENTRES, [0, 1, 2, 0]), known)
    made = request_projection(project=project, signal_name=known.name, datasets=[dataset], method=Pca(), by=None)
    run_projection(made.pk)
    address = at("projection-download", project, made.pk, "html")

    def pictures() -> Sequence[str]:
        found: list[str] = json.loads(
            client.get(address).content.decode().split('id="data">')[1].split("</script>")[0]
        )["pictures"]
        return found

    assert [bool(each) for each in pictures()] == [True] * 4
    monkeypatch.setattr("analysis.views.explore_data.MOST_PICTURES", 3)
    assert pictures() == []
