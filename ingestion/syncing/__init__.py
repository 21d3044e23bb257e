"""Looking at sources again and again: what they list, what of it changed, what is gone.

work    runs as rows: scheduled, claimed under a lease, taken back from silent workers
engine  one run: list, ask whether each item changed, upload what did, delete what is gone
items   what is remembered of each item between runs
kinds   a module for each kind of source: its settings, how it lists and how it fetches
"""
