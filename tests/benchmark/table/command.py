"""This stack, its peers and the machine's limit on the same photos: one table."""

from __future__ import annotations


def add_arguments(parser):
    """What can be left out or made shorter."""
    del parser


def run(options):
    """Measure and write the table."""
    raise ValueError(f"expected a finished subcommand, received {options.command}")
