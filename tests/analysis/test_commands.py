"""The commands: in this process against the test database, and as real processes with a data folder of their own."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command, load_command_class
from django.core.management.base import BaseCommand, CommandError

from analysis.models import Comparison, Report, Signal, Split
from catalog.ingest import CHUNK_FILES
from catalog.models import Dataset, Project, Upload
from simweb.management.commands.compare import asked
from tests.shared import shared_data
from tests.web.script import Script

Draw = Callable[..., bytes]
Import = Callable[..., Dataset]
ROOT = Path(__file__).resolve().parents[2]


class Said:
    """What a command printed."""

    def __init__(self, out: str, err: str) -> None:
        self.out = out
        self.err = err

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[list[str]]:
        return [line.split("\t") for line in self.out.splitlines()]


def manage(*words: object) -> Said:
    out, err = io.StringIO(), io.StringIO()
    name, *arguments = map(str, words)
    call_command(name, *arguments, stdout=out, stderr=err)
    return Said(out.getvalue(), err.getvalue())


@pytest.fixture
def admin(db: None) -> User:
    return User.objects.create_superuser("root", password="correct horse battery")


@pytest.fixture
def folder(tmp_path: Path, picture: Draw) -> Path:
    """Three classes of four pictures, one copy inside, one file that is no picture."""
    root = tmp_path / "birds"
    for c, label in enumerate(("crow", "duck", "gull")):
        (root / label).mkdir(parents=True)
        for n in range(4):
            (root / label / f"{n}.png").write_bytes(picture(10 * c + n))
    (root / "crow" / "0-copy.jpg").write_bytes(picture(0, format="JPEG"))
    (root / "crow" / "notes.txt").write_text("no picture")
    return root


@pytest.fixture
def birds(project: Project, admin: User, folder: Path) -> Project:
    """The project with the folder imported and compared within itself."""
    manage("import_dataset", "saints-in-art", "Birds", folder, "--wait")
    manage("compare", "saints-in-art", "--scope", "within", "--wait")
    return project


@pytest.mark.shared_data
def test_the_published_study_comes_out_of_the_commands(admin: User) -> None:
    root = shared_data() / "saints" / "fingerprints"
    for name in ("ArtDL", "ICONCLASS", "wikidata"):
        said = manage("import_dataset", "Saints", name, root / name, "--wait", "--json")
        assert said.json["status"] == "done"
    assert said.json["images_taken"] == 718
    assert manage("datasets", "saints").lines == [
        ["artdl", "ArtDL", "1864", "0"],
        ["iconclass", "ICONCLASS", "592", "0"],
        ["wikidata", "wikidata", "718", "0"],
    ]
    options = ["--signal", "phash-8", "--max-distance", 8, "--scope", "across"]
    said = manage("compare", "saints", "--datasets", "ArtDL", "--datasets", "ICONCLASS", "wikidata", *options, "--wait")
    assert "phash-8, at most 8 of 64 bits: 46 pairs" in said.out
    assert "ArtDL – wikidata: 44 pairs, 43 of 1,864 images of ArtDL, 39 of 718 of wikidata" in said.out
    listed = manage("pairs", "saints", "--signal", "phash-8", "--max-distance", 8)
    assert listed.err == ""
    published = json.loads((shared_data() / "saints/published/perceptual_cross_duplicates.json").read_text())
    expected = {frozenset(f"{side['dataset']}/{side['name']}" for side in pair) for pair in published}
    assert {frozenset(line[:2]) for line in listed.lines} == expected
    assert len(listed.lines) == 46
    distances = [int(line[2]) for line in listed.lines]
    assert distances == sorted(distances)
    objects = [json.loads(line) for line in manage("pairs", "saints", "--json").out.splitlines()]
    assert [f"{row['a']['dataset']}/{row['a']['name']}" for row in objects] == [line[0] for line in listed.lines]
    two = manage("pairs", "saints", "--datasets", "iconclass", "wikidata")
    assert len(two.lines) == 2


def test_a_folder_is_recognised_and_what_is_refused_is_named(project: Project, admin: User, folder: Path) -> None:
    said = manage("import_dataset", "Saints in art", "Birds", folder, "--wait")
    assert said.out.startswith("Birds: 13 images taken, 1 files refused, 14 seen.\n")
    assert "Refused: crow/notes.txt: " in said.err
    upload = Upload.objects.get()
    assert upload.created_by == admin
    assert Dataset.objects.get().project == project


def test_an_archive_is_imported_too(project: Project, admin: User, folder: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "birds.tar.gz", "w:gz") as archive:
        archive.add(folder, "birds")
    said = manage("import_dataset", "saints-in-art", "Birds", tmp_path / "birds.tar.gz", "--wait", "--json").json
    assert (said["kind"], said["images_taken"], said["files_refused"]) == ("archive", 13, 1)


def test_a_project_that_is_missing_is_made_for_the_person_named(admin: User, stranger: User, folder: Path) -> None:
    said = manage("import_dataset", "New birds", "Birds", folder, "--wait", "--user", "sven")
    assert "Made the project “New birds” (new-birds), which belongs to sven." in said.err
    assert Project.objects.get().memberships.get().user == stranger


def test_the_first_account_is_made_where_there_is_none(db: None, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    assert manage("create_project", "Saints").out == "saints\n"
    password = (tmp_path / "secrets" / "admin-password").read_text().strip()
    assert User.objects.get(username="admin", is_superuser=True).check_password(password)


def test_a_project_and_a_token_are_made_in_a_persons_name(admin: User, stranger: User, client: Any) -> None:
    assert manage("create_project", "Birds", "--user", "sven", "--json").json["role"] == "owner"
    token = manage("sign_in", "sven").out.strip()
    answer = client.get("/api/v1/projects", headers={"Authorization": f"Bearer {token}"})
    assert [row["slug"] for row in answer.json()] == ["birds"]
    assert manage("sign_in", "--json").json["username"] == "root"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["datasets", "nope"], "There is no project “nope”. There are: saints-in-art."),
        (["create_project", "x", "--user", "nobody"], "Nobody here signs in as “nobody”. There are: olga, root."),
        (["import_dataset", "x", "y", "/no/such/folder"], "There is no file or folder /no/such/folder."),
        (["compare", "saints-in-art"], "needs at least 2 datasets; 0 chosen"),
        (["compare", "saints-in-art", "--datasets", "x"], "has no dataset “x”. It has: none yet."),
        (["compare", "saints-in-art", "--signal", "x"], "There is no hash 'x'. There are: ahash-8"),
        (["pairs", "saints-in-art", "--max-distance", "65"], "65 is no distance under phash-8"),
        (["pairs", "saints-in-art"], "None of these datasets have been compared under this signal yet."),
        (["report", "saints-in-art"], "has no comparison that is done. Compare first"),
        (["report", "saints-in-art", "--comparison", "9"], "has no comparison 9. It has: none yet."),
        (["make_split", "saints-in-art", "x", "--n-way", "2", "--k-shot", "1"], "has no dataset “x”"),
        (["export_split", "saints-in-art", "x"], "has no split “x”. Name one by its number: there is none yet."),
    ],
)
def test_what_cannot_be_done_is_said_in_words(project: Project, admin: User, words: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=re.escape(message)) as caught:
        manage(*words)
    assert caught.value.returncode == 1
    assert Project.objects.count() == 1


def test_two_projects_of_one_name_are_told_apart_by_slug(project: Project, admin: User) -> None:
    manage("create_project", "Saints in art")
    with pytest.raises(CommandError, match="2 projects are called “Saints in art”"):
        manage("datasets", "Saints in art")
    assert manage("datasets", "saints-in-art-2").out == ""


def test_distances_belong_to_signals_in_their_order(project: Project) -> None:
    assert asked(project, ["phash-8", "dhash-8"], [3]) == {"phash-8": 3, "dhash-8": 3}
    assert asked(project, ["phash-8", "dhash-8"], [3, 4]) == {"phash-8": 3, "dhash-8": 4}
    assert asked(project, ["phash-8"], []) == {"phash-8": 8}
    Signal.objects.create(name=f"vectors:{project.pk}/clip-2", project=project)
    assert asked(project, ["clip-2"], []) == {"clip-2": 0.1}
    with pytest.raises(CommandError, match="3 distances are given for 2 signals"):
        asked(project, ["phash-8", "dhash-8"], [1, 2, 3])
    with pytest.raises(CommandError, match="twice"):
        asked(project, ["phash-8", "phash-8"], [])


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_a_signal_that_stopped_keeps_back_nothing_of_the_others(
    project: Project, owner: User, admin: User, import_files: Callable[..., Dataset], form: list[str]
) -> None:
    for name in ("A", "B"):
        import_files(name, {"names.json": b'["saint"]', "perceptual_hashes.json": b'["e1a98d969ab2b135"]'})
    out = io.StringIO()
    words = ["compare", "saints-in-art", "--signal", "phash-8", "--signal", "dhash-8", "--wait", *form]
    with pytest.raises(CommandError, match="dHash, 64 bits could not be computed: “A” has no dhash-8"):
        call_command(*words, stdout=out, stderr=io.StringIO())
    if form:
        said = json.loads(out.getvalue())
        assert [(each["signal"], each["pairs"]) for each in said["overlaps"]] == [("phash-8", 1)]
    else:
        assert "phash-8, at most 8 of 64 bits: 1 pairs" in out.getvalue()
    script, [comparison] = Script(owner), Comparison.objects.all()
    for path in ("overlap?", "overlap/curve?", "pairs?"):
        place = f"/projects/saints-in-art/comparisons/{comparison.pk}/{path}signal="
        refused = script.get(f"{place}dhash-8", expect=409)
        assert refused["detail"].startswith("dHash, 64 bits could not be computed: “A” has no")
        assert script.get(f"{place}phash-8")


def test_pairs_say_how_far_they_are_known(birds: Project) -> None:
    [pair] = manage("pairs", "saints-in-art").lines
    assert (set(pair[:2]), pair[2]) == ({"Birds/crow/0", "Birds/crow/0-copy"}, "0")
    far = manage("pairs", "saints-in-art", "--max-distance", 9)
    assert "Note: within Birds: compared up to 8 of 64 bits only, so pairs may be missing." in far.err
    with pytest.raises(CommandError, match="compared under this signal"):
        manage("pairs", "saints-in-art", "--scope", "across")


def test_a_report_is_saved(birds: Project, tmp_path: Path) -> None:
    target = tmp_path / "report.zip"
    words = ["report", "saints-in-art", "--threshold", "phash-8=4", "--output", target]
    said = manage(*words, "--json")
    assert (said.json["status"], said.json["thresholds"]) == ("done", {"phash-8": 4})
    assert zipfile.ZipFile(target).testzip() is None
    with pytest.raises(CommandError, match="is there already"):
        manage(*words)
    manage(*words, "--force")
    # Refused before anything was computed.
    assert Report.objects.count() == 2
    with pytest.raises(CommandError, match="largest distance explored"):
        manage("report", "saints-in-art", "--threshold", "phash-8=60", "--wait")
    with pytest.raises(CommandError, match="not of the form phash-8=8"):
        manage("report", "saints-in-art", "--threshold", "8", "--wait")


def test_a_split_is_made_and_exported(birds: Project, tmp_path: Path) -> None:
    recipe = ["--n-way", 2, "--k-shot", 1, "--n-query", 2, "--signal", "phash-8", "--max-distance", 8, "--seed", 5]
    said = manage("make_split", "saints-in-art", "Birds", *recipe, "--wait")
    assert "is done." in said.out
    split = Split.objects.get()
    assert split.items.filter(role="support").count() == 2
    saved = manage("export_split", "saints-in-art", split.pk, "--output", tmp_path)
    path = Path(saved.out.strip())
    assert path == tmp_path / f"saints-in-art-split-{split.pk}.zip"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == split.archive_sha256
    again = manage("make_split", "saints-in-art", "birds", *recipe, "--wait", "--json").json
    assert again["archive_sha256"] == split.archive_sha256
    assert [row["support"] for row in again["classes"]] == [1, 1]
    with pytest.raises(CommandError, match="is at least 1"):
        manage("make_split", "saints-in-art", "birds", "--n-way", 0, "--k-shot", 1)


def test_a_damaged_archive_is_not_exported(birds: Project, tmp_path: Path) -> None:
    words = ["--n-way", 2, "--k-shot", 1, "--signal", "phash-8"]
    manage("make_split", "saints-in-art", "birds", *words, "--wait")
    Split.objects.update(archive_sha256="0" * 64)
    with pytest.raises(CommandError, match="is damaged"):
        manage("export_split", "saints-in-art", Split.objects.get().name, "--output", tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()
    assert not list(tmp_path.glob(".out.zip*"))


def test_a_job_that_fails_fails_the_command(project: Project, admin: User, import_files: Import, picture: Draw) -> None:
    import_files("Pictures", {"1.png": picture(1), "2.png": picture(2)})
    names = io.BytesIO(b"a\nb\n").getvalue()
    import_files("Hashes", {"names.txt": names, "perceptual_hashes.json": b'["0011223344556677", "8899aabbccddeeff"]'})
    with pytest.raises(CommandError, match="has no dhash-8 hashes: only fingerprints were brought"):
        manage("compare", "saints-in-art", "--signal", "dhash-8", "--wait")
    assert Comparison.objects.get().status == "failed"


# Real processes


def environment(var: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    return kept | {"SIMWEB_VAR": str(var)}


def process(var: Path, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "manage.py"), *map(str, words)]
    return subprocess.run(
        command, cwd=ROOT, env=environment(var), capture_output=True, text=True, timeout=120, check=False
    )


def servers_of(var: Path) -> list[str]:
    """Processes that have the data folder in their command line or environment and are servers."""
    listed = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(var) in line and ("postgres" in line or "redis" in line)]


def test_a_fresh_installation_is_used_without_any_server(tmp_path: Path, folder: Path) -> None:
    var = tmp_path / "var"
    done = process(var, "import_dataset", "Birds", "All birds", folder, "--wait", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["images_taken"] == 13
    assert "which belongs to admin" in done.stderr

    failed = process(var, "compare", "birds", "--datasets", "none", "--wait")
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert "has no dataset “none”. It has: All birds." in failed.stderr
    assert "Traceback" not in failed.stderr

    queued = process(var, "compare", "birds", "--scope", "within", "--json")
    assert queued.returncode == 0, queued.stderr
    assert json.loads(queued.stdout)["status"] == "queued"
    assert "With --wait it is computed here." in queued.stderr
    deadline = time.monotonic() + 15
    while servers_of(var) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert servers_of(var) == []


def test_ctrl_c_leaves_nothing_half_imported(tmp_path: Path, picture: Draw) -> None:
    var, many = tmp_path / "var", tmp_path / "many"
    many.mkdir()
    for n in range(400):
        (many / f"{n}.png").write_bytes(picture(n, size=(200, 200)))
    words = ["import_dataset", "Birds", "Birds", str(many), "--wait"]
    running = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), *words],
        cwd=ROOT,
        env=environment(var),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    stored = var / "data" / "files" / "images"
    # The first chunk of images is in the database, the second is being stored.
    while running.poll() is None and sum(1 for _ in stored.rglob("*.png")) < CHUNK_FILES + 10:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, ""), err
    assert "Stopped." in err
    assert "Traceback" not in err
    again = json.loads(process(var, *words, "--json").stdout)
    assert (again["images_taken"], again["files_refused"]) == (400, 0)


def test_on_a_terminal_there_is_a_progress_bar(tmp_path: Path, folder: Path) -> None:
    control, terminal = pty.openpty()
    command = [sys.executable, str(ROOT / "manage.py"), "import_dataset", "Birds", "Birds", str(folder), "--wait"]
    running = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(tmp_path / "var") | {"TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=terminal,
    )
    os.close(terminal)
    shown = b""
    while select.select([control], [], [], 120)[0]:
        try:
            shown += os.read(control, 65536)
        except OSError:
            break
    assert running.wait(60) == 0, shown.decode()
    assert running.stdout is not None
    assert running.stdout.read().startswith(b"Birds: 13 images taken")
    assert "━" in shown.decode()
    assert re.search(r"Starting|Reading", shown.decode())


EXAMPLE = re.compile(r"^python manage\.py (.+)$", re.MULTILINE)


def test_every_command_and_option_is_documented() -> None:
    told = (ROOT / "docs" / "cli.md").read_text()
    here = {path.stem for path in (ROOT / "simweb" / "management" / "commands").glob("[a-z]*.py")}
    assert {name for name in here if f"## {name}\n" not in told} == set()
    for name in here:
        parser = load_command_class("simweb", name).create_parser("manage.py", name)
        own = {option for action in parser._actions for option in action.option_strings if option.startswith("--")}
        inherited = {
            option for action in BaseCommand().create_parser("", "")._actions for option in action.option_strings
        }
        section = told.split(f"## {name}\n")[1].split("\n## ")[0] + told.split("\n## ")[0]
        assert {option for option in own - inherited if f"`{option}" not in section} == set(), name


@pytest.mark.parametrize("example", EXAMPLE.findall((ROOT / "docs" / "cli.md").read_text()))
def test_every_example_is_a_command_that_is_understood(example: str) -> None:
    name, *words = shlex.split(example.split("|", maxsplit=1)[0].split(">", maxsplit=1)[0])
    load_command_class("simweb", name).create_parser("manage.py", name).parse_args(words)
