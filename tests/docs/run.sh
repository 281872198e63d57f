#!/bin/bash
# What is written about the commands against the commands themselves: man pages,
# completions of three shells, and the command lines that README.md and docs/ show.
#
# usage: tests/docs/run.sh BUILD
set -u
build=$1
cd "$(dirname "$0")/../.." || exit 2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export PATH="$build:$PATH" LC_ALL=C.UTF-8
passed=0 failed=0 skipped=0

ok() { # RC NAME
	if [ "$1" = 0 ]; then
		passed=$((passed + 1))
		echo "ok $2"
	else
		failed=$((failed + 1))
		echo "not ok $2"
		sed 's/^/# /' "$tmp/why" 2>/dev/null
	fi
	: >"$tmp/why"
}

skip() { # NAME REASON
	skipped=$((skipped + 1))
	echo "ok $1 # SKIP $2"
}

commands() { # PROGRAM
	"$1" --help | sed -n 's/^  \([a-z][a-z-]*\)  *[^ ].*/\1/p'
}

# Options that the usage line or the first column of --help names
help_options() { # PROGRAM COMMAND
	"$1" "$2" --help | sed -n -e '/^usage:/p' -e 's/^  \(-[^ ]*\( | -[^ ]*\)*\).*/\1/p' |
		grep -oE -- '(^|[][ |(])--?[a-z][a-z-]*' | tr -d '][ |(' | sort -u
}

# Options that a page's text names in bold at the start of a paragraph
page_options() { # PAGE
	sed -n '/^\.SH OPTIONS/,/^\.SH [^O]/p' "$1" | sed -n '/^\.TP/{n;p;}' | sed 's/\\-/-/g; s/\\f[A-Z]//g' |
		grep -oE -- '(^|[ |])--?[a-z][a-z-]*' | tr -d ' |' | sort -u
}

check_page() { # PROGRAM COMMAND PAGE
	local program=$1 command=$2 page=$3

	if [ ! -f "$page" ]; then
		echo "$page is missing" >"$tmp/why"
		ok 1 "page_of_$program-$command"
		return
	fi
	man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>"$tmp/why" >"$tmp/out"
	[ ! -s "$tmp/why" ] && [ -s "$tmp/out" ]
	ok $? "formats_$(basename "$page")"
	diff <(help_options "$program" "$command") <(page_options "$page") >"$tmp/why"
	ok $? "options_of_$program-$command"
	for section in NAME SYNOPSIS DESCRIPTION "EXIT STATUS" "SEE ALSO"; do
		grep -q "^\.SH \"*$section\"*\$" "$page" || echo "no section $section" >>"$tmp/why"
	done
	[ ! -s "$tmp/why" ]
	ok $? "sections_of_$(basename "$page")"
}

check_pages() {
	local c page

	for c in $(commands kiln); do check_page kiln "$c" "man/kiln-$c.1"; done
	for c in $(commands kiln-node); do check_page kiln-node "$c" "man/kiln-node-$c.8"; done
	for page in man/kiln.1 man/kiln-node.8; do
		man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>"$tmp/why" >"$tmp/out"
		[ ! -s "$tmp/why" ] && [ -s "$tmp/out" ]
		ok $? "formats_$(basename "$page")"
	done
	for c in $(commands kiln); do
		grep -qF ".BR kiln\\-${c//-/\\-} (1)" man/kiln.1 || echo "kiln.1 lacks kiln-$c" >>"$tmp/why"
	done
	for c in $(commands kiln-node); do
		grep -qF ".BR kiln\\-node\\-${c//-/\\-} (8)" man/kiln-node.8 || echo "kiln-node.8 lacks $c" >>"$tmp/why"
	done
	[ ! -s "$tmp/why" ]
	ok $? every_command_in_its_overview
	for page in man/kiln-*.[18]; do
		c=$(basename "$page" | sed 's/\.[18]$//')
		case $c in
		kiln-node) continue ;;
		kiln-node-*) commands kiln-node | grep -qx "${c#kiln-node-}" ;;
		*) commands kiln | grep -qx "${c#kiln-}" ;;
		esac || echo "$page describes no command" >>"$tmp/why"
	done
	[ ! -s "$tmp/why" ]
	ok $? every_page_has_its_command
	grep -hoE '^\.BR (kiln|cluster|board)[a-z.\\-]* \([158]\)' man/*.[158] | sort -u |
		sed -E 's/^\.BR (.*) \((.)\)/\1.\2/; s/\\-/-/g' | while read -r page; do
		[ -f "man/$page" ] || echo "man/$page is referred to and missing"
	done >"$tmp/why"
	[ ! -s "$tmp/why" ]
	ok $? references_lead_somewhere
}

# bash: the function is called as readline would call it
bash_complete() { # WORD... (the last one is being typed)
	bash --norc -c '. completions/kiln.bash
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
		_kiln "$1" "${@: -1}" "${@: -2:1}"; printf "%s\n" "${COMPREPLY[@]}"' bash "$@" 2>"$tmp/err" | sort -u
}

fish_complete() { # LINE
	HOME=$tmp fish --no-config -c 'source completions/kiln.fish; complete -C $argv[1]' "$1" 2>"$tmp/err" |
		cut -f 1 | sort -u
}

# zsh: a shell of its own on a pseudo terminal shows its list
zsh_complete() { # LINE
	zsh -f tests/docs/zsh-complete.zsh "$1" 2>"$tmp/err" | sort -u
}

complete_all() { # SHELL HOW
	local shell=$1 program c line

	for program in kiln kiln-node; do
		diff <(commands $program | sort -u) <("${shell}_try" "$program " | grep -v '^-') >"$tmp/why"
		ok $? "${shell}_commands_of_$program"
		for c in $(commands $program); do
			line="$program $c --"
			diff <({ help_options $program "$c" | grep -- ^--; echo --help; } | sort -u) \
				<("${shell}_try" "$line") >"$tmp/why"
			ok $? "${shell}_options_of_$program-$c"
		done
	done
	diff <(printf 'cow\nduck\nsheep\n') \
		<("${shell}_try" "kiln bake -f examples/home/cluster.yaml ") >"$tmp/why"
	ok $? "${shell}_nodes"
}

bash_try() {
	local -a words
	read -ra words <<<"$1"
	case $1 in *' ') words+=('') ;; esac
	bash_complete "${words[@]}"
}
fish_try() { fish_complete "$1"; }
zsh_try() { zsh_complete "$1"; }

# Command lines in README.md and docs/: their commands and options exist
check_prose() {
	local program command options line

	grep -hoE '(^|`|\$ )kiln(-node)? [a-z][^`#|&;]*' README.md docs/*.md | sed -E 's/^[`$ ]+//' | sort -u |
		while read -r program command line; do
			commands "$program" | grep -qx "$command" ||
				{ echo "$program $command: no such command"; continue; }
			options=" $("$program" "$command" --help | tr '\n' ' ')"
			for word in $line; do
				case $word in
				--help) ;;
				-[a-z]* | --[a-z]*)
					case $options in
					*[\ \[\(]"${word%%[=,.;:\]\)]*}"[\ =,.\]\)\|]*) ;;
					*) echo "$program $command has no $word" ;;
					esac
					;;
				esac
			done
		done >"$tmp/why"
	[ ! -s "$tmp/why" ]
	ok $? commands_in_prose_exist
	grep -ohE '\]\([^)#: ]+' README.md CONTRIBUTING.md | sed 's/^](//' | sort -u | while read -r line; do
		[ -e "$line" ] || echo "a link leads to $line, which is not there"
	done >"$tmp/why"
	(cd docs && grep -ohE '\]\([^)#: ]+' ./*.md | sed 's/^](//' | sort -u | while read -r line; do
		[ -e "$line" ] || echo "in docs/ a link leads to $line, which is not there"
	done) >>"$tmp/why"
	[ ! -s "$tmp/why" ]
	ok $? links_lead_somewhere
}

if command -v man >/dev/null; then check_pages; else skip man_pages "man is not installed (make deps)"; fi
for shell in bash fish zsh; do
	if command -v $shell >/dev/null; then complete_all $shell; else skip "completion_$shell" "$shell is not installed (make deps)"; fi
done
check_prose
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
