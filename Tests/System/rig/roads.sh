# shellcheck shell=bash
# roads.sh - the ways in which piforge makes or reads something, each run as it is, with a failing call, or with a signal.
#
# Uses WORK, a folder; PIFORGE, the program; BASE, an image of a CNAT controller; ROUNDS; checks.sh.

# shellcheck disable=SC2034 # for test-faults
readonly ROADS=(tar dir together shared install flash initramfs build packed repair handoff
	plan inspect verify identify lint)
# What only answers on stdout.
readonly ANSWERS=' plan inspect verify identify lint '
# shellcheck disable=SC2034 # for test-faults
readonly FAULTS=(errors descriptors signals changes)
# Too few descriptors, no space, a device that fails, no right, no memory, read-only, no quota.
readonly ERRNOS=(24 28 5 13 12 30 122)
# What a failed call may end as: 65 wrong input, 69 unavailable, 73 cannot create, 74 input and output, 77 permission.
readonly FAILED_CODES=(65 69 73 74 77)

# Sets COMMAND.
road_command() { # ROAD FOLDER
	local profile=(--profile "$WORK/made/piforge.yaml")
	COMMAND=("$PIFORGE" netboot --base "$BASE" --slot p1-p2 --output "$2/out" --force)
	case $1 in
	tar) ;;
	dir) COMMAND+=(--format dir) ;;
	together) COMMAND+=(--together) ;;
	shared) COMMAND+=(--layout shared --upper memory) ;;
	install) COMMAND=("$PIFORGE" netboot install --base "$BASE" --slot p1-p2 --root "$2/root") ;;
	flash) COMMAND=("$PIFORGE" flash "$BASE" "$CARD" --yes --expect-serial "$CARD_FILE") ;;
	initramfs) COMMAND=("$PIFORGE" netboot initramfs --base "$BASE" --output "$2/out") ;;
	build) COMMAND=("$PIFORGE" build --base "$BASE" --slot p1-p2 "${profile[@]}" --output "$2/out") ;;
	packed)
		COMMAND=("$PIFORGE" build --base "$WORK/made/base.img.xz" --slot p1 "${profile[@]}" --format img.xz --verify
			--output "$2/out")
		;;
	repair) COMMAND=("$PIFORGE" repair "$WORK/made/dirty.img" --output "$2/out/repaired.img") ;;
	handoff) COMMAND=("$PIFORGE" handoff "${profile[@]}" --output "$2/out/handoff") ;;
	plan) COMMAND=("$PIFORGE" plan --base "$BASE" --slot p1-p2 "${profile[@]}") ;;
	inspect) COMMAND=("$PIFORGE" inspect "$WORK/made/base.img.xz") ;;
	verify) COMMAND=("$PIFORGE" verify "$WORK/made/sg1-p1.img" "${profile[@]}") ;;
	identify) COMMAND=("$PIFORGE" identify "$WORK/made/sg1-p1.img") ;;
	lint) COMMAND=("$PIFORGE" netboot lint "$WORK/made/sg1-p1.tar") ;;
	esac
}

# A folder in which the road begins: empty, or a controller's root.
road_start() { # FOLDER
	rm -rf "$1"
	mkdir -p "$1/out" "$1/tmp" "$1/root/etc" "$1/root/proc/net" "$1/root/var/lib/clusterctrl/nfs/p1/etc"
	echo '/srv *(ro)' > "$1/root/etc/exports"
	echo old > "$1/root/var/lib/clusterctrl/nfs/p1/etc/old"
	printf 'lo: 1 2 3\n' > "$1/root/proc/net/dev"
	touch -d @1600000000 "$1/root/var/lib/clusterctrl/nfs/p1/etc/old" "$1/root/var/lib/clusterctrl/nfs/p1"/{etc,}
	printf '  sl  local_address rem_address   st\n' > "$1/root/proc/net/tcp"
	if [ "$CARD" ]; then dd if=/dev/zero bs=1M count=1 status=none of="$CARD_FILE" conv=notrunc; fi
}

# What lies under final names, a line each: a file's digest, a folder's as a tar.
account() { # ROAD FOLDER
	local path
	if [[ $ANSWERS == *" $1 "* ]]; then
		echo "answer $(sha256 < "$WORK/list")"
		return
	fi
	case $1 in
	flash)
		if [ "$(head -c 512 "$CARD_FILE" | tr -d '\0' | wc -c)" = 0 ]; then
			echo 'no table'
		else
			head -c "$(stat -c %s "$BASE")" "$CARD_FILE" | sha256
		fi
		return
		;;
	esac
	# Each file of a hand-off is whole or not there, and dated now.
	for path in "$2"/out/* "$2"/out/handoff/* "$2"/root/etc/exports "$2"/root/var/lib/clusterctrl/*/*; do
		case $path in *'/*' | *.partial* | */out/handoff) continue ;; esac
		if [ -d "$path" ] && [ ! -L "$path" ]; then
			echo "${path#"$2"/} $(tar --sort=name --format=posix --numeric-owner \
				--pax-option=delete=atime,delete=ctime -C "$path" -cf - . | sha256)"
		elif [ -f "$path" ]; then
			echo "${path#"$2"/} $(sha256 < "$path")"
		fi
	done
}

sha256() { sha256sum | cut -d' ' -f1; }

# Runs a road in a folder; more words are variables of its environment.
road_run() { # ROAD FOLDER [NAME=VALUE]...
	local road=$1 folder=$2
	shift 2
	road_command "$road" "$folder"
	env TMPDIR="$folder/tmp" XDG_CACHE_HOME="$folder/cache" SOURCE_DATE_EPOCH=1700000000 "$@" "${COMMAND[@]}" \
		> "$WORK/list" 2> "$WORK/errors"
}

# Loop devices and mounts of this test, except the card; afterwards there are none.
traces() {
	losetup --list --noheadings --output NAME,BACK-FILE 2> /dev/null | grep -F "$WORK" | grep -v "^${CARD:-none} " || true
	cut -d' ' -f5 /proc/self/mountinfo | grep -F "$WORK" || true
}

# Whatever happened: what has its final name is that of a good run or was there before, and nothing else is left.
check_road() { # ROAD FOLDER CODE
	local line found
	# Of what was not finished an answer may have begun.
	[ "$3" = 0 ] || [[ $ANSWERS != *" $1 "* ]] || : > "$WORK/list"
	account "$1" "$2" > "$WORK/account"
	while read -r line; do
		grep -qxF "$line" "$WORK/good.$1" || grep -qxF "$line" "$WORK/start.$1" || fail "$line is of no good run"
	done < "$WORK/account"
	[ "$3" != 0 ] || cmp -s "$WORK/account" "$WORK/good.$1" || fail "exit code 0, but not all is there"
	found=$(find "$2" -name '*.partial*' | head -n 3)
	[ -z "$found" ] || fail "left behind: $found"
	found=$(find "$2/tmp" -mindepth 1 | head -n 3)
	[ -z "$found" ] || fail "left behind: $found"
	found=$(traces)
	[ -z "$found" ] || fail "a loop device or mount is left: $found"
	[ "$(stat -c '%s %Y' "$BASE") $(sha256 < "$BASE")" = "$ROAD_BASE" ] || fail "the base was changed"
}

# A good run: what it makes, how long it takes, how many calls it makes for files.
road_good() { # ROAD
	local folder=$WORK/road start
	start_case "$1, a good run"
	road_start "$folder"
	: > "$WORK/list"
	account "$1" "$folder" > "$WORK/start.$1"
	start=$(now)
	road_run "$1" "$folder" LD_PRELOAD="$WORK/failing-calls.so" FAULT_UNDER="$WORK" FAULT_COUNT="$WORK/count" ||
		{ cat "$WORK/errors" >&2; die 1 "$1 fails without any fault"; }
	ROAD_TIME=$(($(now) - start))
	CALLS=$(cat "$WORK/count")
	account "$1" "$folder" > "$WORK/good.$1"
	! cmp -s "$WORK/start.$1" "$WORK/good.$1" || die 1 "$1 makes nothing"
	check_road "$1" "$folder" 0
}

# One of the calls for files fails, with each error in turn.
road_errors() { # ROAD
	local round number code hits=0 folder=$WORK/road error
	for ((round = 0; round < ROUNDS; round++)); do
		number=$((RANDOM * 32768 + RANDOM))
		number=$((number % CALLS + 1))
		error=${ERRNOS[round % ${#ERRNOS[@]}]}
		start_case "$1, error $error of call $number of $CALLS"
		road_start "$folder"
		code=0
		road_run "$1" "$folder" LD_PRELOAD="$WORK/failing-calls.so" FAULT_UNDER="$WORK" FAULT_AFTER="$number" \
			FAULT_ERRNO="$error" || code=$?
		[ "$code" = 0 ] || { hits=$((hits + 1)); check_code "$code" "${FAILED_CODES[@]}"; }
		[ "$code" = 0 ] || grep -q '^error: ' "$WORK/errors" || fail "exit code $code without a word"
		check_road "$1" "$folder" "$code"
	done
	say "$1: $ROUNDS failing calls, $hits of them ended the run"
}

road_descriptors() { # ROAD
	local limit code folder=$WORK/road
	# With fewer, libdispatch ends the process while it starts.
	for limit in 10 13 17 24 32; do
		start_case "$1 with $limit descriptors"
		road_start "$folder"
		code=0
		(ulimit -n "$limit" && road_run "$1" "$folder") || code=$?
		[ "$code" = 0 ] || check_code "$code" "${FAILED_CODES[@]}" 127
		check_road "$1" "$folder" "$code"
	done
}

# Signals at moments drawn by lot; the slowest answer is kept.
road_signals() { # ROAD
	local round moment code folder=$WORK/road start signal codes=(130 143 129) names=(INT TERM HUP) took hits=0
	for ((round = 0; round < ROUNDS; round++)); do
		moment=$((RANDOM * ROAD_TIME / 32768))
		signal=${names[round % 3]}
		start_case "$1, SIG$signal after $moment ms"
		road_start "$folder"
		road_command "$1" "$folder"
		code=0
		start=$(now)
		run_and_signal "$signal" "$moment" env TMPDIR="$folder/tmp" XDG_CACHE_HOME="$folder/cache" \
			SOURCE_DATE_EPOCH=1700000000 "${COMMAND[@]}" || code=$?
		took=$(($(now) - start - moment))
		if [ "$code" != 0 ]; then
			hits=$((hits + 1))
			check_code "$code" "${codes[round % 3]}"
			[ "$took" -le "$SLOWEST" ] || SLOWEST=$took
		fi
		check_road "$1" "$folder" "$code"
	done
	say "$1: $ROUNDS signals, $hits of them met piforge at work"
}

# The base is written to while it is read.
road_changes() { # ROAD
	local round moment code folder=$WORK/road child kept=$BASE
	for ((round = 0; round < (ROUNDS + 3) / 4; round++)); do
		moment=$((RANDOM * ROAD_TIME / 32768))
		start_case "$1, a byte of the base changed after $moment ms"
		road_start "$folder"
		BASE=$WORK/changing.img
		cp --sparse=always "$kept" "$BASE"
		code=0
		road_run "$1" "$folder" &
		child=$!
		sleep "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000)))"
		printf x | dd of="$BASE" bs=1 seek=$(((RANDOM * 32768 + RANDOM) % $(stat -c %s "$BASE"))) conv=notrunc status=none
		wait "$child" || code=$?
		# Changed in time, it is noticed; changed before it was opened or after the end, it is another base.
		[ "$code" = 0 ] || check_code "$code" 65 74
		if [ "$code" != 0 ]; then
			BASE=$kept
			check_road "$1" "$folder" "$code"
		fi
		BASE=$kept
	done
}

# Inputs of the roads that do not begin at the base.
make_inputs() {
	local made=$WORK/made
	mkdir "$made"
	sed 's/^cluster:.*/&\nidentity: sg1.secret/' "$REPOSITORY/profiles/cnat.yaml" > "$made/piforge.yaml"
	(
		cd "$made"
		export XDG_CACHE_HOME=$WORK/cache-made SOURCE_DATE_EPOCH=1700000000
		"$PIFORGE" identity new
		"$PIFORGE" build --base "$BASE" --slot p1 --output .
		"$PIFORGE" netboot --base "$BASE" --slot p1 --output .
		xz -T1 -1 --block-size=8MiB -c "$BASE" > base.img.xz
		cp --sparse=always "$BASE" dirty.img
		debugfs -w -R 'feature needs_recovery' "dirty.img?offset=$(partition_offset "$BASE" 2)"
	) > "$WORK/made.log" 2>&1 || { cat "$WORK/made.log" >&2; die 1 "the inputs could not be made"; }
}

# What each road needs besides: root for folders and cards, a loop device for a card.
prepare_roads() {
	cc -shared -fPIC -O1 -o "$WORK/failing-calls.so" "$FIXTURES/failing-calls.c"
	CARD='' CARD_FILE='' SLOWEST=0
	make_inputs
	ROAD_BASE="$(stat -c '%s %Y' "$BASE") $(sha256 < "$BASE")"
	if [ "$(id -u)" = 0 ]; then
		CARD_FILE=$WORK/card
		truncate -s $(($(stat -c %s "$BASE") + (8 << 20))) "$CARD_FILE"
		CARD=$(losetup --find --show "$CARD_FILE" 2> /dev/null) || CARD=''
	fi
}

can_take() { # ROAD
	case $1 in
	dir | install) [ "$(id -u)" = 0 ] ;;
	flash) [ "$CARD" ] ;;
	esac
}

try_roads() { # ROAD...
	local road fault
	for road in "$@"; do
		if ! can_take "$road"; then
			[ -z "${PIFORGE_REQUIRE:-}" ] || fail "$road takes root and a loop device, and PIFORGE_REQUIRE is set"
			say "SKIPPED: $road: it takes root, and flash a loop device"
			continue
		fi
		road_good "$road"
		for fault in $FAULT_LIST; do
			# What has another input than the base has nothing to change.
			[ "$fault" != changes ] || [[ ${COMMAND[*]} == *"$BASE"* ]] || continue
			"road_$fault" "$road"
		done
	done
	start_case signals
	say "the slowest answer to a signal took $SLOWEST ms"
	[ "$SLOWEST" -le 10000 ] || fail "a signal was answered after $SLOWEST ms"
}

end_roads() { [ -z "${CARD:-}" ] || losetup --detach "$CARD"; }
