"""The REST API of what is computed."""

from ninja import Router

from analysis.api import comparisons, exploration, lookup, models, outputs, overlap, pairs, search, verification

router = Router()
for part in (comparisons, overlap, pairs, exploration, models, outputs, search, lookup, verification):
    router.add_router("", part.router)
