#!/bin/bash
# build.sh [program...] - builds testk3s and its neighbours, or takes them from
# the cache, and prints the folder they lie in. Each program is kept under the
# digest of all that goes into it: go.sum, go.mod, our own sources, Go itself.
# Programs: testk3s testk3s-agent kwok (default), coredns argocd (with argocd-crds) certmanager
set -eu

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kiln/testk3s
k8s=v1.35.4
xflags="-X k8s.io/component-base/version.gitVersion=$k8s+testk3s -X k8s.io/component-base/version.gitMajor=1"
xflags="$xflags -X k8s.io/component-base/version.gitMinor=35 -X k8s.io/component-base/version.gitTreeState=clean"

die() { echo "build.sh: $*" >&2; exit 1; }

find_go() {
	if command -v go >/dev/null; then return; fi
	for d in /usr/local/go/bin /usr/lib/go-1.*/bin; do
		if [ -x "$d/go" ]; then PATH=$d:$PATH; return; fi
	done
	die "no Go here; install one: apt-get install -t bookworm-backports golang-go, or trixie's golang-go"
}

# digest DIR... - of the sources and module files beneath, tests left out
digest() {
	{
		go version
		echo "$xflags"
		for d in "$@"; do
			(cd "$here" && find "$d" -type f ! -name '*_test.go' ! -name '*.md' | LC_ALL=C sort | xargs sha256sum)
		done
	} | sha256sum | cut -c1-20
}

# one NAME ARCH MODULE PACKAGE [DIR...] - one program into the cache, and from there into $bin
one() {
	local name=$1 arch=$2 module=$3 package=$4
	shift 4
	local sum out
	sum=$(digest "$module" "$@")
	out=$cache/store/$name-$sum
	if [ ! -x "$out" ]; then
		local t0=$SECONDS
		exec 8>"$cache/lock-$name" # what is there needs no lock
		flock 8
		[ -x "$out" ] || (cd "$here/$module" && CGO_ENABLED=0 GOOS=linux GOARCH=$arch GOWORK=off \
			nice -n 5 go build -p 2 -ldflags "-s -w $xflags" -o "$out.new" "$package") ||
			die "cannot build $name"
		if [ -e "$out.new" ]; then
			mv "$out.new" "$out"
			echo "  GO      $name ($((SECONDS - t0)) s)" >&2
		fi
		exec 8>&-
	fi
	touch "$out"
	ln -f "$out" "$bin/$name"
}

# argocd_crds - $bin/argocd-crds.yaml: those of the module that the program is built from
argocd_crds() {
	local out dir
	out=$cache/store/argocd-crds-$(digest argocd).yaml
	if [ ! -s "$out" ]; then
		dir=$(cd "$here/argocd" && GOWORK=off go mod download -json github.com/argoproj/argo-cd/v3 | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
		for f in "${dir:?no module}"/manifests/crds/*-crd.yaml; do
			echo ---
			cat "$f"
		done >"$out.$$"
		mv "$out.$$" "$out"
	fi
	touch "$out"
	ln -f "$out" "$bin/argocd-crds.yaml"
}

# where PROGRAM: its module's folder and its package
where() {
	case $1 in
	testk3s) echo server . ;;
	testk3s-agent) echo k3s ./cmd/testk3s-agent ;;
	kwok) echo kwok sigs.k8s.io/kwok/cmd/kwok ;;
	argocd) echo argocd github.com/argoproj/argo-cd/v3/cmd ;;
	*) echo "$1" . ;;
	esac
}

# fetch PROGRAM... - their modules, beside the compiler that works on the first: one waits for the
# network, the other for the processor. What fails here the compiler reports.
fetch() {
	local p dir package
	for p; do
		read -r dir package <<<"$(where "$p")"
		[ -e "$bin/$p" ] || (cd "$here/$dir" && nice -n 5 env CGO_ENABLED=0 GOWORK=off \
			go list -deps "$package" >/dev/null 2>&1 8>&-) || true
	done
}

program() {
	case $1 in
	testk3s) one testk3s "$(go env GOARCH)" server . k3s ;;
	testk3s-agent)
		one testk3s-agent-amd64 amd64 k3s ./cmd/testk3s-agent
		one testk3s-agent-arm64 arm64 k3s ./cmd/testk3s-agent
		ln -f "$bin/testk3s-agent-$(go env GOARCH)" "$bin/testk3s-agent"
		;;
	kwok) one kwok "$(go env GOARCH)" kwok sigs.k8s.io/kwok/cmd/kwok ;;
	coredns) one coredns "$(go env GOARCH)" coredns . ;;
	argocd)
		one argocd "$(go env GOARCH)" argocd github.com/argoproj/argo-cd/v3/cmd
		argocd_crds
		;;
	argocd-crds) argocd_crds ;;
	certmanager) one certmanager "$(go env GOARCH)" certmanager . ;;
	*) die "no program '$1'" ;;
	esac
}

find_go
export GOTOOLCHAIN=${GOTOOLCHAIN:-auto} GOFLAGS=${GOFLAGS:--buildvcs=false}
[ $# -gt 0 ] || set -- testk3s kwok
bin=$cache/bin-$(echo "$here" | sha256sum | cut -c1-12)
mkdir -p "$cache/store" "$bin"
if [ $# -gt 1 ]; then
	fetch "${@:2}" &
	fetcher=$!
	trap 'kill $fetcher 2>/dev/null || true' EXIT
fi
for p; do program "$p"; done
# what no tree has used for a month goes
find "$cache/store" -type f -mtime +30 -delete
echo "$bin"
