"""The REST API of what people bring."""

from ninja import Router

router = Router()
