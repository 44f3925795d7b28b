"""The gRPC edge: texts and options."""

from __future__ import annotations

from serving.grpc_edge import cut_message, read_channel_arguments


def test_short_message():
    """A message of 1024 bytes passes as it is."""
    assert cut_message("é" * 512) == "é" * 512


def test_long_message():
    """A longer one is cut between characters and says so."""
    cut = cut_message("é" * 513)

    # 1024 - len("...TRUNCATED") = 1012 bytes: 506 characters of two bytes.
    assert cut == "é" * 506 + "...TRUNCATED"


def test_channel_arguments():
    """What reads as an int32 is a number, all else a text."""
    options = read_channel_arguments("a=1,b=-2,c=x,d=2147483648,e=,f=1=2")

    assert options == (
        ("a", 1),
        ("b", -2),
        ("c", "x"),
        ("d", "2147483648"),
        ("e", ""),
        ("f", "1=2"),
    )
    assert not read_channel_arguments("")
