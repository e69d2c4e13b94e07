"""API tokens: made once, kept as a digest, presented as `Authorization: Bearer <token>`."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from simweb.models import ApiToken

USED_RESOLUTION = timedelta(minutes=1)
"""The time of last use is written at most this often, so that reads of the API do not each write."""


def _digest(token: str) -> str:
    # A token has 256 random bits, so a plain digest cannot be searched; it needs no slow hash.
    return hashlib.sha256(token.encode()).hexdigest()


def make_token(*, user: AbstractBaseUser, name: str) -> str:
    """A new token for the person; this is the only time that its text is known."""
    token = f"simweb_{secrets.token_urlsafe(32)}"
    ApiToken.objects.create(user_id=user.pk, name=name.strip()[:100] or "token", digest=_digest(token))
    return token


class TokenAuth(HttpBearer):
    """Lets a request in by its token, as the person it belongs to."""

    def authenticate(self, request: HttpRequest, token: str) -> AbstractBaseUser | None:
        """The token's owner, if it is known and the account is active."""
        found = ApiToken.objects.select_related("user").filter(digest=_digest(token), user__is_active=True).first()
        if found is None:
            return None
        now = timezone.now()
        if found.last_used_at is None or now - found.last_used_at > USED_RESOLUTION:
            ApiToken.objects.filter(pk=found.pk).update(last_used_at=now)
        request.user = found.user
        return found.user
