"""Pages of projects: the list, a new one, settings and members."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from catalog import queries, workspace
from catalog.core.errors import CatalogError
from catalog.forms import MemberForm, ProjectForm
from catalog.models import Membership


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The projects a person belongs to; for htmx the menu of the header."""
    if "HX-Request" in request.headers:
        context = {"projects": queries.projects(request.user)[:12], "current": request.GET.get("current", "")}
        return render(request, "_partials/project_menu.html", context)
    return render(request, "catalog/projects.html", {"memberships": queries.memberships(request.user)})


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """A new project, owned by whoever makes it."""
    form = ProjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        project = workspace.create_project(
            name=form.cleaned_data["name"],
            description=form.cleaned_data["description"],
            owner=cast(User, request.user),
        )
        return redirect("project", project.slug)
    return render(request, "catalog/project_new.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, project: str) -> HttpResponse:
    """Name, description and members; for owners."""
    access = queries.access(request.user, project, Membership.Role.OWNER)
    form = ProjectForm(request.POST or None, instance=access.project)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("project-settings", access.project.slug)
    return _settings_page(request, queries.access(request.user, project), form=form)


@require_POST
def set_member(request: HttpRequest, project: str) -> HttpResponse:
    """Take a person into the project, or change a member's role."""
    access = queries.access(request.user, project, Membership.Role.OWNER)
    form = MemberForm(request.POST)
    if form.is_valid():
        username, role = form.cleaned_data["username"], form.cleaned_data["role"]
        try:
            membership = workspace.set_member(project=access.project, username=username, role=role)
        except CatalogError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{username.strip()} is {membership.role} of this project.")
            own = membership.user_id == request.user.pk and membership.role != Membership.Role.OWNER
            return redirect("project" if own else "project-settings", access.project.slug)
    return _settings_page(request, access, member_form=form)


@require_POST
def remove_member(request: HttpRequest, project: str, user: int) -> HttpResponse:
    """End a membership; what the person judged stays."""
    access = queries.access(request.user, project, Membership.Role.OWNER)
    try:
        workspace.remove_member(project=access.project, user_id=user)
    except CatalogError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The membership has ended. Verdicts stay.")
        if user == request.user.pk:
            return redirect("projects")
    return redirect("project-settings", access.project.slug)


def _settings_page(
    request: HttpRequest,
    access: queries.Access,
    *,
    form: ProjectForm | None = None,
    member_form: MemberForm | None = None,
) -> HttpResponse:
    refused = any(shown is not None and shown.is_bound for shown in (form, member_form))
    members = queries.members(access.project)
    context = {
        "access": access,
        "project": access.project,
        "section": "settings",
        "owners": sum(1 for member in members if member.role == Membership.Role.OWNER),
        "form": form or ProjectForm(instance=access.project),
        "member_form": member_form or MemberForm(),
        "members": members,
        "roles": Membership.Role.choices,
    }
    return render(request, "catalog/settings.html", context, status=422 if refused else 200)
