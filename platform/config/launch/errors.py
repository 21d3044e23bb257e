"""What can keep Footnote from starting, each as one sentence for the person at the terminal.

LaunchError
|- CannotWrite          the home folder is read-only, full or somebody else's
|- AlreadyRunning       another ``bin/up`` works in this home
|- PortInUse            another program listens there
|- EmbeddedRefused      production wants a Postgres of its own
|- DatabaseFailed       the embedded Postgres did not start
`- StepFailed           a migration, the demo or a process failed for good
"""

import errno


class LaunchError(Exception):
    """Ends the command with exit code 1; the message says what happened and what to do."""


class CannotWrite(LaunchError):
    """The home folder cannot be written."""

    @classmethod
    def because(cls, error: OSError, where: object) -> "CannotWrite":
        """The sentence for ``error``, naming the folder and what to do about it."""
        place = error.filename or where
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return cls(f"The disk is full at {place}: make room there, or set FOOTNOTE_HOME.")
        if error.errno == errno.EROFS:
            return cls(f"{place} is on a read-only disk: set FOOTNOTE_HOME to a writable folder.")
        if error.errno in {errno.EACCES, errno.EPERM}:
            return cls(f"No permission to write {place}: set FOOTNOTE_HOME to a folder of yours.")
        return cls(f"Cannot write {place} ({error.strerror}): set FOOTNOTE_HOME to another folder.")


class AlreadyRunning(LaunchError):
    """Another bin/up holds this home."""


class PortInUse(LaunchError):
    """Another program listens on the port."""


class EmbeddedRefused(LaunchError):
    """FOOTNOTE_ENV=production without DATABASE_URL."""


class DatabaseFailed(LaunchError):
    """The embedded Postgres did not start or stopped for good."""


class StepFailed(LaunchError):
    """A step of the start, or a process, failed for good."""
