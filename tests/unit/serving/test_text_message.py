"""Text files as messages: every kind of config file tells its mistakes alike."""

from __future__ import annotations

import pytest
from grpc import StatusCode
from tensorflow.core.protobuf import config_pb2
from tensorflow_serving.config import model_server_config_pb2

from serving.errors import ServingError
from serving.text_message import fill_message


@pytest.mark.parametrize(
    "message, name",
    [
        (
            model_server_config_pb2.ModelServerConfig(),
            "tensorflow.serving.ModelServerConfig",
        ),
        (config_pb2.ConfigProto(), "tensorflow.ConfigProto"),
    ],
)
@pytest.mark.parametrize(
    "text, place",
    [
        ("nonsense: 1", "1:9"),
        ("nonsense text", "1:10"),
        ("nonsense", "1:9"),
        ("# é: 1\n\n  bogus # more\n  : 3", "4:3"),
        ("\n\n  }", "3:3"),
        ("a: 'x", "1:2"),
    ],
)
def test_mistake(tmp_path, message, name, text, place):
    """The cause names the message type, the line and the column, counted from one."""
    path = tmp_path / "some.config"
    path.write_text(text)

    with pytest.raises(ServingError) as caught:
        fill_message(str(path), message)

    assert caught.value.code is StatusCode.INVALID_ARGUMENT
    assert caught.value.message == f"Invalid protobuf file: '{path}'"
    cause = str(caught.value.__cause__)
    assert cause.startswith(f"Error parsing text-format {name}: {place}: ")


@pytest.mark.parametrize(
    "text, told",
    [
        (
            "improper model config file",
            '1:10: Message type "tensorflow.serving.ModelServerConfig" has no field '
            'named "improper".',
        ),
        ("{", "1:1: Expected identifier, got: {"),
        (
            "model_config_list {\n config { name: a } }",
            "2:17: Expected string, got: a",
        ),
        (
            "model_config_list { config { model_version_policy {\n"
            " specific { versions: 'x' } } } }",
            "2:23: Expected integer, got: 'x'",
        ),
    ],
)
def test_words(tmp_path, text, told):
    """Places and words are those of `protoc --encode`, which is C++, for the same."""
    path = tmp_path / "models.config"
    path.write_text(text)

    with pytest.raises(ServingError) as caught:
        fill_message(str(path), model_server_config_pb2.ModelServerConfig())

    assert str(caught.value.__cause__) == (
        f"Error parsing text-format tensorflow.serving.ModelServerConfig: {told}"
    )


def test_no_text(tmp_path):
    """Bytes that are no UTF-8 are a mistake of the file, with their place."""
    path = tmp_path / "some.config"
    path.write_bytes(b"# one\n# \xff")

    with pytest.raises(ServingError) as caught:
        fill_message(str(path), config_pb2.ConfigProto())

    assert caught.value.message == f"Invalid protobuf file: '{path}'"
    assert str(caught.value.__cause__).startswith(
        "Error parsing text-format tensorflow.ConfigProto: 2:3: "
    )


def read_refused(path):
    """The error of a file that cannot be read; nothing stands beside it on stderr."""
    with pytest.raises(ServingError) as caught:
        fill_message(str(path), config_pb2.ConfigProto())
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_missing_file(tmp_path):
    """A file that is not there is NOT_FOUND, in TensorFlow's words."""
    path = tmp_path / "none"

    assert read_refused(path) == f"NOT_FOUND: {path}; No such file or directory"


def test_folder(tmp_path):
    """A folder is NOT_FOUND, as where TensorFlow Serving maps it into memory."""
    assert read_refused(tmp_path) == f"NOT_FOUND: {tmp_path}; Is a directory"


def test_file_as_folder(tmp_path):
    """A path through a file is FAILED_PRECONDITION."""
    path = tmp_path / "file" / "some.config"
    path.parent.touch()

    assert read_refused(path) == f"FAILED_PRECONDITION: {path}; Not a directory"


def test_empty_file(tmp_path):
    """A file without a byte (being written?) is INVALID_ARGUMENT, not all defaults."""
    path = tmp_path / "some.config"
    path.touch()

    assert read_refused(path) == f"INVALID_ARGUMENT: {path}; the file is empty"
