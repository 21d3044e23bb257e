"""What /readyz says of a running Footnote."""

import urllib.error
import urllib.request


def ask(url: str) -> tuple[bool, str]:
    """What /readyz says: whether everything answers, and if not, what it says instead."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:  # noqa: S310  (our own address)
            return answer.status == 200, ""
    except urllib.error.HTTPError as error:
        return False, error.read(2000).decode(errors="replace").strip().replace("\n", "; ")
    except OSError as error:
        return False, f"web does not answer ({error})"
