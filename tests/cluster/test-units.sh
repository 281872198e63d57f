#!/bin/bash
# The Go unit tests of what testk3s and its agent share, and gofmt and vet
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
. "$here/tap.sh"
cluster_bin || exit 1
export CGO_ENABLED=0 GOFLAGS=${GOFLAGS:--buildvcs=false}
PATH=$PATH:/usr/local/go/bin:/usr/lib/go/bin
unformatted() { [ -z "$(gofmt -l "$here")" ] || { gofmt -l "$here"; return 1; }; }
vet() { (cd "$here/k3s" && go vet ./...); }
t 'gofmt has nothing to say' unformatted
t 'go vet of the agent' vet
links() { go version -m "$CLUSTER_BIN/testk3s$1" | grep -c 'k8s.io/\(kubernetes\|apiserver\|client-go\)'; }
t 'the server is Kubernetes' test "$(links '')" -gt 2
t 'the agent links none of it' test "$(links -agent)" = 0
for arch in amd64 arm64; do
	t_has "the agent for $arch is one static program" 'statically linked' file -L "$CLUSTER_BIN/testk3s-agent-$arch"
done
top=$here/../..
unknown() { ! grep -rniE 'testk3s|kwok' "$top/firstboot" "$top/lib" "$top/builder" "$top/overlays"; }
t 'Kiln has no branch for it: its name is in no source' unknown
out=$(cd "$here/k3s" && go test -count=1 -v ./... 2>&1)
while IFS= read -r line; do
	case $line in
	'--- PASS: '*) t_report 0 "${line#--- PASS: }" ;;
	'--- FAIL: '*) t_report 1 "${line#--- FAIL: }" "$out" ;;
	esac
done <<<"$out"
case $out in *FAIL*'[build failed]'*) t_report 1 'the unit tests build' "$out" ;; esac
t_done
