"""Each lint rule by a bundle that breaks it, and component.yaml's own mistakes."""
import re

from suite import CM, check, cluster, component, run, tmp, workload


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
