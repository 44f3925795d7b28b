"""Training: a folder of photos becomes a versioned SavedModel that describes itself."""
