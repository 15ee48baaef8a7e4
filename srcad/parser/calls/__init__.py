"""Calls: of rules, of functions with source, of methods and builtins, and what they pass."""
