"""A budget has passed 50, 80 or 100 per cent: have the mail and the webhooks leave now.

Both are owed by rows that were committed with the call (``inference.budget_mail``, ``ingestion``'s migration 0020), so
a message that is lost here only makes them late.
"""

from typing import Any

from django.dispatch import receiver

from inference.warnings import budget_warning
from ingestion import wake

MAIL_TASK = "inference.tasks.mail_budget_warnings"


@receiver(budget_warning, dispatch_uid="config.budget_warnings")
def wake_messengers(**_: Any) -> None:
    """Costs the call a few milliseconds; with an absent broker two times ``wake.PATIENCE``."""
    wake.now(MAIL_TASK)
    wake.now(wake.WEBHOOK_TASK)
