"""Ship, roll back, destroy: each a generator of events, each readable aloud."""
