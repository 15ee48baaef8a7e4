"""srcad: automatic differentiation of Python functions by source transformation."""
