"""Projects, their settings and their members."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.test import Client

from catalog.models import Membership, Project


def test_the_first_project_is_made_and_opens(client: Client, stranger: User) -> None:
    client.force_login(stranger)
    assert "Create your first project" in client.get("/").content.decode()
    refused = client.post("/projects/new", {"name": " "})
    assert "This field is required" in refused.content.decode()
    made = client.post("/projects/new", {"name": "  Birds   of  Europe", "description": "two lists"})
    assert made["Location"] == "/p/birds-of-europe/"
    page = client.get(made["Location"]).content.decode()
    assert "Drop the first dataset here" in page
    assert "Load the example" in page
    assert "owner" in client.get("/").content.decode()


def test_members_come_change_and_go(client: Client, project: Project, owner: User, stranger: User) -> None:
    client.force_login(owner)
    base = f"/p/{project.slug}"
    unknown = client.post(f"{base}/members", {"username": "nobody", "role": "viewer"})
    assert unknown.status_code == 422
    assert "Nobody here signs in as “nobody”" in unknown.content.decode()
    assert 'value="nobody"' in unknown.content.decode()
    assert client.post(f"{base}/members", {"username": "sven", "role": "editor"}).status_code == 302
    assert Membership.objects.get(user=stranger).role == "editor"
    assert client.post(f"{base}/members", {"username": "sven", "role": "king"}).status_code == 422
    last_owner = client.post(f"{base}/members", {"username": "olga", "role": "viewer"})
    assert "A project needs an owner" in last_owner.content.decode()
    client.post(f"{base}/members/{owner.pk}/remove")
    assert "A project needs an owner" in client.get(f"{base}/settings").content.decode()
    client.post(f"{base}/members/{stranger.pk}/remove")
    assert not Membership.objects.filter(user=stranger).exists()


def test_a_refused_name_leaves_the_old_one_on_the_page(client: Client, project: Project, owner: User) -> None:
    client.force_login(owner)
    page = client.post(f"/p/{project.slug}/settings", {"name": ""})
    assert page.status_code == 422
    assert '<span class="clip">Saints in art</span>' in page.content.decode()
    client.post(f"/p/{project.slug}/settings", {"name": "Saints", "description": "new"})
    project.refresh_from_db()
    assert (project.name, project.slug) == ("Saints", "saints-in-art")
