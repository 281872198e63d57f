#!/bin/sh
# Files of at most 800 lines, functions of at most 70 lines and complexity 15 (pmccabe's modified
# count, where a switch is one). Exceptions with their reason stand in mk/size.list.
set -u
bad=0
for f; do
	n=$(wc -l <"$f")
	if [ "$n" -gt 800 ]; then
		echo "$f: $n lines, at most 800"
		bad=1
	fi
done
if ! command -v pmccabe >/dev/null; then
	echo "SKIPPED: no pmccabe: functions were not measured"
	exit $bad
fi
# modified complexity, complexity, statements, first line, lines, file(first): name
pmccabe "$@" 2>/dev/null | awk '
	BEGIN {
		while ((getline line < "mk/size.list") > 0)
			if (line !~ /^#/ && split(line, w, " ") > 2)
				known[w[1] " " w[2]] = 1
	}
	{
		file = $6; sub(/\([0-9]+\):$/, "", file)
		seen++
		over = ""
		if ($5 > 70) over = $5 " lines, at most 70"
		if ($1 > 15) over = over (over ? "; " : "") "complexity " $1 ", at most 15"
		if (over && !((file " " $7) in known)) { print file ":" $4 ": " $7 ": " over; bad = 1 }
	}
	END {
		if (seen < 100) { print "pmccabe saw only " seen " functions"; bad = 1 }
		exit bad
	}' || bad=1
exit $bad
