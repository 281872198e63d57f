#!/bin/bash
# attach.sh TESTK3S KWOK TO - one file for an image: testk3s with kwok behind it (server/kwok.go)
set -eu
tmp=$(mktemp "$3.XXXXXX")
trap 'rm -f "$tmp"' EXIT
cat "$1" "$2" >"$tmp"
printf '%016xtestk3s-attached' "$(stat -c %s "$2")" >>"$tmp"
chmod 0755 "$tmp"
mv "$tmp" "$3"
