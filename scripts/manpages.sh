#!/bin/bash
# manpages.sh BIN OUT: manual pages and completions, from what the programs say of themselves.
set -euo pipefail
bin=$1 out=$2
mkdir -p "$out/man" "$out/completion"

# roff makes preformatted text of help: backslashes, and dots and quotes at the start of lines, mean
# something else to troff.
roff() { sed -e 's/\\/\\e/g' -e "s/^\([.']\)/\\\\\&\1/" -e 's/-/\\-/g'; }

# page SECTION NAME TITLE: begins a page; its sections come from `section`.
page() { printf '.TH "%s" "%s" "" "sluice" "Sluice"\n.SH NAME\n%s \\- %s\n' "${2^^}" "$1" "$2" "$3"; }
section() { printf '.SH "%s"\n.nf\n' "$1"; roff; printf '.fi\n'; }
# told prints what a program says, wherever it says it; help may end with a status of its own.
told() { "$@" 2>&1 || true; }

# commands prints the names of the commands in a help text of cobra.
commands() { told "$bin/sluice" --help | awk '/^[A-Z].*:$/ {on = ($0 != "Flags:" && $0 != "Global Flags:" && $0 != "Usage:"); next} /^$/ {next} on && /^  [a-z]/ {print $1}'; }

{
    page 1 sluice "command line client of Sluice"
    told "$bin/sluice" --help | section DESCRIPTION
    for name in $(commands); do
        told "$bin/sluice" help "$name" | sed '/^Global Flags:/,/^$/d' | section "sluice $name"
    done
} >"$out/man/sluice.1"
{
    page 8 sluiced "control plane of Sluice"
    told "$bin/sluiced" help | section DESCRIPTION
    # The names of the commands in its own help: the words after "sluiced".
    for name in $(told "$bin/sluiced" help | awk '$1 == "sluiced" && NF > 1 && $2 ~ /^[a-z:]+$/ && $2 != "version" {print $2}'); do
        told "$bin/sluiced" "$name" -h | sed '/^  -container-/{n;s/ (default [^)]*)$//}' | section "sluiced $name"
    done
    printf '/etc/sluice/sluiced.env\n/var/lib/sluice\n' | section FILES
} >"$out/man/sluiced.8"
{
    page 8 sluice-router "router of Sluice"
    told "$bin/sluice-router" -h | section OPTIONS
    printf 'USR2   start the installed program and hand sockets, state and waiting requests over to it\nHUP    open the access log again\nTERM   finish requests and end\n' | section SIGNALS
    printf '/etc/sluice/router.env\n/var/lib/sluice-router\n/var/log/sluice-router/access.log\n' | section FILES
} >"$out/man/sluice-router.8"
gzip --best --no-name --force "$out"/man/*.[18]

"$bin/sluice" completion bash >"$out/completion/sluice.bash"
"$bin/sluice" completion zsh >"$out/completion/_sluice"
"$bin/sluice" completion fish >"$out/completion/sluice.fish"
