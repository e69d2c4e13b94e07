"""Pages (being written)."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def detail(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return HttpResponse("not written yet", status=501)


def file(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return HttpResponse("not written yet", status=501)
