"""The lean way to a configured model: a client's own request, checked, bounded, paid for, and passed on as it is."""
