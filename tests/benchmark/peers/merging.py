"""What every peer that merges calls is told; the embedded server merges as many."""

MAX_BATCH_SIZE = 8
MAX_WAIT_SECONDS = 0.005
