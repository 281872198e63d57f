#!/usr/bin/env python3
"""A data folder whose components take ../shared/bundle's manifests instead of charts.

The component folders are Kiln's own, byte for byte; only `sources` changes: charts
cannot be fetched in a test, and the reference bundle is what they rendered to once.
usage: make-data.py SRCDIR SHARED OUT
"""
import json
import os
import shutil
import sys

import yaml

src, shared, out = sys.argv[1:4]
RENDERED = {
    "cilium": [["01-cilium/crds.yaml", "01-cilium/objects.yaml"]],
    "coredns": [["02-coredns/objects.yaml"]],
    "cert-manager": [["03-cert-manager/crds.yaml", "03-cert-manager/objects.yaml"]],
    "traefik": [["04-traefik/crds.yaml", "04-traefik/objects.yaml"]],
    "argocd": [["05-argocd/crds.yaml", "05-argocd/objects.yaml"]],
    "rook-ceph": [
        ["06-rook-ceph/crds.yaml", "06-rook-ceph/objects.yaml"],
        ["07-ceph-csi-drivers/objects.yaml"],
        ["08-rook-ceph-cluster/objects.yaml"],
    ],
    "garage": [["09-garage/objects.yaml"]],
}

shutil.rmtree(out, ignore_errors=True)
os.makedirs(out)
for name in ("boards", "overlays"):
    os.symlink(os.path.join(src, name), os.path.join(out, name))
shutil.copytree(os.path.join(src, "bundle"), os.path.join(out, "bundle"))
for name, sources in RENDERED.items():
    path = os.path.join(out, "bundle", name, "component.yaml")
    with open(path) as f:
        d = yaml.safe_load(f)
    assert len(d["sources"]) == len(sources), name
    d["sources"] = [{"manifests": [os.path.join(shared, "bundle", m) for m in s]} for s in sources]
    with open(path, "w") as f:
        json.dump(d, f, indent=1)  # JSON is YAML
