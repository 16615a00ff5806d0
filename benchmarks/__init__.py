"""The project's figures, measured: `python -m benchmarks` prints them against their targets."""
