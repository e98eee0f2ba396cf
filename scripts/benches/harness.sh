# shellcheck shell=bash
# harness.sh - what the benches have in common: contestants that take turns, medians, tables, promises.
#
# A bench reads this file, defines contestant_NAME for each contestant, and before_turn NAME and after_turn NAME
# for what is done outside the measured time. Its main begins with `run_contestant "$@"`, then sets RUNS and BASE_MIB
# to its defaults and calls common_options.

# shellcheck disable=SC2034 # for the bench
readonly WORK=$REPOSITORY/.build/bench OUTPUT=$REPOSITORY/.build/bench/output PROFILE=$REPOSITORY/profiles/cnat.yaml
readonly MEASURED=$WORK/measured

before_turn() { :; }
after_turn() { :; }

# MARK: Options

# Reads the options that every bench has and sets RUNS, BASE_MIB, PIFORGE and CHECK.
common_options() { # ARGUMENT...
	PIFORGE='' CHECK=''
	while [ $# -gt 0 ]; do
		case $1 in
		--help | -h) print_usage; exit 0 ;;
		--check) CHECK=yes ;;
		--runs) option_value "$1" $#; RUNS=$2; shift ;;
		--base-mib) option_value "$1" $#; BASE_MIB=$2; shift ;;
		--piforge) option_value "$1" $#; PIFORGE=$2; shift ;;
		*) bad_usage "no such option: $1" ;;
		esac
		shift
	done
	[[ $RUNS =~ ^[1-9][0-9]*$ && $BASE_MIB =~ ^[1-9][0-9]*$ ]] || bad_usage "--runs and --base-mib take a number"
	[ -z "$PIFORGE" ] || [ -x "$PIFORGE" ] || bad_usage "no program: $PIFORGE"
}

# The program that is measured: that of --piforge or the one that is built here.
find_piforge() {
	local program
	program=$(if [ -n "$PIFORGE" ]; then realpath "$PIFORGE"; else build_piforge release; fi)
	"$program" --version > /dev/null || die 1 "$program does not run"
	echo "$program"
}

is_root_with_loops() { [ "$(id -u)" = 0 ] && [ -e /dev/loop-control ]; }

# MARK: Measuring

# Ends the process that `measure` made for a contestant; does nothing in the bench itself.
run_contestant() { # ARGUMENT...
	[ "${1:-}" = --contestant ] || return 0
	"contestant_$2"
	exit
}

start_measuring() {
	mkdir -p "$WORK"
	: > "$MEASURED"
}

# Notes a contestant's seconds, its user and system CPU seconds, and the peak of resident KiB of its largest process.
measure() { # CONTESTANT
	local name=$1
	rm -rf "$OUTPUT"
	mkdir -p "$OUTPUT"
	before_turn "$name"
	sync
	python3 -c '
import os, sys, time
start = time.monotonic()
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(child, 0)
print(sys.argv[-1], time.monotonic() - start, used.ru_utime, used.ru_stime, used.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status) != 0)' \
		"$0" --contestant "$name" 2> "$WORK/errors" >> "$MEASURED" ||
		{ cat "$WORK/errors" >&2; die 1 "$name failed"; }
	after_turn "$name"
}

# Measures contestants in turns.
turns() { # COUNT CONTESTANT...
	local count=$1 turn name
	shift
	for ((turn = 1; turn <= count; turn++)); do
		for name in "$@"; do measure "$name"; done
		say "turn $turn of $count: $(tail -n $# "$MEASURED" | awk '{ printf "%s%s %.1f s", (NR > 1 ? ", " : ""), $1, $2 }')"
	done
	rm -rf "$OUTPUT"
}

# The median of what a contestant took; nothing when it was not measured.
measured() { # CONTESTANT seconds|user|system|cpu|mib
	awk -v name="$1" -v field="$2" '
		$1 != name { next }
		field == "seconds" { print $2 }
		field == "user" { print $3 }
		field == "system" { print $4 }
		field == "cpu" { print $3 + $4 }
		field == "mib" { print $5 / 1024 }' "$MEASURED" | median
}

# The most MiB that any of the contestants took.
peak() { # PATTERN
	awk -v pattern="$1" '$1 ~ pattern && $5 > most { most = $5 } END { if (most) printf "%.0f", most / 1024 }' "$MEASURED"
}

# MARK: Reports

# An awk program with the numbers as a, b, c and d; "-" when one of them is missing.
calculate() { # PROGRAM NUMBER...
	local program=$1 number
	shift
	for number in "$@"; do [[ $number =~ ^-?[0-9][0-9.]*$ ]] || { echo -; return; }; done
	awk -v a="${1:-}" -v b="${2:-}" -v c="${3:-}" -v d="${4:-}" "BEGIN { $program }"
}

ratio() { calculate 'printf "%.2f", a / b' "$1" "$2"; }

table_head() { # TITLE...
	printf '\n|'
	printf ' %s |' "$@"
	printf '\n|'
	printf -- '---|%.0s' "$@"
	echo
}

# For each line "CONTESTANT WORDS" of standard input a row: seconds, their ratios to other seconds, CPU seconds, MiB.
table_rows() { # OTHER_SECONDS...
	local name words seconds other
	while read -r name words; do
		seconds=$(measured "$name" seconds)
		[ -n "$seconds" ] || { echo "| $words | not measured | | | | |"; continue; }
		printf '| %s | %.2f |' "$words" "$seconds"
		for other in "$@"; do printf ' %s |' "$(ratio "$seconds" "$other")"; done
		printf ' %.2f | %.0f |\n' "$(measured "$name" cpu)" "$(measured "$name" mib)"
	done
}

# A row of the table of promises; kept when the number is the limit at most, or at least.
promise() { # WORDS NUMBER LIMIT [least]
	local side='at most' program='print (a <= b) ? "kept" : "broken"' verdict
	if [ -n "${4:-}" ]; then side='at least' program='print (a >= b) ? "kept" : "broken"'; fi
	verdict=$(calculate "$program" "$2" "$3")
	[ "$verdict" != - ] || verdict='not measured'
	printf '| %s | %s %s | %s | %s |\n' "$1" "$side" "$3" "$2" "$verdict"
}

# Keeps and prints what `report` writes.
print_report() { report | tee "$WORK/report.md"; }

# With --check, fails when the report says that a promise is broken.
check_promises() {
	if [ -n "$CHECK" ] && grep -q '| broken |$' "$WORK/report.md"; then die 1 "a promise is broken"; fi
}
