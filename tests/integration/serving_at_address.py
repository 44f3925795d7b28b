"""python -m serving on one loopback address instead of all: a pod has its own."""

from __future__ import annotations

import sys

from serving import grpc_port
from serving.__main__ import end_process, main

if __name__ == "__main__":
    grpc_port.ALL_ADDRESSES = sys.argv[1]
    end_process(main(sys.argv[2:]))
