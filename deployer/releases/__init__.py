"""Releases: what was intended and how it ended, where that is kept, and who may act."""
