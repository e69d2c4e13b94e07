"""Whether this installation can work: for load balancers and for the person who runs it."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, JsonResponse
from kombu import Connection


def broker_answers() -> bool:
    """Whether the queue's broker takes connections."""
    try:
        with Connection(settings.CELERY_BROKER_URL, connect_timeout=2) as broker:
            broker.ensure_connection(max_retries=1, timeout=2)
    except Exception:
        return False
    return True


@login_not_required
def health(request: HttpRequest) -> JsonResponse:
    """200 while the database and the queue answer, else 503 with what does not."""
    state = {"database": True, "queue": broker_answers()}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception:
        state["database"] = False
    return JsonResponse(state, status=200 if all(state.values()) else 503)
