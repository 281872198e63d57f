#!/usr/bin/env python3
"""The bundle from end to end: the reference manifests through Kiln's component folders,
each lint rule, helm with a small chart, export and diff.

usage: run-bundle.py KILN SRCDIR
"""
import os
import shutil
import sys

import charts
import documented
import lint
import reference
import suite

try:
    lint.lint()
    lint.definitions()
    charts.hooks()
    charts.rendered()
    charts.repository()
    documented.documented()
    reference.reference()
    reference.all_images()
finally:
    if not os.environ.get("KILN_KEEP"):
        shutil.rmtree(suite.tmp)
print(f"{suite.passed} passed, {suite.failed} failed, {suite.skipped} skipped")
sys.exit(suite.failed > 0)
