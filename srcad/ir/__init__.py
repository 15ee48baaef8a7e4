"""The intermediate representation: structured SSA, its types, builder, verifier and text."""
