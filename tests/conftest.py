"""Fixtures: the real PostgreSQL and Redis of the embedded default, in a data folder of the tests' own."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis.configuration import set_hypothesis_home_dir

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from catalog.models import Project

ROOT = Path(__file__).resolve().parents[1]

# Before Django reads its settings: the tests never touch the data of `make run`.
os.environ.setdefault("SIMWEB_VAR", str(ROOT / "var" / "test"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "simweb.settings")
set_hypothesis_home_dir(ROOT / "var" / "cache" / "hypothesis")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Start the embedded PostgreSQL before the test database is made, unless another server is named."""
    from django.conf import settings

    from simweb.embedded import start_postgres

    if not os.environ.get("DATABASE_URL"):
        start_postgres(settings.DATA_DIR)


@pytest.fixture(autouse=True)
def _own_files(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Each test that touches the database keeps its files in a folder of its own, and serves assets unhashed."""
    if "db" not in request.fixturenames and "transactional_db" not in request.fixturenames:
        return
    settings = request.getfixturevalue("settings")
    settings.STORAGES = {
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "files"), "base_url": None},
        },
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path / "scratch")
    (tmp_path / "scratch").mkdir()
    # Tests read pages, they do not attack passwords: the slow hash would be most of their time.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    request.getfixturevalue("_fresh_signals")


@pytest.fixture
def _fresh_signals() -> None:
    """Forget the keys of signals: a test whose transactions are committed has its rows removed behind it."""
    from analysis.signals import forget_signals

    forget_signals()


@pytest.fixture
def person(db: None) -> Callable[[str], User]:
    """Makes people by name."""
    from django.contrib.auth.models import User

    def make(name: str) -> User:
        return User.objects.create_user(name, password="correct horse battery")

    return make


@pytest.fixture
def owner(person: Callable[[str], User]) -> User:
    return person("olga")


@pytest.fixture
def project(owner: User) -> Project:
    """A project that olga owns."""
    from catalog.workspace import create_project

    return create_project(name="Saints in art", owner=owner)


@pytest.fixture
def member(person: Callable[[str], User], project: Project) -> Callable[[str], User]:
    """Makes a member of the project with a role, named after it."""
    from catalog.workspace import set_member

    def make(role: str) -> User:
        user = person(role)
        set_member(project=project, username=role, role=role)
        return user

    return make


@pytest.fixture
def viewer(member: Callable[[str], User]) -> User:
    return member("viewer")


@pytest.fixture
def annotator(member: Callable[[str], User]) -> User:
    return member("annotator")


@pytest.fixture
def editor(member: Callable[[str], User]) -> User:
    return member("editor")


@pytest.fixture
def stranger(person: Callable[[str], User]) -> User:
    """A person who belongs to no project."""
    return person("sven")


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """Draws a small picture: seeded soft noise, so that different seeds lie far apart under every hash."""
    import numpy as np
    from PIL import Image

    def draw(seed: int, *, size: tuple[int, int] = (96, 80), format: str = "PNG") -> bytes:
        rng = np.random.default_rng(seed)
        small = Image.fromarray(rng.integers(0, 256, (12, 12, 3), np.uint8), "RGB")
        out = BytesIO()
        small.resize(size, Image.Resampling.BICUBIC).save(out, format)
        return out.getvalue()

    return draw


@pytest.fixture
def import_files(project: Project) -> Callable[..., object]:
    """Imports files (path → bytes) into a dataset of the project, as a folder upload would; returns the dataset."""
    from catalog.tasks import import_upload
    from catalog.workspace import add_part, begin_upload, dataset_for, finish_upload

    def bring(name: str, files: dict[str, bytes]) -> object:
        dataset = dataset_for(project=project, name=name, by=None)
        upload = begin_upload(dataset=dataset, kind="folder", source_name=name, bytes_expected=0, by=None)
        for number, (path, content) in enumerate(files.items()):
            add_part(upload=upload, number=number, content=content, path=path)
        finish_upload(upload=upload)
        import_upload(upload.pk)
        dataset.refresh_from_db()
        return dataset

    return bring


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say at the very end what did not run, where it cannot be overlooked."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    skipped = reporter.stats.get("skipped", [])
    reasons = {str(report.longrepr[-1]).removeprefix("Skipped: ") for report in skipped if report.longrepr}
    for reason in sorted(reasons):
        reporter.write_line(f"\n{reason}", yellow=True, bold=True)
