#!/bin/sh
# Functions that are not used: they write beyond their buffer, run a shell, keep hidden state, or
# take half a number for a whole one (text becomes a number in lib/parse alone).
set -u
words='strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atoll|atof|system|popen|strtok|tmpnam|mktemp|alloca'
numbers='strtol|strtoul|strtoll|strtoull|strtoimax|strtoumax|strtod|strtof'
bad=0
for f; do
	# a comment or a string may name them
	hits=$(sed -e 's|/\*.*\*/||g; s|//.*||; s|"\(\\.\|[^"\\]\)*"|""|g' "$f" |
		grep -nE "(^|[^A-Za-z0-9_.>])($words|$numbers)[ ]*\(" | grep -vE '^[0-9]+:[ \t]*\*')
	[ -z "$hits" ] && continue
	# exceptions have a reason: "path function reason"
	printf '%s\n' "$hits" | while IFS= read -r hit; do
		name=$(printf '%s' "$hit" | grep -oE "($words|$numbers)[ ]*\(" | head -n 1 | tr -d ' (')
		grep -qE "^$f $name " mk/banned.list || echo "$f:$hit"
	done >"${TMPDIR:-/tmp}/banned.$$"
	if [ -s "${TMPDIR:-/tmp}/banned.$$" ]; then
		cat "${TMPDIR:-/tmp}/banned.$$"
		bad=1
	fi
	rm -f "${TMPDIR:-/tmp}/banned.$$"
done
exit $bad
