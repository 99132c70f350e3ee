"""The issues: reading, checking, setting aside, dividing, and a synthetic sample of them."""
