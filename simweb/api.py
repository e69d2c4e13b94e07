"""The root of the REST API: version, authentication, errors, and the parts of the site itself.

The views need no signed-in session (`login_required` is taken off below), since the API answers for itself: 401 in
JSON, never a redirect to the sign-in page.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.urls import URLPattern, URLResolver, path
from ninja import NinjaAPI, Swagger
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.security import SessionAuth

from analysis.api import router as analysis_router
from analysis.core.errors import AnalysisError
from catalog.api import router as catalog_router
from catalog.core.errors import CatalogError
from simweb.api_account import router as account_router
from simweb.errors import not_stored, status_of
from simweb.tokens import TokenAuth

DESCRIPTION = """
Every step of the dashboard, for scripts. Send a token that your account page or `POST /tokens` gives you:

    Authorization: Bearer simweb_…

or, in a browser that is signed in, the session cookie with the header `X-CSRFToken`.

* Projects are named by their **slug**, datasets too; everything else has a number.
* Long work (imports, comparisons, splits, reports) answers `201` or `202` at once; read the thing again until its
  `status` is `done` or `failed`.
* Lists that can grow are pages `{items, next}`: ask again with `after=<next>` until `next` is null.
* Errors are `{detail, remedy}`: what is wrong, and what to do about it. What you are no member of does not exist (404).
* Distances are Hamming **bits** (each hash says out of how many) or **cosine distances** of embeddings; smaller is
  closer. Similarity is 1 − cosine distance.
"""

REMEDIES = {
    400: "Send it as /api/v1/docs describes it.",
    401: "Send `Authorization: Bearer <token>`; POST /api/v1/tokens makes one, and so does your account page.",
    403: "With a session cookie, send the header X-CSRFToken; scripts use a token instead.",
    404: "The address may be mistyped, or the thing was deleted, or you are not a member of its project.",
}


class Session(SessionAuth):
    """The signed-in browser. Looked at only where no token is sent; without a session it is 401, not a CSRF error."""

    def __call__(self, request: HttpRequest) -> Any:
        """The person, or None."""
        if "Authorization" in request.headers or not request.user.is_authenticated:
            return None
        return super().__call__(request)


api = NinjaAPI(
    title="simweb",
    version="1",
    description=DESCRIPTION,
    auth=[TokenAuth(), Session()],
    urls_namespace="api",
    docs=Swagger({"persistAuthorization": True, "displayOperationId": True, "defaultModelsExpandDepth": 0}),
)
api.add_router("", account_router)
api.add_router("", catalog_router)
api.add_router("", analysis_router)


def _problem(
    request: HttpRequest, status: int, detail: str, remedy: str = "", errors: list[Any] | None = None
) -> HttpResponse:
    more = {} if errors is None else {"errors": errors}
    return api.create_response(request, {"detail": detail, "remedy": remedy, **more}, status=status)


@api.exception_handler(CatalogError)
@api.exception_handler(AnalysisError)
def domain_error(request: HttpRequest, error: CatalogError | AnalysisError) -> HttpResponse:
    """What is wrong and what to do, with the status that the error's type stands for."""
    return _problem(request, status_of(error), error.message, error.remedy)


@api.exception_handler(DataError)
@api.exception_handler(UnicodeEncodeError)
def no_value(request: HttpRequest, error: DataError | UnicodeEncodeError) -> HttpResponse:
    """A text or number that passed for one, and that the database cannot hold."""
    return domain_error(request, not_stored(error))


@api.exception_handler(ValidationError)
def not_understood(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """A request that does not have the documented form: the first fault in words, all of them as data."""
    first = error.errors[0]
    # The first part says body, query or path; ninja puts the parameter's own name after it.
    place = ".".join(str(part) for part in first["loc"] if part not in ("payload", "body", "query", "path", "form"))
    detail = f"{place}: {first['msg']}." if place else f"{first['msg']}."
    return _problem(request, 422, detail, "Send it as /api/v1/docs describes it.", error.errors)


@api.exception_handler(Http404)
def nothing_here(request: HttpRequest, error: Http404) -> HttpResponse:
    """The same answer for what does not exist and for what one may not see."""
    return _problem(request, 404, "There is nothing here.", REMEDIES[404])


@api.exception_handler(HttpError)
def refused(request: HttpRequest, error: HttpError) -> HttpResponse:
    """What the framework refuses: no credentials, no CSRF token, no JSON."""
    detail = "This needs a token or a session." if isinstance(error, AuthenticationError) else str(error)
    return _problem(request, error.status_code, detail, REMEDIES.get(error.status_code, ""))


@api.exception_handler(RequestDataTooBig)
@api.exception_handler(TooManyFilesSent)
def too_large(request: HttpRequest, error: Exception) -> HttpResponse:
    """A request beyond the limits of one request."""
    return _problem(
        request, 413, "This part is too large.", "Send archives in parts of 8 MiB, and at most 500 files at once."
    )


@api.exception_handler(UnreadablePostError)
def broken_off(request: HttpRequest, error: UnreadablePostError) -> HttpResponse:
    """The connection broke while the body was on its way."""
    return _problem(request, 400, "The connection broke while the part was being sent.", "Send it again.")


@login_not_required
def unknown(request: HttpRequest, rest: str) -> HttpResponse:
    """An address that the API does not have."""
    return _problem(request, 404, f"The API has no address /{rest}.", "See /api/v1/docs.")


def urls() -> tuple[list[URLPattern | URLResolver], str, str]:
    """The API's addresses, as `django.urls.path` takes them."""
    patterns, app, namespace = api.urls
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            login_not_required(pattern.callback)
    return [*patterns, path("<path:rest>", unknown, name="unknown")], app, namespace
