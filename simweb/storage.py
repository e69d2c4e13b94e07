"""How static files are stored."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise has no types
    """Names carry the content's digest, in the imports between our scripts too, so that browsers may keep them."""

    support_js_module_import_aggregation = True
