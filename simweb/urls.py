"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

from simweb import views
from simweb.api import urls as api_urls
from simweb.health import health

urlpatterns = [
    path("health", health, name="health"),
    path("sign-in", views.SignIn.as_view(), name="sign-in"),
    path("sign-out", views.SignOut.as_view(), name="sign-out"),
    path("account", views.account, name="account"),
    path("admin/", admin.site.urls),
    path("api/v1/", api_urls()),
    path("", include("analysis.urls")),
    path("", include("catalog.urls")),
]

handler404 = "simweb.views.not_found"
handler403 = "simweb.views.forbidden"
handler500 = "simweb.views.broken"
