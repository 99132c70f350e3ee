"""The issues: reading, checking, splitting, and a synthetic sample of them."""
