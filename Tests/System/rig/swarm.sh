# shellcheck shell=bash
# swarm.sh - machines of a swarm in namespaces, as a part of test-swarm and of test-boot.
#
# Uses WORK and PIFORGE. What a case starts outlives its shell: all that is known of it lies in $WORK/run.

readonly MACHINES="lan cnat cbridge p1 p2"
# What is unpacked for the machines; nothing of it is installed here.
readonly SWARM_PACKAGES=(docker.io containerd runc openssh-server libwrap0 iptables libip4tc2 libip6tc2 libnfnetlink0
	libnetfilter-conntrack3 libnftnl11 libxtables12 libdevmapper1.02.1 dmsetup)

fail() { say "$*"; exit 1; }
same() { [ "$2" = "$3" ] || fail "$1: wanted '$2', found '$3'"; }

until_ok() { # SECONDS WHAT COMMAND...
	local end=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" > /dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || fail "$what: not within time"
		sleep 0.5
	done
}

# MARK: Images

prepare_swarm() {
	[ "$(id -u)" = 0 ] || die "$EXIT_TOOL" "namespaces and mounts need root"
	need_tools ip unshare nsenter debugfs apt-get dpkg-deb sshd ssh ssh-keygen busybox python3 sysctl
	if [ -n "$WORK" ]; then mkdir -p "$WORK"; else WORK=$(mktemp -d "${TMPDIR:-/tmp}/test-swarm.XXXXXX"); fi
	[ -n "${KEEP_SWARM:-}" ] || trap clean_up EXIT
	WORK=$(realpath "$WORK")
	[ -n "$PIFORGE" ] || PIFORGE=$(build_piforge debug)
	mkdir -p "$WORK"/{run,log,layer,data,profile}
	make_layer
	make_images
	make_network 1 2
}

# Debian's packages, unpacked. On a file system of their own, as overlays must not lie inside each other.
make_layer() {
	local folder package
	folder=${XDG_CACHE_HOME:-$HOME/.cache}/piforge-test/swarm-packages
	mkdir -p "$folder"
	if [ ! -e "$folder/complete" ]; then
		(cd "$folder" && rm -f ./*.deb && apt-get download -qq "${SWARM_PACKAGES[@]}" > /dev/null) ||
			die "$EXIT_TOOL" "the archive does not have ${SWARM_PACKAGES[*]}: apt-get update?"
		touch "$folder/complete"
	fi
	mount -t tmpfs -o mode=755 swarm-layer "$WORK/layer"
	for package in "$folder"/*.deb; do dpkg-deb -x "$package" "$WORK/layer"; done
	for package in lib sbin bin; do
		if [ ! -d "$WORK/layer/$package" ] || [ -L "$WORK/layer/$package" ]; then continue; fi
		mkdir -p "$WORK/layer/usr/$package"
		cp -a "$WORK/layer/$package/." "$WORK/layer/usr/$package/"
		rm -r "${WORK:?}/layer/$package"
	done
	for package in iptables ip6tables; do
		for command in '' -save -restore; do ln -sf xtables-nft-multi "$WORK/layer/usr/sbin/$package$command"; done
	done
}

root_offset() { # IMAGE: of its second partition, in bytes
	echo $(($(sfdisk -d "$1" | sed -n 's/.*2 : start= *\([0-9]*\),.*/\1/p') * 512))
}

# A base as it is after Docker was installed: the real units, and stand-ins for the programs.
make_docker_base() { # OUT
	local layer=$WORK/layer units name
	"$FIXTURES/make-base" --release bookworm --kind cbridge "$1" >&2
	: > "$WORK/empty"
	units=$(cd "$layer" && find usr/lib/systemd/system -name 'docker.*' -o -name 'containerd.service')
	{
		for name in lib lib/systemd lib/systemd/system usr/bin usr/sbin; do echo "mkdir /usr/${name#usr/}"; done
		for name in usr/sbin/dockerd usr/bin/docker usr/bin/ssh usr/sbin/mkfs.ext4; do
			printf 'write %s /%s\nsif /%s mode 0100755\n' "$WORK/empty" "$name" "$name"
		done
		for name in $units; do printf 'write %s /%s\n' "$layer/$name" "$name"; done
	} | debugfs -w -f - "$1?offset=$(root_offset "$1")" > "$WORK/log/debugfs" 2>&1
}

make_images() {
	local base=$WORK/base.img image name slot path
	make_docker_base "$base"
	cp "$SYSTEM/rig/swarm"/*.yaml "$WORK/profile/"
	(umask 077; printf '%064d\n' 7 > "$WORK/profile/sg1.secret"; printf s3cr3t > "$WORK/profile/cf_token")
	piforge build --profile "$WORK/profile/sg1.yaml" --base "$base" --output "$WORK/images" >&2
	piforge build --profile "$WORK/profile/bridge.yaml" --base "$base" --output "$WORK/images/bridge" --slot cbridge >&2
	for name in cnat p1 p2 bridge/cbridge; do
		image=$WORK/images/${name%/*}/sg1-${name#*/}.img
		[ "$name" = bridge/cbridge ] || image=$WORK/images/sg1-$name.img
		slot=${name#*/}
		[ "$name" = bridge/cbridge ] ||
			piforge verify "$image" --profile "$WORK/profile/sg1.yaml" --slot "$slot" >&2
		take_files "$image" "$slot"
	done
}

# Lays what a card's root holds for the machine SLOT below $WORK/files.
take_files() { # IMAGE SLOT
	local path folder=$WORK/files/$2
	for path in etc/piforge etc/ssh etc/docker etc/sysctl.d usr/local/lib/piforge etc/systemd/system; do
		mkdir -p "$folder/${path%/*}"
		debugfs -R "rdump /$path $folder/${path%/*}" "$1?offset=$(root_offset "$1")" > "$WORK/log/rdump" 2>&1
	done
	# The units of others mean nothing here.
	find "$folder/etc/systemd/system" -mindepth 1 ! -name 'piforge-*' -depth ! -type d -delete
}

# MARK: The network

namespace() { echo "swarm-$$-$1"; }

link() { # MACHINE NAME MAC ADDRESS PORT-ON-CONTROLLER CONTROLLER
	ip link add "$5" netns "$(namespace "$6")" type veth peer name "$2" netns "$(namespace "$1")"
	ip -n "$(namespace "$1")" link set "$2" address "$3" up
	ip -n "$(namespace "$1")" addr add "$4" dev "$2"
	ip -n "$(namespace "$6")" link set "$5" up
}

add_namespaces() { # NAME...
	local name
	for name; do
		ip netns add "$(namespace "$name")"
		ip -n "$(namespace "$name")" link set lo up
		ip netns exec "$(namespace "$name")" sysctl -qw net.ipv4.ip_forward=0
	done
}

# laptop 192.168.42.2 -- eth0, cnat, br0 172.19.181.254 -- nodes
make_network() { # NUMBER...
	add_namespaces lan cnat "${@/#/p}"
	link lan eth0 02:00:00:00:00:02 192.168.42.2/24 eth0 cnat
	ip -n "$(namespace cnat)" addr add 192.168.42.10/24 dev eth0
	ip -n "$(namespace cnat)" link add br0 type bridge
	ip -n "$(namespace cnat)" addr add 172.19.181.254/24 dev br0
	ip -n "$(namespace cnat)" link set br0 up
	local number
	for number; do
		link "p$number" usb0 "00:22:82:ff:ff:0$number" "172.19.181.$number/24" "ethpi$number" cnat
		ip -n "$(namespace cnat)" link set "ethpi$number" master br0
		ip -n "$(namespace "p$number")" route add default via 172.19.181.254
	done
}

# All on one LAN: laptop 192.168.42.2, p1 .21 and p2 .22 on the ports of br0 of cbridge, .10
bridge_lan() {
	remove_network
	add_namespaces lan cbridge p1 p2
	ip -n "$(namespace cbridge)" link add br0 type bridge
	ip -n "$(namespace cbridge)" addr add 192.168.42.10/24 dev br0
	ip -n "$(namespace cbridge)" link set br0 up
	link lan eth0 02:00:00:00:00:02 192.168.42.2/24 eth0 cbridge
	link p1 usb0 00:22:82:ff:ff:01 192.168.42.21/24 ethpi1 cbridge
	link p2 usb0 00:22:82:ff:ff:02 192.168.42.22/24 ethpi2 cbridge
	local port
	for port in eth0 ethpi1 ethpi2; do ip -n "$(namespace cbridge)" link set "$port" master br0; done
}

remove_network() {
	local name
	for name in $MACHINES; do ip netns del "$(namespace "$name")" 2> /dev/null || true; done
}

# Whether one machine can open a connection to an address of another.
reaches() { # FROM TO ADDRESS
	python3 - "$(namespace "$1")" "$(namespace "$2")" "$3" <<-'END'
		import subprocess, sys
		source, target, address = sys.argv[1:]
		listen = "import socket; s = socket.create_server(('', 9099)); print('up', flush=True); s.settimeout(5); s.accept()"
		server = subprocess.Popen(["ip", "netns", "exec", target, "python3", "-c", listen], stdout=subprocess.PIPE)
		server.stdout.readline()
		ask = f"import socket; socket.create_connection(('{address}', 9099), 3)"
		code = subprocess.run(["ip", "netns", "exec", source, "python3", "-c", ask], capture_output=True).returncode
		server.kill()
		if code:
		    print(f"{source} does not reach {address}", file=sys.stderr)
		sys.exit(code)
	END
}

# MARK: Machines

# The process that is PID 1 of a machine.
inner() { # NAME
	pgrep -P "$(cat "$WORK/run/$1")"
}

on() { # NAME COMMAND...
	local name=$1
	shift
	nsenter -t "$(inner "$name")" -m -u -i -p -n \
		env -C / -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"
}

host_name() { case $1 in cnat) echo hammond ;; cbridge) echo hammond ;; p1) echo oneil ;; p2) echo carter ;; esac; }

up() { # NAME...
	local name
	for name; do
		mkdir -p "$WORK/disk/$name"
		setsid "$SYSTEM/rig/swarm-machine" start "$(namespace "$name")" "$(host_name "$name")" "$WORK/layer" \
			"$WORK/files/$name" "$WORK/disk/$name" > "$WORK/log/$name" 2>&1 < /dev/null &
		echo $! > "$WORK/run/$name"
		until_ok 20 "the machine $name" on "$name" test -e /run/machine
	done
}

# The layer's iptables(8) in the network of a machine that is off.
filter_packets() { # NAME OPTION...
	local name=$1 libraries
	shift
	libraries=$(echo "$WORK"/layer/usr/lib/*-linux-gnu)
	ip netns exec "$(namespace "$name")" env LD_LIBRARY_PATH="$libraries" \
		XTABLES_LIBDIR="$libraries/xtables" "$WORK/layer/usr/sbin/xtables-nft-multi" iptables "$@"
}

# As when the power goes; what Docker left in the network goes as well.
off() { # NAME...
	local name link table
	for name; do
		[ -e "$WORK/run/$name" ] || continue
		kill -9 "$(inner "$name")" 2> /dev/null || true
		until_ok 20 "the end of $name" sh -c "! kill -0 $(cat "$WORK/run/$name")"
		rm "$WORK/run/$name"
		for link in docker0 docker_gwbridge; do
			ip -n "$(namespace "$name")" link del "$link" 2> /dev/null || true
		done
		for table in filter nat; do
			filter_packets "$name" -t "$table" -F && filter_packets "$name" -t "$table" -X
		done 2> /dev/null || true
		filter_packets "$name" -P FORWARD ACCEPT
	done
}

restart() { off "$1"; up "$1"; sleep 3; }
reflash() { off "$1"; rm -rf "${WORK:?}/disk/$1"; up "$1"; sleep 3; }

# What cases have started, but not what they have written.
stop_all() {
	local name
	for name in $MACHINES; do (off "$name") || true; done
	remove_network
	umount "$WORK/layer" 2> /dev/null || true
}

clean_up() {
	stop_all
	rm -rf "$WORK"
}

# MARK: The swarm

members() { # COUNT: that many, all of them ready
	local end=$((SECONDS + 90)) found=''
	until [ "$found" = "$(yes Ready | head -n "$1" | tr '\n' ' ')" ]; do
		[ "$SECONDS" -lt "$end" ] || fail "members are: $(on cnat docker node ls 2>&1)"
		sleep 0.5
		found=$(on cnat docker node ls --format '{{.Status}}' 2> /dev/null | tr '\n' ' ') || true
	done
}

id_of() { on "$1" docker info --format '{{.Swarm.NodeID}}'; }

# What the timer does.
ask_again() { on "$1" sh -c 'until /usr/local/lib/piforge/swarm-join; do sleep 1; done' > /dev/null 2>&1; }

# Asks the controller with the key of a node, from any address.
ticket() { # SLOT ADDRESS COMMAND [OPTION]...
	local from controller=172.19.181.254 files=$WORK/files/$1/etc/ssh/piforge address=$2 command=$3
	shift 3
	case $address in
	172.19.181.*) from=p${address##*.} ;;
	*) from=lan controller=192.168.42.10 ;;
	esac
	ip netns exec "$(namespace "$from")" ssh -F /dev/null -i "$files/ssh_host_ed25519" -o BatchMode=yes \
		-o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o HostKeyAlias=sg1-cnat \
		-o UserKnownHostsFile="$files/known_hosts" -o ConnectTimeout=10 "$@" "root@$controller" "$command" < /dev/null
}

# Another machine takes the controller's address: nodes tell it nothing.
impostor() {
	local answer server
	off cnat
	rm -f "$WORK/run/false"*
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/run/false"
	mkdir -p /run/sshd
	printf '%s\n' "HostKey $WORK/run/false" 'PidFile none' 'UsePAM no' > "$WORK/run/false.conf"
	ip netns exec "$(namespace cnat)" "$(command -v sshd)" -D -f "$WORK/run/false.conf" 2> /dev/null &
	server=$!
	sleep 1
	answer=$(on p1 sh -c 'sed s/tries=60/tries=1/ /usr/local/lib/piforge/swarm-join > /run/once; sh /run/once' 2>&1) &&
		fail "a false controller was believed: $answer"
	kill "$server"
	case $answer in *"Host key verification failed"*) ;; *) fail "a false controller: $answer" ;; esac
	up cnat
}
