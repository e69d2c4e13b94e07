"""The REST API of what is computed."""

from ninja import Router

from analysis.api import comparisons, outputs, overlap, pairs

router = Router()
for part in (comparisons, overlap, pairs, outputs):
    router.add_router("", part.router)
