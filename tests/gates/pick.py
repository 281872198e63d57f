#!/usr/bin/env python3
"""pick.py FILE KIND/NAME... - documents of a manifest by kind and name (patterns), as text.

Text in, text out: nothing is parsed, so that what the API server gets is what the chart gave."""
import fnmatch
import re
import sys

found = set()
for doc in re.split(r"^---.*$", open(sys.argv[1]).read(), flags=re.M):
    kind = re.search(r"^kind: (\S+)$", doc, re.M)
    name = re.search(r"^metadata:(?:\n  .*)*?\n  name: \"?([^\s\"]+)\"?$", doc, re.M)
    if not kind or not name:
        continue
    for want in sys.argv[2:]:
        if fnmatch.fnmatchcase(kind[1] + "/" + name[1], want):
            found.add(want)
            print("---\n" + doc.strip("\n"))
            break
missing = [w for w in sys.argv[2:] if w not in found]
if missing:
    sys.exit("pick.py: %s has no %s" % (sys.argv[1], ", ".join(missing)))
