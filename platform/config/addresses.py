"""Addresses as long as a search can be. Entry point: ``LongAddresses``, for uvicorn's ``--http``.

A search stands in its address, and 8,000 characters of Chinese are 72 kB there, of emoji 96 kB. ``httptools`` takes no
address apart that is longer than 65,535 bytes, and uvicorn then answers "Invalid HTTP request received." Its other
parser, h11, could be told to, but is Python and takes far longer for every request; so the query of a long address is
put aside before the rest is taken apart.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Above the first, httptools refuses; above the second, so do we: more than text, cursor and many filters come to.
LONGEST_PARSED, LONGEST = 65_535, 256 * 1024


class LongAddresses(HttpToolsProtocol):
    """uvicorn's protocol, as it is for addresses of ordinary length."""

    def on_headers_complete(self) -> None:
        """The parser has read the head. The application begins in the loop's next turn, when ``scope`` is whole."""
        if not LONGEST_PARSED < len(self.url) <= LONGEST:
            return super().on_headers_complete()
        self.url, _, query = self.url.partition(b"?")
        super().on_headers_complete()
        self.scope["query_string"] = query
