"""Passes Function -> Function that keep results bit for bit (tier 1 of the architecture)."""
