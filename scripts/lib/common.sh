# shellcheck shell=bash
# common.sh - what the scripts share: where things lie, messages, exit codes, tools, times.

shopt -s inherit_errexit
export LC_ALL=C TZ=UTC
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/opt/swift/usr/bin

REPOSITORY=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck disable=SC2034 # for the scripts that read this file
readonly REPOSITORY FIXTURES=$REPOSITORY/Tests/Fixtures SYSTEM=$REPOSITORY/Tests/System
readonly EXIT_USAGE=64 EXIT_TOOL=69

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { local code=$1; shift; say "$*"; exit "$code"; }
bad_usage() { die "$EXIT_USAGE" "$* (see --help)"; }

# Prints the comment block at the head of the calling script.
print_usage() { sed -n '2,/^[^#]/{/^#/!d;s/^# \{0,1\}//;p;}' "$0"; }

need_tools() { # TOOL...
	local tool missing=()
	for tool in "$@"; do
		command -v "$tool" > /dev/null || missing+=("$tool")
	done
	[ ${#missing[@]} = 0 ] ||
		die "$EXIT_TOOL" "missing tools: ${missing[*]} (scripts/setup --all installs them)"
}

# Checks that an option has its value: option_value OPTION WORDS_LEFT
option_value() { [ "$2" -ge 2 ] || bad_usage "$1 needs a value"; }

# The time in milliseconds.
now() { local stamp=${EPOCHREALTIME/[.,]/}; echo $((stamp / 1000)); }

# The median of the numbers on standard input, one on a line; nothing when there are none.
median() {
	sort -n | awk '{ value[NR] = $1 } END { if (NR) print (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2 }'
}

# Builds piforge and prints where it is: build_piforge debug|release. PIFORGE_SWIFT_FLAGS: more options of swift-build(1),
# the same for all who share what it leaves.
build_piforge() {
	local flags
	read -r -a flags <<< "${PIFORGE_SWIFT_FLAGS:-}"
	swift build --package-path "$REPOSITORY" -c "$1" --product piforge ${flags[@]+"${flags[@]}"} >&2
	echo "$(swift build --package-path "$REPOSITORY" -c "$1" --show-bin-path)/piforge"
}

# The archive that apt on this machine uses for Debian itself.
debian_mirror() {
	# shellcheck disable=SC2016 # apt-get expands it
	apt-get indextargets --format '$(REPO_URI) $(RELEASE)' |
		awk '$2 !~ /security|updates|backports/ && $1 ~ /debian\/?$/ { sub("/$", "", $1); print $1; exit }'
}
