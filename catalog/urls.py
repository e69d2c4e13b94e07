"""Addresses of projects, datasets, uploads and images."""

from django.urls import URLPattern, path

from catalog.views import datasets, images, projects, uploads

urlpatterns: list[URLPattern] = [
    path("", projects.index, name="projects"),
    path("projects/new", projects.new, name="project-new"),
    path("p/<slug:project>/", datasets.index, name="project"),
    path("p/<slug:project>/settings", projects.settings, name="project-settings"),
    path("p/<slug:project>/members", projects.set_member, name="project-members"),
    path("p/<slug:project>/members/<int:user>/remove", projects.remove_member, name="project-member-remove"),
    path("p/<slug:project>/datasets/<slug:dataset>/", datasets.detail, name="dataset"),
    path("p/<slug:project>/datasets/<slug:dataset>/delete", datasets.delete, name="dataset-delete"),
    path("p/<slug:project>/uploads/", uploads.begin, name="upload-begin"),
    path("p/<slug:project>/uploads/<int:upload>/", uploads.detail, name="upload"),
    path("p/<slug:project>/uploads/<int:upload>/parts", uploads.part, name="upload-part"),
    path("p/<slug:project>/uploads/<int:upload>/finish", uploads.finish, name="upload-finish"),
    path("p/<slug:project>/images/<int:image>/", images.detail, name="image"),
    path("images/<int:image>/<str:variant>", images.file, name="image-file"),
]
