"""Where the catalogue shows a dataset and what is in it."""

from __future__ import annotations

from catalog.models import Dataset, Image


def addresses(dataset: Dataset) -> dict[str, str]:
    image, upload = Image.objects.filter(dataset=dataset).first(), dataset.uploads.first()
    assert image is not None
    assert upload is not None
    base = f"/p/{dataset.project.slug}"
    return {
        "project": f"{base}/",
        "dataset": f"{base}/datasets/{dataset.slug}/",
        "image": f"{base}/images/{image.pk}/",
        "upload": f"{base}/uploads/{upload.pk}/",
        "thumb": f"/images/{image.pk}/thumb",
        "view": f"/images/{image.pk}/view",
        "original": f"/images/{image.pk}/original",
        "settings": f"{base}/settings",
        "delete": f"{base}/datasets/{dataset.slug}/delete",
    }
