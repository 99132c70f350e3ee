"""From text to ids and back: the same functions in preprocess, in evaluate and in the image.

Everything but `ktext_adapter` imports only the standard library and numpy.
"""
