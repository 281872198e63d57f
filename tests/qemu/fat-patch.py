#!/usr/bin/env python3
"""Damage the FAT of an image as mtools would not: fat-patch.py IMAGE fits|slack|names"""
import struct
import sys

START = 8 << 20  # of partition 1
path, what = sys.argv[1:]
with open(path, "r+b") as f:
    f.seek(START)
    boot = f.read(512)
    reserved, tables = struct.unpack_from("<HB", boot, 14)
    sectors, = struct.unpack_from("<I", boot, 32)
    table_sectors, = struct.unpack_from("<I", boot, 36)
    per_cluster = boot[13]
    data = START + (reserved + tables * table_sectors) * 512
    clusters = (sectors - reserved - tables * table_sectors) // per_cluster
    if what == "fits":  # more sectors than the partition has
        f.seek(START + 32)
        f.write(struct.pack("<I", sectors + 64))
    elif what == "slack":  # the last cluster is in use
        for t in range(tables):
            f.seek(START + (reserved + t * table_sectors) * 512 + 4 * (clusters + 1))
            f.write(struct.pack("<I", 0x0FFFFFFF))
    elif what == "names":  # A-NAME~1's long name is gone: the short one remains
        f.seek(data)
        root = bytearray(f.read(per_cluster * 512))
        at = next(at for at in range(0, len(root), 32) if root[at:at + 6] == b"A-NAME")
        while root[at - 32 + 11] == 0x0F:
            at -= 32
            root[at] = 0xE5
        f.seek(data)
        f.write(root)
    else:
        sys.exit("fits, slack or names")
