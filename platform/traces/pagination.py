"""Pages of tables that may have millions of rows: the count stops early instead of reading them all."""

from typing import Any, cast

from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.views import ChangeList

# Nobody pages further than this; filters are the way to an older row.
COUNTED = 2_000


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # not subscriptable at run time
    """Counts at most ``COUNTED`` rows, so the last page there is may not be the table's last."""

    template_name = "admin/bounded_pagination.html"

    @cached_property
    def count(self) -> int:
        """At most ``COUNTED``; an index scan over as many rows."""
        rows = cast("QuerySet[Model]", self.object_list)
        return rows.order_by()[:COUNTED].count()

    @property
    def is_cut(self) -> bool:
        """May there be more rows than were counted?"""
        return self.count >= COUNTED


class BoundedChangeList(ChangeList):  # type: ignore[misc]  # the theme has no types
    """A list that says how many rows it counted and claims nothing about a total."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        # The theme writes "n results (show all)" wherever the two differ, and the total is never counted here.
        self.full_result_count: Any = self.result_count
