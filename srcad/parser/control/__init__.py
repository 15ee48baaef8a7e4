"""Control flow: branches, loops, `try`, `match`, `with`, and how the state of paths joins."""
