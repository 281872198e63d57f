# fish completion for kiln(1) and kiln-node(8). Commands and options are read from the
# program's own --help, so that this file never tells of others.

function __kiln_commands
    $argv[1] --help 2>/dev/null | string replace -rf '^  ([a-z][a-z-]*) +(\S.*)$' '$1\t$2'
end

function __kiln_command
    set -l words (commandline -opc)
    for word in $words[2..-1]
        if not string match -q -- '-*' $word
            echo $word
            return 0
        end
    end
    return 1
end

function __kiln_options
    set -l program (commandline -opc)[1]
    set -l command (__kiln_command)
    $program $command --help 2>/dev/null |
        string match -r '^usage:.*|^  -.*|^  [A-Za-z].*  --?[a-z].*' |
        string match -ra -g '(?:^|[\]\[ |(])(--?[a-z][a-z-]*)' | sort -u
    echo --help
end

# The names of the nodes in the cluster's file: a look at the text, no check of it.
function __kiln_nodes
    set -l words (commandline -opc)
    set -l file cluster.yaml
    set -l at (contains -i -- -f $words); and set file $words[(math $at + 1)]
    test -r "$file"; or return
    awk '/^nodes:/ { on = 1; next } on && /^[^ #]/ { exit }
		on && /^ +[a-z0-9]/ { match($0, /^ +/); if (!n) n = RLENGTH
			if (RLENGTH == n) { sub(/^ +/, ""); sub(/:.*/, ""); print } }' $file
end

function __kiln_takes_nodes
    set -l program (commandline -opc)[1]
    set -l command (__kiln_command); or return 1
    $program $command --help 2>/dev/null | string match -qr '^usage:.*NODE'
end

for program in kiln kiln-node
    complete -c $program -n 'not __kiln_command' -f -a "(__kiln_commands $program)"
    complete -c $program -n __kiln_command -a '(string match -q -- "-*" (commandline -ct); and __kiln_options)'
    complete -c $program -n __kiln_takes_nodes -f -a '(__kiln_nodes)'
end
complete -c kiln -n 'test (__kiln_command) = bundle' -a 'json diff export'
complete -c kiln -n 'test (__kiln_command) = schema' -f -a 'cluster board'
