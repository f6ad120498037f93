"""For whoever writes an adapter: the in-memory provider and the contract every one must pass."""
