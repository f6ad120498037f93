"""Showing what happens: events and results as text, a live tree, tables, or JSON."""
