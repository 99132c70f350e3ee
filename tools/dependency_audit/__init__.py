"""Reviews what is locked: known vulnerabilities, withdrawn and old releases, licences.

A question that cannot be asked is a result of its own, and never passes for a good answer.
"""
