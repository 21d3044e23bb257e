"""The admin runs on Footnote's own site, which lets a tenant's admins in and shows them their tenant alone."""

from django.contrib.admin import apps


class FootnoteAdminConfig(apps.AdminConfig):
    default_site = "tenants.admin_site.TenantAdminSite"
