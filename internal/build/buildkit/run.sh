# Process 1 of every build, run by dash as the web user. It unpacks the tree into the
# application's directory, runs the steps in order and makes the slug's last changes, all
# in one container: so the slug gets one layer that holds only what is left in the end.
#
# It talks to the builder by marks: lines that begin with a word that only the two know. Each
# mark goes to both streams, so that no line is taken for one of another step.
set -u

plan=/run/sluice/plan
source=/run/sluice/source
secret=/run/secrets/build

read -r _ mark <"$secret" || exit 1
count=0
say() {
	count=$((count + 1))
	printf '%s %s %s\n' "$mark" "$count" "$*"
	printf '%s %s %s\n' "$mark" "$count" "$*" >&2
}

# The environment, which may be secret, is given to the step alone. Process 1 cannot be
# killed from within its own container, so no step ends what comes after it.
run() {
	(
		. "$secret"
		cd /app || exit 1
		exec /bin/sh "$plan/steps/$1"
	) </dev/null
}

# inside PATH says whether it lies in the application, and not behind a symbolic link that
# leads out of it.
inside() {
	parent=$(cd -P -- "${1%/*}" 2>/dev/null && pwd -P) || return 1
	case "$parent/" in /app/*) return 0 ;; *) return 1 ;; esac
}

# reset PATH removes what the steps left there, even below a directory they locked.
reset() {
	[ -e "$1" ] || [ -L "$1" ] || return 0
	rm -rf -- "$1" 2>/dev/null || { chmod -R u+rwX -- "$1" && rm -rf -- "$1"; }
}

# hide PATH makes an empty directory for a volume to be mounted on. A path that leads out
# of the application through a symbolic link could not be mounted later.
hide() {
	if [ -d "/app/$1" ] && [ ! -L "/app/$1" ] && [ -n "$(ls -A -- "/app/$1")" ]; then
		printf "The mount '/%s' has a path that overlaps with a non-empty folder. What the build left there is not in the release.\n" "$1" >&2
	fi
	reset "/app/$1" && mkdir -p -- "/app/$1" &&
		[ "$(cd -P -- "/app/$1" && pwd -P)" = "/app/$1" ]
}

# With limits on, sluiced finds this process, bounds its control group and raises its score
# for the killer of the kernel. No step runs before that, but no build waits for ever.
score() { read -r now </proc/self/oom_score_adj && printf %s "$now"; }
if [ -e "$plan/confined" ]; then
	was=$(score) tries=200
	say confine
	while [ "$(score)" = "$was" ] && [ "$tries" -gt 0 ]; do
		sleep 0.1
		tries=$((tries - 1))
	done
fi

mkdir -p "$HOME" && tar -xpf "$source/tree.tar" -C /app || exit 1

# A copy, because the installer of the original nvm writes to the same place.
[ ! -d /usr/share/nvm ] || cp -R /usr/share/nvm "$HOME/.nvm"

index=0
while [ -e "$plan/steps/$index" ]; do
	say begin "$index"
	run "$index"
	code=$?
	say end "$index" "$code"
	[ "$code" -eq 0 ] || exit "$code"
	index=$((index + 1))
done

while IFS= read -r path; do
	inside "/app/$path" || continue
	reset "/app/$path" || exit 1
done <"$plan/exclude"
while IFS= read -r path; do
	hide "$path" || { say stuck "$path"; exit 1; }
done <"$plan/mounts"
say done
