#!/usr/bin/env python3
"""SHA-256 of a file's blocks that are not zero, with their places; holes are skipped."""
import hashlib
import os
import sys

BLOCK = 65536
fd = os.open(sys.argv[1], os.O_RDONLY)
size = os.fstat(fd).st_size
h = hashlib.sha256(str(size).encode())
zero = bytes(BLOCK)
at = 0
while at < size:
    try:
        at = os.lseek(fd, at, os.SEEK_DATA) // BLOCK * BLOCK
    except OSError:
        break
    data = os.pread(fd, BLOCK, at)
    if data != zero[:len(data)]:
        h.update(at.to_bytes(8, "little") + data)
    at += BLOCK
print(h.hexdigest())
