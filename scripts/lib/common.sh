# shellcheck shell=bash
# common.sh - messages, exit codes and tool checks shared by the test scripts.

export LC_ALL=C TZ=UTC
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/opt/swift/usr/bin

REPOSITORY=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly REPOSITORY FIXTURES=$REPOSITORY/Tests/Fixtures SYSTEM=$REPOSITORY/Tests/System
readonly EXIT_USAGE=64 EXIT_TOOL=69

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { local code=$1; shift; say "$*"; exit "$code"; }
bad_usage() { die "$EXIT_USAGE" "$* (see --help)"; }

# Prints the comment block at the head of the calling script.
print_usage() { sed -n '2,/^[^#]/{/^#/!d;s/^# \{0,1\}//;p;}' "$0"; }

need_tools() {
	local tool missing=()
	for tool in "$@"; do
		command -v "$tool" > /dev/null || missing+=("$tool")
	done
	[ ${#missing[@]} = 0 ] ||
		die "$EXIT_TOOL" "missing tools: ${missing[*]} (scripts/setup --all installs them)"
}

# The value an option needs: option_value OPTION COUNT_LEFT
option_value() { [ "$2" -ge 2 ] || bad_usage "$1 needs a value"; }

# The archive that apt on this machine uses for Debian itself.
debian_mirror() {
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(REPO_URI) $(RELEASE)' |
		awk '$2 !~ /security|updates|backports/ && $1 ~ /debian\/?$/ { sub("/$", "", $1); print $1; exit }'
}
