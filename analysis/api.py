"""The REST API of what is computed."""

from ninja import Router

router = Router()
