"""The server's side of the component: messages, protocols, limits; what the image carries.

Nothing here knows seldon-core, which sees only the class in serving/IssueSummarization.py.
"""
