# shellcheck shell=bash
# checks.sh - counts the checks that failed, for tests that go on after one, and interrupts programs.
#
# Uses WORK, a folder.

CASE='' FAILURES=0

# Names the case at hand, for what `fail` says.
start_case() { CASE=$1; } # WORDS

fail() { # WORDS...
	say "FAILED: $CASE: $*"
	FAILURES=$((FAILURES + 1))
}

# The program that is tested, from the command line; sets PIFORGE.
take_program() { # FILE
	[ -z "$PIFORGE" ] || bad_usage "one program only"
	[ -x "$1" ] || bad_usage "no program: $1"
	PIFORGE=$(realpath "$1")
}

# Fails when a check has failed.
end_checks() { # HOW_TO_REPEAT
	[ "$FAILURES" = 0 ] || die 1 "$FAILURES checks failed; $1"
	say "all well"
}

# Runs a command and sends it a signal after a while; returns its exit code, which is 0 when it was faster.
run_and_signal() { # SIGNAL MILLISECONDS COMMAND...
	local signal=$1 moment=$2 child
	shift 2
	# A shell makes its background jobs ignore INT; piforge shall see the signals as at a terminal.
	env --default-signal=INT,HUP,TERM "$@" > "$WORK/list" 2> "$WORK/errors" &
	child=$!
	sleep "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000)))"
	kill -s "$signal" "$child" 2> /dev/null || true
	wait "$child" 2> /dev/null
}
