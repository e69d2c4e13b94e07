"""The catalogue in the site administration: for mending by hand, not for daily work."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from catalog.models import Dataset, Image, Label, Membership, Project, RefusedFile, Upload


class MembershipInline(admin.TabularInline[Membership, Project]):
    """Members on the project's page."""

    model = Membership
    extra = 0
    autocomplete_fields = ("user",)


@admin.register(Project)
class ProjectAdmin(admin.ModelAdmin[Project]):
    """Projects with their members."""

    list_display = ("name", "slug", "created_at")
    search_fields = ("name", "slug")
    inlines = (MembershipInline,)


@admin.register(Dataset)
class DatasetAdmin(admin.ModelAdmin[Dataset]):
    """Datasets; the counts are kept by the import."""

    list_display = ("name", "project", "image_count", "file_count", "created_at")
    list_select_related = ("project",)
    search_fields = ("name", "project__name")
    readonly_fields = ("image_count", "file_count", "position")
    raw_id_fields = ("project", "created_by")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: the project's page makes datasets, with their place in the order."""
        return False


@admin.register(Upload)
class UploadAdmin(admin.ModelAdmin[Upload]):
    """Deliveries and what became of them."""

    list_display = ("source_name", "dataset", "status", "images_taken", "files_refused", "created_at")
    list_filter = ("status", "kind")
    list_select_related = ("dataset",)
    search_fields = ("source_name", "dataset__name")
    raw_id_fields = ("dataset", "created_by")


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that only an import makes; there can be millions, so they are neither counted nor listed in menus."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        """Nobody."""
        return False


@admin.register(Image)
class ImageAdmin(ReadOnlyAdmin):
    """Images, to be looked at."""

    list_display = ("name", "dataset", "width", "height", "format")
    list_select_related = ("dataset",)
    search_fields = ("name",)


@admin.register(RefusedFile)
class RefusedFileAdmin(ReadOnlyAdmin):
    """Refused files, to be looked at."""

    list_display = ("path", "code", "reason", "upload")
    list_filter = ("code",)
    list_select_related = ("upload__dataset",)


@admin.register(Label)
class LabelAdmin(admin.ModelAdmin[Label]):
    """Labels with their titles."""

    list_display = ("name", "title", "project")
    list_select_related = ("project",)
    search_fields = ("name", "title")
    raw_id_fields = ("project",)
