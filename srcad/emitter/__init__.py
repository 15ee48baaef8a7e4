"""From IR to Python text: names, statements and their printing."""
