"""The documents of a git repository: over https, or a repository below a folder that the operator has opened.

dulwich speaks the protocol; its every HTTP request goes through our fetcher. Only the newest commit of the branch is
fetched, into a temporary bare repository. A blob's id is its marker, and the commit that was read last is remembered:
while the branch stands there, one small request says that nothing changed.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from tempfile import TemporaryDirectory
from typing import Any

from dulwich.client import AbstractHttpGitClient
from dulwich.errors import GitProtocolError, HangupException, NotGitRepository
from dulwich.objects import Commit, ObjectID, Tag, Tree
from dulwich.refs import Ref
from dulwich.repo import Repo

from ingestion.fetching import Fetched, FetchError, Limits
from ingestion.models import Source
from ingestion.syncing import globs
from ingestion.syncing.kind import (
    Answer,
    ConfigError,
    Content,
    Field,
    Kind,
    Known,
    Listed,
    Setup,
    Skipped,
    SyncError,
)
from ingestion.syncing.kinds import web
from ingestion.syncing.kinds.folder import allowed_root

MOST_PACK_BYTES = 1024 * 1024 * 1024
_LFS = b"version https://git-lfs.github.com/spec/"


class Repository:
    """The files of one branch."""

    def __init__(self, setup: Setup) -> None:
        self._config, self._setup = setup.config, setup
        self._blobs: dict[str, ObjectID] = {}
        self._folder: TemporaryDirectory[str] | None = None
        self._repo: Repo | None = None
        self._commit = ""
        self.complete = True
        self.memory: dict[str, Any] = {}
        self.troubles: list[tuple[str, SyncError | FetchError]] = []

    def listing(self) -> Iterator[Listed]:
        try:
            yield from self._listed()
        except (GitProtocolError, HangupException, NotGitRepository, KeyError, ValueError) as error:
            raise SyncError(
                "git_failed",
                f"The repository cannot be read: {error or type(error).__name__}.",
                "Check the address, the branch and the credentials.",
                retryable=isinstance(error, HangupException),
            ) from error

    def fetch(self, listed: Listed, known: Known | None) -> Answer:
        assert self._repo is not None
        blob = self._repo.object_store[self._blobs[listed.key]]
        data = blob.as_raw_string()
        if data.startswith(_LFS):
            return Skipped("lfs", "Its content is in git LFS, which is not read.")
        path = listed.key.partition("/")[2]
        return Content(
            body=BytesIO(data),
            filename=path.rsplit("/", 1)[-1],
            sha256=hashlib.sha256(data).digest(),
            size=len(data),
            metadata={"path": path, "commit": self._commit},
        )

    def close(self) -> None:
        if self._repo is not None:
            self._repo.close()
        if self._folder is not None:
            self._folder.cleanup()

    def _listed(self) -> Iterator[Listed]:
        place = self._config["repository"]
        head = self._remote(place) if "://" in place else self._local(place)
        self.memory = {"commit": head.decode(), "config": dict(self._config)}
        if self._repo is None:
            for key, known in self._setup.known.items():
                yield Listed(key, known.marker)
            return
        self._commit = head.decode()[:12]
        name = place.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git")
        for path, sha in self._files(self._tree_of(head), ""):
            key = f"{name}/{path}"
            self._blobs[key] = sha
            yield Listed(key, sha.decode())

    def _remote(self, url: str) -> ObjectID:
        """The branch's newest commit; fetched, unless it is the one that was read last."""
        client = PinnedClient(url, web.Web(self._setup, [url]))
        refs = client.get_refs(b"")
        head = _head(refs.refs, refs.symrefs, self._config["branch"])
        if self._setup.memory == {"commit": head.decode(), "config": dict(self._config)}:
            return head
        self._folder = TemporaryDirectory(prefix="footnote-git-")
        self._repo = Repo.init_bare(self._folder.name)
        client.fetch(b"", self._repo, determine_wants=lambda *_, **__: [head], depth=1)
        return head

    def _local(self, place: str) -> ObjectID:
        path = _local_repository(place)
        self._repo = Repo(path)
        refs: dict[Ref, ObjectID | None] = dict(self._repo.refs.as_dict())
        return _head(refs, self._repo.refs.get_symrefs(), self._config["branch"])

    def _tree_of(self, head: ObjectID) -> ObjectID:
        assert self._repo is not None
        found = self._repo.object_store[head]
        while isinstance(found, Tag):
            found = self._repo.object_store[found.object[1]]
        assert isinstance(found, Commit)
        tree: ObjectID = found.tree
        return tree

    def _files(self, tree_id: ObjectID, prefix: str) -> Iterator[tuple[str, ObjectID]]:
        """Plain files in order; links, submodules and names that are no UTF-8 are none."""
        assert self._repo is not None
        tree = self._repo.object_store[tree_id]
        assert isinstance(tree, Tree)
        for entry in tree.iteritems(name_order=True):
            try:
                path = prefix + entry.path.decode()
            except UnicodeDecodeError:
                continue
            if stat.S_ISDIR(entry.mode):
                yield from self._files(entry.sha, f"{path}/")
            elif stat.S_ISREG(entry.mode) and self._is_wanted(path):
                yield path, entry.sha

    def _is_wanted(self, path: str) -> bool:
        return globs.wanted(path, self._config["include"], self._config["exclude"])


class PinnedClient(AbstractHttpGitClient):
    """dulwich's client of the smart protocol, whose requests go to checked addresses only."""

    def __init__(self, url: str, fetcher: web.Web) -> None:
        super().__init__(url, quiet=True)
        self._web = fetcher

    def _http_request(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        data: bytes | Iterator[bytes] | None = None,
        raise_for_status: bool = True,
    ) -> Any:
        """As dulwich asks for it: the response, and a function that reads some of its body."""
        body = b"".join(data) if data is not None and not isinstance(data, bytes) else data
        limits = Limits(most_bytes=MOST_PACK_BYTES, seconds=900, silent_seconds=120)
        found = self._web.send(url, headers or {}, body, limits)
        try:
            found.expect_document()
        except FetchError:
            found.close()
            raise
        return _Response(found, url), found.body.read


class _Response:
    """The few properties that dulwich looks at."""

    def __init__(self, found: Fetched, asked: str) -> None:
        self.status = found.status
        self.headers = found.headers
        self.content_type = found.headers.get("content-type")
        self.redirect_location = found.url if found.url != asked else ""
        self.close: Callable[[], None] = found.close


def _head(refs: Mapping[Ref, ObjectID | None], links: Mapping[Ref, Ref], branch: str) -> ObjectID:
    """The branch's commit; without a branch, that of the repository's own one."""
    names = [f"refs/heads/{branch}".encode(), f"refs/tags/{branch}".encode()]
    if not branch:
        names = [b"HEAD", links.get(Ref(b"HEAD"), b""), b"refs/heads/main", b"refs/heads/master"]
    for name in names:
        if found := refs.get(Ref(name)):
            return found
    heads = [
        name.removeprefix(b"refs/heads/").decode("utf-8", "replace")
        for name in refs
        if name.startswith(b"refs/heads/")
    ]
    raise SyncError(
        "no_branch",
        f"There is no branch {branch!r}." if branch else "The repository has no branch.",
        f"Its branches: {', '.join(sorted(heads)[:20]) or 'none'}.",
    )


def _local_repository(place: str) -> str:
    """Its path. Raises ConfigError, also for one that borrows objects from elsewhere."""
    path = allowed_root(place)
    inner = path / ".git" if (path / ".git").is_dir() else path
    for name in ("objects/info/alternates", "commondir"):
        if os.path.lexists(inner / name):
            raise ConfigError(
                "repository", "The repository borrows from another one, which is not read."
            )
    return str(path)


def _check(config: Mapping[str, Any]) -> None:
    place = config["repository"]
    try:
        if "://" in place:
            web.plain(place)
        else:
            _local_repository(place)
    except ConfigError as error:
        raise ConfigError("repository", error.message) from error


KIND = Kind(
    name=Source.Kind.GIT,
    label="Git repository",
    help="The files of a branch, over https; or of a repository on the machine that Footnote runs on.",
    fields=(
        Field(
            "repository",
            "Repository",
            help="Such as https://git.example.com/docs.git.",
            required=True,
        ),
        Field("branch", "Branch or tag", help="Empty: the repository's own."),
        Field(
            "include",
            "Only these",
            "lines",
            ["*.md", "*.rst", "*.txt", "*.pdf", "*.docx", "*.html"],
            "Patterns, one a line, such as docs/**/*.md. Empty: all.",
        ),
        Field("exclude", "Not these", "lines", [], "Patterns, one a line."),
        *web.CREDENTIALS,
    ),
    open=Repository,
    check=_check,
)
