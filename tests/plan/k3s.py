#!/usr/bin/env python3
"""Judge the K3s files of one golden node: usage k3s.py NODE-FOLDER.

What must hold comes from K3s' documentation, not from Kiln's code: an agent starts
with agent options alone, both families reach the kubelet, the kubeconfig is root's.
"""
import ipaddress
import json
import sys

import yaml

AGENT = {
    "server", "token-file", "node-name", "node-ip", "kubelet-arg", "resolv-conf",
    "node-label", "node-taint", "debug",
}


def fail(text):
    sys.exit(f"{sys.argv[1]}: {text}")


def need(cond, text):
    if not cond:
        fail(text)


def args(values):
    return dict(v.split("=", 1) for v in values)


def load(path):
    with open(sys.argv[1] + path, encoding="utf-8") as f:
        docs = list(yaml.safe_load_all(f))
    need(len(docs) == 1, f"{path}: {len(docs)} documents")
    return docs[0]


def check_server(c, node):
    need(not node["node"]["init"] or (c.get("cluster-init") is True and "server" not in c),
         "the first control-plane initialises and joins none")
    need(node["node"]["init"] or ("cluster-init" not in c and c["server"].startswith("https://")),
         "another control-plane joins")
    need(c["write-kubeconfig-mode"] == "0600", "the kubeconfig is for root alone")
    need(set(c["disable"]) == {"coredns", "servicelb", "traefik", "local-storage"}, "disable")
    for key in ("disable-network-policy", "disable-kube-proxy", "disable-cloud-controller"):
        need(c[key] is True, key)
    need(c["flannel-backend"] == "none", "flannel-backend")
    need(isinstance(c["secrets-encryption"], bool), "secrets-encryption")
    need(c["agent-token-file"] == "/etc/rancher/k3s/agent-token", "agent-token-file")
    need(node["cluster"]["api"] in c["tls-san"], "the API's name is no TLS name")
    nets = [ipaddress.ip_network(p) for p in c["cluster-cidr"]]
    need([n.version for n in nets] == [ipaddress.ip_network(s).version for s in c["service-cidr"]],
         "pods and services have the same families in the same order")
    manager = args(c.get("kube-controller-manager-arg", []))
    for net in nets:
        name = "node-cidr-mask-size" + ("" if len(nets) == 1 else f"-ipv{net.version}")
        mask = int(manager.get(name, 24 if net.version == 4 else 64))
        need(net.prefixlen < mask <= net.prefixlen + 16, f"{name}={mask} for {net}")


def check_agent(c):
    need(set(c) <= AGENT, f"an agent does not know {set(c) - AGENT}")
    need(c["server"].startswith("https://") and c["server"].endswith(":6443"), "server")


def main():
    c = load("/etc/rancher/k3s/config.yaml")
    kubelet = load("/var/lib/rancher/k3s/agent/etc/kubelet.conf.d/10-kiln.conf")
    with open(sys.argv[1] + "/etc/kiln/node.json", encoding="utf-8") as f:
        node = json.load(f)
    addresses = [a.split("/")[0] for a in node["node"]["addresses"]]

    need(c["node-ip"] == addresses, f"node-ip is {c['node-ip']}")
    need(args(c["kubelet-arg"])["node-ip"] == ",".join(addresses), "the kubelet's node-ip")
    need(c["token-file"] == "/etc/rancher/k3s/token", "token-file")
    need(c["resolv-conf"] == "/etc/rancher/k3s/resolv.conf", "resolv-conf")
    with open(sys.argv[1] + c["resolv-conf"], encoding="utf-8") as f:
        servers = [line.split() for line in f]
    need(servers and all(s[0] == "nameserver" for s in servers), "resolv-conf has nameservers only")
    for s in servers:
        need(not ipaddress.ip_address(s[1]).is_loopback, "CoreDNS would ask itself")
    need(kubelet["apiVersion"] == "kubelet.config.k8s.io/v1beta1", "apiVersion")
    need(kubelet["kind"] == "KubeletConfiguration", "kind")
    need(kubelet["nodeStatusMaxImages"] == -1, "nodeStatusMaxImages")
    need(kubelet["imageMaximumGCAge"].endswith("s"), "imageMaximumGCAge is a duration")
    if node["node"]["role"] == "control-plane":
        check_server(c, node)
    else:
        check_agent(c)


main()
