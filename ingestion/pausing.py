"""``pause`` and ``resume`` a collection or a source: nothing of it is claimed meanwhile.

Uploads are taken and wait; what a worker has already goes on to its end. The claim's SQL reads ``paused_at``.
"""

from django.utils import timezone

from ingestion import wake
from ingestion.models import Collection, Source
from tenants import audit


def pause(place: Collection | Source) -> bool:
    """Claim nothing more of it; False when it was paused already."""
    rows = type(place)._default_manager.filter(pk=place.pk, paused_at=None)
    paused = bool(rows.update(paused_at=timezone.now()))
    if paused:
        audit.record(f"{place._meta.model_name}.paused", place)
    return paused


def resume(place: Collection | Source) -> bool:
    """Go on with it; False when it was not paused."""
    rows = type(place)._default_manager.filter(pk=place.pk, paused_at__isnull=False)
    resumed = bool(rows.update(paused_at=None))
    if resumed:
        audit.record(f"{place._meta.model_name}.resumed", place)
        wake.on_commit()
    return resumed
