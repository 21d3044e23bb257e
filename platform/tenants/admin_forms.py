"""The forms behind the pages for members, groups and API keys."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from tenants import people
from tenants.admin_pages import TenantForm
from tenants.models import ApiKey, Group, Membership, Role

LAST_OWNER = _("This is the tenant's last owner. Make another member an owner first.")


def role_choices(request_role: str) -> list[tuple[str, Any]]:
    """The roles that somebody of this role may give: only an owner makes owners."""
    return [
        (value, label)
        for value, label in Role.choices
        if value != Role.OWNER or request_role == Role.OWNER
    ]


def is_last_owner(membership: Membership) -> bool:
    """Is there no other active owner? One query."""
    owners = Membership.objects.filter(role=Role.OWNER, is_active=True)
    return (
        membership.role == Role.OWNER
        and membership.is_active
        and not owners.exclude(pk=membership.pk).exists()
    )


class GroupsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Groups of the tenant, as boxes to tick."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            queryset=None,  # set by the form, inside the scope
            required=False,
            label=_("Groups"),
            widget=UnfoldAdminCheckboxSelectMultipleWidget,
            **options,
        )


class NewMemberForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """An e-mail address and a role; the account is made if there is none."""

    email = forms.EmailField(label=_("E-mail address"), widget=UnfoldAdminEmailInputWidget)
    name = forms.CharField(
        label=_("Name"), max_length=200, required=False, widget=UnfoldAdminTextInputWidget
    )
    password = forms.CharField(
        label=_("First password"),
        required=False,
        min_length=10,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=_(
            "Empty: one is made up and shown once. Somebody who has an account already keeps their own."
        ),
    )

    class Meta:
        model = Membership
        fields = ("role",)

    def clean_email(self) -> str:
        """Refuses somebody who is a member already."""
        email = str(self.cleaned_data["email"])
        if Membership.objects.filter(user__email__iexact=email).exists():
            raise ValidationError(_("This person is a member already."))
        return email


class MemberForm(TenantForm):
    """Role, state and groups of a member."""

    groups = GroupsField()

    class Meta:
        model = Membership
        fields = ("role", "is_active")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        groups: Any = self.fields["groups"]
        groups.queryset = Group.objects.order_by("name")
        groups.initial = [place.group_id for place in self.instance.places.all()]

    def clean(self) -> dict[str, Any]:
        """Refuses to take the last owner's place away."""
        found: dict[str, Any] = super().clean() or {}
        before = Membership.objects.get(pk=self.instance.pk)
        stays = found.get("role") == Role.OWNER and found.get("is_active")
        if is_last_owner(before) and not stays:
            raise ValidationError(LAST_OWNER)
        return found


class GroupForm(TenantForm):
    """A name, and who belongs to it."""

    members: Any = forms.ModelMultipleChoiceField(
        queryset=None,  # set below, inside the scope
        required=False,
        label=_("Members"),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = Group
        fields = ("name",)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        members: Any = self.fields["members"]
        members.queryset = Membership.objects.select_related("user").order_by("user__email")
        if not self.instance._state.adding:
            members.initial = [place.membership_id for place in self.instance.places.all()]


class NewKeyForm(TenantForm):
    """What a key may do."""

    scopes = forms.MultipleChoiceField(
        label=_("May"),
        choices=[(scope, scope) for scope in people.SCOPES],
        initial=people.SCOPES,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    days = forms.TypedChoiceField(
        label=_("Expires"),
        coerce=int,
        empty_value=None,
        required=False,
        choices=[
            ("", _("never")),
            ("30", _("in 30 days")),
            ("90", _("in 90 days")),
            ("365", _("in a year")),
        ],
        widget=UnfoldAdminSelectWidget,
    )
    groups = GroupsField(
        help_text=_("Documents restricted to a group are found only by keys that are in it.")
    )

    class Meta:
        model = ApiKey
        fields = ("name", "role")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        groups: Any = self.fields["groups"]
        groups.queryset = Group.objects.order_by("name")
