#!/usr/bin/env python3
"""Every key of the schemas has its entry in cluster.yaml(5) or board.yaml(5), and no other.

usage: tests/golden/keys.py KILN SRCDIR

An entry is a .SS with the key's dotted path (nodes.NAME.mac, components.traefik.replicas) and
below it, in this order, the lines Type, Unit, Default, Example and Wins. The default in the
page is that of `kiln schema`: a value, `required` or `none`. K3s' own options and the words
of a secret have one entry for all.
"""
import json
import re
import subprocess
import sys

kiln, root = sys.argv[1], sys.argv[2]
passed = failed = 0


def result(ok, text):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print('not ok -', text)


def keys(s, path=''):
    """(path, schema) of every key below an object; schemas get 'needed'."""
    for name, sub in s.get('properties', {}).items():
        here = f'{path}.{name}' if path else name
        sub['needed'] = name in s.get('required', [])
        yield here, sub
        if here != 'cluster.k3s.config' and set(sub.get('properties', {})) != {'env', 'file', 'command'}:
            yield from keys(sub, here)
        if here == 'nodes':
            yield from keys(next(iter(sub['patternProperties'].values())), 'nodes.NAME')
        if here == 'components':
            for kind in sub['items']['anyOf']:
                if 'required' in kind:
                    name = kind['required'][0]
                    yield f'components.{name}', kind
                    yield from keys(kind['properties'][name], f'components.{name}')


def entries(page):
    """{path: {label: text}} of the page's .SS entries that have a Type."""
    out = {}
    for part in re.split(r'(?m)^\.SS ', open(page).read())[1:]:
        head, body = part.split('\n', 1)
        body = re.split(r'(?m)^\.SH ', body)[0]
        labels = dict(re.findall(r'(?m)^\.TP\n\.B (\w+)\n(.*)$', body))
        out[head.strip().strip('"').replace('\\-', '-')] = (labels, list(labels))
    return out


for what in ('cluster', 'board'):
    schema = json.loads(subprocess.run([kiln, 'schema', what], check=True, stdout=subprocess.PIPE).stdout)
    have = entries(f'{root}/man/{what}.yaml.5')
    want = dict(keys(schema))
    result(len(want) > 20, f'{what}: only {len(want)} keys')
    want = {re.sub(r'disks\.(system|ceph)\.', 'disks.DISK.', k): v for k, v in want.items()}
    for path, sub in want.items():
        if path not in have:
            result(False, f'{what}.yaml(5) lacks an entry for {path}')
            continue
        labels, order = have.pop(path)
        result(order == ['Type', 'Unit', 'Default', 'Example', 'Wins'],
               f'{what}.yaml(5): {path} has {order}, not Type, Unit, Default, Example, Wins')
        default = labels.get('Default', '').replace('\\-', '-').replace('\\&', '')
        stated = sub.get('default')
        if isinstance(stated, bool):
            stated = str(stated).lower()
        if stated is not None:
            result(default == str(stated), f'{what}.yaml(5): default of {path} is {stated!r}, not {default!r}')
        else:
            word = 'required' if sub.get('needed') else 'none'
            result(default.startswith(word), f'{what}.yaml(5): default of {path} is {word!r}, not {default!r}')
    shown = subprocess.run(['man', '--warnings', '-E', 'UTF-8', '-l', f'{root}/man/{what}.yaml.5'],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={'PATH': '/usr/bin:/bin', 'LC_ALL': 'C.UTF-8'})
    result(shown.returncode == 0 and not shown.stderr, f'man {what}.yaml.5: {shown.stderr.decode()[:300]}')
    result(len(shown.stdout) > 5000, f'man {what}.yaml.5 shows {len(shown.stdout)} bytes')
    extra = [k for k in have if k not in ('components.OWN', 'components.OWN.path', 'components.OWN.secrets')]
    result(not extra, f'{what}.yaml(5) has entries for keys that are none: {extra}')
print(f'{passed} passed, {failed} failed')
sys.exit(failed != 0)
