"""Addresses of comparisons, pairs, review, projections, splits and reports."""

from django.urls import URLPattern, path

from analysis.views import comparisons, explore, explore_data, overlap, pairs, reports, review, splits

urlpatterns: list[URLPattern] = [
    path("p/<slug:project>/example", comparisons.load_example, name="example-load"),
    path("p/<slug:project>/comparisons/", comparisons.index, name="comparisons"),
    path("p/<slug:project>/comparisons/new", comparisons.new, name="comparison-new"),
    path("p/<slug:project>/comparisons/<int:comparison>/", overlap.dashboard, name="comparison"),
    path("p/<slug:project>/comparisons/<int:comparison>/status", comparisons.status, name="comparison-status"),
    path("p/<slug:project>/comparisons/<int:comparison>/again", comparisons.again, name="comparison-again"),
    path("p/<slug:project>/comparisons/<int:comparison>/delete", comparisons.delete, name="comparison-delete"),
    path("p/<slug:project>/comparisons/<int:comparison>/curve.json", overlap.curve, name="comparison-curve"),
    path("p/<slug:project>/comparisons/<int:comparison>/pairs/", pairs.index, name="pairs"),
    path("p/<slug:project>/comparisons/<int:comparison>/review/", review.page, name="review"),
    path("p/<slug:project>/comparisons/<int:comparison>/review/queue.json", review.queue, name="review-queue"),
    path("p/<slug:project>/review/", review.index, name="review-index"),
    path("p/<slug:project>/pairs/<int:a>-<int:b>/", pairs.detail, name="pair"),
    path("p/<slug:project>/pairs/<int:a>-<int:b>/verdicts", review.judge, name="pair-judge"),
    path("p/<slug:project>/verdicts/<int:verdict>/withdraw", review.withdraw, name="verdict-withdraw"),
    path("p/<slug:project>/comparisons/<int:comparison>/reports/", reports.request_report, name="report-new"),
    path("p/<slug:project>/reports/<int:report>/", reports.detail, name="report"),
    path("p/<slug:project>/reports/<int:report>/download", reports.download, name="report-download"),
    path("p/<slug:project>/explore/", explore.index, name="explore"),
    path("p/<slug:project>/explore/begin", explore.begin, name="explore-begin"),
    path("p/<slug:project>/explore/all", explore.everything, name="explore-all"),
    path("p/<slug:project>/explore/new", explore.new, name="explore-new"),
    path("p/<slug:project>/explore/card/<int:image>", explore_data.card, name="explore-card"),
    path("p/<slug:project>/explore/<int:projection>/", explore.detail, name="projection"),
    path("p/<slug:project>/explore/<int:projection>/status", explore.status, name="projection-status"),
    path("p/<slug:project>/explore/<int:projection>/delete", explore.delete, name="projection-delete"),
    path("p/<slug:project>/explore/<int:projection>/points", explore_data.points, name="projection-points"),
    path("p/<slug:project>/explore/<int:projection>/groups", explore_data.groups, name="projection-groups"),
    path("p/<slug:project>/explore/<int:projection>/images/", explore_data.images, name="projection-images"),
    path(
        "p/<slug:project>/explore/<int:projection>/download/<str:kind>",
        explore_data.download,
        name="projection-download",
    ),
    path("p/<slug:project>/splits/", splits.index, name="splits"),
    path("p/<slug:project>/splits/new", splits.new, name="split-new"),
    path("p/<slug:project>/splits/<int:split>/", splits.detail, name="split"),
    path("p/<slug:project>/splits/<int:split>/status", splits.status, name="split-status"),
    path("p/<slug:project>/splits/<int:split>/download", splits.download, name="split-download"),
]
