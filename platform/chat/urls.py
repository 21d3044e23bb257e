"""Chat's part of the HTTP map."""

from django.urls import path

from chat import actions, attaching, media, pages, saved_search_pages, search_pages

urlpatterns = [
    path("", pages.home, name="home"),
    path("ask/", actions.ask_first, name="ask-first"),
    path("c/", pages.conversation_list, name="conversations"),
    path("c/<uuid:conversation_id>/", pages.conversation, name="conversation"),
    path("c/<uuid:conversation_id>/ask/", actions.ask, name="ask"),
    path("c/<uuid:conversation_id>/rename/", actions.rename, name="rename"),
    path("c/<uuid:conversation_id>/delete/", actions.delete, name="delete"),
    path("c/<uuid:conversation_id>/restore/", actions.restore, name="restore"),
    path("c/<uuid:conversation_id>/export/", pages.export, name="export"),
    path("m/<uuid:message_id>/", pages.message, name="message"),
    path("m/<uuid:message_id>/events/", media.events, name="events"),
    path("m/<uuid:message_id>/edit/", actions.edit, name="edit"),
    path("m/<uuid:message_id>/regenerate/", actions.regenerate, name="regenerate"),
    path("m/<uuid:message_id>/stop/", actions.stop, name="stop"),
    path("m/<uuid:message_id>/rate/", actions.rate, name="rate"),
    path("m/<uuid:message_id>/sources/<int:number>/", pages.source, name="source"),
    path("search/", search_pages.search_view, name="search"),
    path("search/suggest/", search_pages.suggest, name="search-suggest"),
    path("search/saved/", saved_search_pages.save, name="search-save"),
    path("search/saved/news/", saved_search_pages.news, name="search-news"),
    path("search/saved/<uuid:saved_id>/rename/", saved_search_pages.rename, name="search-rename"),
    path("search/saved/<uuid:saved_id>/delete/", saved_search_pages.delete, name="search-delete"),
    path(
        "search/saved/<uuid:saved_id>/restore/", saved_search_pages.restore, name="search-restore"
    ),
    path("attachments/", attaching.attach, name="attach"),
    path("attachments/<uuid:attachments_id>/", attaching.attached, name="attached"),
    path(
        "attachments/<uuid:attachments_id>/<uuid:document_id>/remove/",
        attaching.detach,
        name="detach",
    ),
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
