"""From generated text to a function that runs, and back again without generating it twice."""
