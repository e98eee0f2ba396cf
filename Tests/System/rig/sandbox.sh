# shellcheck shell=bash
# sandbox.sh - programs of an image that try to get out, as a part of test-loop.
#
# Uses BASE, WORK and what test-loop builds and checks.

# A base whose shell is this machine's busybox, with the red team's program.
make_step_base() { # FILE
	gcc -static -O1 -o "$WORK/redteam" "$FIXTURES/redteam.c"
	cp --sparse=always "$BASE" "$1"
	: > "$WORK/empty"
	debugfs -w -f - "$1?offset=$(partition_offset "$1" 2)" > "$WORK/debugfs" 2>&1 <<- END
		cd /usr/bin
		write $(command -v busybox) env
		sif env mode 0100755
		symlink sh env
		cd /
		write $WORK/redteam redteam
		sif redteam mode 0100755
		write $WORK/redteam setuid
		sif setuid mode 0104755
		write $WORK/empty redteam-root
		mknod disk b 7 0
		mknod memory c 1 1
	END
}

with_steps() { # COMMANDS, as in a profile
	BASE=$WORK/steps.img build "$WORK/steps" loop p1 --set "run=[$1]"
}

sandbox() {
	local log=$WORK/steps/sg1-p1.img.log tries signal
	step "the sandbox of programs"
	make_step_base "$WORK/steps.img"
	start_case 'the red team'
	with_steps '"/redteam"' || fail "exit code $?: $(cat "$WORK/errors" "$log" 2>&1)"
	tries=$(grep -c ' held$' "$log" || true)
	[ "$tries" -ge 60 ] || fail "only $tries tries were held: $(cat "$log")"
	! grep ' escaped$' "$log" >&2 || fail "a try leads out"
	check_traces
	core_handler
	for signal in TERM KILL; do outlive "$signal"; done
	step "$tries tries were held"
}

# A core_pattern that starts a program starts it as this machine's root, with what a step wrote as its memory.
core_handler() {
	local pattern
	start_case 'a core handler'
	pattern=$(cat /proc/sys/kernel/core_pattern)
	printf '#!/bin/sh\n: > %s\n' "$WORK/core" > "$WORK/handler"
	chmod 755 "$WORK/handler"
	echo "|$WORK/handler" > /proc/sys/kernel/core_pattern
	(ulimit -c 0; "$WORK/redteam" --crash) 2> /dev/null || true
	sleep 1
	[ -e "$WORK/core" ] || fail "the handler is not started for this machine's own programs either"
	rm -f "$WORK/core"
	with_steps '"/redteam --crash || true"' || fail "exit code $?: $(cat "$WORK/errors")"
	sleep 1
	[ ! -e "$WORK/core" ] || fail "a step started it"
	echo "$pattern" > /proc/sys/kernel/core_pattern
}

# A step that hears no signal ends with piforge, however that ends.
outlive() { # SIGNAL
	local child tries=0
	start_case "a stubborn step, SIG$1"
	with_steps '"/redteam --stay & exec /redteam --stay"' &
	child=$!
	until [ "$(pgrep -cx redteam)" = 2 ] || [ $((tries += 1)) = 600 ]; do sleep 0.1; done
	pkill "-$1" -P "$child" -x piforge || fail "no piforge runs: $(cat "$WORK/errors")"
	wait "$child" || true
	tries=0
	while pgrep -x redteam > "$WORK/list" && [ $((tries += 1)) -lt 100 ]; do sleep 0.1; done
	[ ! -s "$WORK/list" ] || fail "it is still there"
	check_traces
	rm -f "$WORK"/steps/*.partial
}
