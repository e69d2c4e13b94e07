"""Domain errors, mapped to HTTP and to the command line in this one place."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from analysis.core.errors import AnalysisError, TooManyPairs, UnknownName
from catalog.core.errors import CatalogError, Conflict, NotAllowed

DOMAIN_ERRORS = (CatalogError, AnalysisError)

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


class DomainErrorMiddleware:
    """Shows a domain error that no view handled as a page that says what to do."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The page for a domain error; other errors go their way."""
        if not isinstance(exception, CatalogError | AnalysisError):
            return None
        status = status_of(exception)
        context = {"message": exception.message, "remedy": exception.remedy, "status": status}
        return render(request, "problem.html", context, status=status)
