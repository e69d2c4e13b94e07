"""Sign-in, password and API tokens."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from simweb.models import ApiToken
from simweb.tokens import make_token

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


def test_sign_in_leads_to_the_page_that_was_asked_for(client: Client, owner: User) -> None:
    refused = client.get("/account")
    assert refused.status_code == 302
    assert refused["Location"] == "/sign-in?next=/account"
    page = client.get(refused["Location"])
    assert "which images your datasets share" in page.content.decode()
    answer = client.post("/sign-in?next=/account", {"username": "olga", "password": PASSWORD, "next": "/account"})
    assert answer["Location"] == "/account"


def test_a_wrong_password_is_said_beside_the_form(client: Client, owner: User) -> None:
    page = client.post("/sign-in", {"username": "olga", "password": "wrong"})
    assert page.status_code == 200
    assert 'role="alert"' in page.content.decode()
    assert 'value="olga"' in page.content.decode()


def test_signing_out_takes_a_post(client: Client, owner: User) -> None:
    client.force_login(owner)
    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out").status_code == 302
    assert client.get("/account").status_code == 302


def test_password_is_changed_and_the_session_stays(client: Client, owner: User) -> None:
    client.force_login(owner)
    new = "another long sentence"
    fields = {"action": "password", "old_password": PASSWORD, "new_password1": new, "new_password2": new}
    wrong = client.post("/account", fields | {"old_password": "wrong"})
    assert "was entered incorrectly" in wrong.content.decode()
    assert client.post("/account", fields).status_code == 302
    assert "Your password is changed" in client.get("/account").content.decode()
    owner.refresh_from_db()
    assert owner.check_password(new)


def test_a_token_is_shown_once_and_opens_the_api(client: Client, owner: User) -> None:
    client.force_login(owner)
    page = client.post("/account", {"action": "make-token", "name": "nightly <script>"})
    made = re.search(r"simweb_[\w-]{40,}", page.content.decode())
    assert made is not None
    assert "no-store" in page["Cache-Control"]
    assert "nightly &lt;script&gt;" in page.content.decode()
    assert made.group() not in client.get("/account").content.decode()
    assert made.group() not in str(list(ApiToken.objects.values()))
    script = Client()
    bearer = {"Authorization": f"Bearer {made.group()}"}
    assert script.get("/api/v1/openapi.json", headers=bearer).status_code == 200


def test_a_token_without_a_name_is_refused_beside_the_field(client: Client, owner: User) -> None:
    client.force_login(owner)
    page = client.post("/account", {"action": "make-token", "name": " "})
    assert "This field is required" in page.content.decode()
    assert not ApiToken.objects.exists()


def test_people_revoke_their_own_tokens_only(client: Client, owner: User, stranger: User) -> None:
    make_token(user=owner, name="hers")
    token = ApiToken.objects.get()
    revoke = {"action": "revoke-token", "token": str(token.pk)}
    client.force_login(stranger)
    assert client.post("/account", revoke).status_code == 404
    assert client.post("/account", revoke | {"token": "x"}).status_code == 404
    assert "hers" not in client.get("/account").content.decode()
    client.force_login(owner)
    assert "hers" in client.get("/account").content.decode()
    assert client.post("/account", revoke).status_code == 302
    assert not ApiToken.objects.exists()


def test_what_is_not_there_says_what_to_do(client: Client, owner: User) -> None:
    client.force_login(owner)
    page = client.get("/p/none/")
    assert page.status_code == 404
    assert "you are not a member of its project" in page.content.decode()


def test_an_old_form_says_what_to_do(owner: User) -> None:
    from django.test import RequestFactory

    from simweb.views import csrf_failure

    page = csrf_failure(RequestFactory().post("/account"), reason="old")
    assert page.status_code == 403
    assert "reload the page" in page.content.decode()


def test_the_page_for_a_crash_needs_no_request() -> None:
    from django.test import RequestFactory

    from simweb.views import broken

    page = broken(RequestFactory().get("/"))
    assert page.status_code == 500
    assert "Nothing was lost" in page.content.decode()


def test_pages_carry_no_inline_scripts_or_handlers(client: Client, owner: User) -> None:
    client.force_login(owner)
    page = client.get("/account")
    assert "script-src 'self'" in page["Content-Security-Policy"]
    text = page.content.decode()
    assert not re.search(r"<script(?![^>]*\b(src|type=\"application/json\"))", text)
    assert not re.search(r"\son\w+=", text)
