"""Where the gRPC server listens: port, UNIX socket, plain or with TLS."""

from __future__ import annotations

import grpc

from serving.errors import ServingError
from serving.settings import ANY_FREE_PORT, Settings

ALL_ADDRESSES = "0.0.0.0"


def bind(
    server: grpc.Server,
    settings: Settings,
    credentials: grpc.ServerCredentials | None,
) -> int:
    """Bind the socket path and the port that are set; return the port, 0: none.

    Raises:
        ServingError: INVALID_ARGUMENT; an address is not to be had, or the credentials
            hold no usable key and certificate. gRPC tells more on stderr.
    """
    if settings.grpc_socket_path:
        _add(server, f"unix:{settings.grpc_socket_path}", credentials)
    if not settings.port:
        return 0
    return _add(server, f"{ALL_ADDRESSES}:{real_port(settings.port)}", credentials)


def _add(
    server: grpc.Server, address: str, credentials: grpc.ServerCredentials | None
) -> int:
    try:
        if credentials is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, credentials)
    except RuntimeError as error:
        hint = " or use the key and certificate of the SSL config" * bool(credentials)
        raise ServingError(
            grpc.StatusCode.INVALID_ARGUMENT,
            f"could not listen on {address}{hint}: {error}",
        ) from error


def real_port(port: int) -> int:
    """The port as the socket takes it, where 0 is any free one."""
    return 0 if port == ANY_FREE_PORT else port
