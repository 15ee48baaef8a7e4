"""Objects of users' classes: attributes, operators, and classes made while the function runs."""
