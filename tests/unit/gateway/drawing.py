"""Picture files, and files that only look like one."""

from __future__ import annotations

import io
import struct
import zlib


def encode(picture, file_format, **options):
    """The bytes of one Pillow picture."""
    file = io.BytesIO()
    picture.save(file, file_format, **options)
    return file.getvalue()


def draw_png_bomb(width, height, rows=None):
    """A black gray PNG; with fewer rows than its header says, if told so."""

    def chunk(name, data):
        checksum = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes((width + 1) * (height if rows is None else rows)), 9)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", pixels)
        + chunk(b"IEND", b"")
    )
