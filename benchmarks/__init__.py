"""Benchmarks: ratios against real peers, measured in one run, kept in RESULTS.md."""
