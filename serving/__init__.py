"""The embedded model server: a SavedModel behind the TensorFlow Serving API."""
