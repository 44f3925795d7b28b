"""The gateway: HTTP in, JSON out; asks a model server over gRPC; no TensorFlow."""
