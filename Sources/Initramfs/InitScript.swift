/// The program that the kernel of a node starts first: from a USB port and a kernel line to a root over NFS.
enum InitScript {
    /// The busybox applets that it calls, beside what the shell has built in.
    static let applets = [
        "cat", "chroot", "ifconfig", "insmod", "ip", "ln", "losetup", "mkdir", "mount", "mv", "rm", "route", "sh",
        "sleep", "switch_root", "truncate", "umount", "uname",
    ]

    /// What differs between initramfs: sourced by `text`.
    static func gadgetSettings(_ identity: GadgetIdentity) -> String {
        """
        gadget_function=\(identity.function.rawValue)
        gadget_vendor=0x\(GadgetIdentity.vendor)
        gadget_product=0x\(identity.product)
        gadget_model=\(GadgetIdentity.model)
        gadget_controller_address=\(GadgetIdentity.controllerAddress)
        gadget_node_address=\(GadgetIdentity.nodeAddress)

        """
    }

    /// For busybox sh. Nothing in it ends: a panic would leave a node without a card dark until somebody comes.
    static let text = #"""
        #!/bin/sh
        # init - gives a node without a card its root over NFS, through its USB port.
        #
        # The kernel line says everything, in 8086's words:
        #   ip=OWN:CONTROLLER:GATEWAY:MASK:pN:usb0.10:static   N is the slot, .10 the VLAN
        #   nfsroot=CONTROLLER:PATH[,OPTIONS] rw init=PROGRAM
        # and for a root that several nodes share:
        #   netboot.lower=PATH[,OPTIONS]  the shared root; nfsroot has the node's own part
        #   netboot.upper=memory | SIZE   where the node writes: 2G is a file in its own part
        # netboot.shell starts a shell on the console before the root takes over.
        export PATH=/bin
        set -f

        # The kernel shows errors even when the line says quiet.
        say() { echo "<5>netboot: $*" > /dev/kmsg; }
        complain() { echo "<3>netboot: $*" > /dev/kmsg; }
        # complain_rarely COUNT TEXT: at the 5th try, and at every 30th from there
        complain_rarely() { [ $(($1 % 30)) -ne 5 ] || { shift; complain "$*"; }; }
        stop() { while :; do complain "$*"; sleep 30; done; }

        mount_kernel_file_systems() {
        	mount -t proc -o nosuid,nodev,noexec proc /proc
        	mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
        	mount -t devtmpfs -o nosuid,mode=0755 devtmpfs /dev
        	mount -t tmpfs -o nosuid,nodev,mode=0755 tmpfs /run
        }

        read_kernel_line() {
        	access=ro program=/sbin/init root='' address='' lower='' upper=memory shell=''
        	for word in $(cat /proc/cmdline); do
        		case $word in
        		ip=*) address=${word#ip=} ;;
        		nfsroot=*) root=${word#nfsroot=} ;;
        		init=*) program=${word#init=} ;;
        		ro | rw) access=$word ;;
        		netboot.lower=*) lower=${word#*=} ;;
        		netboot.upper=*) upper=${word#*=} ;;
        		netboot.shell) shell=yes ;;
        		esac
        	done
        	IFS=:
        	set -- $address
        	unset IFS
        	own=$1 server=$2 gateway=$3 mask=${4:-255.255.255.0} name=$5 link=$6
        	slot=${name#p}
        	case $slot in
        	'' | *[!0-9]*) stop "ip=$address: the fifth field must be the slot, p1 to p252, not '$name'" ;;
        	esac
        	if [ "$slot" -lt 1 ] || [ "$slot" -gt 252 ]; then stop "ip=$address: there is no slot $name"; fi
        	[ -n "$own" ] && [ -n "$server" ] && [ -n "$link" ] ||
        		stop "ip=$address: own address, controller or device is missing"
        	case $root in
        	*:/*) server=${root%%:*} root=${root#*:} ;;
        	/*) ;;
        	*) stop "nfsroot=$root: no path on the controller" ;;
        	esac
        }

        load_modules() { # FOLDER
        	set +f
        	for file in "$1"/*.ko; do
        		module=${file##*/}
        		module=${module#*-}
        		module=${module%.ko}
        		[ -e "$file" ] && [ ! -e "/sys/module/$module" ] || continue
        		insmod "$file" || complain "the module $module does not load"
        	done
        	set -f
        }

        load_all_modules() {
        	modules=/modules/$(uname -r)
        	[ -d "$modules" ] || complain "this initramfs has no modules for kernel $(uname -r)"
        	load_modules "$modules"
        	load_modules /modules/more
        	[ -z "$lower" ] || load_modules "$modules/shared"
        }

        # The port as a network card and a serial port, with the identity that the controller's rules look for.
        make_gadget() { # DEVICE_CONTROLLER
        	. /etc/gadget
        	mount -t configfs configfs /sys/kernel/config
        	hex=$(printf %02x "$slot")
        	gadget=/sys/kernel/config/usb_gadget/ClusterCTRL
        	network=$gadget/functions/$gadget_function.usb0
        	mkdir "$gadget" "$gadget/strings/0x409" "$gadget/configs/c.1" || return
        	echo $gadget_vendor > $gadget/idVendor
        	echo $gadget_product > $gadget/idProduct
        	# miscellaneous device with interface associations: several functions in one
        	echo 0xEF > $gadget/bDeviceClass
        	echo 0x02 > $gadget/bDeviceSubClass
        	echo 0x01 > $gadget/bDeviceProtocol
        	echo "$slot" > $gadget/strings/0x409/serialnumber
        	echo '8086 Consultancy' > $gadget/strings/0x409/manufacturer
        	echo $gadget_model > $gadget/strings/0x409/product
        	echo 250 > $gadget/configs/c.1/MaxPower
        	mkdir "$network" || return
        	echo $gadget_controller_address$hex > $network/host_addr
        	echo $gadget_node_address$hex > $network/dev_addr
        	ln -s $network $gadget/configs/c.1/
        	if mkdir $gadget/functions/acm.usb0; then ln -s $gadget/functions/acm.usb0 $gadget/configs/c.1/; fi
        	echo "$1" > $gadget/UDC || return
        	say "USB device $gadget_vendor:$gadget_product, $gadget_function, slot $slot"
        }

        bring_up_link() {
        	card=${link%.*} tries=0 made=''
        	until [ -e "/sys/class/net/$card" ]; do
        		set +f
        		for port in /sys/class/udc/*; do
        			[ -e "$port" ] && [ -z "$made" ] || continue
        			made=yes
        			make_gadget "${port##*/}" || complain "the USB device cannot be set up"
        		done
        		set -f
        		tries=$((tries + 1))
        		if [ -n "$made" ]; then
        			complain_rarely $tries "the USB device has no network card $card"
        		else
        			complain_rarely $tries "no USB port can be a device: config.txt needs dtoverlay=dwc2,dr_mode=peripheral"
        		fi
        		[ -e "/sys/class/net/$card" ] || sleep 1
        	done
        	ip link set "$card" up
        	if [ "$card" != "$link" ]; then
        		until ip link add link "$card" name "$link" type vlan id "${link##*.}"; do
        			complain "$link cannot be made: is the module 8021q there?"
        			sleep 10
        		done
        	fi
        	# VLAN tags must fit into what the gadget link carries
        	ifconfig "$link" "$own" netmask "$mask" mtu 1496 up
        	[ -z "$gateway" ] || ip route add default via "$gateway" metric 1100
        	# NFSv4 tells clients apart by their names
        	echo "$name" > /proc/sys/kernel/hostname
        	# NFS has no file capabilities: let ping work without
        	echo '0 2147483647' > /proc/sys/net/ipv4/ping_group_range
        }

        # mount_nfs PATH[,OPTIONS] ro|rw FOLDER [MORE]: OPTIONS go before version and MORE of our own choice
        mount_nfs() {
        	path=${1%%,*} options=$2,addr=$server,proto=tcp more=${4:+,$4} tries=0
        	while :; do
        		case $1 in
        		*,*)
        			mount -t nfs -o "$2,addr=$server,mountaddr=$server,nolock,${1#*,}" "$server:$path" "$3" && return
        			;;
        		*)
        			mount -t nfs -o "$options,vers=4.2$more" "$server:$path" "$3" && return
        			mount -t nfs -o "$options,vers=3,mountaddr=$server,nolock$more" "$server:$path" "$3" && return
        			;;
        		esac 2> /run/netboot.error
        		tries=$((tries + 1))
        		complain_rarely $tries "$server:$path cannot be mounted over $link: $(cat /run/netboot.error)"
        		sleep 1
        	done
        }

        # An ext4 file system in a file of the node's own part: the kernel takes no NFS for an overlay's upper side.
        mount_upper_file() { # SIZE
        	file=/node/upper/upper.ext4
        	if [ ! -e $file ]; then
        		say "making $file of $1"
        		mkdir -p /node/upper && rm -f $file.new && truncate -s "$1" $file.new &&
        			mount -o bind /node/upper /lower/mnt || return
        		# ids of our own: a Pi that has just started has no randomness to wait for
        		id=00002282-ffff-4000-8000-$(printf %012x "$slot")
        		chroot /lower /sbin/mke2fs -q -F -t ext4 -m 0 -U $id \
        			-E hash_seed=$id,nodiscard,lazy_itable_init=1,lazy_journal_init=1 /mnt/upper.ext4.new &&
        			mv $file.new $file
        		umount /lower/mnt
        	fi
        	[ -e $file ] || return
        	device=$(losetup -f) && losetup "$device" $file && mount -t ext4 -o noatime "$device" /upper
        }

        mount_shared_root() {
        	mount_nfs "$root" rw /node
        	# nobody writes to it while nodes run, so nothing need be asked twice
        	mount_nfs "$lower" ro /lower nocto,actimeo=600
        	if [ "$upper" != memory ] && ! mount_upper_file "$upper"; then
        		complain "the file of $upper for this node's changes cannot be used: they go to memory and will be lost"
        		upper=memory
        	fi
        	[ "$upper" != memory ] || mount -t tmpfs -o mode=0755 tmpfs /upper
        	mkdir -p /upper/files /upper/work
        	layers=/lower
        	[ ! -d /node/files ] || layers=/node/files:/lower
        	until mount -t overlay -o "lowerdir=$layers,upperdir=/upper/files,workdir=/upper/work" overlay /root; do
        		complain "the shared root and this node's part cannot be joined: is the module overlay there?"
        		sleep 10
        	done
        	for folder in boot/firmware boot; do
        		[ -d /node/$folder ] && [ -d /root/$folder ] || continue
        		mount -o bind /node/$folder /root/$folder
        		break
        	done
        	mkdir -p /run/netboot/node /run/netboot/lower /run/netboot/upper
        	for folder in node lower upper; do mount -o move /$folder /run/netboot/$folder; done
        }

        mount_root() {
        	if [ -n "$lower" ]; then mount_shared_root; else mount_nfs "$root" "$access" /root; fi
        	until chroot /root /bin/sh -c '[ -x "$0" ]' "$program"; do
        		complain "$server:$root has no $program"
        		sleep 10
        	done
        	say "root is $server:$root${lower:+ over ${lower%%,*}, changes in $upper}"
        }

        # fstab has the boot files' folder over NFS, as in 8086's trees. It is in the root already, and a system without
        # mount.nfs would fail at it and start neither sshswitch nor what else waits for file systems.
        spare_boot_mount() {
        	chroot /root /bin/sh -c '[ -x /sbin/mount.nfs ]' && return
        	for unit in boot-firmware boot; do
        		mkdir -p /run/systemd/system/$unit.mount.d
        		echo '[Unit]' > /run/systemd/system/$unit.mount.d/netboot.conf
        		echo 'ConditionPathExists=/sbin/mount.nfs' >> /run/systemd/system/$unit.mount.d/netboot.conf
        	done
        }

        hand_over() {
        	for folder in dev proc sys run; do mount -o move /$folder /root/$folder; done
        	# firstboot looks for programs in what it inherits
        	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        	exec /bin/switch_root -c /dev/console /root "$program" "$@"
        }

        mount_kernel_file_systems
        read_kernel_line
        load_all_modules
        set +f
        for file in /early/*; do [ ! -f "$file" ] || . "$file"; done
        set -f
        bring_up_link
        mount_root
        spare_boot_mount
        [ -z "$shell" ] || sh
        hand_over "$@"
        stop "$program does not start"

        """#
}
