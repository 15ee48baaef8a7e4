"""From a live function to IR: source and positions, scopes, statements, expressions, calls."""
