"""TLS and mutual TLS on the gRPC port, with certificates made for the test."""

from __future__ import annotations

import json

import grpc
import pytest
import trustme
from google.protobuf import text_format
from tensorflow_serving.apis import get_model_status_pb2, model_service_pb2_grpc

from serving.errors import ServingError
from tests.tiny_model import write_tiny_model

TIMEOUT_SECONDS = 20


@pytest.fixture(name="authority", scope="module")
def _authority():
    return trustme.CA()


@pytest.fixture(name="base_path", scope="module")
def _base_path(tmp_path_factory):
    base_path = tmp_path_factory.mktemp("tls") / "tiny"
    write_tiny_model(base_path)
    return base_path


def read_pem(certificate):
    """A certificate's key and chain as PEM bytes."""
    key = certificate.private_key_pem.bytes()
    return key, b"".join(part.bytes() for part in certificate.cert_chain_pems)


def write_config(path, authority, client_verify=None):
    """An SSLConfig text file with a certificate for localhost."""
    key, chain = read_pem(authority.issue_cert("localhost"))
    root = authority.cert_pem.bytes()
    texts = {"server_key": key, "server_cert": chain, "custom_ca": root}
    lines = [f"{name}: {json.dumps(text.decode())}" for name, text in texts.items()]
    if client_verify is not None:
        lines.append(f"client_verify: {str(client_verify).lower()}")
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def ask_status(server, credentials=None):
    """GetModelStatus over one new channel, plain without credentials."""
    address = f"localhost:{server.grpc_port}"
    channel = (
        grpc.secure_channel(address, credentials)
        if credentials
        else grpc.insecure_channel(address)
    )
    with channel:
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = "tiny"
        return stub.GetModelStatus(request, timeout=TIMEOUT_SECONDS)


def test_tls(start_model_server, base_path, authority, tmp_path):
    """A client that trusts the authority is answered, a plain one is not."""
    path = write_config(tmp_path / "ssl.config", authority)
    server = start_model_server(base_path, ssl_config_file=path)

    root = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
    status = ask_status(server, root)

    assert status.model_version_status[0].version == 1
    with pytest.raises(grpc.RpcError) as caught:
        ask_status(server)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_mutual_tls(start_model_server, base_path, authority, tmp_path):
    """With client_verify a client needs a certificate of the authority's own."""
    path = write_config(tmp_path / "ssl.config", authority, client_verify=True)
    server = start_model_server(base_path, ssl_config_file=path)
    root = authority.cert_pem.bytes()
    known = read_pem(authority.issue_cert("client.example"))
    stranger = read_pem(trustme.CA().issue_cert("client.example"))

    status = ask_status(server, grpc.ssl_channel_credentials(root, *known))

    assert status.model_version_status[0].version == 1
    for certificate in ((None, None), stranger):
        with pytest.raises(grpc.RpcError) as caught:
            ask_status(server, grpc.ssl_channel_credentials(root, *certificate))
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_tls_on_socket(start_model_server, base_path, authority, tmp_path):
    """The UNIX socket is as closed to plain clients as the port."""
    socket_path = tmp_path / "grpc.sock"
    path = write_config(tmp_path / "ssl.config", authority)
    start_model_server(
        base_path, ssl_config_file=path, grpc_socket_path=str(socket_path)
    )

    with grpc.insecure_channel(f"unix:{socket_path}") as channel:
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        request = text_format.Parse(
            "model_spec { name: 'tiny' }", get_model_status_pb2.GetModelStatusRequest()
        )
        with pytest.raises(grpc.RpcError) as caught:
            stub.GetModelStatus(request, timeout=TIMEOUT_SECONDS)

    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    "text, code",
    [
        ("server_key: 1 2", grpc.StatusCode.INVALID_ARGUMENT),
        ("no_such_field: 'x'", grpc.StatusCode.INVALID_ARGUMENT),
        ("server_key: 'x'", grpc.StatusCode.INVALID_ARGUMENT),
        (
            "server_key: 'x' server_cert: 'y' client_verify: true",
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
        ("server_key: 'x' server_cert: 'y'", grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_bad_file(start_model_server, base_path, tmp_path, text, code):
    """A file that gives no usable TLS stops the start: no port opens plain instead."""
    path = tmp_path / "ssl.config"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ServingError) as caught:
        start_model_server(base_path, ssl_config_file=str(path))

    assert caught.value.code is code


def test_missing_file(start_model_server, base_path, tmp_path):
    """A file that is not there stops the start as well."""
    with pytest.raises(ServingError, match="ssl.config"):
        start_model_server(base_path, ssl_config_file=str(tmp_path / "ssl.config"))
