#!/usr/bin/env python3
"""Serve small images of both architectures under the names given, until SIGTERM.

usage: serve.py FOLDER IMAGE...   FOLDER/ready appears when all are there; then
                                  CONTAINERS_REGISTRIES_CONF=FOLDER/registries.conf leads to them
"""
import signal
import sys

from registry import Registry

folder = sys.argv[1]
registry = Registry(folder)
try:
    for name in sys.argv[2:]:
        registry.index(*name.rsplit(":", 1), ["amd64", "arm64"])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    open(folder + "/ready", "w").close()
    signal.pause()
finally:
    registry.close()
