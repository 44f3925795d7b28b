"""Tests; see the README for the folders and their markers."""
