# shellcheck shell=bash
# cases.sh - what the tests that start systems have in common: their options, a folder to work in, the base, the
# program, and cases that run one after the other.
#
# A test reads this file, defines test_NAME for each of its cases, and calls parse_options, prepare and run_cases.
# These set and use WORK (a folder), BASE (of --base, else empty), PIFORGE and CASES.

# shellcheck disable=SC2034 # BASE is for the tests
parse_options() { # "ALL CASES" ARGUMENT...
	local all=$1
	shift
	PIFORGE='' BASE='' WORK='' CASES=()
	while [ $# -gt 0 ]; do
		case $1 in
		--help | -h) print_usage; exit 0 ;;
		--piforge) option_value "$1" $#; PIFORGE=$(realpath "$2"); shift ;;
		--base) option_value "$1" $#; BASE=$2; shift ;;
		--keep) option_value "$1" $#; WORK=$2; shift ;;
		*) [[ " $all " == *" $1 "* ]] || bad_usage "no such case or option: $1"; CASES+=("$1") ;;
		esac
		shift
	done
	[ ${#CASES[@]} -gt 0 ] || read -r -a CASES <<< "$all"
}

# Makes what the options did not name.
prepare() {
	if [ -n "$WORK" ]; then
		mkdir -p "$WORK"
	else
		WORK=$(mktemp -d "${TMPDIR:-/tmp}/${0##*/}.XXXXXX")
		trap 'rm -rf "$WORK"' EXIT
	fi
	WORK=$(realpath "$WORK")
	[ -n "$PIFORGE" ] || PIFORGE=$(build_piforge debug)
	[ -e "$WORK/key" ] || ssh-keygen -q -t ed25519 -N '' -C "${0##*/}" -f "$WORK/key"
}

# A base that make-base --real makes, kept in the cache; its name holds the digest of the recipe.
real_base() { # RELEASE
	local release=$1 folder key base
	folder=${XDG_CACHE_HOME:-$HOME/.cache}/piforge-test
	key=$(cd "$FIXTURES" && find . -type f -print0 | sort -z | xargs -0 cat | sha256sum | cut -c1-12)
	base=$folder/real-$release-$key.img
	if [ ! -s "$base" ]; then
		mkdir -p "$folder"
		# what another recipe made is of no use any more
		rm -f "$folder/real-$release-"*.img
		"$FIXTURES/make-base" --real --release "$release" "$base" >&2
	fi
	echo "$base"
}

# The base of --base, or one of that release.
base_of() { if [ -n "$BASE" ]; then echo "$BASE"; else real_base "$1"; fi; } # RELEASE

piforge() { XDG_CACHE_HOME=$WORK/cache "$PIFORGE" "$@"; }

# One script of checks for the system that was started, as each login takes seconds. Standard input holds lines of
# same WHAT WANTED FOUND.
check_script() {
	cat <<-'END'
		: checks
		bad=0
		same() { [ "$2" = "$3" ] || { echo "$1: wanted '$2', found '$3'"; bad=1; }; }
	END
	cat
	# shellcheck disable=SC2016 # for the system that runs it
	echo 'exit $bad'
}

# Starts a system with one of the programs beside this folder and judges it; shows what its commands said if it fails.
boot() { # CASE PROGRAM ARGUMENT...
	local results=$WORK/$1/boot
	"$SYSTEM/$2" -o "$results" "${@:3}" >&2 && return
	cat "$results"/command-*.txt >&2 || true
	return 1
}

run_cases() {
	local case failed=()
	for case in "${CASES[@]}"; do
		say "== $case"
		# a function in a condition would lose "set -e": each runs in a shell of its own
		(set -e; "test_$case") &
		if wait $!; then say "$case: as expected"; else failed+=("$case"); fi
	done
	[ ${#failed[@]} = 0 ] || die 1 "not as expected: ${failed[*]}"
}
