"""Signing in and out, changing the password, and going to another of one's tenants."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth import views as auth
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from tenants import web


class SignInForm(AuthenticationForm):
    """E-mail address and password; one message for a wrong address, a wrong password and a closed account."""

    error_messages = {
        "invalid_login": gettext_lazy("This e-mail address and password do not belong together."),
        "inactive": gettext_lazy("This e-mail address and password do not belong together."),
    }


sign_in = auth.LoginView.as_view(
    template_name="tenants/sign_in.html",
    authentication_form=SignInForm,
    redirect_authenticated_user=True,
)
sign_out = auth.LogoutView.as_view()


class ChangePassword(auth.PasswordChangeView):
    """A new password for the signed-in person; their other sessions end with it."""

    template_name = "tenants/password.html"
    success_url = reverse_lazy("home")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        messages.success(self.request, _("Your password was changed."))
        return super().form_valid(form)


change_password = ChangePassword.as_view()


@require_POST
def switch_tenant(request: HttpRequest, tenant_id: UUID) -> HttpResponse:
    """Make another of the person's tenants the current one; one that is not theirs does not exist."""
    if not request.user.is_authenticated or not web.switch(request, tenant_id):
        raise Http404
    return redirect("home")
