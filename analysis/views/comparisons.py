"""Pages (being written)."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def load_example(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return HttpResponse("not written yet", status=501)


def index(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return HttpResponse("not written yet", status=501)


def new(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return HttpResponse("not written yet", status=501)


def status(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return HttpResponse("not written yet", status=501)


def again(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return HttpResponse("not written yet", status=501)


def delete(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return HttpResponse("not written yet", status=501)
