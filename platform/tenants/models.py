"""Tenants, people, their roles and groups, API keys, and the audit trail.

``Tenant`` and ``User`` are the two tables that are not owned by a tenant; everything else is. ``access`` is the
door from a login or a key to a ``Principal``.
"""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from tenants.identifiers import uuid7
from tenants.tables import TenantForeignKey, TenantManager, TenantTable

SLUG = RegexValidator(
    r"^[a-z0-9]+(?:-[a-z0-9]+)*\Z",
    _("Use lower-case letters, digits and single hyphens, as in 'field-notes'."),
)


class Role(models.TextChoices):
    """What a member may do; each role includes those below it."""

    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Admin")
    EDITOR = "editor", _("Editor")
    MEMBER = "member", _("Member")
    VIEWER = "viewer", _("Viewer")


class Tenant(models.Model):
    """An organisation: the unit of isolation, billing and erasure."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.CharField(max_length=63, unique=True, validators=[SLUG])
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Accounts are known by their e-mail address, whatever its case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username or "")

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A new account; without a password nobody can sign in to it."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person who signs in; what they may do is said by their memberships, never by the account."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(_("e-mail address"), max_length=254)
    name = models.CharField(_("name"), max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = UserManager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_unique")]

    def __str__(self) -> str:
        return self.name or self.email


class Membership(TenantTable):
    """A person's place in a tenant."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, db_index=False, related_name="+")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.MEMBER)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantTable.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "user"], name="membership_once")]
        indexes = [models.Index(fields=["user"], name="membership_user")]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"


class SharedGroups(TenantManager["Group"]):
    """The groups that people make; a member's own is nobody else's business."""

    def get_queryset(self) -> models.QuerySet["Group"]:
        return super().get_queryset().filter(personal_to=None)


class Group(TenantTable):
    """A set of members that documents and collections can be restricted to.

    ``personal_to`` is the user of a group of one: what only that member may read is restricted to it.
    """

    name = models.CharField(max_length=100)
    personal_to = models.UUIDField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[SharedGroups] = SharedGroups()
    every: ClassVar[Any] = TenantManager()

    class Meta(TenantTable.Meta):
        base_manager_name = "every"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="group_name_once"),
            models.UniqueConstraint(
                fields=["tenant", "personal_to"],
                condition=models.Q(personal_to__isnull=False),
                name="group_personal_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class GroupMember(TenantTable):
    """A member's place in a group."""

    group = TenantForeignKey(Group, on_delete=models.CASCADE, related_name="places")
    membership = TenantForeignKey(Membership, on_delete=models.CASCADE, related_name="places")

    class Meta(TenantTable.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "group", "membership"], name="group_member_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.membership} in {self.group}"


class ApiKey(TenantTable):
    """A machine's key; only its hash is kept. The first characters are shown so that people can tell keys apart."""

    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16)
    key_hash = models.BinaryField(max_length=32)
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.MEMBER)
    scopes = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    group_ids = ArrayField(models.UUIDField(), default=list, blank=True)
    created_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantTable.Meta):
        verbose_name = _("API key")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "key_hash"], name="api_key_hash_once")
        ]
        indexes = [models.Index(fields=["key_hash"], name="api_key_by_hash")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}...)"


class AuditEvent(TenantTable):
    """Who did what to which object, and when. Append-only: the runtime role may neither change nor delete it."""

    created_at = models.DateTimeField(auto_now_add=True)
    actor_user = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    actor_api_key_id = models.UUIDField(null=True)
    action = models.CharField(max_length=80)
    object_type = models.CharField(max_length=80)
    object_id = models.CharField(max_length=200)
    object_name = models.CharField(max_length=300, blank=True)
    details = models.JSONField(default=dict)

    class Meta(TenantTable.Meta):
        indexes = [models.Index(fields=["tenant", "-created_at"], name="audit_newest")]

    def __str__(self) -> str:
        return f"{self.action} {self.object_name or self.object_id}"
