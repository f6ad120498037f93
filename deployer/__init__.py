"""Provider-agnostic deploys: configuration in, plan out, events while it runs."""

__version__ = "0.1.0"  # written here and not read from metadata: that costs 33 ms a start
