"""The rendered overlays, the image recipes and the cluster scripts, as data."""
