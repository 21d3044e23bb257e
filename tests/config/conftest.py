"""What the tests of starting and stopping share."""

from tests.config.homes import home

__all__ = ["home"]
