"""The pure part: bytes and values in, bytes and values out.

No module below here opens a file or a socket, reads a clock or the environment, or asks for randomness.
"""
