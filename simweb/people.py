"""The accounts of an installation: the first one, and whom a command acts for."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User

from catalog.core.errors import CatalogError
from simweb.secrets import kept_secret

FIRST_USER = "admin"


def first_user() -> User:
    """The first superuser; where there is no account at all, `admin` is made with a password kept in the data folder.

    Raises:
        CatalogError: there are accounts, but none of an administrator.
    """
    found = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if found is not None:
        return found
    if User.objects.exists():
        raise CatalogError(
            "No account here belongs to an administrator.", remedy="Say in whose name with --user, or createsuperuser."
        )
    return User.objects.create_superuser(
        FIRST_USER, password=kept_secret(settings.DATA_DIR, "admin-password", length=16)
    )


def person_named(name: str) -> User:
    """The person who signs in with this name; the first user where none is given.

    Raises:
        CatalogError: nobody has this name.
    """
    if not name:
        return first_user()
    found = User.objects.filter(username=name, is_active=True).first()
    if found is None:
        known = ", ".join(User.objects.order_by("username").values_list("username", flat=True)[:20])
        raise CatalogError(f"Nobody here signs in as “{name}”.", remedy=f"There are: {known or 'no accounts yet'}.")
    return found
