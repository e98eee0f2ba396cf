# shellcheck shell=bash
# raspios.sh - the trees of a small stand-in for Raspberry Pi OS Lite. Everything is
# written here; only the programs of the first boots do what the real ones do (raspios/).
#
# Uses: RELEASE (buster, bullseye, bookworm, trixie), KIND, ARCH (armhf, arm64), DISK_ID,
# ROOT_PARTUUID, BOOT_PARTUUID, FW (where the boot partition is mounted).

# put ROOT PATH [MODE]: standard input becomes a file
put() {
	local path=$1/$2
	[ -d "${path%/*}" ] || mkdir -p "${path%/*}"
	cat > "$path"
	[ "${3:-644}" = 644 ] || chmod "$3" "$path"
}

# enable ROOT TARGET UNIT [UNIT_FILE]: what systemctl enable leaves behind
enable() {
	local wants=$1/etc/systemd/system/$2.wants
	mkdir -p "$wants"
	ln -sfn "/lib/systemd/system/${4:-$3}" "$wants/$3"
}

release_number() {
	case $RELEASE in buster) echo 10 ;; bullseye) echo 11 ;; bookworm) echo 12 ;; trixie) echo 13 ;; esac
}

# from RELEASE: is ours that one or a later one?
from() {
	local wanted
	wanted=$(RELEASE=$1 release_number)
	[ "$(release_number)" -ge "$wanted" ]
}

# Raspberry Pi OS as published has no ifupdown any more, which 8086's images bring.
is_stock_with_manager() { from bookworm && [ "$KIND" = stock ]; }

# noise SEED BYTES: bytes that do not compress, the same each time
noise() {
	local key
	key=$(printf '%s' "$1" | sha256sum | cut -c1-32)
	openssl enc -aes-128-ctr -nosalt -K "$key" -iv 00000000000000000000000000000000 \
		< <(head -c "$2" /dev/zero)
}

elf_stub() { # the first bytes of a program for our architecture
	if [ "$ARCH" = arm64 ]; then
		printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0\267\0\1\0\0\0'
		printf '\0\0\0\0\0\0\0\0\100\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\100\0\070\0\0\0\100\0\0\0\0\0'
	else
		printf '\177ELF\1\1\1\0\0\0\0\0\0\0\0\0\3\0\050\0\1\0\0\0'
		printf '\0\0\0\0\064\0\0\0\0\0\0\0\0\4\0\5\064\0\040\0\0\0\050\0\0\0\0\0'
	fi
}

zone_file() { # ABBREVIATION POSIX_RULE: a time zone in TZif form with the rule only
	for _ in 1 2; do # the old header and the new one
		printf 'TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
		printf '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4'
		printf '\0\0\0\0\0\0%s\0' "$1"
	done
	printf '\n%s\n' "$2"
}

make_skeleton() { # ROOT
	local r=$1 dir
	mkdir -p "$r"/{boot,dev,proc,sys,run,mnt,media,srv,opt,tmp,root,home/pi} \
		"$r"/usr/{bin,sbin,lib,local/bin,local/sbin,share/doc,share/misc} \
		"$r"/var/{tmp,log,cache,mail,lib/dhcp,lib/misc,lib/systemd} \
		"$r"/etc/{default,ssh,sudoers.d,sysctl.d,modprobe.d,apt/sources.list.d,systemd/system}
	for dir in bin sbin lib; do ln -s usr/$dir "$r/$dir"; done
	ln -s /run "$r/var/run"
	is_stock_with_manager || mkdir -p "$r/etc/network/interfaces.d"
	mkdir -p "$r$FW"
}

make_accounts() { # ROOT
	local r=$1 secret='!' group
	# shellcheck disable=SC2016 # "clusterctrl", the password of these older images
	from bullseye || secret='$6$piforgetest$rHmlg.Q4ROB1f5KpQANQBdHuHjFOg46XsYZL7X1a21nYcvBv6kY7difVldfX4oA0YfAZuVYgfvmDxTni65PcF.'
	put "$r" etc/passwd <<-'END'
		root:x:0:0:root:/root:/bin/bash
		daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
		bin:x:2:2:bin:/bin:/usr/sbin/nologin
		sys:x:3:3:sys:/dev:/usr/sbin/nologin
		mail:x:8:8:mail:/var/mail:/usr/sbin/nologin
		nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
		systemd-timesync:x:100:102:systemd Time Synchronization,,,:/run/systemd:/usr/sbin/nologin
		sshd:x:104:65534::/run/sshd:/usr/sbin/nologin
		pi:x:1000:1000:,,,:/home/pi:/bin/bash
	END
	put "$r" etc/shadow 640 <<-END
		root:*:19480:0:99999:7:::
		daemon:*:19480:0:99999:7:::
		bin:*:19480:0:99999:7:::
		sys:*:19480:0:99999:7:::
		mail:*:19480:0:99999:7:::
		nobody:*:19480:0:99999:7:::
		systemd-timesync:*:19480:0:99999:7:::
		sshd:*:19480:0:99999:7:::
		pi:$secret:19480:0:99999:7:::
	END
	put "$r" etc/group <<-'END'
		root:x:0:
		daemon:x:1:
		bin:x:2:
		sys:x:3:
		adm:x:4:pi
		tty:x:5:
		mail:x:8:
		dialout:x:20:pi
		sudo:x:27:pi
		audio:x:29:pi
		shadow:x:42:
		video:x:44:pi
		plugdev:x:46:pi
		users:x:100:pi
		systemd-timesync:x:102:
		netdev:x:108:pi
		i2c:x:998:pi
		gpio:x:997:pi
		pi:x:1000:
		nogroup:x:65534:
	END
	while IFS=: read -r group _ _ members; do
		if [ "$group" = root ] || [ "$group" = daemon ]; then
			printf '%s:*::%s\n' "$group" "$members"
		else
			printf '%s:!::%s\n' "$group" "$members"
		fi
	done < "$r/etc/group" | put "$r" etc/gshadow 640
	put "$r" etc/subuid <<< pi:100000:65536
	put "$r" etc/subgid <<< pi:100000:65536
	put "$r" etc/sudoers 440 <<< $'root ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d'
	from trixie || put "$r" etc/sudoers.d/010_pi-nopasswd 440 <<< 'pi ALL=(ALL) NOPASSWD: ALL'
	chmod 750 "$r/etc/sudoers.d"
	chmod 700 "$r/root"
	put "$r" home/pi/.bashrc <<< $'# settings of interactive shells\nalias ls="ls --color=auto"'
	put "$r" home/pi/.profile <<< $'# settings of login shells\n. "$HOME/.bashrc"'
}

make_identity() { # ROOT HOSTNAME
	local r=$1 name=$2 id=raspbian label=Raspbian
	if [ "$ARCH" = arm64 ]; then id=debian label=Debian; fi
	put "$r" usr/lib/os-release <<-END
		PRETTY_NAME="$label GNU/Linux $(release_number) ($RELEASE)"
		NAME="$label GNU/Linux"
		VERSION_ID="$(release_number)"
		VERSION="$(release_number) ($RELEASE)"
		VERSION_CODENAME=$RELEASE
		ID=$id
	END
	[ "$id" = debian ] || echo ID_LIKE=debian >> "$r/usr/lib/os-release"
	ln -s ../usr/lib/os-release "$r/etc/os-release"
	put "$r" etc/debian_version <<< "$(release_number).0"
	put "$r" etc/rpi-issue <<< "Stand-in for Raspberry Pi OS $RELEASE, $ARCH"
	put "$r" etc/issue <<< "$label GNU/Linux $(release_number) \\n \\l"$'\n'
	put "$r" etc/hostname <<< "$name"
	put "$r" etc/hosts <<-END
		127.0.0.1	localhost
		::1		localhost ip6-localhost ip6-loopback
		ff02::1		ip6-allnodes
		ff02::2		ip6-allrouters

		127.0.1.1	$name
	END
	if from trixie; then put "$r" etc/machine-id <<< uninitialized; else put "$r" etc/machine-id < /dev/null; fi
	put "$r" etc/fstab <<-END
		proc            /proc           proc    defaults          0       0
		PARTUUID=$BOOT_PARTUUID  $FW  vfat    defaults          0       2
		PARTUUID=$ROOT_PARTUUID  /               ext4    defaults,noatime  0       1
	END
	put "$r" var/lib/dpkg/arch <<< "$ARCH"
	put "$r" var/lib/dpkg/status <<-END
		Package: libc6
		Status: install ok installed
		Architecture: $ARCH
		Version: 2.36-9

		Package: $(if is_stock_with_manager; then echo network-manager; else echo ifupdown; fi)
		Status: install ok installed
		Architecture: $ARCH
		Version: 0.8.41

	END
}

make_programs() { # ROOT
	local r=$1 name
	for name in bash sudo ping ssh-keygen; do elf_stub | put "$r" usr/bin/$name 755; done
	for name in sshd init wpa_supplicant; do elf_stub | put "$r" usr/sbin/$name 755; done
	if from bookworm; then
		elf_stub | put "$r" usr/sbin/NetworkManager 755
		elf_stub | put "$r" usr/sbin/nft 755
	fi
	chmod 4755 "$r/usr/bin/sudo"
	elf_stub | put "$r" usr/lib/systemd/systemd 755
	ln -sfn ../lib/systemd/systemd "$r/usr/sbin/init"
	if is_stock_with_manager; then
		add_busybox "$r"
		elf_stub | put "$r" usr/sbin/mount.nfs 755
	else
		for name in ifup dhclient; do elf_stub | put "$r" usr/sbin/$name 755; done
		ln "$r/usr/sbin/ifup" "$r/usr/sbin/ifdown"
		ln "$r/usr/sbin/ifup" "$r/usr/sbin/ifquery"
	fi
	ln -s bash "$r/usr/bin/rbash"
	if from trixie; then
		for name in v6 v7 v8; do
			if [ "$ARCH" = armhf ] || [ $name = v8 ]; then make_modules "$r" "6.12.47+rpt-rpi-$name"; fi
		done
	elif [ "$ARCH" = arm64 ]; then
		make_modules "$r" 6.1.21-v8+
	else
		make_modules "$r" 6.1.21+
		make_modules "$r" 6.1.21-v7+
	fi
	put "$r" usr/share/misc/long-symlink-target <<< "reached by a path of more than 59 characters"
	ln -s ../../../usr/share/misc/../misc/../misc/../misc/long-symlink-target "$r/usr/share/misc/long-symlink"
}

# What a node without a card needs, some of it built in and some packed, as kernels of
# different years have it.
make_modules() { # ROOT VERSION
	local folder=$1/usr/lib/modules/$2 name path
	for name in drivers/usb/dwc2/dwc2 drivers/usb/gadget/libcomposite drivers/usb/gadget/function/u_ether \
		drivers/usb/gadget/function/u_serial drivers/usb/gadget/function/usb_f_{acm,ecm,ncm,rndis} \
		net/802/stp net/8021q/8021q fs/overlayfs/overlay drivers/block/loop; do
		path=kernel/$name.ko
		mkdir -p "$folder/${path%/*}"
		noise "$name $2" 12000 > "$folder/$path"
		if from bookworm; then xz -q "$folder/$path"; fi
	done
	put "$folder" modules.builtin <<-'END'
		kernel/fs/configfs/configfs.ko
		kernel/fs/ext4/ext4.ko
		kernel/fs/nfs/nfs.ko
		kernel/fs/nfs/nfsv3.ko
		kernel/fs/nfs/nfsv4.ko
		kernel/net/sunrpc/sunrpc.ko
	END
	(
		cd "$folder" || exit
		find kernel -type f | sort | while IFS= read -r path; do
			case $path in
			*/usb_f_acm.*) needs=(*/*/*/*/libcomposite.ko* */*/*/*/*/u_serial.ko*) ;;
			*/usb_f_*) needs=(*/*/*/*/*/u_ether.ko* */*/*/*/libcomposite.ko*) ;;
			*/8021q.*) needs=(*/*/*/stp.ko*) ;;
			*) needs=() ;;
			esac
			echo "$path:${needs[*]:+ ${needs[*]}}"
		done
	) | put "$folder" modules.dep
}

make_locales() { # ROOT
	local r=$1 name
	mkdir -p "$r"/usr/share/zoneinfo/{Etc,Europe,America,Asia}
	zone_file UTC UTC0 > "$r/usr/share/zoneinfo/Etc/UTC"
	ln "$r/usr/share/zoneinfo/Etc/UTC" "$r/usr/share/zoneinfo/UTC"
	zone_file GMT 'GMT0BST,M3.5.0/1,M10.5.0' > "$r/usr/share/zoneinfo/Europe/London"
	zone_file CET 'CET-1CEST,M3.5.0,M10.5.0/3' > "$r/usr/share/zoneinfo/Europe/Berlin"
	zone_file EST 'EST5EDT,M3.2.0,M11.1.0' > "$r/usr/share/zoneinfo/America/New_York"
	zone_file IST 'IST-5:30' > "$r/usr/share/zoneinfo/Asia/Kolkata"
	put "$r" etc/timezone <<< Europe/London
	ln -s /usr/share/zoneinfo/Europe/London "$r/etc/localtime"
	put "$r" usr/share/i18n/SUPPORTED <<< $'de_DE.UTF-8 UTF-8\nen_GB.UTF-8 UTF-8\nen_US.UTF-8 UTF-8\nfr_FR.UTF-8 UTF-8'
	for name in de_DE en_GB en_US fr_FR; do put "$r" usr/share/i18n/locales/$name <<< "comment_char %"; done
	put "$r" etc/locale.gen <<< $'# One locale per line.\n# de_DE.UTF-8 UTF-8\nen_GB.UTF-8 UTF-8\n# en_US.UTF-8 UTF-8\n# fr_FR.UTF-8 UTF-8'
	put "$r" etc/default/locale <<< LANG=en_GB.UTF-8
	put "$r" etc/default/keyboard <<-'END'
		# Keyboard settings of this machine.
		XKBMODEL="pc105"
		XKBLAYOUT="gb"
		XKBVARIANT=""
		XKBOPTIONS=""
		BACKSPACE="guess"
	END
	put "$r" usr/share/X11/xkb/rules/base.lst <<< $'! layout\n  us              English (US)\n  gb              English (UK)\n  de              German\n  fr              French'
}

make_services() { # ROOT
	local r=$1 units=$1/usr/lib/systemd/system name
	mkdir -p "$units"
	for name in ssh.service getty@.service serial-getty@.service networking.service nfs-kernel-server.service; do
		put "$units" "$name" <<-END
			[Unit]
			Description=Stand-in for $name

			[Service]
			ExecStart=/bin/true

			[Install]
			WantedBy=$(case $name in *getty*) echo getty.target ;; *) echo multi-user.target ;; esac)
		END
	done
	echo Alias=sshd.service >> "$units/ssh.service"
	for name in multi-user getty network-pre network-online basic sysinit; do
		put "$units" "$name.target" <<< $'[Unit]\nDescription='"$name"
	done
	is_stock_with_manager || enable "$r" multi-user.target networking.service
	add_first_boot "$r"
	if from trixie; then
		add_cloud_init "$r"
		add_usb_gadget_tool "$r"
		put "$r" etc/rpi/swap.conf <<< $'[Main]\n#Mechanism=auto'
	fi
	if from bullseye; then add_user_wizard "$r"; else enable "$r" getty.target getty@tty1.service getty@.service; fi
}

# The programs that the first starts run once: Tests/System/first-boots plays them.
add_first_boot() { # ROOT
	local r=$1
	copy_tree "$FIXTURES/raspios/all" "$r"
	if ! from bullseye; then
		copy_tree "$FIXTURES/raspios/buster" "$r"
	elif ! from trixie; then
		copy_tree "$FIXTURES/raspios/bullseye" "$r"
		! from bookworm || copy_tree "$FIXTURES/raspios/bookworm" "$r"
	fi
	if from trixie; then
		rm -r "$r/etc/init.d" "$r/usr/lib/raspberrypi-sys-mods/regenerate_ssh_host_keys"
		add_resize_units "$r"
	else
		mkdir -p "$r/etc/rc3.d"
		ln -s ../init.d/resize2fs_once "$r/etc/rc3.d/S01resize2fs_once"
	fi
	add_ssh_units "$r"
}

# The unit that opens ssh on request of the boot partition.
add_ssh_switch() { # ROOT
	local r=$1
	put "$r" usr/lib/systemd/system/sshswitch.service <<-END
		[Unit]
		Description=Turn on the SSH server when the boot partition asks for it
		RequiresMountsFor=$FW
		ConditionPathExistsGlob=|$FW/ssh
		ConditionPathExistsGlob=|$FW/ssh.txt
		$(from trixie || echo After=regenerate_ssh_host_keys.service)

		[Service]
		Type=oneshot
		ExecStart=/usr/lib/raspberrypi-sys-mods/sshswitch

		[Install]
		WantedBy=multi-user.target
	END
	enable "$r" multi-user.target sshswitch.service
}

# And the one that makes host keys.
add_ssh_units() { # ROOT
	local r=$1
	if from trixie; then add_key_unit_of_debian "$r"; fi
	add_ssh_switch "$r"
	! from trixie || return 0
	put "$r" usr/lib/systemd/system/regenerate_ssh_host_keys.service <<-'END'
		[Unit]
		Description=Make new SSH host keys at the first boot
		Before=ssh.service

		[Service]
		Type=oneshot
		ExecStart=/usr/lib/raspberrypi-sys-mods/regenerate_ssh_host_keys

		[Install]
		WantedBy=multi-user.target
	END
	enable "$r" multi-user.target regenerate_ssh_host_keys.service
}

add_user_wizard() { # ROOT: asks for a user name on the first start
	local r=$1
	copy_tree "$FIXTURES/raspios/userconf" "$r"
	put "$r" usr/lib/systemd/system/userconfig.service <<-'END'
		[Unit]
		Description=User configuration dialog
		Conflicts=getty@tty1.service

		[Service]
		Type=oneshot
		ExecStart=/usr/lib/userconf-pi/userconf-service

		[Install]
		WantedBy=multi-user.target
	END
	enable "$r" multi-user.target userconfig.service
	put "$r" etc/ssh/sshd_config.d/rename_user.conf <<< 'Banner /usr/share/userconf-pi/sshd_banner'
	put "$r" usr/share/userconf-pi/sshd_banner <<< 'Set up a user first: no login is possible yet.'
}

make_network() { # ROOT
	local r=$1
	is_stock_with_manager ||
		put "$r" etc/network/interfaces <<< $'# see interfaces.d\nsource /etc/network/interfaces.d/*'
	put "$r" etc/resolv.conf <<< 'nameserver 8.8.8.8'
	if ! from trixie; then
		put "$r" etc/sysctl.conf <<< $'# Kernel settings, one key=value per line.\n#net.ipv4.tcp_syncookies=1\n#net.ipv6.conf.all.forwarding=1'
		ln -s ../sysctl.conf "$r/etc/sysctl.d/99-sysctl.conf"
	fi
	put "$r" etc/hosts.allow <<< '# who may connect'
	put "$r" etc/hosts.deny <<< '# who may not'
	put "$r" etc/wpa_supplicant/functions.sh <<< '# stand-in'
	put "$r" var/lib/systemd/rfkill/platform-3f300000.mmcnr:wlan <<< 1
	if from bookworm; then
		put "$r" etc/NetworkManager/NetworkManager.conf <<< $'[main]\nplugins=ifupdown,keyfile\n\n[ifupdown]\nmanaged=false'
		mkdir -p "$r"/etc/NetworkManager/{conf.d,dispatcher.d,system-connections}
		chmod 700 "$r/etc/NetworkManager/system-connections"
		put "$r" var/lib/NetworkManager/NetworkManager.state <<< $'[main]\nNetworkingEnabled=true\nWirelessEnabled=false\nWWANEnabled=true'
		is_stock_with_manager || put "$r" etc/dhcp/dhclient.conf <<-'END'
			# What the DHCP client asks for.
			option rfc3442-classless-static-routes code 121 = array of unsigned integer 8;
			send host-name = gethostname();
			request subnet-mask, broadcast-address, time-offset, routers,
				domain-name, domain-name-servers, host-name, interface-mtu,
				rfc3442-classless-static-routes;
		END
	else
		put "$r" etc/wpa_supplicant/wpa_supplicant.conf 600 <<< $'ctrl_interface=DIR=/var/run/wpa_supplicant GROUP=netdev\nupdate_config=1'
		put "$r" etc/dhcpcd.conf <<-'END'
			# Settings of the DHCP client daemon.
			hostname
			clientid
			persistent
			option rapid_commit
			option domain_name_servers, domain_name, domain_search, host_name
			option interface_mtu
			require dhcp_server_identifier
			slaac private

			# A fixed address would look like this:
			#interface eth0
			#static ip_address=192.168.0.10/24
		END
	fi
	put "$r" etc/ssh/sshd_config <<-END
		# Settings of the SSH server.
		$(if from bullseye; then echo 'Include /etc/ssh/sshd_config.d/*.conf'; fi)
		#Port 22
		#PermitRootLogin prohibit-password
		#PubkeyAuthentication yes
		#PasswordAuthentication yes
		KbdInteractiveAuthentication no
		UsePAM yes
		X11Forwarding yes
		AcceptEnv LANG LC_*
		Subsystem	sftp	/usr/lib/openssh/sftp-server
	END
	put "$r" etc/modules <<< '# modules to load at boot, one per line'
}

# Directories of many entries: /etc as on a real system needs an index, the other two
# are there for their size.
make_crowds() { # ROOT
	local r=$1 i
	mkdir -p "$r/usr/share/doc/stand-in"
	for i in {100..399}; do
		: > "$r/etc/stand-in-package-$i.conf"
		: > "$r/usr/lib/systemd/system/stand-in-unit-number-$i.service"
		: > "$r/usr/share/doc/stand-in/changelog.of.version-0.$i.txt"
		: > "$r/usr/share/doc/stand-in/Notes.for.version-0.$i.txt"
	done
}

# Where these files were in earlier releases there are only notes now.
add_moved_notes() { # ROOT
	local name
	for name in cmdline.txt config.txt; do
		put "$1" boot/$name <<< "NOTHING READS THIS FILE. The one in use is /boot/firmware/$name"
	done
}

make_raspios_root() { # ROOT HOSTNAME
	local r=$1
	make_skeleton "$r"
	make_accounts "$r"
	make_identity "$r" "$2"
	make_programs "$r"
	make_locales "$r"
	make_services "$r"
	make_network "$r"
	make_crowds "$r"
	chmod 1777 "$r/tmp" "$r/var/tmp"
	chmod 2775 "$r/var/mail"
	if from bookworm; then add_moved_notes "$r"; fi
	noise 'a larger file' 3000000 | put "$r" usr/lib/libstand-in.so.1.0
	truncate -s 5M "$r/var/cache/with-holes"
	printf end >> "$r/var/cache/with-holes"
}

stock_command_line() { # prints the words before any init=
	local words="console=serial0,115200 console=tty1 root=PARTUUID=$ROOT_PARTUUID rootfstype=ext4"
	from bullseye || words+=" elevator=deadline"
	words+=" fsck.repair=yes rootwait"
	if from trixie; then echo "$words resize"; else echo "$words quiet"; fi
}

stock_init() { # prints the init= argument of an untouched image
	if from trixie; then
		:
	elif from bullseye; then
		echo " init=/usr/lib/raspberrypi-sys-mods/firstboot"
	else
		echo " init=/usr/lib/raspi-config/init_resize.sh"
	fi
}

make_config() {
	cat <<-'END'
		# Settings the firmware reads before Linux starts.

		# Uncomment what your display needs
		#hdmi_safe=1
		#disable_overscan=1
		#framebuffer_width=1280
		#hdmi_drive=2

		# Optional buses
		#dtparam=i2c_arm=on
		#dtparam=i2s=on
		#dtparam=spi=on

		# Sound through snd_bcm2835
		dtparam=audio=on
	END
	if ! from bullseye; then
		printf '\n[pi4]\ndtoverlay=vc4-fkms-v3d\nmax_framebuffers=2\n\n[all]\n#dtoverlay=vc4-fkms-v3d\n'
		return
	fi
	cat <<-'END'

		# Cameras and displays that announce themselves
		camera_auto_detect=1
		display_auto_detect=1

		# Graphics driver of Linux
		dtoverlay=vc4-kms-v3d
		max_framebuffers=2
	END
	if from bookworm; then printf '\n# Load the initramfs that goes with the kernel\nauto_initramfs=1\n'; fi
	if [ "$ARCH" = arm64 ] || from trixie; then printf '\narm_64bit=1\n'; fi
	cat <<-'END'

		disable_overscan=1

		[cm4]
		# USB host of the CM4, not to be used with older boards' dwc2
		otg_mode=1

	END
	if from bookworm; then printf '[cm5]\ndtoverlay=dwc2,dr_mode=host\n\n'; else printf '[pi4]\n# As fast as the board allows\narm_boost=1\n\n'; fi
	printf '[all]\n'
}

make_kernel() { # NAME VERSION BYTES: what a kernel says of itself, between noise
	noise "$1 $RELEASE" "$3"
	printf 'Linux version %s (stand-in) #1\0' "$2"
	noise "$1" 4096
}

make_kernels() { # BOOT
	local b=$1
	if from trixie; then
		if [ "$ARCH" = armhf ]; then
			make_kernel kernel 6.12.47+rpt-rpi-v6 307200 > "$b/kernel.img"
			make_kernel kernel7 6.12.47+rpt-rpi-v7 307200 > "$b/kernel7.img"
		fi
		make_kernel kernel8 6.12.47+rpt-rpi-v8 204800 | gzip -n > "$b/kernel8.img"
		return
	fi
	if [ "$ARCH" = armhf ]; then
		make_kernel kernel 6.1.21+ 307200 > "$b/kernel.img"
		make_kernel kernel7 6.1.21-v7+ 307200 > "$b/kernel7.img"
	fi
	if from bullseye; then make_kernel kernel8 6.1.21-v8+ 204800 | gzip -n > "$b/kernel8.img"; fi
}

make_raspios_boot() { # BOOT
	local b=$1 name
	mkdir -p "$b/overlays"
	make_kernels "$b"
	if from trixie; then add_seed "$b"; fi
	noise "start.elf $RELEASE" 307200 > "$b/start.elf"
	for name in start_cd.elf start4.elf start4cd.elf bootcode.bin; do noise "$name $RELEASE" 51200 > "$b/$name"; done
	for name in fixup.dat fixup_cd.dat fixup4.dat fixup4cd.dat; do noise "$name $RELEASE" 7168 > "$b/$name"; done
	if from bookworm; then
		for name in initramfs initramfs7 initramfs8; do
			if [ "$ARCH" = armhf ] || [ $name = initramfs8 ]; then noise "$name $RELEASE" 102400 > "$b/$name"; fi
		done
	fi
	for name in bcm2708-rpi-zero bcm2708-rpi-zero-w bcm2708-rpi-b-plus bcm2710-rpi-3-b bcm2710-rpi-zero-2 \
		bcm2710-rpi-zero-2-w bcm2711-rpi-4-b bcm2711-rpi-cm4; do
		noise "$name $RELEASE" 30000 > "$b/$name.dtb"
	done
	for name in dwc2 disable-bt vc4-kms-v3d vc4-fkms-v3d i2c-gpio gpio-fan uart0 \
		hifiberry-dacplusadcpro pi3-disable-wifi sc16is752-spi1; do
		noise "$name" 1200 > "$b/overlays/$name.dtbo"
	done
	noise overlay_map 3000 > "$b/overlays/overlay_map.dtb"
	put "$b" overlays/README <<< 'One file per overlay.'
	put "$b" issue.txt <<< "Stand-in for Raspberry Pi OS $RELEASE, $ARCH"
	put "$b" LICENCE.broadcom <<< 'Stand-in: there is no firmware here.'
	put "$b" cmdline.txt <<< "$(stock_command_line)$(stock_init)"
	make_config | put "$b" config.txt
}
