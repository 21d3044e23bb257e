"""Files to text, in a child process: `sandbox.parse()` is the one entry point.

One module per format, one line per media type in `registry.py`. A parser reads hostile bytes, so
none of them is ever imported by a web or worker process: importing this package, `types` and
`sandbox` costs nothing but the standard library.
"""
