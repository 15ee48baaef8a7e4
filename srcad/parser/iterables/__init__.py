"""What loops run over: ranges, arrays, iterators and generators, at once or step by step."""
