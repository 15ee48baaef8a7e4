"""Containers whose contents or class the run decides: lists, dictionaries, sets, queues."""
