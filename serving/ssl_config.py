"""TLS of the gRPC port, from an SSLConfig text file."""

from __future__ import annotations

import grpc

from serving.config_messages import create_message
from serving.errors import invalid_argument
from serving.text_message import fill_message


def read_credentials(path: str) -> grpc.ServerCredentials | None:
    """The credentials a file describes; None without a file: the port is plain.

    The file holds the PEM texts themselves, not their paths. With client_verify only
    clients with a certificate of custom_ca are let in.

    Raises:
        ServingError: As fill_message; INVALID_ARGUMENT where a text is missing.
    """
    if not path:
        return None
    message = create_message("SSLConfig")
    fill_message(path, message)
    for name in ("server_key", "server_cert"):
        if not getattr(message, name):
            raise invalid_argument(f"{path} expected {name} as PEM text, found none")
    if message.client_verify and not message.custom_ca:
        raise invalid_argument(
            f"{path} expected custom_ca beside client_verify, found none"
        )
    return grpc.ssl_server_credentials(
        [(message.server_key.encode(), message.server_cert.encode())],
        root_certificates=message.custom_ca.encode() or None,
        require_client_auth=message.client_verify,
    )
