#!/usr/bin/env python3
"""Container images from a registry on loopback into archives that containerd imports.

usage: run.py BUILD_DIR; ONLY=case runs one. KILN_K3S_IMPORT: a program that imports as K3s does.
"""
import os
import subprocess
import sys
import tempfile
import time

# the cases register themselves, in this order
import cases_lock
import cases_fetch
import cases_use
from place import Place, Skip, cases
from registry import Registry


def main():
    passed = failed = skipped = 0
    only = os.environ.get("ONLY")
    if "KILN_K3S_IMPORT" in os.environ:
        cases.append(cases_use.k3s_imports_both_architectures)
    with tempfile.TemporaryDirectory(prefix="kiln-images-") as top:
        registry = Registry(top + "/registry")
        for fn in cases:
            if only and fn.__name__ != only:
                continue
            with tempfile.TemporaryDirectory(prefix="kiln-images-") as d:
                start = time.monotonic()
                try:
                    fn(Place(d, registry))
                except Skip as e:
                    skipped += 1
                    print(f"SKIPPED: {fn.__name__}: {e}")
                except (AssertionError, subprocess.SubprocessError, OSError, KeyError) as e:
                    failed += 1
                    print(f"not ok {fn.__name__}: {e}")
                else:
                    passed += 1
                    print(f"ok {fn.__name__} ({time.monotonic() - start:.1f} s)")
        registry.close()
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
