"""The benchmarks' command line: python -m tests.benchmark.run SUBCOMMAND.

A subcommand is a module with add_arguments(parser) and run(options); its docstring is
its help. It imports no TensorFlow itself: what needs it runs in own_process.py, so
that the harness costs the machine next to nothing.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from tests.benchmark.growth import command as growth
from tests.benchmark.start import command as start
from tests.benchmark.steady import command as steady
from tests.benchmark.table import command as table
from tests.benchmark.training_race import command as training

COMMANDS = {
    "table": table,
    "growth": growth,
    "start": start,
    "steady": steady,
    "training": training,
}
EXIT_FAILED, EXIT_INTERRUPTED = 1, 130


def parse_arguments(arguments):
    """The options of one subcommand; `command` is its module."""
    parser = argparse.ArgumentParser(
        prog="scripts/benchmark", description="Measure the stack; ratios, in one run."
    )
    subparsers = parser.add_subparsers(metavar="SUBCOMMAND", required=True)
    for name, command in COMMANDS.items():
        summary = command.__doc__.splitlines()[0]
        subparser = subparsers.add_parser(name, help=summary, description=summary)
        subparser.set_defaults(command=command)
        subparser.add_argument(
            "--quick", action="store_true", help="a check that all works, in minutes"
        )
        subparser.add_argument(
            "--output",
            type=Path,
            metavar="DIR",
            default=Path(".benchmark") / "reports" / name,
            help="where report.html and report.json go (default: %(default)s)",
        )
        command.add_arguments(subparser)
    return parser.parse_args(arguments)


def main():
    """Run one subcommand; 1 with a sentence when it cannot, 130 after Ctrl-C."""
    options = parse_arguments(sys.argv[1:])
    # Also in the background of a shell, and when it is asked to end: no server stays.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        options.command.run(options)
    except (OSError, ValueError, RuntimeError) as error:
        sys.stderr.write(f"benchmark: {error}\n")
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
