"""Adapters from the arguments of PyTorch's `op_db` samples to NumPy, by kind of op."""
