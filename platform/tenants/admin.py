"""Members, groups, API keys and the audit trail in the tenant's admin.

A key's secret is shown on one page, once; afterwards there is only its hash. What would lock everybody out (taking the
last owner's place away) is refused here with a sentence.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenants import people
from tenants.admin_forms import GroupForm, MemberForm, NewKeyForm, NewMemberForm, role_choices
from tenants.admin_pages import ReadOnlyAdmin, TenantModelAdmin
from tenants.models import ApiKey, AuditEvent, Group, GroupMember, Membership, Role


@admin.register(Membership)
class MemberAdmin(TenantModelAdmin):
    """People of the tenant."""

    form = MemberForm
    list_display = ("person", "email", "role", "state", "created_at")
    list_filter = ("role", "is_active")
    search_fields = ("user__email", "user__name")
    ordering = ("user__email",)
    list_select_related = ("user",)
    actions = None

    @admin.display(description=_("Name"))
    def person(self, member: Membership) -> str:
        return member.user.name or member.user.email

    @admin.display(description=_("E-mail address"))
    def email(self, member: Membership) -> str:
        return member.user.email

    @admin.display(description=_("Active"), boolean=True)
    def state(self, member: Membership) -> bool:
        return member.is_active

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is None:
            kwargs["form"] = NewMemberForm
        form = super().get_form(request, obj, change, **kwargs)
        choices = role_choices(request.place.principal.role)  # type: ignore[attr-defined]
        form.base_fields["role"].choices = choices
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = ("role", "is_active", "groups") if obj else ("email", "name", "role", "password")
        return ((None, {"fields": fields}),)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An owner's place is for owners to change."""
        is_owner = request.place.principal.role == Role.OWNER  # type: ignore[attr-defined]
        return is_owner or obj is None or obj.role != Role.OWNER

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A member is deactivated, not deleted: what they did keeps their name."""
        return False

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            _regroup(obj, form.cleaned_data["groups"])
            return
        data = form.cleaned_data
        password = data["password"] or get_random_string(16)
        made = people.add_member(
            email=data["email"], role=data["role"], password=password, name=data["name"]
        )
        obj.__dict__.update(made.__dict__)
        if not data["password"] and made.user.check_password(password):
            request.first_password = password  # type: ignore[attr-defined]

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """``people.add_member`` has said so."""

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        password = getattr(request, "first_password", "")
        if not password:
            return super().response_add(request, obj, post_url_continue)
        return shown_once(
            self,
            request,
            title=gettext("%(name)s is a member now") % {"name": obj.user},
            secret=password,
            hint=gettext("Their first password. Hand it over; it is not shown again."),
            back=reverse("admin:tenants_membership_changelist"),
        )


def _regroup(membership: Membership, groups: Iterable[Group]) -> None:
    wanted = {group.pk: group for group in groups}
    for place in membership.places.all():
        if place.group_id not in wanted:
            place.delete()
    for group in wanted.values():
        people.add_to_group(membership=membership, group=group)


def shown_once(
    page: TenantModelAdmin, request: HttpRequest, *, title: str, secret: str, hint: str, back: str
) -> HttpResponse:
    """A page with a secret that is stored nowhere: not in a message, which would put it into a cookie."""
    context = {**page.admin_site.each_context(request), "title": title, "secret": secret}
    # The admin's pages are never cached, so that the way back does not show it either.
    return TemplateResponse(
        request, "admin/tenants/shown_once.html", {**context, "hint": hint, "back": back}
    )


@admin.register(Group)
class GroupAdmin(TenantModelAdmin):
    """Groups that documents and collections can be restricted to."""

    form = GroupForm
    list_display = ("name", "created_at")
    search_fields = ("name",)
    ordering = ("name",)
    actions = None

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return ((None, {"fields": ("name", "members")}),)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        wanted = set(form.cleaned_data["members"])
        for place in GroupMember.objects.filter(group=form.instance).select_related("membership"):
            if place.membership not in wanted:
                place.delete()
        for membership in wanted:
            people.add_to_group(membership=membership, group=form.instance)


@admin.register(ApiKey)
class ApiKeyAdmin(TenantModelAdmin):
    """Keys for machines: made, shown once, revoked."""

    form = NewKeyForm
    list_display = ("name", "prefix", "role", "may", "state", "created_by", "created_at", "revoke")
    search_fields = ("name", "prefix")
    ordering = ("-created_at",)
    list_select_related = ("created_by",)
    actions = None
    fieldsets = ((None, {"fields": ("name", "role", "scopes", "groups", "days")}),)

    @admin.display(description=_("May"))
    def may(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(description=_("State"))
    def state(self, key: ApiKey) -> str:
        if key.revoked_at:
            return gettext("revoked")
        if key.expires_at and key.expires_at <= timezone.now():
            return gettext("expired")
        return gettext("works")

    @admin.display(description="")
    def revoke(self, key: ApiKey) -> SafeString | str:
        if key.revoked_at:
            return ""
        url = reverse("admin:tenants_apikey_revoke", args=[key.pk])
        return format_html('<a class="underline" href="{}">{}</a>', url, gettext("Revoke"))

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if "role" in form.base_fields:
            choices = role_choices(request.place.principal.role)  # type: ignore[attr-defined]
            form.base_fields["role"].choices = choices
        return form

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.fieldsets
        return (
            (None, {"fields": ("name", "prefix", "role", "scopes", "expires_at", "revoked_at")}),
        )

    def get_urls(self) -> list[URLPattern]:
        ours = path(
            "<uuid:object_id>/revoke/",
            self.admin_site.admin_view(self.revoke_view),
            name="tenants_apikey_revoke",
        )
        return [ours, *super().get_urls()]

    def revoke_view(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        """Asks, then revokes: the key's next request is refused."""
        key = get_object_or_404(ApiKey.objects.all(), pk=object_id)
        if request.method == "POST":
            people.revoke_key(key=key)
            messages.success(request, gettext("%(key)s no longer works.") % {"key": key})
            return redirect("admin:tenants_apikey_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Revoke a key"),
            "key": key,
        }
        return TemplateResponse(request, "admin/tenants/revoke_key.html", context)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        data = form.cleaned_data
        expires = timezone.now() + timedelta(days=data["days"]) if data["days"] else None
        fresh = people.create_key(
            name=data["name"],
            role=data["role"],
            scopes=data["scopes"],
            group_ids=[group.pk for group in data["groups"]],
            expires_at=expires,
        )
        obj.__dict__.update(fresh.row.__dict__)
        request.fresh_key = fresh.secret  # type: ignore[attr-defined]

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """``people.create_key`` has said so."""

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        return shown_once(
            self,
            request,
            title=gettext("The key %(name)s") % {"name": obj.name},
            secret=request.fresh_key,  # type: ignore[attr-defined]
            hint=gettext("Copy it now. Only its hash is kept, so it cannot be shown again."),
            back=reverse("admin:tenants_apikey_changelist"),
        )


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """Who did what. Append-only."""

    list_display = ("created_at", "actor", "action", "object_type", "object_name")
    list_filter = ("action",)
    search_fields = ("object_name", "object_id")
    ordering = ("-created_at",)
    list_select_related = ("actor_user",)
    fields: ClassVar[tuple[str, ...]] = (
        "created_at",
        "actor",
        "action",
        "object_type",
        "object_id",
        "object_name",
        "details",
    )
    readonly_fields = fields

    @admin.display(description=_("Who"))
    def actor(self, event: AuditEvent) -> str:
        if event.actor_user:
            return str(event.actor_user)
        return gettext("an API key") if event.actor_api_key_id else gettext("the platform")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        found: QuerySet[AuditEvent] = super().get_queryset(request)
        return found
