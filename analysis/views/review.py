"""Pages (being written)."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def page(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return HttpResponse("not written yet", status=501)


def queue(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return HttpResponse("not written yet", status=501)


def index(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return HttpResponse("not written yet", status=501)


def judge(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return HttpResponse("not written yet", status=501)


def withdraw(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return HttpResponse("not written yet", status=501)
