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


@api.exception_handler(CatalogError)
@api.exception_handler(AnalysisError)
def domain_error(request: HttpRequest, error: CatalogError | AnalysisError) -> HttpResponse:
    """What is wrong and what to do, with the status that the error's type stands for."""
    return api.create_response(request, {"detail": error.message, "remedy": error.remedy}, status=status_of(error))
