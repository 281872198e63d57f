# shellcheck shell=bash
# What the cluster knows and every node must: images, Ceph's fsid; and labels and taints of all.
# shellcheck disable=SC2154
fsid=6f9e2c7a-1d24-4a57-9a3f-5c1f0c6b7d10

rook_secret() {
	kubectl create namespace rook-ceph >/dev/null &&
		kubectl -n rook-ceph create secret generic rook-ceph-mon --from-literal=fsid=$fsid >/dev/null
}
archive() { # FILE NAME: an image as docker save writes it
	local d
	d=$(mktemp -d "$work/image.XXXXXX")
	echo "[{\"Config\":\"c\",\"RepoTags\":[\"$2\"],\"Layers\":[\"l\"]}]" >"$d/manifest.json"
	head -c 1000 /dev/zero >"$d/l"
	echo '{}' >"$d/c"
	tar -C "$d" -cf "$1" manifest.json c l
}
cm_has() { # KEY VALUE
	[ "$(kubectl -n kiln-system get cm cluster -o json | jq -r --arg k "$1" '.data[$k] // ""')" = "$2" ]
}

fsid_learned() { # after cow is ready
	check "fsid: from Rook's Secret into the ConfigMap" cluster_wait 30 cm_has fsid $fsid
	check "fsid: in cow's state" cluster_wait 30 grep -qx $fsid "$work/cow/var/lib/kiln/fsid"
}
worker_facts() { # before sheep's agent starts, its archives lie there
	kubectl -n kiln-system patch cm cluster --type merge -p \
		'{"data":{"images":"quay.io/cilium/cilium:v1.19.6\nghcr.io/absent/image:1\n"}}' >/dev/null
	start_agent sheep
	check "images: the one that no archive brought is named" state sheep images waiting '1 of 2 were in no archive that K3s could import: ghcr.io/absent/image:1' 60
	rm -r "$CLUSTER_DIR/sheep/data/agent/images"
	check "images: without archives they are K3s' to pull" state sheep images 'done' '1 of 2 are not here and are left to K3s to pull: ghcr.io/absent/image:1' 60
	check "fsid: in sheep's state, by its Role" cluster_wait 60 grep -qx $fsid "$work/sheep/var/lib/kiln/fsid"
	stop_agent
	kubectl -n kiln-system patch cm cluster --type merge -p '{"data":{"images":"quay.io/cilium/cilium:v1.19.6\n"}}' >/dev/null
}

taints() { kubectl get node "$1" -o json | jq -c '[.spec.taints[]? | select(.key | startswith("test/")) | "\(.key)=\(.value // "")"] | sort'; }
taints_are() { [ "$(taints "$1")" = "$2" ]; }
label_is() { [ "$(kubectl get node "$1" -o json | jq -r --arg l "$2" '.metadata.labels[$l] // "-"')" = "$3" ]; }

# A control-plane's step labels, on a further cow: hen is a machine that kwok plays.
labels_and_taints() {
	local hen='.peers += [{name: "hen", role: "worker", addresses: ["192.168.14.6/26"], mac: null, on_demand: false, labels: {colour: "brown", size: "small"}, taints: [{key: "test/a", value: "1", effect: "NoSchedule"}]}, {name: "owl", role: "worker", addresses: ["192.168.14.7/26"], mac: null, on_demand: true, labels: {}, taints: []}]'
	local extra='{key: "test/b", value: "", effect: "NoSchedule"}'
	cluster_nodes hen
	kubectl taint node hen test/other=x:NoSchedule >/dev/null
	cow_root labels "$hen"
	start_agent labels
	check "labels of hen" cluster_wait 60 label_is hen colour brown
	check "role of hen" cluster_wait 30 label_is hen node-role.kubernetes.io/worker true
	check "taints: set beside another's" cluster_wait 30 taints_are hen '["test/a=1","test/other=x"]'
	check "a node on demand that is away does not count" state labels labels 'done' '' 30
	check "ready without it" wait_status labels '.phase == "ready"' 30
	stop_agent
	# cluster.yaml changed: one more, one gone
	jq "(.peers[] | select(.name == \"hen\")) |= (.taints = [$extra] | .labels = {colour: \"brown\"})" \
		"$work/labels/etc/kiln/node.json" >"$work/j" && mv "$work/j" "$work/labels/etc/kiln/node.json"
	start_agent labels
	check "taints: what is gone from the file is taken off" cluster_wait 60 taints_are hen '["test/b=","test/other=x"]'
	check "labels: what is gone from the file is taken off" cluster_wait 60 label_is hen size -
	stop_agent
	# another hand
	kubectl label node hen colour=red --overwrite --field-manager somebody >/dev/null
	kubectl taint node hen test/b- >/dev/null
	jq '(.peers[] | select(.name == "sheep")).labels = {wool: "much"}' \
		"$work/labels/etc/kiln/node.json" >"$work/j" && mv "$work/j" "$work/labels/etc/kiln/node.json"
	start_agent labels
	check "a conflict is told, with whose it is" state labels labels failed 'somebody' 60
	check "it is not forced" label_is hen colour red
	check "a taint that a person took off stays off" taints_are hen '["test/other=x"]'
	check "the other nodes have their labels all the same" cluster_wait 30 label_is sheep wool much
	stop_agent
}
