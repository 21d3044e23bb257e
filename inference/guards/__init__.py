"""Guards on what goes to models and what comes back. One module and one line in ``registry`` each.

Entry points: ``duty.incoming`` before a call, ``duty.Outgoing`` while its answer is written, ``policies.of`` for what a
tenant wants of each guard: off, warn, redact or block. Every guard's hit and false-alarm rates, measured on open data,
stand in ``docs/benchmarks.md``.
"""
