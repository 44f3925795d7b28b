"""The gateway's doors; each route reads like a sentence."""
