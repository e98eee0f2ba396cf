# shellcheck shell=bash
# real-base.sh - what the tests that start systems have in common: a folder to work in,
# the base, the program.
#
# Uses and sets: WORK (empty for a new folder), BASE, PIFORGE.

prepare_work() {
	if [ -n "$WORK" ]; then
		mkdir -p "$WORK"
	else
		WORK=$(mktemp -d "${TMPDIR:-/tmp}/${0##*/}.XXXXXX")
		trap 'rm -rf "$WORK"' EXIT
	fi
	WORK=$(realpath "$WORK")
	BUILD_CACHE=$WORK/cache
}

# The base changes with the recipe, so its name holds the recipe's digest.
prepare_base() {
	local folder key
	[ -z "$BASE" ] || return 0
	folder=${XDG_CACHE_HOME:-$HOME/.cache}/piforge-test
	key=$(cd "$FIXTURES" && find . -type f | sort | xargs cat | sha256sum | cut -c1-12)
	BASE=$folder/real-$key.img
	[ ! -s "$BASE" ] || return 0
	mkdir -p "$folder"
	"$FIXTURES/make-base" --real "$BASE"
}

prepare_tool() {
	[ -z "$PIFORGE" ] || return 0
	swift build --package-path "$REPOSITORY" --product piforge >&2
	PIFORGE=$(swift build --package-path "$REPOSITORY" --show-bin-path)/piforge
}

piforge() { XDG_CACHE_HOME=$BUILD_CACHE "$PIFORGE" "$@"; }
