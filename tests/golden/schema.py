#!/usr/bin/env python3
"""The JSON Schema of `kiln schema` judged by python3-jsonschema.

usage: tests/golden/schema.py KILN

Every good file must validate. Of the bad ones the schema must refuse all but those
in schema-blind.txt: mistakes across values, which only `kiln check` knows. A name
there that the schema does refuse is a failure as well, so the list stays true.
YAML is read as editors do (1.2's core types), not as PyYAML's 1.1.
"""
import glob
import json
import os
import re
import subprocess
import sys

import jsonschema
import yaml


class Core(yaml.SafeLoader):
    pass


Core.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ('bool', r'^(true|false)$', 'tf'),
    ('int', r'^[-+]?[0-9]+$', '-+0123456789'),
    ('float', r'^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$', '-+.0123456789'),
    ('null', r'^(~|null|)$', ['~', 'n', '']),
):
    Core.add_implicit_resolver('tag:yaml.org,2002:' + tag, re.compile(pattern), list(first))

kiln, here = sys.argv[1], os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(os.path.dirname(here))
passed = failed = 0


def result(ok, text):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print('not ok -', text)


def schema(what):
    s = json.loads(subprocess.run([kiln, 'schema', what], check=True, stdout=subprocess.PIPE).stdout)
    jsonschema.Draft7Validator.check_schema(s)
    return jsonschema.Draft7Validator(s)


def mistakes(validator, path):
    with open(path, encoding='utf-8-sig') as f:
        return [e.message[:200] for e in validator.iter_errors(yaml.load(f, Core))]


cluster, board = schema('cluster'), schema('board')
for f in [root + '/examples/home/cluster.yaml'] + sorted(glob.glob(here + '/check/good-*.yaml')):
    result(not mistakes(cluster, f), f'{f}: {mistakes(cluster, f)}')
for f in sorted(glob.glob(root + '/boards/*/board.yaml')):
    result(not mistakes(board, f), f'{f}: {mistakes(board, f)}')

blind = set(open(here + '/schema-blind.txt').read().split())
seen = set()
for f in sorted(glob.glob(here + '/check/*.yaml')):
    name = os.path.basename(f)[:-5]
    if name.startswith(('good-', 'yaml-')):
        continue
    try:
        refused = bool(mistakes(cluster, f))
    except yaml.YAMLError:
        continue
    seen.add(name)
    if '--list' in sys.argv:
        if not refused:
            print(name)
        continue
    result(refused != (name in blind),
           f'{name}: the schema {"refuses" if refused else "accepts"} it, schema-blind.txt says otherwise')
result(not blind - seen, f'schema-blind.txt names files that are not there: {sorted(blind - seen)}')
result(len(seen) > 150 and len(blind) < len(seen) * 2 / 3, f'{len(seen)} bad files, {len(blind)} blind ones')
print(f'{passed} passed, {failed} failed')
sys.exit(failed != 0)
