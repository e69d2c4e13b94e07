"""Pages (being written)."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def dashboard(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return HttpResponse("not written yet", status=501)


def curve(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return HttpResponse("not written yet", status=501)
