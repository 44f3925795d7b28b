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
    "text, place", [("nonsense: 1", "1:1"), ("\n\n  }", "3:3"), ("a: 'x", "1:1")]
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


def test_missing_file(tmp_path):
    """A file that is not there is named."""
    with pytest.raises(ServingError) as caught:
        fill_message(str(tmp_path / "none"), config_pb2.ConfigProto())

    assert caught.value.code is StatusCode.INVALID_ARGUMENT
    assert str(tmp_path / "none") in caught.value.message
