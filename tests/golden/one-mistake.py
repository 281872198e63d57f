#!/usr/bin/env python3
"""One mistake, one message: every value and key of good-all-keys.yaml is spoilt in turn.

usage: tests/golden/one-mistake.py KILN

Each value is replaced by text and by a list, each key misspelt, each key and item taken away.
`kiln check --json` then has no mistake (the change is allowed) or exactly one: what follows from
a mistake is not told beside it. The few changes that are two mistakes stand in TWO with both.
"""
import concurrent.futures
import copy
import json
import os
import re
import subprocess
import sys
import tempfile

import yaml

kiln = os.path.abspath(sys.argv[1])
here = os.path.dirname(os.path.abspath(__file__))
# (what, where): a word of each message
TWO = {
    ('gone', 'nodes.cow'): ('3 copies need 3 nodes', 'no node has role control-plane'),
    ('gone', 'nodes.duck.disks.ceph'): ('3 copies need 3 nodes', 'no disks.ceph'),
    ('gone', 'components.6'): ('a disk for Ceph', "needs 'rook-ceph'"),
}


class Raw(str):
    """Stands in the file as it is."""


def places(n, path=()):
    for key, value in n.items() if isinstance(n, dict) else enumerate(n) if isinstance(n, list) else ():
        yield path + (key,)
        yield from places(value, path + (key,))


def at(n, path):
    for key in path:
        n = n[key]
    return n


def text(n, depth=0):
    """YAML in block style; scalars in quotes where they may need them, else plain."""
    if isinstance(n, dict) and n:
        return '\n' + ''.join(f'{"  " * depth}{k}:{text(v, depth + 1)}' for k, v in n.items())
    if isinstance(n, list) and n:
        return '\n' + ''.join(f'{"  " * depth}-{text(v, depth + 1)}' for v in n)
    if isinstance(n, Raw) or re.fullmatch(r'[A-Za-z0-9./+-]+', str(n)) and n != 'true' or depth == 1:
        return f' {n}\n'
    return ' ' + json.dumps(n) + '\n'


def spoilt(good):
    for path in places(good):
        where = '.'.join(map(str, path))
        for what, value in (('text', '"?bad!"'), ('list', '[[]]')):
            tree = copy.deepcopy(good)
            at(tree, path[:-1])[path[-1]] = Raw(value)
            yield what, where, tree
        tree = copy.deepcopy(good)
        parent = at(tree, path[:-1])
        if isinstance(parent, dict):
            key = path[-1]
            wrong = key[0] + key[2:] if len(key) > 3 else key + 'q'
            items = [(wrong if k == key else k, v) for k, v in parent.items()]
            parent.clear()
            parent.update(items)
            yield 'misspelt', where, tree
            tree = copy.deepcopy(good)
            parent = at(tree, path[:-1])
        del parent[path[-1]]
        yield 'gone', where, tree


def check(case):
    number, (what, where, tree) = case
    name = f'spoilt-{number}.yaml'
    with open(name, 'w', encoding='utf-8') as f:
        f.write(text(tree).lstrip('\n'))
    r = subprocess.run([kiln, 'check', '--json', name], capture_output=True, text=True, timeout=60)
    os.unlink(name)
    try:
        told = [f'{e["line"]}:{e["column"]}: {e["message"]}' for e in json.loads(r.stdout)['errors']]
    except ValueError:
        return what, where, [f'exit {r.returncode}: {r.stdout[:200]}{r.stderr[:200]}'] * 2
    return what, where, told


def main():
    os.environ['KILN_TEST_TOKEN'] = 'dummy'
    with open(f'{here}/check/good-all-keys.yaml', encoding='utf-8') as f:
        good = yaml.load(f, Loader=yaml.BaseLoader)
    good['cluster']['k3s']['config'] = Raw('{etcd-snapshot-retention: 3}')
    good['nodes']['duck']['on_demand'] = Raw('true')
    for path in (('cluster', 'k3s', 'secrets_encryption'), ('components', 0, 'cilium', 'hubble'),
                 ('components', 1, 'network-policies', 'default_deny')):
        at(good, path[:-1])[path[-1]] = Raw('true')
    passed = failed = silent = 0
    two = dict(TWO)
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        os.chdir(folder)
        cases = [('good', '', good)] + list(spoilt(good))
        for what, where, told in pool.map(check, enumerate(cases)):
            want = two.pop((what, where), ())
            ok = all(any(w in t for t in told) for w in want) and len(told) == len(want) if want else len(told) < 2
            if what == 'good' and told:
                ok = False
            silent += not told
            passed += ok
            failed += not ok
            if not ok:
                print(f'not ok - {where} {what}: {len(told)} messages')
                print(''.join(f'#   {t[:200]}\n' for t in told), end='')
        os.chdir('/')
    for what, where in two:
        print(f'not ok - {where} {what} was not tried')
        failed += 1
    # most changes must be noticed at all, or this looks at nothing
    if silent * 4 > len(cases):
        print(f'not ok - {silent} of {len(cases)} changes went unnoticed')
        failed += 1
    print(f'{passed} passed, {failed} failed')
    return failed > 0


sys.exit(main())
