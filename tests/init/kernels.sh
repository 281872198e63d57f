#!/bin/sh
# Bring the real kernels that the boards use, unpacked as a root tree with depmod run.
#
# usage: kernels.sh amd64|arm64     prints the folder: usr/lib/modules/<release>, boot or
#        usr/lib/modules/<release>/vmlinuz, usr/lib/firmware/intel-ucode, device trees
#        kernels.sh amd64|arm64 PACKAGE...   prints the .debs of trixie's packages, fetched
# amd64 is trixie's kernel, arm64 the one of trixie-backports. Taken by this machine's apt
# from its own mirror, with private lists; kept in ${XDG_CACHE_HOME:-~/.cache}/kiln/test-kernels.
set -eu
export LC_ALL=C

arch=$1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kiln/test-kernels
mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9

# shellcheck source=/dev/null
. /etc/os-release
mirror=$(apt-get indextargets --format '$(SITE) $(CODENAME) $(COMPONENT)' |
	awk -v s="$VERSION_CODENAME" '$2 == s && $3 == "main" { print $1; exit }')
[ -n "$mirror" ] || {
	echo "kernels.sh: apt knows no mirror of $VERSION_CODENAME" >&2
	exit 1
}

apt=$cache/apt
mkdir -p "$apt/lists/partial" "$apt/archives/partial"
: >"$apt/status"
for suite in 'trixie main non-free-firmware' 'trixie-backports main'; do
	echo "deb [arch=amd64,arm64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite"
done >"$apt/sources.list"
cat >"$apt/apt.conf" <<-CONF
	Dir::Etc::SourceList "$apt/sources.list";
	Dir::Etc::SourceParts "/dev/null";
	Dir::Etc::PreferencesParts "/dev/null";
	Dir::State "$apt";
	Dir::State::status "$apt/status";
	Dir::Cache "$apt";
	APT::Architectures { "amd64"; "arm64"; };
	APT::Sandbox::User "root";
	Acquire::Languages "none";
	Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
	Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
	Acquire::IndexTargets::deb::DEP-11-icons-small::DefaultEnabled "false";
	Acquire::IndexTargets::deb::DEP-11-icons::DefaultEnabled "false";
CONF
export APT_CONFIG="$apt/apt.conf"
# lists at most a day old, so that a warm run needs no network
if ! [ -e "$apt/fresh" ] || [ -n "$(find "$apt/fresh" -mmin +1440)" ]; then
	if apt-get update -q >"$apt/log" 2>&1; then
		touch "$apt/fresh"
	elif ! [ -e "$apt/fresh" ]; then
		cat "$apt/log" >&2
		exit 1
	fi
fi

if [ $# -gt 1 ]; then
	shift
	debs=$cache/debs
	mkdir -p "$debs"
	list=$debs/$arch-$(echo "$*" | tr ' ' '_')
	if [ -z "$(find "$list" -newer "$apt/fresh" 2>/dev/null)" ]; then
		# shellcheck disable=SC2046
		(cd "$debs" && apt-get download -q -t trixie $(printf "%s:$arch " "$@") >"$apt/log" 2>&1) || {
			cat "$apt/log" >&2
			exit 1
		}
		for p; do
			find "$debs" -name "${p}_*_$arch.deb" -o -name "${p}_*_all.deb" | sort -V | tail -n 1
		done >"$list"
	fi
	cat "$list"
	exit
fi
suite=trixie
[ "$arch" = arm64 ] && suite=trixie-backports
depends() {
	apt-cache show -t "$suite" --no-all-versions "$1:$arch" | sed -n 's/^Depends: //p' | tr ',' '\n' |
		sed -E 's/^ *([^ ]+).*/\1/; s/:.*//' | grep -E '^linux-(image|binary|modules|base)-[0-9]' || true
}
image=$(depends "linux-image-$arch" | grep '^linux-image-')
version=$(apt-cache show -t "$suite" --no-all-versions "$image:$arch" | sed -n 's/^Version: //p')
root=$cache/$arch-$version
if ! [ -e "$root/.done" ]; then
	rm -rf "$root" "$root.tmp"
	mkdir -p "$root.tmp/usr/lib"
	ln -s usr/lib "$root.tmp/lib"
	set -- "$image:$arch=$version"
	for p in $(depends "$image"); do
		set -- "$@" "$p:$arch=$version"
	done
	[ "$arch" = amd64 ] && set -- "$@" intel-microcode:amd64
	(cd "$apt/archives" && rm -f ./*.deb && apt-get download -q "$@" >"$apt/log" 2>&1) || {
		cat "$apt/log" >&2
		exit 1
	}
	for deb in "$apt"/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x --no-same-owner --keep-directory-symlink -C "$root.tmp"
	done
	rm -f "$apt"/archives/*.deb
	/sbin/depmod -b "$root.tmp" "${image#linux-image-}"
	touch "$root.tmp/.done"
	mv "$root.tmp" "$root"
fi
echo "$root"
