#!/usr/bin/env python3
"""make-bundle.py REPO OUT.tar [IMAGE] - a bundle of one component `shop` and its Application, as the
builder makes them (docs/formats.md): tracking-ids on all but CRDs, a Secret that no Application has.

Writes what Git has to have into REPO/shop/ too, unless IMAGE is given."""
import hashlib
import io
import json
import os
import sys
import tarfile

repo, out = sys.argv[1:3]
image = sys.argv[3] if len(sys.argv) > 3 else "kiln.test/shop:1"
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "wares.shop.kiln.test"},
    "spec": {"group": "shop.kiln.test", "names": {"kind": "Ware", "plural": "wares", "singular": "ware", "listKind": "WareList"}, "scope": "Namespaced",
             "versions": [{"name": "v1", "served": True, "storage": True,
                           "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}}}]}}
SHOP = [
    (10, "customresourcedefinitions", CRD, True),
    (20, "namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}, True),
    (40, "clusterroles", {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "shop"},
                          "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}, True),
    (50, "configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop", "namespace": "shop"}, "data": {"keep": "1", "drop": "2"}}, True),
    (50, "secrets", {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "shop", "namespace": "shop"}, "data": {"token": "eA=="}}, False),
    (60, "services", {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop", "namespace": "shop"},
                      "spec": {"selector": {"app": "shop"}, "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080},
                                                                      {"name": "old", "port": 81, "protocol": "TCP", "targetPort": 8081}]}}, True),
    (80, "deployments", {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop", "namespace": "shop"},
                         "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "shop"}},
                                  "template": {"metadata": {"labels": {"app": "shop"}},
                                               "spec": {"tolerations": [{"operator": "Exists"}], "containers": [{"name": "c", "image": image}]}}}}, True),
    (100, "wares", {"apiVersion": "shop.kiln.test/v1", "kind": "Ware", "metadata": {"name": "shoe", "namespace": "shop"}, "spec": {"size": 42}}, True),
]
APPLICATION = {
    "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "shop", "namespace": "argocd"},
    "spec": {"project": "default", "source": {"repoURL": "file://" + repo, "path": "shop", "targetRevision": "main"},
             "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
             "syncPolicy": {"automated": {"prune": False, "selfHeal": True},
                            "syncOptions": ["ServerSideApply=true", "RespectIgnoreDifferences=true", "CreateNamespace=false"]}}}


def entry(wave, plural, obj, handover):
    group, version = ("/" + obj["apiVersion"]).split("/")[-2:]
    text = json.dumps(obj, sort_keys=True, separators=(",", ":")).encode()
    meta, crd = obj["metadata"], obj["kind"] == "CustomResourceDefinition"
    gate = "ready" if crd or obj["kind"] in ("Namespace", "Deployment") else "none"
    return text, {"group": group, "version": version, "kind": obj["kind"], "plural": plural, "namespaced": "namespace" in meta,
                  "namespace": meta.get("namespace"), "name": meta["name"], "wave": wave, "gate": gate, "hook": None, "crd": crd,
                  "handover": handover, "secret": obj["kind"] == "Secret", "sha256": hashlib.sha256(text).hexdigest(), "bytes": len(text)}


os.makedirs(repo + "/shop", exist_ok=True)
texts, shop = [], []
for wave, plural, obj, handover in SHOP:
    if handover and len(sys.argv) == 3:
        with open(f"{repo}/shop/{plural}.yaml", "w") as f:
            json.dump(obj, f, indent=1)
    if handover and plural != "customresourcedefinitions":
        group, ns = ("/" + obj["apiVersion"]).split("/")[-2], obj["metadata"].get("namespace", "shop")
        obj = json.loads(json.dumps(obj))
        obj["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": f"shop:{group}/{obj['kind']}:{ns}/{obj['metadata']['name']}"}
    text, e = entry(wave, plural, obj, handover)
    texts.append(text)
    shop.append(e)
text, app = entry(120, "applications", APPLICATION, False)
texts.append(text)
component = {"after": [], "gates": [], "images": []}
index = {"schema": 1, "cluster_id": "0" * 32, "kubernetes": "v1.35.2", "components": [
    {"name": "shop", "namespace": "shop", "application": "shop", "objects": shop, **component},
    {"name": "applications", "namespace": "argocd", "application": None, "objects": [app], **component, "after": ["shop"]}]}
with tarfile.open(out, "w", format=tarfile.USTAR_FORMAT) as tar:
    for name, data in [("index.json", (json.dumps(index) + "\n").encode())] + sorted(
            {f"objects/{hashlib.sha256(t).hexdigest()}.json": t for t in texts}.items()):
        m = tarfile.TarInfo(name)
        m.size = len(data)
        tar.addfile(m, io.BytesIO(data))
