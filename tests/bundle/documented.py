"""docs/components.md and docs/gates.md beside the code: facts with types, lint rules, gates with arguments."""
import os
import re
import subprocess

from lint import CASES, WARNINGS
from suite import check, kiln, src, tool


def documented():
    with open(src + "/docs/components.md") as f:
        sections = {t.split("\n", 1)[0]: t for t in f.read().split("\n## ")}
    facts, kinds = {}, {}
    for row in re.findall(r"(?m)^\| (`.*)", sections["Facts"]):
        names, types, what = [c.strip() for c in row.split("|")[:3]]
        names = re.findall(r"`([^`]+)`", names)
        types = re.split(r",\s*", types) if types else []
        check(f"types of {names}", len(types) in (0, 1, len(names)), types)
        for i, n in enumerate(names):
            facts[n] = what
            if types:
                kinds[n] = types[i] if len(types) == len(names) else types[0]
    r = subprocess.run([tool, "--facts", src + "/examples/home/cluster.yaml"], capture_output=True, text=True,
                       env=dict(os.environ, KILN_DATADIR=os.path.dirname(kiln) + "/share/kiln", CLOUDFLARE_API_TOKEN="t"))
    check("facts", r.returncode == 0, r.stderr)
    got = dict(l.split() for l in r.stdout.splitlines() if not l.startswith("gate "))
    want = {n for n in facts if not n.startswith("components.")} | {"components"}
    check("the facts of the documentation are the code's", set(got) == want, (sorted(set(got) - want), sorted(want - set(got))))
    wrong = [(n, t, got[n]) for n, t in kinds.items() if n in got and got[n] != t]
    check("and their types", not wrong, wrong)
    with open(src + "/docs/gates.md") as f:
        table = re.findall(r"(?m)^\| (`[^|]*)\|", f.read().split("\n## ")[0])
    gates = {}
    for cell in table:
        must, _, may = cell.partition("[")
        name, *args = re.findall(r"`([^`]+)`", must)
        gates[name] = set(args) | {f"[{x}]" for x in re.findall(r"`([^`]+)`", may)}
    want = {l.split()[1]: set(l.split()[2:]) for l in r.stdout.splitlines() if l.startswith("gate ")}
    check("the gates of the documentation are the code's", set(gates) == set(want), set(gates) ^ set(want))
    wrong = [(n, gates[n], want[n]) for n in want if gates.get(n) != want[n]]
    check("and their arguments", not wrong, wrong)
    rules = set(re.findall(r"`([a-z-]+)`", "".join(re.findall(r"(?m)^\| (`[^|]*)\|", sections["Lint"]))))
    tested = {c[0] for c in CASES + WARNINGS if c[0]}
    check("each documented lint rule has a test, and no other is tested", rules == tested, (rules - tested, tested - rules))
    code = set()
    for n in os.listdir(src + "/builder"):
        if n.startswith("bundle-") and n.endswith(".c"):
            with open(f"{src}/builder/{n}") as f:
                code |= set(re.findall(r'FINDING_[A-Z]+,\s*"([a-z-]+)"', f.read()))
    check("each rule of the code is documented", code <= rules, code - rules)
