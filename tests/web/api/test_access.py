"""Who may call what: credentials, strangers, viewers, for every operation that there is."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from catalog.models import Dataset, Project
from simweb.api import api
from simweb.tokens import make_token
from tests.web.script import Script


@cache
def operations() -> dict[str, tuple[str, str]]:
    """operation id → method, path with every parameter filled in."""
    values = {"project": "saints-in-art", "dataset": "birds", "username": "olga", "b": "2"}
    found = {}
    for path, methods in api.get_openapi_schema()["paths"].items():
        filled = re.sub(r"{(\w+)}", lambda part: values.get(part[1], "1"), path.removeprefix("/api/v1"))
        for method, operation in methods.items():
            found[operation["operationId"]] = method.upper(), filled
    return found


OPEN = {"sign_in"}
BODIES: dict[str, Any] = {
    "set_member": {"role": "viewer"},
    "begin_upload": {"dataset": "x", "kind": "archive", "source_name": "x.zip"},
    "create_comparison": {"datasets": [], "signals": [{"name": "phash-8"}]},
    "give_verdict": {"choice": "different"},
    "request_report": {},
    "verify_pair": {},
    "create_projection": {"signal": "a"},
    "verify_comparison": {},
    "create_model_comparison": {"first": "a", "second": "b"},
    "create_split": {"dataset": "birds", "n_way": 2, "k_shot": 1},
}
FILES = {"path": "1.png", "files": SimpleUploadedFile("x", b"x"), "first": 0}
OF_NO_PROJECT = {
    *("sign_in", "who_am_i", "list_tokens", "revoke_token", "list_projects", "create_project"),
    *("list_signals", "list_samplers", "look_up", "list_verifiers"),
}
VIEWERS = {
    *("read_project", "list_members", "list_datasets", "read_dataset", "list_images", "download_image", "list_uploads"),
    *("read_upload", "list_refused_files", "list_comparisons", "read_comparison", "read_overlap"),
    *("read_overlap_curve", "list_pairs", "read_pair", "request_report", "list_reports", "read_report"),
    *("download_report", "list_splits", "read_split", "download_split", "search_from_image", "search"),
    *("list_projections", "read_projection", "read_points", "download_points"),
    *("list_verifications", "read_verification_run", "list_verified_pairs"),
    *("list_model_comparisons", "read_model_comparison", "list_different_pairs"),
}


def answers(script: Script, names: set[str]) -> dict[str, tuple[int, str]]:
    """What each operation answers: status and detail."""
    said = {}
    for name in sorted(names):
        method, path = operations()[name]
        response = script.form(path, FILES) if name == "send_files" else script.call(method, path, BODIES.get(name))
        said[name] = response.status_code, response.json()["detail"]
    return said


def test_without_credentials_every_operation_answers_401_in_json(db: None) -> None:
    names = set(operations()) - OPEN
    assert answers(Script(), names) == dict.fromkeys(names, (401, "This needs a token or a session."))


def test_a_stranger_learns_nothing_of_a_project(stranger: User, two: list[Dataset]) -> None:
    names = set(operations()) - OF_NO_PROJECT
    assert answers(Script(stranger), names) == dict.fromkeys(names, (404, "There is nothing here."))


def test_a_viewer_may_not_write(viewer: User, two: list[Dataset]) -> None:
    names = set(operations()) - OF_NO_PROJECT - VIEWERS
    assert len(names) >= 10
    said = answers(Script(viewer), names)
    assert {name: status for name, (status, _) in said.items()} == dict.fromkeys(names, 403)
    assert all(detail.startswith("You are viewer of “Saints in art”; this needs") for _, detail in said.values())


def test_signing_in_gives_a_token_that_works_until_it_is_revoked(owner: User) -> None:
    said = {"username": "olga", "password": "correct horse battery", "name": "laptop"}
    made = Script().post("/tokens", said)
    script = Script()
    script.headers = {"Authorization": f"Bearer {made['token']}"}
    assert script.get("/me") == {"username": "olga"}
    [listed] = script.get("/tokens")
    assert (listed["id"], listed["name"], "token" in listed) == (made["id"], "laptop", False)
    assert script.call("DELETE", f"/tokens/{made['id']}").status_code == 204
    script.get("/me", expect=401)


def test_a_wrong_password_gives_no_token(owner: User) -> None:
    problem = Script().post("/tokens", {"username": "olga", "password": "wrong"}, expect=401)
    assert problem["detail"] == "Name or password is wrong."


def test_nobody_revokes_anothers_token(owner: User, stranger: User) -> None:
    make_token(user=owner, name="hers")
    token = owner.api_tokens.get()
    assert Script(stranger).call("DELETE", f"/tokens/{token.pk}").status_code == 404
    assert owner.api_tokens.exists()


def test_a_session_reads_freely_and_writes_with_its_csrf_token_only(project: Project, owner: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)
    assert browser.get("/api/v1/me").json() == {"username": "olga"}
    body = '{"name": "New"}'
    refused = browser.post("/api/v1/projects", body, "application/json")
    assert (refused.status_code, "X-CSRFToken" in refused.json()["remedy"]) == (403, True)
    browser.get("/account")
    token = browser.cookies["csrftoken"].value
    assert browser.post("/api/v1/projects", body, "application/json", headers={"X-CSRFToken": token}).status_code == 201


def test_a_wrong_token_is_not_saved_by_a_session(owner: User) -> None:
    browser = Client()
    browser.force_login(owner)
    assert browser.get("/api/v1/me", headers={"Authorization": "Bearer wrong"}).status_code == 401
