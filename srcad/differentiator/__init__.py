"""Function -> tangent Function, Function -> adjoint Function; closed under repetition."""
