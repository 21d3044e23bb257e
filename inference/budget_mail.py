"""Warnings of budgets by mail, to the owners and admins of the tenant. Entry point: ``send_due``. Operator work.

A counter owes a mail while ``warned`` is above ``mailed``. Whoever mails raises ``mailed`` first, so that of several
workers one does; a mail that could not be sent is owed again. A process that dies between the two costs that mail.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import connections
from django.urls import reverse
from django.utils.translation import gettext

from inference import subjects
from inference.models import Budget
from tenants.access import STEWARDS
from tenants.models import Membership, Tenant
from tenants.scope import platform_principal, tenant_scope

_log = logging.getLogger(__name__)

# One row at a time: settlements lock several, and two that lock several could wait for each other.
# Uses index: budget_counter_unmailed (all of it: it holds only what is owed).
_CLAIM = """
    UPDATE inference_budgetcounter c SET mailed = c.warned
      FROM inference_budget b
     WHERE (c.tenant_id, c.id) = (
           SELECT o.tenant_id, o.id FROM inference_budgetcounter o
            WHERE o.warned > o.mailed AND o.id <> ALL (%s) LIMIT 1 FOR UPDATE SKIP LOCKED)
       AND b.tenant_id = c.tenant_id AND b.id = c.budget_id
    RETURNING c.tenant_id, c.id, b.id, b.name, old.mailed, c.warned, c.spent_usd, b.limit_usd, c.period_start,
              b.period, b.at_limit, b.scope, c.subject, b.period = 'total' OR c.period_start
                  >= date_trunc(b.period, (now() - interval '1 day') AT TIME ZONE 'UTC')::date"""
_OWE_AGAIN = """
    UPDATE inference_budgetcounter SET mailed = %s WHERE tenant_id = %s AND id = %s AND mailed = %s"""


@dataclass(frozen=True)
class Owed:
    """A budget's warning that is to be mailed; ``before`` is the one that was."""

    tenant_id: UUID
    counter_id: UUID
    budget_id: UUID
    name: str
    before: int
    percent: int
    spent_usd: Decimal
    limit_usd: Decimal
    period_start: date
    period: str
    at_limit: str
    scope: str
    subject: str
    is_recent: bool
    """Of the present period, or of one that ended within a day: older ones interest nobody any more."""


def send_due() -> int:
    """Mail every warning that is owed; how many mails left. What cannot be sent is owed until the next run."""
    sent, seen = 0, list[UUID]()
    while owed := _claimed(seen):
        seen.append(owed.counter_id)
        try:
            sent += _mail(owed) if owed.is_recent else 0
        except OSError as error:  # smtplib's errors are, too
            _log.warning("a budget's warning could not be mailed, tried again later: %s", error)
            _owe_again(owed)
    return sent


def _claimed(seen: list[UUID]) -> Owed | None:
    with connections["operator"].cursor() as cursor:
        cursor.execute(_CLAIM, [seen])
        row = cursor.fetchone()
    return Owed(*row) if row else None


def _owe_again(owed: Owed) -> None:
    values: list[Any] = [owed.before, owed.tenant_id, owed.counter_id, owed.percent]
    with connections["operator"].cursor() as cursor:
        cursor.execute(_OWE_AGAIN, values)


def _mail(owed: Owed) -> int:
    """One mail to each, so that nobody sees the others' addresses."""
    with tenant_scope(platform_principal(owed.tenant_id)):
        tenant = Tenant.objects.get(pk=owed.tenant_id)
        rows = Membership.objects.filter(is_active=True, role__in=STEWARDS, user__is_active=True)
        addresses = list(rows.order_by("id").values_list("user__email", flat=True))
        whose = subjects.named(owed.scope, owed.subject)
    subject, text = _subject(owed, tenant), _text(owed, whose)
    mails = [EmailMessage(subject, text, to=[address]) for address in addresses]
    return int(get_connection().send_messages(mails) or 0)


def _subject(owed: Owed, tenant: Tenant) -> str:
    words = gettext("%(tenant)s: budget “%(name)s” is at %(percent)d %%")
    if owed.percent == 100:
        words = gettext("%(tenant)s: budget “%(name)s” is used up")
    found = words % {"tenant": tenant.name, "name": owed.name, "percent": owed.percent}
    # A header is one line, and names are free text.
    return " ".join(found.split())


def _text(owed: Owed, whose: str) -> str:
    period = {"day": gettext("on"), "month": gettext("in the month that began on")}
    when = (
        f" {period[owed.period]} {owed.period_start:%Y-%m-%d} (UTC)"
        if owed.period in period
        else ""
    )
    sums = {"spent": f"{owed.spent_usd:.4f}", "limit": f"{owed.limit_usd:.4f}", "when": when}
    lines = [gettext("%(spent)s of %(limit)s USD are spent%(when)s.") % sums, _outlook(owed)]
    if whose:
        lines.insert(0, gettext("Counted: %s") % whose)
    page = reverse("admin:inference_budget_change", args=[owed.budget_id])
    lines.append(gettext("The budget: %(url)s") % {"url": f"{settings.PUBLIC_URL}{page}"})
    return "\n\n".join(lines) + "\n"


def _outlook(owed: Owed) -> str:
    """What happens, or will happen, at the limit."""
    done = owed.percent == 100
    if owed.at_limit == Budget.AtLimit.SMALLER:
        return (
            gettext("Smaller models answer, and where not even they can be paid, quotes.")
            if done
            else gettext("At the limit smaller models answer.")
        )
    if owed.at_limit == Budget.AtLimit.EXTRACTIVE:
        return (
            gettext("Answers are quotes from the documents now.")
            if done
            else gettext("At the limit answers are quotes from the documents.")
        )
    return (
        gettext("Further calls are refused now.")
        if done
        else gettext("At the limit calls are refused.")
    )
