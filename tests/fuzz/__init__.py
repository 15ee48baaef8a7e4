"""Random Python programs whose derivatives are compared with differences.

`python -m tests.fuzz` runs more of them than the suite does; `--help` says how.
"""
