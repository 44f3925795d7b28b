"""python -m serving --port=8500 --model_name=NAME --model_base_path=FOLDER ..."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from serving.errors import ServingError
from serving.flags import (
    CommandLine,
    UnreadableFlag,
    describe_usage,
    describe_version,
    read_flags,
)

if TYPE_CHECKING:
    from serving.server import ModelServer

logger = logging.getLogger("serving")

# They end a line for one reader or another, or move a terminal's cursor.
_CONTROLS = {
    code: repr(chr(code))[1:-1]
    for code in (*range(32), *range(127, 160), 0x2028, 0x2029)
}

# preStop + this < the pod's grace period (kube-config/base/model-server).
DRAIN_SECONDS = 20.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
FAILED = 255
# What a shell and Kubernetes show of a process that a signal ended; TensorFlow Serving
# always ends like that.
CUT = 128


def main(arguments: list[str], drain_seconds: float = DRAIN_SECONDS) -> int:
    """Serve until a signal comes; return the exit code."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        # A path in a flag may hold any bytes. OSError: a file that became a pipe.
        with suppress(OSError):
            stream.reconfigure(errors="backslashreplace")
    try:
        command = read_flags(arguments)
    except UnreadableFlag as error:
        if error.args:
            print(error, file=sys.stderr)
        print(describe_usage("serving"))
        return FAILED
    if command.settings.version:
        print(describe_version())
        return 0
    if command.unknown:
        for word in command.unknown:
            print(f"unknown argument: {word}")
        print(describe_usage("serving"), flush=True)
    _set_up_logging()
    return serve(command, drain_seconds)


def serve(command: CommandLine, drain_seconds: float) -> int:
    """Start, wait for a signal, drain; return the exit code.

    0: every call was finished; 255: the start failed; 143 or 130: SIGTERM or SIGINT cut
    calls that took longer than the drain.
    """
    # Before anything starts a thread (NumPy does when it is imported), so that all have
    # them blocked and only sigwait below takes them. A second signal (Ctrl-C reaches a
    # whole group, whose script passes it on) cuts no drain.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        command.settings.check()
        server = _create_server(command)
    except ServingError as error:
        return _fail(error)
    with ThreadPoolExecutor(1) as starter:
        start = starter.submit(server.start)
        start.add_done_callback(_wake_if_failed)
        taken = signal.Signals(signal.sigwait(STOP_SIGNALS))
        logger.info("event=stopping signal=%s", taken.name)
        is_drained = server.drain(drain_seconds)
    error = start.exception()
    if error is not None:
        return _fail(error)
    logger.info("event=stopped drained=%s", str(is_drained).lower())
    return 0 if is_drained else CUT + taken


def _create_server(command: CommandLine) -> ModelServer:
    """Import TensorFlow, which takes seconds and reads its log level meanwhile."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # pylint: disable=import-outside-toplevel  # see above
    from serving.model_config import read_model_configs
    from serving.server import ModelServer as Server

    # A call with a JSON image sets off the collector, which would look through all of
    # TensorFlow: every fourth took 180 ms, not 20. Models come later and can be freed.
    gc.collect()
    gc.freeze()
    if command.without_effect:
        names = ",".join(command.without_effect)
        logger.warning("event=flags_without_effect names=%s", names)
    return Server(command.settings, read_model_configs(command.settings))


def _wake_if_failed(start: Future[None]) -> None:
    if start.exception() is not None:
        signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)


def _fail(error: BaseException) -> int:
    """Say what kept the server from starting, where TensorFlow Serving says it."""
    if not isinstance(error, ServingError):
        raise error
    if error.__cause__ is not None:
        print(f"{error.__cause__}", file=sys.stderr)
    print(f"Failed to start server. Error: {error}", flush=True)
    return FAILED


def _set_up_logging() -> None:
    """One line per event to stdout, key=value, UTC."""
    formatter = _LineFormatter(
        "time=%(asctime)s.%(msecs)03dZ level=%(levelname)s logger=%(name)s %(message)s",
        "%Y-%m-%dT%H:%M:%S",
    )
    formatter.converter = time.gmtime
    output = logging.StreamHandler(sys.stdout)
    output.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[output])
    # It repeats at every load that the v1 loader is old; there is no other one here.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    # It tells of callers that hung up, and of every call that waits for a thread.
    logging.getLogger("waitress").setLevel(logging.WARNING)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    logging.getLogger("waitress").addFilter(_quote)


class _LineFormatter(logging.Formatter):
    """Keeps an event in its line, whatever a folder or a thread is called."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line; a traceback has lines of its own behind it."""
        return super().formatMessage(record).translate(_CONTROLS)


def _quote(record: logging.LogRecord) -> bool:
    """Make key=value of a sentence, which may hold lines that a caller sent."""
    record.msg, record.args = "event=http message=%r", (record.getMessage(),)
    return True


def end_process(code: int) -> None:
    """Leave at once: TensorFlow's threads may be in a load or a run that nobody waits
    for, and what they hold goes with the process.
    """
    # Nobody may read them any more; the end that would follow waits for all threads.
    with suppress(OSError):
        sys.stdout.flush()
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(code)  # pylint: disable=protected-access  # see above


if __name__ == "__main__":
    end_process(main(sys.argv[1:]))
