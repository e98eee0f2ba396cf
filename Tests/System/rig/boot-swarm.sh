# shellcheck shell=bash
# boot-swarm.sh - the case `swarm` of test-boot: a Pi Zero in QEMU on the bridge of a controller in a namespace.
#
# Uses what cases.sh and swarm.sh define, in a WORK of its own.
. "$SYSTEM/rig/swarm.sh"

# shellcheck disable=SC2153 # cases.sh sets BASE
make_swarm_cards() {
	local profile=$WORK/profile/boot.yaml
	cp "$SYSTEM/rig/swarm/boot.yaml" "$profile"
	(umask 077; printf '%064d\n' 7 > "$WORK/profile/sg1.secret")
	make_docker_base "$WORK/base.img"
	piforge build --profile "$profile" --slot cnat --base "$WORK/base.img" --output "$WORK" --force >&2
	piforge build --profile "$profile" --slot p1 --base "$(base_of bookworm)" --authorized-key "$KEY.pub" --output "$WORK" --force >&2
	take_files "$WORK/sg1-cnat.img" cnat
	piforge handoff --profile "$profile" --print known_hosts | grep '^sg1-p1 ' > "$WORK/known_hosts"
}

start_controller() {
	make_network
	ip -n "$(namespace cnat)" tuntap add ethpi1 mode tap
	ip -n "$(namespace cnat)" link set ethpi1 master br0 up
	up cnat
	until_ok 60 'a swarm on the controller' on cnat docker node ls
	# The Pi is 5 to 10 times slower than the clock on the wall.
	on cnat docker swarm update --dispatcher-heartbeat 180s > /dev/null
}

in_controller() { ip netns exec "$(namespace cnat)" "$@"; }

# All starts on the controller's bridge, as the Pi would remember the address of another network.
start_oneil() { # NAME OPTION... CARD
	local results=$WORK/$1/boot
	shift
	in_controller "$SYSTEM/boot-pi-zero" -o "$results" -t 3600 -l ethpi1,172.19.181.1 "$@" >&2
}

on_oneil() {
	in_controller ssh -i "$KEY" -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes \
		-o HostKeyAlias=sg1-p1 -o UserKnownHostsFile="$WORK/known_hosts" -o ConnectTimeout=40 -o LogLevel=ERROR \
		pi@172.19.181.1 "$1"
}

# Sees to it that nobody waits for a Pi that has ended.
pi_runs() { kill -0 "$PI" 2> /dev/null || fail "the Pi ended early"; }

is_member() { pi_runs; [ "$(on cnat docker node ls --format '{{.Status}}' | grep -c Ready)" = 2 ]; }
has_finished() { pi_runs; on_oneil '[ ! -e /etc/systemd/system/piforge-packages.service ]'; }
page_answers() { pi_runs; in_controller curl -fsS --max-time 60 http://172.19.181.1:8080 | grep -qx 'hello from a Zero'; }

# A service from an image that is made of the Pi's own busybox, placed by the label of its engine.
start_service() {
	on_oneil 'cd / && sudo tar -ch bin/busybox lib/ld-linux.so.3 lib/arm-linux-gnueabi/libc.so.6 \
		lib/arm-linux-gnueabi/libresolv.so.2 | sudo docker import - hello:1' > /dev/null
	# shellcheck disable=SC2016 # for the container's shell
	on cnat docker service create --quiet --detach --no-resolve-image --name hello \
		--constraint engine.labels.piforge.slot==p1 --publish mode=host,published=8080,target=8080 hello:1 \
		/bin/busybox sh -c 'while :; do printf "HTTP/1.0 200 OK\r\n\r\nhello from a Zero\n" | /bin/busybox nc -l -p 8080; done'
}

oneil_checks() {
	check_script <<-'END'
		same 'packages that are left' '' "$(ls /var/lib/piforge/packages /usr/sbin/policy-rc.d 2> /dev/null)"
		same 'state of docker.io' 'install ok installed' "$(dpkg-query -W -f '${Status}' docker.io)"
		same 'what dpkg misses' '' "$(dpkg --audit)"
		same 'storage' overlay2 "$(sudo docker info --format '{{.Driver}}')"
		same 'log driver' local "$(sudo docker info --format '{{.LoggingDriver}}')"
		same 'failed units' '' "$(systemctl --failed --no-legend --plain)"
		same 'a token' '' "$(sudo grep -rl SWMTKN /etc /var/lib/piforge 2> /dev/null)"
	END
}

# What is told of the clock says that it was behind, as that of a Zero is.
clock_checks() {
	local difference
	difference=$(($(date +%s) - $(on_oneil 'date +%s')))
	[ "${difference#-}" -le 600 ] || fail "the Pi's clock is $difference s behind"
}

test_swarm() {
	KEY=$WORK/key WORK=$WORK/swarm PI=''
	[ "$(id -u)" = 0 ] || die "$EXIT_TOOL" "namespaces and mounts need root"
	need_tools ip unshare nsenter debugfs apt-get dpkg-deb sshd python3 sysctl curl
	mkdir -p "$WORK"/{run,log,layer,profile}
	trap stop_all EXIT
	make_layer
	make_swarm_cards
	start_controller
	start_oneil first -R -r "$WORK/sg1-p1.img"
	start_oneil cut -r -x 'Unpacking docker.io' "$WORK/first/boot/card.img"
	start_oneil third -k "$KEY" -u pi -H "$WORK/known_hosts" -w "$WORK/cut/boot/card.img" &
	PI=$!
	until_ok 3000 'the Pi in the swarm' is_member
	until_ok 600 'the end of the packages' has_finished
	clock_checks
	start_service
	until_ok 900 'a page of a container' page_answers
	on_oneil "$(oneil_checks)" || fail "the Pi is not as expected"
	touch "$WORK/third/boot/off"
	wait "$PI"
}
