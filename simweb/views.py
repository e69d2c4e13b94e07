"""Sign-in, the account page, and the pages for what goes wrong."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash, views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from simweb.forms import TokenForm
from simweb.models import ApiToken
from simweb.tokens import make_token


@method_decorator(login_not_required, name="dispatch")
class SignIn(views.LoginView):
    """The sign-in page."""

    template_name = "sign_in.html"
    redirect_authenticated_user = True


class SignOut(views.LogoutView):
    """Ends the session (POST only)."""


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """The person's own page: change the password; make and revoke API tokens."""
    user = cast(User, request.user)  # the login middleware lets no one else in
    action = request.POST.get("action")
    password = PasswordChangeForm(user, request.POST if action == "password" else None)
    # The page is about more than the password: it does not jump there.
    password.fields["old_password"].widget.attrs.pop("autofocus", None)
    token_form = TokenForm(request.POST if action == "make-token" else None)
    made = None
    if action == "password" and password.is_valid():
        update_session_auth_hash(request, password.save())
        messages.success(request, "Your password is changed. You are signed out everywhere else.")
        return redirect("account")
    if action == "make-token" and token_form.is_valid():
        # Shown in this answer and kept nowhere, so there is no redirect to another page that could show it.
        made = make_token(user=user, name=token_form.cleaned_data["name"])
        token_form = TokenForm()
    if action == "revoke-token":
        number = request.POST.get("token", "")
        token = get_object_or_404(ApiToken, pk=int(number) if number.isdecimal() else 0, user=user)
        token.delete()
        messages.success(request, f"The token “{token.name}” no longer works.")
        return redirect("account")
    tokens = ApiToken.objects.filter(user=user)
    context = {"password": password, "token_form": token_form, "made": made, "tokens": tokens}
    return render(request, "account.html", context)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: the same page for what does not exist and for what one may not see."""
    context = {
        "message": "There is nothing here.",
        "remedy": "The address may be mistyped, or the thing was deleted, or you are not a member of its project.",
        "status": 404,
    }
    return render(request, "problem.html", context, status=404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form whose key is missing or old, which people meet after signing in again in another tab."""
    del reason
    context = {
        "message": "This form is no longer valid.",
        "remedy": "Go back, reload the page and send it again. Cookies must be allowed.",
        "status": 403,
    }
    return render(request, "problem.html", context, status=403)


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
    return HttpResponseServerError(render_to_string("broken.html", context))
