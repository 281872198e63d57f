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
out=$(cd "$here/k3s" && go test -count=1 -v ./... 2>&1)
while IFS= read -r line; do
	case $line in
	'--- PASS: '*) t_report 0 "${line#--- PASS: }" ;;
	'--- FAIL: '*) t_report 1 "${line#--- FAIL: }" "$out" ;;
	esac
done <<<"$out"
case $out in *FAIL*'[build failed]'*) t_report 1 'the unit tests build' "$out" ;; esac
t_done
