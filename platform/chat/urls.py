"""Chat's part of the HTTP map."""

from django.urls import path

from chat import actions, media, pages

urlpatterns = [
    path("", pages.home, name="home"),
    path("ask/", actions.ask_first, name="ask-first"),
    path("c/", pages.conversation_list, name="conversations"),
    path("c/<uuid:conversation_id>/", pages.conversation, name="conversation"),
    path("c/<uuid:conversation_id>/ask/", actions.ask, name="ask"),
    path("c/<uuid:conversation_id>/rename/", actions.rename, name="rename"),
    path("c/<uuid:conversation_id>/delete/", actions.delete, name="delete"),
    path("c/<uuid:conversation_id>/restore/", actions.restore, name="restore"),
    path("m/<uuid:message_id>/", pages.message, name="message"),
    path("m/<uuid:message_id>/events/", media.events, name="events"),
    path("m/<uuid:message_id>/edit/", actions.edit, name="edit"),
    path("m/<uuid:message_id>/regenerate/", actions.regenerate, name="regenerate"),
    path("m/<uuid:message_id>/stop/", actions.stop, name="stop"),
    path("m/<uuid:message_id>/rate/", actions.rate, name="rate"),
    path("m/<uuid:message_id>/sources/<int:number>/", pages.source, name="source"),
    path("palette/", pages.palette, name="palette"),
    path("documents/<uuid:document_id>/", pages.document, name="document"),
    path(
        "documents/<uuid:document_id>/<uuid:version_id>/pages/<int:page>.png",
        media.page_picture,
        name="page-picture",
    ),
    path(
        "documents/<uuid:document_id>/<uuid:version_id>/original/", media.original, name="original"
    ),
]
