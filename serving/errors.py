"""The one error the server tells a client: a gRPC code and a text."""

from __future__ import annotations

from grpc import StatusCode


class ServingError(Exception):
    """Anything we tell a client; the code says whether trying again may help."""

    def __init__(self, code: StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code.name}: {self.message}"

    def renewed(self) -> ServingError:
        """The same error without its traceback, for who keeps it or raises it again.

        A traceback keeps what its frames hold, here whole batches of pictures, and a
        frame that holds the error makes a circle of it that nobody soon takes apart.
        """
        return ServingError(self.code, self.message)


def invalid_argument(message: str) -> ServingError:
    """The call itself is wrong; sending it again will not help."""
    return ServingError(StatusCode.INVALID_ARGUMENT, message)


def not_found(message: str) -> ServingError:
    """No such model, version or file now; it may come."""
    return ServingError(StatusCode.NOT_FOUND, message)


def failed_precondition(message: str) -> ServingError:
    """The call is well formed, but the model cannot answer it."""
    return ServingError(StatusCode.FAILED_PRECONDITION, message)
