"""Domain errors, mapped to HTTP and to the command line in this one place."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import DataError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from analysis.core.errors import AnalysisError, TooManyPairs, UnknownName
from catalog.core.errors import CatalogError, Conflict, NotAllowed

log = logging.getLogger(__name__)

DOMAIN_ERRORS = (CatalogError, AnalysisError)

NOT_FOR_A_DATABASE = (DataError, UnicodeEncodeError)
"""What the database and its driver raise for values of a request that no column can hold and no query can ask for."""

_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (NotAllowed, 403),
    (Conflict, 409),
    (UnknownName, 404),
    (TooManyPairs, 413),
    (CatalogError, 422),
    (AnalysisError, 422),
)
"""The first type that fits decides.

A model that is not on this machine is 422 too, not 503: the same request does not succeed later by itself, so clients
and proxies should not repeat it, and whoever names such a model should not make the service look ill.
"""


def status_of(error: Exception) -> int:
    """The HTTP status of a domain error."""
    return next(status for kind, status in _STATUS if isinstance(error, kind))


def not_stored(error: Exception) -> CatalogError:
    """What to say of `NOT_FOR_A_DATABASE`; the log says which value it was, since it may be a fault of ours."""
    log.warning("A value was refused by the database", exc_info=error)
    return CatalogError(
        "Something that was sent cannot be stored or looked for: a text with a null character or half a character, or "
        "a number that is too large.",
        remedy="Leave it out, or write it anew.",
    )


class DomainErrorMiddleware:
    """Shows a domain error that no view handled as a page that says what to do."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The page for a domain error; other errors go their way."""
        if isinstance(exception, NOT_FOR_A_DATABASE):
            exception = not_stored(exception)
        if not isinstance(exception, CatalogError | AnalysisError):
            return None
        status = status_of(exception)
        context = {"message": exception.message, "remedy": exception.remedy, "status": status}
        return render(request, "problem.html", context, status=status)
