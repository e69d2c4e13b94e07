"""Sign-in, the account page, and the pages for what goes wrong."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash, views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.decorators import method_decorator


@method_decorator(login_not_required, name="dispatch")
class SignIn(views.LoginView):
    """The sign-in page."""

    template_name = "sign_in.html"
    redirect_authenticated_user = True


class SignOut(views.LogoutView):
    """Ends the session (POST only)."""


def account(request: HttpRequest) -> HttpResponse:
    """The person's own page: change the password."""
    assert isinstance(request.user, User)  # noqa: S101  # the login middleware lets no one else in
    form = PasswordChangeForm(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        update_session_auth_hash(request, form.save())
        messages.success(request, "Your password is changed.")
        return redirect("account")
    return render(request, "account.html", {"form": form})


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: the same page for what does not exist and for what one may not see."""
    context = {
        "message": "There is nothing here.",
        "remedy": "The address may be mistyped, or the thing was deleted, or you are not a member of its project.",
        "status": 404,
    }
    return render(request, "problem.html", context, status=404)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    context = {"message": "This is not allowed.", "remedy": "Go back, reload the page and try again.", "status": 403}
    return render(request, "problem.html", context, status=403)


def broken(request: HttpRequest) -> HttpResponse:
    """500: needs nothing that could itself be broken, so it uses no context of the request."""
    context = {
        "message": "Something went wrong on our side.",
        "remedy": "Nothing was lost. Try again; if it happens again, tell the person who runs this site.",
        "status": 500,
    }
    return HttpResponseServerError(render_to_string("problem.html", context))
