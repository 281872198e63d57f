#!/usr/bin/env python3
"""The bundle from end to end: the reference manifests through Kiln's component folders,
each lint rule, helm with a small chart, export and diff.

usage: run-bundle.py KILN SRCDIR
"""
import hashlib
import http.server
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading

import yaml

kiln, src = sys.argv[1:3]
here = os.path.join(src, "tests/bundle")
shared = os.environ.get("KILN_SHARED") or os.path.join(src, "../shared")
shared = os.path.abspath(shared)
passed = failed = skipped = 0
tmp = tempfile.mkdtemp(prefix="kiln-bundle-")


def check(name, ok, more=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f"not ok: {name}\n{str(more)[:3000]}")


def run(*args, cwd=None, data=None, **env):
    e = dict(os.environ, CLOUDFLARE_API_TOKEN="token-of-the-tests", KILN_CACHE=tmp + "/cache", **env)
    e.pop("KILN_HELM", None) if "KILN_HELM" not in env else None
    if data:
        e["KILN_DATADIR"] = data
    return subprocess.run([kiln, *args], cwd=cwd, env=e, capture_output=True, text=True, timeout=120)


CLUSTER = """kiln: 1
cluster:
  name: t
  domain: home.example.org
  k3s: {version: v1.35.2+k3s1}
  pods: [10.42.0.0/16, "fd22:2025:6a6a:42::/104"]
  services: [10.43.0.0/16, "fd22:2025:6a6a:43::/112"]
  load_balancer: [192.168.14.50-192.168.14.54, "fd12:3456:789a:14::50-fd12:3456:789a:14::54"]
network:
  subnets: [192.168.14.0/26, "fd12:3456:789a:14::/64"]
  gateways: [192.168.14.1, "fd12:3456:789a:14::1"]
  dns: [192.168.14.1, "fd12:3456:789a:14::1"]
  ntp: [192.168.14.1]
system:
  timezone: Europe/Zurich
  locale: en_US.UTF-8
  user: k3s
  ssh_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJK1kc46TfnwfycF/mqHOdhCmC4ztqRu0lvcfVPpoyty me@laptop]
storage:
  root: {size: 64GiB, compress: "zstd:1"}
nodes:
  cow:
    board: rpi5
    role: control-plane
    addresses: [192.168.14.3, "fd12:3456:789a:14::3"]
    mac: d8:3a:dd:00:00:01
    disks: {system: {transport: nvme}}
components:
"""


def component(root, name, files, **keys):
    d = os.path.join(root, name)
    os.makedirs(d, exist_ok=True)
    c = {"kiln": 1, "description": name, "namespace": "default", **keys}
    names = [n for n in files if n.endswith(".yaml")]
    if "sources" not in keys:
        c["sources"] = [{"manifests": names}]
    with open(os.path.join(d, "component.yaml"), "w") as f:
        json.dump(c, f)
    for n, text in files.items():
        os.makedirs(os.path.dirname(os.path.join(d, n)), exist_ok=True)
        with open(os.path.join(d, n), "w") as f:
            f.write(text)


def cluster(root, components):
    os.makedirs(root, exist_ok=True)
    with open(os.path.join(root, "cluster.yaml"), "w") as f:
        f.write(CLUSTER + "".join(f"  - {n}: {{path: ./{n}}}\n" for n in components))


CM = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: b}\n"
CRD = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.org}
spec:
  group: example.org
  names: {kind: Thing, plural: things}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [size]
            properties:
              size: {type: integer, minimum: 1}
              color: {type: string, enum: [red, blue]}
              port: {x-kubernetes-int-or-string: true}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
              list: {type: array, items: {type: string}}
"""


def thing(spec, name="t"):
    return f"apiVersion: example.org/v1\nkind: Thing\nmetadata: {{name: {name}, namespace: default}}\nspec: {spec}\n"


def workload(kind="Deployment", name="w", pod="", more="", containers="[{name: c, image: example.org/i:1}]"):
    api = "batch/v1" if kind == "Job" else "apps/v1"
    return (f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}, namespace: default}}\nspec:\n{more}"
            f"  selector: {{matchLabels: {{a: b}}}}\n  template:\n    metadata: {{labels: {{a: b}}}}\n    spec:\n"
            f"      containers: {containers}\n{pod}")


WEBHOOK = """apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: hook}
webhooks:
- name: h.example.org
  clientConfig: {service: {name: s, namespace: default}}
"""
CILIUM = """apiVersion: v1
kind: ConfigMap
metadata: {name: cilium-config, namespace: kube-system}
data: {kube-proxy-replacement: "true"}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: cilium, namespace: kube-system}
spec:
  template:
    spec:
      tolerations: [{operator: Exists}]
      containers: [{name: cilium-agent, image: "quay.io/cilium/cilium:VERSION"ENV}]
"""
ENV = ", env: [{name: KUBERNETES_SERVICE_HOST, value: 127.0.0.1}]"
L2 = [{"group": "cilium.io", "version": "v2alpha1", "kind": "CiliumL2AnnouncementPolicy",
       "plural": "ciliuml2announcementpolicies", "namespaced": False}]
DENY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: default}
spec: {podSelector: {}, policyTypes: [Egress]}
"""
ALLOW = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow-dns, namespace: default}
spec: {podSelector: {}, policyTypes: [], egress: [{ports: [{port: 53, protocol: UDP}]}]}
---
"""
SC = """apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: %s, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: x
"""
ANTI = """      affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {}}]}}
"""
DNS_GATE = [{"name": "dns-query", "args": {"servers": ["10.43.0.10"], "name": "x", "expect": ["10.43.0.1"]}}]
NONE = [{"kind": "ValidatingWebhookConfiguration", "name": "*", "gate": "none"}]
BIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big, namespace: default}\ndata: {a: \"" + "x" * 1100000 + "\"}\n"
WIDE_CRD = CRD + "              doc: {type: string, description: \"" + "<" * 60000 + "\"}\n"

# rule, expected text (a part), [(component, files, keys)...], whether it stops the bundle
CASES = [
    ("unknown-kind", "neither Kubernetes nor a CustomResourceDefinition", [("a", {"m.yaml": thing("{size: 1}")}, {})]),
    ("cr-before-crd", "which 'b' does not come after", [("a", {"m.yaml": CRD}, {}), ("b", {"m.yaml": thing("{size: 1}")}, {})]),
    ("", "", [("a", {"m.yaml": CRD}, {}), ("b", {"m.yaml": thing("{size: 1}")}, {"after": ["a"]})]),
    ("missing-namespace", "no Namespace 'nowhere' in the bundle", [("a", {"m.yaml": CM.replace("{name: x}", "{name: x, namespace: nowhere}")}, {})]),
    ("duplicate-object", "is in the bundle already: component 'a'", [("a", {"m.yaml": CM}, {}), ("b", {"m.yaml": CM}, {})]),
    ("scope", "a namespace, but the kind has none", [("a", {"m.yaml": CM.replace("ConfigMap", "Namespace").replace("name: x", "name: x, namespace: z")}, {})]),
    ("metadata-text", "the value of 'a' in 'labels' must be a text", [("a", {"m.yaml": CM.replace("name: x", "name: x, labels: {a: yes}")}, {})]),
    ("metadata-text", "'metadata.namespace' must be a text", [("a", {"m.yaml": CM.replace("name: x", "name: x, namespace: y")}, {})]),
    ("webhook-without-gate", "webhook 'h.example.org' has failurePolicy Fail", [("a", {"m.yaml": WEBHOOK}, {"objects": NONE})]),
    ("", "", [("a", {"m.yaml": WEBHOOK}, {})]),
    ("kube-proxy-api-host", "is not told the API server's address", [("a", {"m.yaml": CILIUM.replace("VERSION", "v1.19.6").replace("ENV", "")}, {})]),
    ("cilium-version", "does not answer for IPv6", [("a", {"m.yaml": CILIUM.replace("VERSION", "v1.18.9").replace("ENV", ENV)}, {"kinds": L2})]),
    ("cilium-version", "breaks node addresses on a Pi", [("a", {"m.yaml": CILIUM.replace("VERSION", "v1.19.3").replace("ENV", ENV)}, {"kinds": L2})]),
    ("", "", [("a", {"m.yaml": CILIUM.replace("VERSION", "v1.19.6").replace("ENV", ENV)}, {"kinds": L2})]),
    ("operator-replicas", "2 replicas that refuse to share a node, and only 1 nodes", [("a", {"m.yaml": workload(pod=ANTI, more="  replicas: 2\n")}, {})]),
    ("taint-not-tolerated", "does not tolerate 'dns-unready'", [("a", {"m.yaml": workload()}, {"gates": DNS_GATE})]),
    ("", "", [("a", {"m.yaml": workload(pod="      tolerations: [{key: dns-unready, operator: Exists}]\n")}, {"gates": DNS_GATE})]),
    ("default-deny-before-dns", "denies all, and no policy before it", [("a", {"m.yaml": DENY}, {})]),
    ("", "", [("a", {"m.yaml": ALLOW + DENY}, {})]),
    ("default-storage-class", "a second default StorageClass: 'one'", [("a", {"m.yaml": SC % "one" + "---\n" + SC % "two"}, {})]),
    ("duplicate-list-key", "environment variable 'A' is there twice", [("a", {"m.yaml": workload(containers="[{name: c, image: x.org/i:1, env: [{name: A, value: x}, {name: A, value: y}]}]")}, {})]),
    ("duplicate-list-key", "container port '80' is there twice", [("a", {"m.yaml": workload(containers="[{name: c, image: x.org/i:1, ports: [{containerPort: 80}, {containerPort: 80, protocol: TCP}]}]")}, {})]),
    ("", "", [("a", {"m.yaml": workload(containers="[{name: c, image: x.org/i:1, ports: [{containerPort: 80}, {containerPort: 80, protocol: UDP}]}]")}, {})]),
    ("object-too-large", "the API server takes at most", [("a", {"m.yaml": BIG}, {})]),
    ("schema", "unknown field 'siez'", [("a", {"c.yaml": CRD, "m.yaml": thing("{size: 1, siez: 2}")}, {})]),
    ("schema", "required field 'size' is missing", [("a", {"c.yaml": CRD, "m.yaml": thing("{color: red}")}, {})]),
    ("schema", "'green' is none of: red, blue", [("a", {"c.yaml": CRD, "m.yaml": thing("{size: 1, color: green}")}, {})]),
    ("schema", "0 is below the minimum 1", [("a", {"c.yaml": CRD, "m.yaml": thing("{size: 0}")}, {})]),
    ("schema", "m.yaml:4:14: Thing 't': spec.size: string, not integer", [("a", {"c.yaml": CRD, "m.yaml": thing('{size: "1"}')}, {})]),
    ("schema", "boolean, neither integer nor string", [("a", {"c.yaml": CRD, "m.yaml": thing("{size: 1, port: yes}")}, {})]),
    ("schema", "spec.list.1: integer, not string", [("a", {"c.yaml": CRD, "m.yaml": thing("{size: 1, list: [a, 2]}")}, {})]),
    ("schema", "has no version 'v2'", [("a", {"c.yaml": CRD, "m.yaml": thing("{size: 1}").replace("/v1", "/v2")}, {})]),
    ("", "", [("a", {"c.yaml": CRD, "m.yaml": thing("{size: 1, port: http, free: {any: [thing]}}")}, {})]),
    ("secret-data", "a value of stringData must be a text", [("a", {"m.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: 1}\n"}, {})]),
]
WARNINGS = [
    ("immutable-job", "a changed template cannot be applied", [("a", {"m.yaml": workload("Job", "init")}, {})]),
    ("crd-annotation-limit", "only server-side apply works", [("a", {"m.yaml": WIDE_CRD}, {})]),
    ("taint-not-tolerated", "for one effect only", [("a", {"m.yaml": workload(pod="      tolerations: [{key: dns-unready, operator: Exists, effect: NoSchedule}]\n")}, {"gates": DNS_GATE})]),
]


def lint():
    for i, (rule, text, parts) in enumerate(CASES + WARNINGS):
        if parts is None:
            continue
        root = f"{tmp}/lint{i}"
        for name, files, keys in parts:
            component(root, name, files, **({"provides": ["cni"]} if name == parts[0][0] else {}), **keys)
        cluster(root, [p[0] for p in parts])
        r = run("plan", "--bundle", cwd=root)
        out = r.stdout + r.stderr
        if not rule:
            check(f"clean {i}", r.returncode == 0 and "[" not in out.split("images\n")[-1], out)
        elif i < len(CASES):
            check(f"{rule} {i}", r.returncode == 1 and f"[{rule}]" in r.stderr and text in r.stderr, out)
        else:
            check(f"{rule} {i}", r.returncode == 0 and f"[{rule}]" in out and text in out, out)


def definitions():
    """component.yaml's own mistakes, facts, order"""
    cases = [
        ({"gates": [{"name": "no-such"}]}, "there is no gate 'no-such'"),
        ({"gates": [{"name": "lb-pool"}]}, "gate 'lb-pool': argument 'name' is missing"),
        ({"gates": [{"name": "lb-pool", "timeout": "5"}]}, "not a duration: '5'"),
        ({"sorces": []}, "unknown key 'sorces'"),
        ({"objects": [{"kind": "ConfigMap", "name": "x", "wave": 55}]}, "there is no wave 55"),
        ({"objects": [{"kind": "ConfigMap", "name": "x", "gate": "open"}]}, "'gate' is ready, none or gone-ok, not 'open'"),
    ]
    for i, (keys, text) in enumerate(cases):
        root = f"{tmp}/def{i}"
        component(root, "a", {"m.yaml": CM}, provides=["cni"], **keys)
        cluster(root, ["a"])
        r = run("plan", "--bundle", cwd=root)
        check(f"definition {i}", r.returncode == 1 and re.search(r"component.yaml:\d+:\d+: ", r.stderr) and text in r.stderr, r.stderr)
    for text, want in [("${cluster.nme}", "no fact 'cluster.nme'"), ("x ${load_balancer.blocks}", "cannot stand inside a text"),
                       ("${cluster.name", "'${' without '}'")]:
        root = f"{tmp}/fact{abs(hash(text))}"
        component(root, "a", {"m.yaml": CM.replace("a: b", "a: \"" + text + "\"")}, provides=["cni"],
                  sources=[{"manifests": ["m.yaml"], "expand": True}])
        cluster(root, ["a"])
        r = run("plan", "--bundle", cwd=root)
        check(f"fact {text}", r.returncode == 1 and want in r.stderr and "m.yaml:4:" in r.stderr, r.stderr)


def read_bundle(path):
    with tarfile.open(path) as t:
        names = t.getnames()
        texts = {n: t.extractfile(n).read() for n in names}
    return names, json.loads(texts["index.json"]), texts


def objects(path):
    """(component, kind, namespace, name) -> object"""
    _, index, texts = read_bundle(path)
    return {(c["name"], o["kind"], o["namespace"], o["name"]): json.loads(texts[f"objects/{o['sha256']}.json"])
            for c in index["components"] for o in c["objects"]}, index


def hooks():
    root = f"{tmp}/hooks"
    hook = lambda name, kind, more="": workload("Job", name).replace("namespace: default}", "namespace: default, annotations: {helm.sh/hook: \"%s\"%s}}" % (kind, more))
    component(root, "a", {"m.yaml": "---\n".join([
        workload(), hook("second", "pre-install", ", helm.sh/hook-weight: \"5\""), hook("first", "pre-install,pre-upgrade", ", helm.sh/hook-weight: \"-5\""),
        hook("test", "test"), hook("gone", "pre-delete"), hook("after", "post-install", ", helm.sh/hook-delete-policy: \"hook-succeeded,before-hook-creation\"")])},
        provides=["cni"])
    cluster(root, ["a"])
    r = run("plan", "--bundle", "--json", cwd=root)
    check("hooks", r.returncode == 0, r.stderr)
    got = [(o["name"], o["wave"], o["gate"], o["hook"]) for o in json.loads(r.stdout)["components"][0]["objects"]]
    check("hooks in order", got == [
        ("first", 70, "ready", {"phase": "pre", "weight": -5, "delete": ["before-creation"]}),
        ("second", 70, "ready", {"phase": "pre", "weight": 5, "delete": ["before-creation"]}),
        ("w", 80, "ready", None),
        ("after", 110, "gone-ok", {"phase": "post", "weight": 0, "delete": ["before-creation", "succeeded"]})], got)
    component(root, "a", {"m.yaml": hook("x", "pre-instal")}, provides=["cni"])
    r = run("plan", "--bundle", cwd=root)
    check("unknown hook", "unknown Helm hook 'pre-instal'" in r.stderr, r.stderr)


def helm():
    program = os.environ.get("KILN_HELM") or shutil.which("helm")
    if not program:
        global skipped
        skipped += 4
        print("SKIPPED: no helm (make helm, or KILN_HELM): charts were not rendered")
        return
    root = f"{tmp}/helm"
    shutil.rmtree(root, ignore_errors=True)
    component(root, "app", {}, namespace="app", provides=["cni"], sources=[
        {"chart": {"name": "small", "version": "1.2.3", "path": "chart"}, "values": "values.yaml"}])
    shutil.copytree(os.path.join(here, "chart"), f"{root}/app/chart")
    with open(f"{root}/app/values.yaml", "w") as f:
        f.write("replicas: ${nodes.count}\ndns: ${services.dns}\ntoken: ${secret:garage-admin-token}\n")
    cluster(root, ["app"])
    r = run("plan", "--bundle", "--json", cwd=root, KILN_HELM=program)
    check("a chart by helm", r.returncode == 0, r.stderr)
    if r.returncode:
        return
    c = json.loads(r.stdout)["components"][0]
    got = [(o["wave"], o["kind"], o["namespace"], o["name"], o["secret"]) for o in c["objects"]]
    check("its objects", got == [
        (10, "CustomResourceDefinition", None, "things.example.org", False), (20, "Namespace", None, "app", False),
        (50, "Secret", "app", "small-secret", True), (50, "ConfigMap", "app", "small-config", False),
        (70, "Job", "app", "small-init", False), (80, "Deployment", "app", "small", False),
        (100, "Thing", "app", "small", False)], got)
    os.rename(f"{tmp}/cache/render", f"{tmp}/render-kept") if not os.path.isdir(f"{tmp}/cache/render") else None
    cached = os.listdir(f"{tmp}/cache/render")
    r2 = run("plan", "--bundle", "--json", cwd=root, KILN_HELM="/nonexistent/helm")
    check("cached by digest: no helm the second time", r2.returncode == 0 and r2.stdout == r.stdout and len(cached) == 1, r2.stderr)
    run("init", cwd=root)
    r = run("bundle", "export", "tree", cwd=root)
    obj, _ = objects(f"{root}/.kiln/bundle/plain.tar")
    check("values, facts, api-versions", obj[("app", "ConfigMap", "app", "small-config")]["data"] ==
          {"dns": "10.43.0.10,fd22:2025:6a6a:43::a", "release": "small/app", "kube": "v1.35.2"},
          obj[("app", "ConfigMap", "app", "small-config")])


def repository():
    """kiln update's half: a chart repository and a manifest on loopback; kiln fetch; the bundle from the cache"""
    program = os.environ.get("KILN_HELM") or shutil.which("helm")
    root, web = f"{tmp}/repo", f"{tmp}/web"
    os.makedirs(web)
    with tarfile.open(f"{web}/small-1.2.3.tgz", "w:gz") as t:
        t.add(os.path.join(here, "chart"), "small")
    with open(f"{web}/small-1.2.3.tgz", "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    with open(f"{web}/index.yaml", "w") as f:
        f.write(f"apiVersion: v1\nentries:\n  small:\n  - {{version: 1.2.2, urls: [old.tgz], digest: x}}\n"
                f"  - {{version: 1.2.3, urls: [small-1.2.3.tgz], digest: {digest}}}\n")
    with open(f"{web}/m.yaml", "w") as f:
        f.write(CM)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: Quiet(*a, directory=web))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    chart = {"name": "small", "version": "v1.2.3", "repository": url}
    component(root, "app", {}, namespace="app", provides=["cni"], sources=[{"chart": chart}, {"manifests": [url + "/m.yaml"]}])
    cluster(root, ["app"])
    tool = os.path.join(os.path.dirname(kiln), "tests/bundle/bundle-tool")
    lock = lambda: subprocess.run([tool, "--lock", "cluster.yaml"], cwd=root, capture_output=True, text=True,
                                  env=dict(os.environ, KILN_DATADIR=os.path.dirname(kiln) + "/share/kiln", KILN_CACHE=tmp + "/cache"))
    r = run("plan", "--bundle", cwd=root)
    check("before update: says so", r.returncode == 1 and "kiln update" in r.stderr, r.stderr)
    r = lock()
    check("locked", r.returncode == 0, r.stderr)
    with open(root + "/kiln.lock") as f:
        files = json.load(f)["files"]
    check("with URL and digest", [(f["name"], f["sha256"], f["url"]) for f in files] == [
        (f"chart/{url}/small", digest, url + "/small-1.2.3.tgz"), (url + "/m.yaml", hashlib.sha256(CM.encode()).hexdigest(), url + "/m.yaml")], files)
    shutil.rmtree(tmp + "/cache/sha256")  # another desk
    r = run("plan", "--bundle", cwd=root)
    check("before fetch: says so", r.returncode == 1 and "kiln fetch" in r.stderr, r.stderr)
    r = run("fetch", "-f", "cluster.yaml", cwd=root)
    check("fetched", r.returncode == 0, r.stderr)
    if program:
        r = run("plan", "--bundle", cwd=root, KILN_HELM=program)
        check("the bundle from the cache", r.returncode == 0 and "Deployment small" in r.stdout and "ConfigMap x" in r.stdout.replace("2 ConfigMap", "ConfigMap x"), r.stdout + r.stderr)
    for change, want in [({"version": "9.9.9"}, "has no chart 'small' 9.9.9"), ({"sha256": "0" * 64}, "component.yaml says " + "0" * 64)]:
        component(root, "app", {}, namespace="app", provides=["cni"], sources=[{"chart": {**chart, **change}}])
        r = lock()
        check(f"refused: {want}", r.returncode == 1 and want in r.stderr, r.stderr)
    archives(root, web, url, lock)
    server.shutdown()


def make_archive(path, top, members=(), version=None):
    """As Git servers hand out a repository: one folder around all"""
    def rename(i):
        i.mtime = 0
        return i
    with tarfile.open(path, "w:gz") as t:
        for name, text in (("README.md", "x"), ("other/Chart.yaml", "version: 7.7.7"), *members):
            i = tarfile.TarInfo(f"{top}{name}")
            i.size = len(text)
            t.addfile(i, io.BytesIO(text.encode()))
        for d, _, names in sorted(os.walk(here + "/chart")):
            for n in sorted(names):
                full = os.path.join(d, n)
                with open(full) as f:
                    text = f.read()
                if n == "Chart.yaml" and version:
                    text = re.sub(r"(?m)^version: .*", f"version: {version}", text)
                i = tarfile.TarInfo(f"{top}deploy/helm/small/{os.path.relpath(full, here + '/chart')}")
                i.size = len(text.encode())
                t.addfile(i, io.BytesIO(text.encode()))
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def documented():
    """docs/components.md and docs/gates.md beside the code: facts with types, lint rules, gates with arguments"""
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
    tool = os.path.join(os.path.dirname(kiln), "tests/bundle/bundle-tool")
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


def archives(root, web, url, lock):
    """A chart that is a folder of a repository's archive: no chart repository, as Garage has none"""
    program = os.environ.get("KILN_HELM") or shutil.which("helm")
    chart = {"name": "small", "version": "1.2.3", "archive": url + "/repo.tar.gz", "folder": "deploy/helm/small"}

    def use(**changes):
        c = {k: v for k, v in {**chart, **changes}.items() if v is not None}
        component(root, "app", {}, namespace="app", provides=["cni"], sources=[{"chart": c}])
    digest = make_archive(web + "/repo.tar.gz", "small-0123abc/")
    use()
    r = lock()
    check("an archive is locked", r.returncode == 0, r.stderr)
    with open(root + "/kiln.lock") as f:
        got = [(f["name"], f["version"], f["sha256"], f["url"]) for f in json.load(f)["files"]]
    check("by URL, version and digest", got == [(f"chart/{url}/repo.tar.gz/small", "1.2.3", digest, url + "/repo.tar.gz")], got)
    check("nothing half-made is left", not [n for n in os.listdir(tmp + "/cache/tmp") if n.startswith("archive-")])
    r = run("fetch", "-f", "cluster.yaml", cwd=root)
    check("an archive is fetched", r.returncode == 0, r.stderr)
    bad = [({"folder": "deploy/none"}, "there is no chart in its folder 'deploy/none'"),
           ({"version": "1.2.4"}, "kiln.lock has version 1.2.3; run 'kiln update'"),
           ({"version": "1.2.4", "sha256": digest}, "its chart has version 1.2.3, not 1.2.4")]
    if program:
        r = run("plan", "--bundle", cwd=root, KILN_HELM=program)
        check("rendered from the folder", r.returncode == 0 and "Deployment small" in r.stdout, r.stdout + r.stderr)
        for change, want in bad:
            use(**change)
            r = run("plan", "--bundle", cwd=root, KILN_HELM=program)
            check(f"refused: {want}", r.returncode == 1 and want in r.stderr, r.stderr)
        # without the folder around, and one file that wants out
        make_archive(web + "/repo.tar.gz", "./", [("deploy/helm/small/../../../../etc/x", "y")])
        use()
        r = lock()
        check("locked anew", r.returncode == 0, r.stderr)
        r = run("plan", "--bundle", cwd=root, KILN_HELM=program)
        check("no file leaves the chart", r.returncode == 1 and "leads out of its folder" in r.stderr, r.stderr)
        make_archive(web + "/repo.tar.gz", "./")
        lock()
        r = run("plan", "--bundle", cwd=root, KILN_HELM=program)
        check("an archive with nothing around", r.returncode == 0 and "Deployment small" in r.stdout, r.stderr)
    use(sha256="0" * 64)
    r = lock()
    check("another digest than component.yaml's", r.returncode == 1 and "0" * 64 in r.stderr, r.stderr)
    for change, want in [({"folder": None}, "'archive' and 'folder' belong together"), ({"repository": url}, "either 'repository', 'path' or 'archive'")]:
        use(**change)
        r = lock()
        check(f"refused: {want}", r.returncode == 1 and want in r.stderr and "component.yaml:" in r.stderr, r.stderr)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *a):
        pass


def normal(index):
    """The index for the golden file: digests and sizes of what the machine's paths do not touch stay."""
    return json.dumps(index, indent=1, sort_keys=False) + "\n"


def reference():
    global skipped
    if not os.path.isdir(shared + "/bundle"):
        skipped += 20
        print("SKIPPED: no ../shared/bundle: the platform's components were not built")
        return
    data = tmp + "/data"
    subprocess.run([sys.executable, here + "/make-data.py", src, shared, data], check=True)
    root = tmp + "/home"
    os.makedirs(root)
    shutil.copy(src + "/examples/home/cluster.yaml", root)
    r = run("init", cwd=root, data=data)
    check("init", r.returncode == 0, r.stderr)
    r = run("plan", "--bundle", cwd=root, data=data)
    check("plan --bundle", r.returncode == 0 and "331 objects, 81 of them CRDs" in r.stdout, r.stdout[-800:] + r.stderr)
    check("three CRDs beyond the annotation limit", r.stdout.count("[crd-annotation-limit]") == 3, r.stdout[-2000:])
    plain = root + "/.kiln/bundle/plain.tar"
    names, index, texts = read_bundle(plain)
    check("every object has its digest", names[0] == "index.json" and all(
        hashlib.sha256(texts[n]).hexdigest() == n[8:72] for n in names[1:]), names[:3])
    with open(plain, "rb") as f:
        one = f.read()
    run("plan", "--bundle", cwd=root, data=data)
    with open(plain, "rb") as f:
        check("same inputs, same bytes", f.read() == one)
    check("the table is golden", same_golden("home.table", run("plan", "--bundle", cwd=root, data=data).stdout.split(" objects, 81")[0]))
    obj, index = objects(plain)
    index["cluster_id"] = "0" * 32
    check("the index is golden", same_golden("home.index.json", normal(index)))
    facts(obj, index)
    second(root, data, obj)
    export(root, data, index)
    bake_and_diff(root, data)


def same_golden(name, text):
    path = os.path.join(src, "tests/golden/bundle", name)
    if os.environ.get("KILN_BLESS"):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
    with open(path) as f:
        want = f.read()
    if want != text:
        a, b = want.splitlines(), text.splitlines()
        print(*[f"-{x}\n+{y}" for x, y in zip(a, b) if x != y][:5], sep="\n")
    return want == text


def facts(obj, index):
    pool = obj[("cilium", "CiliumLoadBalancerIPPool", None, "default-pool")]
    check("the pool is cluster.yaml's", pool["spec"]["blocks"] == [
        {"start": "192.168.14.50", "stop": "192.168.14.54"}, {"start": "fd12:3456:789a:14::50", "stop": "fd12:3456:789a:14::54"}], pool)
    l2 = obj[("cilium", "CiliumL2AnnouncementPolicy", None, "default")]
    check("interfaces of the boards", l2["spec"]["interfaces"] == ["^end0$", "^enp0s31f6$"], l2)
    check("names that users know", ("cert-manager", "ClusterIssuer", None, "le-clusterissuer") in obj)
    bare = [k for k, o in obj.items() if k[2] and o["metadata"].get("namespace") != k[2]]
    check("every namespaced object says its namespace", not bare, bare)
    ids = {k: o["metadata"].get("annotations", {}).get("argocd.argoproj.io/tracking-id") for k, o in obj.items()}
    check("tracking-ids, never on CRDs", all(v is None for k, v in ids.items() if k[1] == "CustomResourceDefinition") and
          ids[("coredns", "Service", "kube-system", "kube-dns")] == "coredns:/Service:kube-system/kube-dns" and
          ids[("cilium", "ClusterRole", None, "cilium")] == "cilium:rbac.authorization.k8s.io/ClusterRole:kube-system/cilium", "")
    secrets = [o for c in index["components"] for o in c["objects"] if o["secret"]]
    check("objects with secrets are marked, and no Application adopts them",
          len(secrets) == 5 and not any(o["handover"] for o in secrets), [o["name"] for o in secrets])
    check("no status is applied", not any("status" in o for o in obj.values()))
    jobs = [(o["name"], o["hook"]["delete"]) for c in index["components"] for o in c["objects"] if o["hook"]]
    check("the layout Job is a hook", jobs == [("garage-layout-init", ["before-creation"])], jobs)


def walk(a, b, path=""):
    if isinstance(a, dict) and isinstance(b, dict):
        for k in sorted(set(a) | set(b)):
            yield from walk(a.get(k), b.get(k), f"{path}.{k}")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b)):
            yield from walk(x, y, f"{path}.{i}")
    elif a != b:
        yield f"{path}: {json.dumps(a)} -> {json.dumps(b)}"


def second(root, data, obj):
    """IPv4 alone, three control-planes, a VLAN: what may differ is a golden list"""
    other = tmp + "/lab"
    os.makedirs(other)
    with open(root + "/cluster.yaml") as f:
        c = yaml.safe_load(f)
    one = lambda l: [x for x in l if ":" not in str(x)]
    for k in ("pods", "services", "load_balancer"):
        c["cluster"][k] = one(c["cluster"][k])
    for k in ("subnets", "gateways", "dns"):
        c["network"][k] = one(c["network"][k])
    c["network"]["vlan"] = 300
    for n in c["nodes"].values():
        n["addresses"] = one(n["addresses"])
        n["role"] = "control-plane"
        n.pop("on_demand", None)
    c["storage"]["replicas"] = 3
    with open(other + "/cluster.yaml", "w") as f:
        yaml.safe_dump(c, f, sort_keys=False)
    r = run("plan", "--bundle", cwd=other, data=data)
    check("the second cluster", r.returncode == 0, r.stderr)
    if r.returncode:
        return
    b, _ = objects(other + "/.kiln/bundle/plain.tar")
    charts(root, other)
    lines = [f"{'/'.join(map(str, k))}{d}" for k in sorted(set(obj) | set(b), key=str) for d in walk(obj.get(k), b.get(k))]
    check("differs in exactly these fields", same_golden("second.diff", "\n".join(lines) + "\n"), "\n".join(lines[:20]))


def values(root):
    tool = os.path.join(os.path.dirname(kiln), "tests/bundle/bundle-tool")
    r = subprocess.run([tool, "--values", root + "/cluster.yaml"], capture_output=True, text=True,
                       env=dict(os.environ, KILN_DATADIR=os.path.dirname(kiln) + "/share/kiln", CLOUDFLARE_API_TOKEN="t"))
    check("values of every chart", r.returncode == 0 and r.stdout.count("\n") == 9, r.stderr)
    out = {}
    for line in r.stdout.splitlines():
        name, chart, text = line.split(" ", 2)
        out[f"{name}/{chart}"] = json.loads(text)
    return out


def charts(root, other):
    """What the charts are given: golden for the home, and a golden list of differences"""
    a, b = values(root), values(other)
    check("the values are golden", same_golden("home.values.json", json.dumps(a, indent=1, ensure_ascii=False) + "\n"))
    check("values differ in exactly these fields", same_golden("second.values.diff", "\n".join(
        f"{k}{d}" for k in a for d in walk(a[k], b.get(k))) + "\n"))


def export(root, data, index):
    r = run("bundle", "export", root + "/tree", cwd=root, data=data)
    check("export", r.returncode == 0, r.stderr)
    files = [f for _, _, fs in os.walk(root + "/tree") for f in fs]
    plain = sum(not o["secret"] for c in index["components"] for o in c["objects"])
    check("a file an object, none with secrets", len(files) == plain and not any(
        "${secret" in open(os.path.join(d, f)).read() for d, _, fs in os.walk(root + "/tree") for f in fs), (len(files), plain))
    with open(root + "/tree/coredns/kube-system.services.kube-dns.json") as f:
        check("readable and the same", json.load(f)["spec"]["clusterIPs"][0] == "10.43.0.10")


def bake_and_diff(root, data):
    r = run("bundle", "diff", cwd=root, data=data)
    check("nothing baked yet", r.returncode == 1 and "nothing was baked yet" in r.stderr, r.stderr)
    probe = os.path.join(os.path.dirname(kiln), "tests/bundle/bundle-tool")
    r = subprocess.run([probe, root + "/cluster.yaml"], capture_output=True, text=True,
                       env=dict(os.environ, KILN_DATADIR=data, CLOUDFLARE_API_TOKEN="token-of-the-tests", KILN_CACHE=tmp + "/cache"))
    check("built with secrets", r.returncode == 0, r.stderr)
    path = root + "/.kiln/bundle/bundle.tar"
    check("0600", os.stat(path).st_mode & 0o777 == 0o600)
    obj, _ = objects(path)
    secret = obj[("cert-manager", "Secret", "cert-manager", "cloudflare-api-token")]
    check("the secret of an option", secret["data"] == {"api-token": "dG9rZW4tb2YtdGhlLXRlc3Rz"} and "stringData" not in secret)
    with open(root + "/.kiln/secrets/component/garage-rpc-secret") as f:
        import base64
        check("a secret of kiln init", base64.b64decode(obj[("garage", "Secret", "garage", "garage-rpc-secret")]["data"]["rpcSecret"]).decode() == f.read().strip())
    r = run("bundle", "diff", cwd=root, data=data)
    check("no difference", r.returncode == 0 and r.stdout == "0 new, 0 changed, 0 gone\n", r.stdout + r.stderr)
    with open(root + "/cluster.yaml") as f:
        text = f.read()
    with open(root + "/cluster.yaml", "w") as f:
        f.write(text.replace("192.168.14.50-192.168.14.54", "192.168.14.50-192.168.14.55"))
    r = run("bundle", "diff", cwd=root, data=data)
    check("one difference, named", r.returncode == 0 and "~ cilium: CiliumLoadBalancerIPPool default-pool" in r.stdout and
          '- spec.blocks.0.stop: "192.168.14.54"' in r.stdout and "0 new, 1 changed, 0 gone" in r.stdout, r.stdout + r.stderr)
    r = run("bundle", "diff", cwd=root, data=data, )
    with open(root + "/cluster.yaml", "w") as f:
        f.write(text)
    r2 = subprocess.run([kiln, "bundle", "diff"], cwd=root, capture_output=True, text=True,
                        env=dict(os.environ, KILN_DATADIR=data, CLOUDFLARE_API_TOKEN="another-token", KILN_CACHE=tmp + "/cache"))
    check("secrets are never shown", r2.returncode == 0 and "<hidden>" in r2.stdout and "YW5vdGhlci10b2tlbg" not in r2.stdout, r2.stdout)


def all_images():
    """All 28 of images.txt, raw manifests as they are, each folder a component"""
    global skipped
    if not os.path.isdir(shared + "/bundle"):
        skipped += 1
        return
    root = tmp + "/images"
    names = sorted(d for d in os.listdir(shared + "/bundle") if d[:2].isdigit())
    before = []
    for d in names:
        files = [f"{shared}/bundle/{d}/{n}.yaml" for n in ("pre", "crds", "objects", "post") if os.path.exists(f"{shared}/bundle/{d}/{n}.yaml")]
        component(root, "ref-" + d, {}, sources=[{"manifests": files}], after=list(before), provides=["cni", "storage-class"],
                  namespace={"05": "argocd", "06": "rook-ceph", "07": "rook-ceph", "08": "rook-ceph", "09": "garage"}.get(d[:2], "default"))
        before.append("ref-" + d)
    cluster(root, before)
    r = run("plan", "--bundle", "--json", cwd=root)
    # IngressRoutes and Applications stand in components before their CRDs: those are findings
    if r.returncode:
        left = {m for m in re.findall(r"\[([a-z-]+)\]", r.stderr)}
        check("the raw reference has only findings of order", left <= {"cr-before-crd", "operator-replicas"}, r.stderr[:3000])
        return
    got = {i for c in json.loads(r.stdout)["components"] for i in c["images"]}
    with open(shared + "/bundle/images.txt") as f:
        want = {l.split("\t")[0] for l in f if l.strip() and not l.startswith("#")}
    check("all 28 images, wherever they stand", got == want and len(want) == 28, (got - want, want - got))


try:
    lint()
    definitions()
    hooks()
    helm()
    repository()
    documented()
    reference()
    all_images()
finally:
    if not os.environ.get("KILN_KEEP"):
        shutil.rmtree(tmp)
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(failed > 0)
