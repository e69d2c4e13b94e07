"""A caller of the API, as a script is: with a token instead of a session."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from simweb.tokens import make_token


class Script:
    """A caller with a token, or without."""

    def __init__(self, user: User | None = None) -> None:
        self.client = Client()
        self.headers = {"Authorization": f"Bearer {make_token(user=user, name='test')}"} if user else {}

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        if body is not None:
            more |= {"data": json.dumps(body), "content_type": "application/json"}
        return self.client.generic(method, f"/api/v1{path}", headers=self.headers, **more)

    def get(self, path: str, expect: int = 200) -> Any:
        return self.json(self.call("GET", path), expect)

    def post(self, path: str, body: Any, expect: int = 201) -> Any:
        return self.json(self.call("POST", path, body), expect)

    def put(self, path: str, body: Any, expect: int = 200) -> Any:
        return self.json(self.call("PUT", path, body), expect)

    def form(self, path: str, fields: Mapping[str, Any]) -> Any:
        """The answer to a form with files."""
        return self.client.post(f"/api/v1{path}", fields, headers=self.headers)

    @staticmethod
    def json(response: Any, expect: int) -> Any:
        assert response.status_code == expect, response.content
        return response.json()
