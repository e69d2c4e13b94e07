"""The REST API of a person's account: sign in for a token, see and revoke tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema, Status
from ninja.errors import HttpError

from catalog.schemas import Problem, problems
from simweb.models import ApiToken
from simweb.tokens import make_token

router = Router(tags=["account"])


class SignIn(Schema):
    """Who asks for a token."""

    username: str = Field(examples=["admin"])
    password: str
    name: str = Field("", description="What the token is for, shown beside it.", examples=["nightly import"])


class NewToken(Schema):
    """A token; its text is given this once and kept nowhere."""

    id: int
    name: str
    token: str = Field(examples=["simweb_…"])


class Token(Schema):
    """A token of yours, without its text."""

    id: int
    name: str
    created_at: datetime
    last_used_at: datetime | None


class Me(Schema):
    """The person whose credentials came with the request."""

    username: str


@router.post(
    "/tokens",
    auth=None,
    response={201: NewToken, 401: Problem, 422: Problem},
    operation_id="sign_in",
    summary="Sign in",
)
def sign_in(request: HttpRequest, payload: SignIn) -> Status[Any]:
    """Exchange a name and a password for a new token. Keep it secret: it can do what you can do."""
    user = authenticate(request, username=payload.username, password=payload.password)
    if user is None:
        raise HttpError(401, "Name or password is wrong.")
    token = make_token(user=user, name=payload.name)
    row = ApiToken.objects.filter(user=user).latest("id")
    return Status(201, {"id": row.pk, "name": row.name, "token": token})


@router.get("/me", response={200: Me, **problems(401)}, operation_id="who_am_i", summary="Who am I")
def who_am_i(request: HttpRequest) -> User:
    """The person that the token or session belongs to."""
    return cast(User, request.user)


@router.get("/tokens", response={200: list[Token], **problems(401)}, operation_id="list_tokens", summary="My tokens")
def list_tokens(request: HttpRequest) -> Any:
    """Your tokens, the newest first."""
    return ApiToken.objects.filter(user=cast(User, request.user))


@router.delete(
    "/tokens/{int:token}",
    response={204: None, **problems(401, 404)},
    operation_id="revoke_token",
    summary="Revoke a token",
)
def revoke_token(request: HttpRequest, token: int) -> Status[None]:
    """End a token of yours; from now on it opens nothing."""
    get_object_or_404(ApiToken, pk=token, user=cast(User, request.user)).delete()
    return Status(204, None)
