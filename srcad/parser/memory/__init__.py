"""Mutable objects: memory, references and views, and the writes to them."""
