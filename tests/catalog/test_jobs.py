"""Jobs: the row is the truth, work is claimed once, lost work is found, causes are told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from catalog.core.errors import CatalogError
from catalog.jobs import LOST_AFTER_SECONDS, claim, lost, work_on
from catalog.models import Project, Upload
from catalog.workspace import create_dataset


@pytest.fixture
def upload(project: Project) -> Upload:
    dataset = create_dataset(project=project, name="Prints", by=None)
    return Upload.objects.create(dataset=dataset, kind="archive", source_name="a.zip", heartbeat_at=timezone.now())


def silence(upload: Upload, **fields: object) -> None:
    long_ago = timezone.now() - timedelta(seconds=LOST_AFTER_SECONDS + 1)
    Upload.objects.filter(pk=upload.pk).update(heartbeat_at=long_ago, **fields)


def test_a_job_is_claimed_once(upload: Upload) -> None:
    assert claim(Upload, upload.pk) is not None
    assert claim(Upload, upload.pk) is None
    assert claim(Upload, 0) is None


@pytest.mark.parametrize("status", ["draft", "done", "failed"])
def test_what_does_not_wait_is_not_claimed(upload: Upload, status: str) -> None:
    silence(upload, status=status)
    assert claim(Upload, upload.pk) is None
    assert not lost(Upload).exists()


@pytest.mark.parametrize("status", ["queued", "running"])
def test_silent_work_is_lost_and_can_be_claimed_again(upload: Upload, status: str) -> None:
    Upload.objects.update(status=status)
    assert not lost(Upload).exists()
    silence(upload, status=status)
    assert lost(Upload).get() == upload
    assert claim(Upload, upload.pk) is not None
    assert not lost(Upload).exists()


def test_progress_is_counted_with_rate_and_time_left(upload: Upload) -> None:
    with work_on(upload, expected=()) as progress:
        progress.stage("Reading images", total=10)
        progress.advance(4)
        Upload.objects.update(done=4, stage_started_at=timezone.now() - timedelta(seconds=2))
        upload.refresh_from_db()
        assert upload.status == "running"
        assert upload.rate == pytest.approx(2, rel=0.2)
        assert upload.seconds_left == pytest.approx(3, rel=0.2)
    upload.refresh_from_db()
    assert (upload.status, upload.stage, upload.error) == ("done", "", "")
    assert upload.finished_at is not None


def test_an_expected_error_is_told_in_its_own_words(upload: Upload) -> None:
    with pytest.raises(CatalogError), work_on(upload, expected=(CatalogError,)):
        raise CatalogError("The archive is broken.", remedy="Pack it again.")
    upload.refresh_from_db()
    assert (upload.status, upload.error) == ("failed", "The archive is broken. Pack it again.")


def test_an_unexpected_error_is_ours_and_betrays_nothing(upload: Upload) -> None:
    with pytest.raises(RuntimeError), work_on(upload, expected=(CatalogError,)):
        raise RuntimeError("password=secret")
    upload.refresh_from_db()
    assert upload.status == "failed"
    assert "RuntimeError" in upload.error
    assert "secret" not in upload.error
