"""Networks, a folder each: `ARCHITECTURE` in its `__init__`, torch code in its `network`."""
