"""weights.csv: what it may say, and what is told where it says something else."""

import pytest

from training.errors import UnfitData
from training.photo_weights import find_weights


@pytest.fixture(name="read")
def _read(tmp_path):
    """Weights of two photos from a file with that text."""
    photos = {tmp_path / "cat" / "a.png", tmp_path / "cat" / "b, c.png"}

    def read(text):
        (tmp_path / "weights.csv").write_bytes(text)
        found = find_weights(tmp_path, photos)
        return {path.name: weight for path, weight in found.items()}

    return read


def test_no_file(tmp_path):
    """Without the file there are no weights."""
    assert not find_weights(tmp_path, set())


@pytest.mark.parametrize(
    "text, expected",
    [
        (b"path,weight\ncat/a.png,0.25\n", {"a.png": 0.25}),
        (b'path,weight\r\n\r\n"cat/b, c.png",3\r\n', {"b, c.png": 3.0}),
        (b"\xef\xbb\xbfpath,weight\ncat/a.png, 1e-3\n", {"a.png": 0.001}),
        (b"path,weight\n", {}),
    ],
)
def test_rows(read, text, expected):
    """Rows as spreadsheets write them: quotes, CRLF, a byte order mark, empty rows."""
    assert read(text) == expected


@pytest.mark.parametrize(
    "text, message",
    [
        (b"", "begin with path,weight, received an empty file"),
        (b"cat/a.png,1\n", "begin with path,weight, received cat/a.png,1"),
        (b"path,weight\ncat/a.png\n", "row 2.*above 0, received cat/a.png"),
        (b"path,weight\ncat/a.png,0\n", "row 2.*above 0, received cat/a.png,0"),
        (b"path,weight\ncat/a.png,-1\n", "above 0, received cat/a.png,-1"),
        (b"path,weight\ncat/a.png,nan\n", "above 0, received cat/a.png,nan"),
        (b"path,weight\ncat/a.png,inf\n", "above 0, received cat/a.png,inf"),
        (b"path,weight\ncat/a.png,heavy\n", "above 0, received cat/a.png,heavy"),
        (b"path,weight\ncat/z.png,1\n", "row 2.*of the folder, received none: cat/z"),
        (b"path,weight\n../x.png,1\n", "of the folder, received none: ../x.png"),
        (b"path,weight\ncat/a.png,1\ncat/a.png,1\n", "row 3.*received one twice"),
        (b"path,weight\ncat/\xff.png,1\n", "cannot be read as CSV in UTF-8"),
    ],
)
def test_rows_refused(read, text, message):
    """What is no weight of a photo is refused with its row."""
    with pytest.raises(UnfitData, match=message):
        read(text)
