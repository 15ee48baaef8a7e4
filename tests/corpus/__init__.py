"""Small functions of the kind that people differentiate; every mode and order runs on each.

Each public function of a module, and each entry of its dictionary `FUNCTIONS` (for lambdas and
functions that other functions made), belongs to the corpus. Names that start with an underscore
are helpers. The names of the parameters choose the arguments: see `tests/oracle.py`, which also
says what the dictionary `SETTINGS` of a module may hold.

A function returns one float and has a derivative at its arguments, if `SETTINGS` says nothing else.
"""
