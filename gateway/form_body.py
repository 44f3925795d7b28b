"""A multipart form becomes its files, the addresses it names, and its other fields."""

from __future__ import annotations

import io
from typing import IO

from flask import Request
from werkzeug.datastructures import FileStorage

from gateway.body import Address, Body, check_count
from gateway.errors import InvalidRequest

_ADDRESS_FIELDS = ("url", "urls")


class UploadRequest(Request):
    """A request whose files stay in memory: the root file system may be read-only.

    And they keep the order in which they were sent, which request.files loses.
    """

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        stream = io.BytesIO()
        self.__dict__.setdefault("_begun_files", []).append(stream)
        return stream

    def sent_files(self) -> tuple[FileStorage, ...]:
        """All files as sent, whatever their fields are called.

        Raises:
            InvalidRequest: The form ends within a file.
        """
        files = {id(file.stream): file for _, file in self.files.items(multi=True)}
        begun = self.__dict__.get("_begun_files", ())
        if len(files) < len(begun):
            raise InvalidRequest(
                "expected a form that ends with its boundary, received one cut short"
            )
        return tuple(files[id(stream)] for stream in begun)


def read_form(request: UploadRequest, most_pictures: int) -> Body:
    """The files of a form in their order, then the pictures at the addresses it names.

    Raises:
        MissingImage: There are none.
        TooManyImages: There are more than may be sent at once.
    """
    # A browser sends an empty file without a name when none was chosen.
    files = [file for file in request.sent_files() if file.filename]
    texts = (text for name in _ADDRESS_FIELDS for text in request.form.getlist(name))
    addresses = [Address(text.strip()) for text in texts if text.strip()]
    check_count(len(files) + len(addresses), most_pictures)
    # getvalue hands out the buffer itself; read would copy it.
    pictures = [file.stream.getvalue() for file in files]
    return Body((*pictures, *addresses), request.form.to_dict())
