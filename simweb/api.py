"""The root of the REST API: version, authentication, errors."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.security import django_auth

from analysis.api import router as analysis_router
from analysis.core.errors import AnalysisError
from catalog.api import router as catalog_router
from catalog.core.errors import CatalogError
from simweb.errors import status_of
from simweb.tokens import TokenAuth

api = NinjaAPI(
    title="simweb",
    version="1",
    description="Every step of the dashboard. Sign in, or send a token: `Authorization: Bearer <token>`.",
    auth=[TokenAuth(), django_auth],
    urls_namespace="api",
)
api.add_router("", catalog_router)
api.add_router("", analysis_router)


def _domain_error(request: HttpRequest, error: Exception) -> HttpResponse:
    assert isinstance(error, CatalogError | AnalysisError)  # noqa: S101  # registered for these types only
    return api.create_response(
        request, {"detail": error.message, "remedy": error.remedy}, status=status_of(error)
    )


api.add_exception_handler(CatalogError, _domain_error)
api.add_exception_handler(AnalysisError, _domain_error)


