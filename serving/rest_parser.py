"""What an HTTP request must be to be answered: waitress's rules and stricter ones."""

from __future__ import annotations

from waitress.parser import HTTPRequestParser, ParsingError
from waitress.utilities import BadRequest

# waitress copies what is left of its input for every chunk; small inputs keep 5-byte
# chunks from holding up the loop that reads for everybody.
_FED_BYTES = 2**13
_MAX_CHUNK_LINE_BYTES = 2**16


class RestParser(HTTPRequestParser):
    """One request while it arrives; an error in it is answered, then hung up."""

    # waitress logs it, also of a request line that has none.
    path = ""

    @property
    def has_begun(self) -> bool:
        """Whether more came than the blank lines that may stand between requests."""
        return self.headers_finished or bool(self.header_plus.strip())

    def received(self, data: bytes) -> int:
        """Take what belongs to this request; return the number of bytes taken."""
        if self.chunked:
            data = data[:_FED_BYTES]
        taken = super().received(data)
        if self.chunked and not self.completed and self._is_endless():
            self.error = BadRequest("expected the size of a chunk, received no end")
            self.completed = True
        if self.completed:
            # There is nothing to go on with; waitress would wait for it without end.
            self.expect_continue = False
        return taken

    def _is_endless(self) -> bool:
        chunks = self.body_rcv
        return max(len(chunks.control_line), len(chunks.trailer)) > (
            _MAX_CHUNK_LINE_BYTES
        )

    def parse_header(self, header_plus: bytes) -> None:
        """Read the request line and the header fields.

        Raises:
            ParsingError: They are none, or say two things about the length of the body.
        """
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            # From urlsplit() of `http://[/` and int() of 5,000 digits.
            raise ParsingError(f"expected a request, received {error}") from error
        # Source: RFC 9112, section 6.1: both, or one before HTTP/1.1, is an attempt to
        # let two servers see different requests.
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("expected one length, received chunks and a length")
        if "TRANSFER_ENCODING" in self.headers:
            raise ParsingError("expected chunks in HTTP/1.1 only")
