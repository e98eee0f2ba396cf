# shellcheck shell=bash
# pi-zero.sh - what the scripts that start a Pi in QEMU have in common: the part of
# the Pi's firmware, the watch over its serial line, commands over ssh.
#
# Uses: BOARD (zero, or 2 for a Pi 2), DIR (results), STARTED and LIMIT (seconds), FIRMWARE (folder with the boot files),
# MORE_WORDS (for the kernel), MACHINE (QEMU's process), KEY, LOGIN, SSH_HOST and SSH_PORT,
# COMMANDS; and of the script itself: take NAME FILE, which copies a boot file to FIRMWARE,
# and check_health.

# An option that both programs have; sets DIR, KEY, LOGIN, COMMANDS, LIMIT or MORE_WORDS.
common_option() { # LETTER
	case $1 in
	o) DIR=$OPTARG ;;
	k) KEY=$OPTARG ;;
	H) HOST_KEYS=$OPTARG ;;
	u) LOGIN=$OPTARG ;;
	c) COMMANDS+=("$OPTARG") ;;
	t) LIMIT=$OPTARG ;;
	a) MORE_WORDS=$OPTARG ;;
	h) print_usage; exit 0 ;;
	:) bad_usage "-$OPTARG needs a value" ;;
	*) bad_usage "no such option: -$OPTARG" ;;
	esac
}

# Makes the folder of results and starts the clock; sets DIR and STARTED.
start_results() {
	[ -n "$DIR" ] || DIR=$(mktemp -d "${TMPDIR:-/tmp}/${0##*/}.XXXXXX")
	mkdir -p "$DIR"
	DIR=$(realpath "$DIR")
	rm -f "$DIR"/{card.qcow2,card.img,serial.log,times.txt,vlan-splitter.txt}
	STARTED=$EPOCHREALTIME
}

elapsed() { echo "$EPOCHREALTIME $STARTED" | awk '{ printf "%.1f", $1 - $2 }'; }
time_left() { [ $((EPOCHSECONDS - ${STARTED%.*})) -lt "$LIMIT" ]; }
note() { printf '%7ss %s\n' "$(elapsed)" "$*" | tee -a "$DIR/times.txt"; }
finish() { note "$2"; exit "$1"; }

# The settings that hold for the board, without comments.
settings() {
	local sections='pi0|pi1'
	[ "$BOARD" = zero ] || sections=pi2
	tr -d '\r' < "$FIRMWARE/config.txt" | awk -v sections="^\\\\[(all|$sections)\\\\]" '
		BEGIN { on = 1 }
		/^[ \t]*#/ { next }
		/^\[/ { on = $0 ~ sections; next }
		on'
}

# Copies what the firmware would load to FIRMWARE, under names of its own.
take_boot_files() {
	local kernel initramfs suffix='' trees=(bcm2708-rpi-zero bcm2835-rpi-zero)
	[ "$BOARD" = zero ] || suffix=7 trees=(bcm2709-rpi-2-b bcm2836-rpi-2-b)
	FIRMWARE=$DIR/firmware
	rm -rf "$FIRMWARE"
	mkdir -p "$FIRMWARE"
	take cmdline.txt cmdline.txt || finish 4 "no cmdline.txt"
	take config.txt config.txt || : > "$FIRMWARE/config.txt"
	kernel=$(settings | sed -n 's/^kernel=//p' | tail -n 1)
	take "${kernel:=kernel$suffix.img}" kernel || finish 4 "no $kernel"
	initramfs=$(settings | sed -n 's/^initramfs \([^ ]*\).*/\1/p' | tail -n 1)
	if [ -n "$initramfs" ]; then
		take "$initramfs" initramfs || finish 4 "no $initramfs"
	elif settings | grep -q '^auto_initramfs=1'; then
		take "initramfs$suffix" initramfs || true
	fi
	take "${trees[0]}.dtb" board.dtb || take "${trees[1]}.dtb" board.dtb || finish 4 "no device tree for the board"
}

# QEMU lacks the power bridge whose registers the tree names, and its USB controller
# is a host only.
adapt_device_tree() {
	local tree=$FIRMWARE/board.dtb
	fdtput -t x "$tree" /soc/watchdog@7e100000 reg 7e100000 28
	fdtput -d "$tree" /soc/watchdog@7e100000 reg-names 2> /dev/null || true
	fdtput -t s "$tree" /soc/usb@7e980000 dr_mode host
}

# QEMU's own words, those of the first line of cmdline.txt, then the serial port again
# as /dev/console. QEMU's: no halt after a panic, and drivers kept away that take the
# wrong side of usb-net or wait for a graphics processor. Without "quiet": what the Pi
# says is how its progress is seen.
command_line() {
	local words
	words=$(head -n 1 "$FIRMWARE/cmdline.txt" | tr -d '\r' |
		sed -e 's/\bserial0\b/ttyAMA0/g' -e 's/^/ /;s/ quiet\b//;s/^ //')
	words="console=ttyAMA0,115200 panic=-1 module_blacklist=cdc_subset,vc4,vchiq,snd_bcm2835 $words"
	words=${MORE_WORDS:+$MORE_WORDS }$words
	if memory_cgroup_is_off "$words"; then words="cgroup_disable=memory $words"; fi
	insert_last_console <<< "$words"
}

# The device trees of Pis ask for cgroup_disable=memory, and the kernel of a Pi takes
# it back at cgroup_enable=memory. Debian's kernel does not know the latter.
memory_cgroup_is_off() { # WORDS
	case " $1 " in
	*' cgroup_enable=memory '*) return 1 ;;
	esac
}

# init= must stay last: what follows it is passed to that program.
insert_last_console() {
	sed -e 's/ init=/ console=ttyAMA0,115200&/;t' -e 's/$/ console=ttyAMA0,115200/'
}

machine_runs() { kill -0 "$MACHINE" 2> /dev/null; }

stop_machine() {
	kill "$MACHINE" 2> /dev/null || true
	wait "$MACHINE" 2> /dev/null || true
}

log_has() { grep -aqE "$1" "$DIR/serial.log" 2> /dev/null; }

wait_for() { # PATTERN WHAT
	until log_has "$1"; do
		check_health
		time_left || finish 1 "no sign in time of: $2"
		sleep 0.5
	done
	note "$2"
}

# check_health ends the program when the machine has ended.
wait_for_restart() {
	while time_left; do check_health; sleep 0.5; done
	finish 1 "the Pi did not restart by itself in time"
}

on_pi() { # SECONDS COMMAND
	local host_keys=(-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null)
	[ -z "$HOST_KEYS" ] ||
		host_keys=(-o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$HOST_KEYS"
			-o "HostKeyAlias=$(awk '!/^#/ { print $1; exit }' "$HOST_KEYS")")
	timeout "$1" ssh -i "$KEY" -p "$SSH_PORT" -o IdentitiesOnly=yes -o BatchMode=yes "${host_keys[@]}" \
		-o LogLevel=ERROR -o ConnectTimeout=20 "$LOGIN@$SSH_HOST" "$2" < /dev/null
}

wait_for_ssh() {
	until on_pi 40 true 2> "$DIR/ssh.txt"; do
		check_health
		time_left || { cat "$DIR/ssh.txt" >&2; finish 2 "no login over ssh in time"; }
		sleep 1
	done
	note "ssh login as $LOGIN"
}

# Fails when one of COMMANDS does; the others run all the same.
run_commands() {
	local command number=0 code failed=0
	for command in "${COMMANDS[@]}"; do
		number=$((number + 1)) code=0
		on_pi 120 "$command" > "$DIR/command-$number.txt" 2>&1 || code=$?
		note "command $number ended with $code: ${command%%$'\n'*}"
		[ $code = 0 ] || failed=1
	done
	return $failed
}

# Logs in, runs COMMANDS and powers the Pi off; returns 3 when a command failed.
work_over_ssh() {
	local code=0
	wait_for_ssh
	run_commands || code=3
	while [ -n "${WAITS:-}" ] && [ ! -e "$DIR/off" ]; do
		check_health
		time_left || finish 1 "nobody turned the Pi off in time"
		sleep 1
	done
	power_off
	return $code
}

power_off() {
	local code=0
	on_pi 60 'sudo -n systemctl --no-block poweroff' 2> "$DIR/power-off.txt" || code=$?
	# 255: the way to it closed before it had answered
	if [ $code != 0 ] && [ $code != 255 ]; then
		note "nobody may power it off: $(head -n 1 "$DIR/power-off.txt")"
		return
	fi
	while machine_runs && time_left; do sleep 0.5; done
	if machine_runs; then note "no power-off in time"; else note "powered off"; fi
}
