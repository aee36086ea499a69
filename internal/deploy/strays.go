package deploy

import (
	"context"
	"errors"
	"sync"

	"sluice/internal/contract"
	"sluice/internal/engine"
)

// endStrays ends what runs in a web container beside its server and is not a child of a
// command that is being waited for: consumers that a cron, a hook or a page left in the
// background, and commands of people. They would run the old code on data that the deploy
// hook changes.
//
// The container's own start is over when runsvdir runs; what started before it, or belongs
// to it, stays. Everything else ends up below process 1, or was started from outside, which
// makes its parent 0. Children of one that ends come below process 1 too, and are found in
// the next round. A process has $1 tenths of a second to end by itself.
const endStrays = `patience=$1
strays() {
    for stat in /proc/[0-9]*/stat; do
        { read -r line <"$stat"; } 2>/dev/null || continue
        pid=${line%% *}
        set -- ${line##*) }
        [ "$1" != Z ] && [ "$pid" != 1 ] && [ "$pid" != $$ ] && [ "$2" -le 1 ] && [ "${20}" -gt "$since" ] && echo "$pid"
    done
}
since=
for stat in /proc/[0-9]*/stat; do
    { read -r line <"$stat"; } 2>/dev/null || continue
    case $line in *"(runsvdir) "*) set -- ${line##*) }; since=${20} ;; esac
done
[ "$since" ] || exit 0
seen=" "
tries=0
while [ "$tries" -lt $((patience + 50)) ]; do
    left=$(strays)
    [ "$left" ] || exit 0
    for pid in $left; do
        if [ "$tries" -ge "$patience" ]; then
            kill -KILL "$pid" 2>/dev/null
        fi
        case $seen in *" $pid "*) continue ;; esac
        seen="$seen$pid "
        words=
        for word in $(tr '\000' ' ' <"/proc/$pid/cmdline" 2>/dev/null | cut -c1-200); do
            case $word in -*) ;; *) words="$words $word" ;; esac
        done
        set -- $words
        echo "Ending process $pid:${1:+ $1}${2:+ $2}${3:+ $3}"
        kill -TERM "$pid" 2>/dev/null
    done
    sleep 0.1
    tries=$((tries + 1))
done
echo "W: processes $(echo $(strays)) do not end"`

// quietPrevious ends the strays of the release that serves, in all its web containers at
// once. What does not succeed is a warning: the deployment went on without this before.
func (d *deployment) quietPrevious(ctx context.Context) {
	var all sync.WaitGroup
	for _, app := range d.previous.stored.Spec.Apps {
		all.Go(func() {
			out := d.log.At(4)
			_, err := d.s.Engine.Exec(ctx, engine.ExecRequest{
				Environment: d.env.ID(), Release: d.previous.release.ID, Container: app.Name, Dir: contract.AppDir,
				Command: []string{"/bin/sh", "-c", endStrays, "end-strays", "100"}, Stdout: out, Stderr: out,
			})
			_ = out.Close() // never fails
			if err != nil && !errors.Is(err, engine.ErrNotFound) {
				d.log.Line(4, "W: could not end background processes of %s: %v", app.Name, err)
			}
		})
	}
	all.Wait()
}
