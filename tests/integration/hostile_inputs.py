"""A thousand requests nobody honest would send, the same ones in every run."""

from __future__ import annotations

import base64
import io
import json
import random
from dataclasses import dataclass

from PIL import Image

from tests.conftest import draw_picture
from tests.integration.fetch_attacks import ADDRESSES, FORMS, INNER_NAMES

SEED = 20261122
INFER = "/v2/models/tiny/infer"
PATHS = ("/predict", "/predict", "/explain", "/")
QUERIES = (
    "",
    "?top=0",
    "?top=-1",
    "?top=1e9",
    "?top=" + "9" * 5000,
    "?model=",
    "?model=%00",
    "?model=../../etc/passwd",
    "?version=-1",
    "?version=99999999999999999999",
    "?version=x",
    "?version=1&version=2",
    "?label=%ff%fe",
    "?label=" + "a" * 3000,
    "?" + "&".join(f"a{i}=b" for i in range(500)),
)
VALUES = (
    None,
    True,
    -1,
    10**30,
    1.5e308,
    "",
    "%%%",
    "data:image/png;base64",
    "data:image/png;base64,",
    "\ud800",
    "\0",
    "é" * 1000,
    "A" * 100_001,
    [],
    [None],
    [[]],
    ["AAAA"] * 200,
    {},
    {"image": "AAAA"},
)
TEXTS = (
    b"",
    b"{",
    b"null",
    b"[]",
    b"NaN",
    b'{"image": NaN}',
    b'{"image": 1' + b"0" * 5000 + b"}",
    b'{"image": "\xff"}',
    b'{"image": "\\ud800"}',
    b"[" * 100_000,
    b'{"image":' * 20_000,
    b'\xff\xfe{\0"\0',
    b'\xef\xbb\xbf{"image": "AAAA"}',
    b'{"image": "AAAA", "image": "BBBB"}',
    b'{"image": "AAAA"} {}',
)


@dataclass(frozen=True)
class HostileRequest:
    """What one client posts."""

    path: str
    kind: str
    body: bytes


def write_requests(count):
    """So many requests: six in ten are pictures, the others JSON and forms."""
    chance = random.Random(SEED)
    pictures = draw_pictures()
    writers = [write_picture] * 6 + [write_json] * 2 + [write_form] * 2
    return [writers[i % 10](chance, pictures) for i in range(count)]


def draw_pictures():
    """Sound files of all formats and many modes, small enough to break everywhere."""
    picture = draw_picture((40, 30))
    files = []
    for file_format, mode, options in (
        ("JPEG", "RGB", {}),
        ("JPEG", "L", {"progressive": True}),
        ("JPEG", "CMYK", {}),
        ("PNG", "RGB", {}),
        ("PNG", "RGBA", {}),
        ("PNG", "P", {"transparency": 0}),
        ("PNG", "I;16", {}),
        ("PNG", "RGB", {"save_all": True, "append_images": [picture]}),
        ("WEBP", "RGB", {}),
        ("WEBP", "RGBA", {"lossless": True}),
        ("WEBP", "RGB", {"save_all": True, "append_images": [picture]}),
        ("GIF", "P", {"save_all": True, "append_images": [picture]}),
        ("BMP", "RGB", {}),
        ("BMP", "1", {}),
        ("TIFF", "RGB", {}),
        ("TIFF", "RGB", {"compression": "tiff_lzw"}),
        ("TIFF", "RGB", {"compression": "tiff_adobe_deflate"}),
        ("TIFF", "1", {"compression": "group4"}),
        ("TIFF", "L", {"compression": "jpeg"}),
        ("MPO", "RGB", {"save_all": True, "append_images": [picture]}),
    ):
        file = io.BytesIO()
        source = (
            Image.new("I;16", (40, 30)) if mode == "I;16" else picture.convert(mode)
        )
        source.save(file, file_format, **options)
        files.append(file.getvalue())
    return files


def spoil(chance, data):
    """The file, damaged in one to four ways."""
    data = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        end = min(len(data), at + chance.randint(1, 40))
        damage = chance.randrange(7)
        if damage == 0:
            del data[at:]
        elif damage == 1:
            del data[at:end]
        elif damage == 2:
            data[at:end] = chance.randbytes(end - at)
        elif damage == 3:
            data[at:at] = data[at:end] * chance.randint(1, 50)
        elif damage == 4:
            data[at:end] = chance.choice((b"\xff", b"\0", b"\x7f")) * (end - at)
        elif damage == 5 and data:
            data[at % len(data)] ^= 1 << chance.randrange(8)
        else:
            # Sizes and offsets stand in the first bytes of most formats.
            at = chance.randrange(64)
            data[at : at + 4] = chance.choice((b"\xff" * 4, b"\x7f\xff\xff\xff"))
    return bytes(data)


def write_picture(chance, pictures):
    """A spoilt picture as a body, under its own name or a wrong one."""
    kind = chance.choice(("image/jpeg", "image/png", "application/octet-stream", ""))
    path = chance.choice(PATHS[:3]) + chance.choice(QUERIES[:1] * 40 + QUERIES)
    return HostileRequest(path, kind, spoil(chance, chance.choice(pictures)))


def write_json(chance, pictures):
    """JSON that is none, is of wrong kinds, or leads inward."""
    encoded = base64.b64encode(spoil(chance, chance.choice(pictures))).decode()
    inward = list({**FORMS, **ADDRESSES, **INNER_NAMES}.values())
    values = (*VALUES, encoded, encoded[:-1], [encoded] * 3, inward, *inward[::9])
    tensor = {"name": "images", "shape": [1], "datatype": "BYTES", "data": [encoded]}
    tensor[chance.choice(tuple(tensor))] = chance.choice(values)
    values = (*values, [tensor], [tensor])
    names = ("image", "images", "url", "urls", "model", "inputs", "inputs", "\0")
    document = {
        name: chance.choice(values)
        for name in chance.sample(names, chance.randint(1, 3))
    }
    body = json.dumps(document).encode()
    if chance.random() < 0.3:
        body = chance.choice((*TEXTS, spoil(chance, body)))
    return HostileRequest(
        chance.choice((*PATHS, INFER, INFER)) + chance.choice(QUERIES),
        "application/json",
        body,
    )


def write_form(chance, pictures):
    """A multipart body with odd heads, names, boundaries and lengths."""
    boundary = chance.choice(("b", "b" * 70, "--", "a b", "\u00e9", ""))
    parts = []
    for _ in range(chance.choice((0, 1, 1, 2, 3, 50, 1200))):
        name = chance.choice(("image", "url", "model", "", "a" * 300, '"', "\\"))
        head = chance.choice(
            (
                f'Content-Disposition: form-data; name="{name}"; filename="a.png"',
                f'Content-Disposition: form-data; name="{name}"',
                f"Content-Disposition: form-data; name*=utf-8''%ff{name}",
                "Content-Disposition: form-data",
                "Content-Disposition:",
                "Content-Type: multipart/mixed; boundary=c",
                "Content-Transfer-Encoding: base64",
                "X" * 9000,
                "",
            )
        )
        data = chance.choice((b"", b"http://127.0.0.1/", chance.choice(pictures)))
        mark = f"--{boundary}\r\n{head}\r\n\r\n".encode()
        parts.append(mark + (spoil(chance, data) if data else b"") + b"\r\n")
    body = b"".join(parts) + f"--{boundary}--\r\n".encode()
    if chance.random() < 0.3:
        body = spoil(chance, body)
    kind = f"multipart/form-data; boundary={boundary}"
    return HostileRequest(chance.choice(PATHS), kind, body)
