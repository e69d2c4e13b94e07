"""Pages (being written)."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def index(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return HttpResponse("not written yet", status=501)


def new(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return HttpResponse("not written yet", status=501)


def detail(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return HttpResponse("not written yet", status=501)


def status(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return HttpResponse("not written yet", status=501)


def download(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return HttpResponse("not written yet", status=501)
