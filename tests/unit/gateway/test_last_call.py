"""What a worker that ends tells its clients."""

from __future__ import annotations

from types import SimpleNamespace

from gateway.last_call import LastCall


def make_request():
    """A request whose client may stay, as far as gunicorn is concerned."""
    return SimpleNamespace(should_close=lambda: False)


def test_clients_may_stay():
    """Before the end gunicorn decides, and nobody is hung up on."""
    last_call, request = LastCall(), make_request()

    last_call.tell(request)

    assert not request.should_close()
    assert not last_call.is_over


def test_clients_are_told():
    """From the end on every answer says that the connection closes."""
    last_call, request = LastCall(), make_request()
    last_call.tell(request)

    last_call.begin()

    assert request.should_close()
    assert not last_call.is_over


def test_what_was_told_holds():
    """An answer whose head said that the client may stay is not followed by a close."""
    last_call, request = LastCall(), make_request()
    last_call.tell(request)
    told = request.should_close()

    last_call.begin()

    assert request.should_close() is told is False
