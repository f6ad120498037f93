"""deployer beside what it is measured against, side by side in one run: `python -m benchmarks`.

Only ratios and differences mean anything: both sides ran on the same machine, alternating, within
the same minutes. Nothing here passes or fails; the table says which bars of the contract held.
"""
