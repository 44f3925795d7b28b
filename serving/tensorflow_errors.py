"""What TensorFlow raises becomes the one error the server tells a client."""

from __future__ import annotations

import tensorflow as tf
from grpc import StatusCode

from serving.errors import ServingError, invalid_argument

_CODES = {code.value[0]: code for code in StatusCode}
# What the calls below Session.run raise.
RUN_ERRORS = (tf.errors.OpError, UnicodeDecodeError)


def translate_error(error: tf.errors.OpError | UnicodeDecodeError) -> ServingError:
    """What TensorFlow said, with its own code."""
    if isinstance(error, UnicodeDecodeError):
        # The graph refused bytes and quoted them in its message, whose code is lost
        # where TensorFlow turns that into text.
        return invalid_argument(error.object.decode(errors="replace"))
    code = _CODES.get(error.error_code, StatusCode.UNKNOWN)
    return ServingError(code, error.message)
