# shellcheck shell=bash
# clusterctrl.sh - puts the ClusterCTRL layer on a stand-in or real Debian tree, as it
# is in a published image that never ran: a bridging controller whose type word in
# cmdline.txt says what it is to become.

# Copies a tree of this directory with plain modes, whatever the checkout's umask.
copy_tree() { # FROM TO
	local file mode
	(cd "$1" && find . -type f -printf '%P\n') | while IFS= read -r file; do
		mode=644
		[ ! -x "$1/$file" ] || mode=755
		install -D -m "$mode" "$1/$file" "$2/$file"
	done
}

# Of busybox no more than the names of its applets.
add_busybox() { # ROOT
	{
		elf_stub
		printf '\0%s' cat chroot ifconfig insmod ip ln losetup mkdir mount mv rm route sh sleep switch_root \
			truncate umount uname
		printf '\0'
	} | put "$1" usr/bin/busybox 755
}

add_dhcpcd_fallback() { # FILE
	cat >> "$1" <<-'END'
		reboot 15
		denyinterfaces ethpi* ethupi* ethupi*.10 brint eth0 usb0.10

		profile clusterctrl_fallback_usb0
		static ip_address=172.19.181.253/24 #ClusterCTRL
		static routers=172.19.181.254
		static domain_name_servers=8.8.8.8 208.67.222.222

		profile clusterctrl_fallback_br0
		static ip_address=172.19.181.254/24
		static domain_name_servers=8.8.8.8 208.67.222.222

		interface usb0
		fallback clusterctrl_fallback_usb0

		interface br0
		fallback clusterctrl_fallback_br0
	END
}

add_dhclient_fallback() { # FILE
	cat >> "$1" <<-'END'
		# START ClusterCTRL config
		timeout 10;
		initial-interval 2;
		lease {
		  interface "usb0";
		  fixed-address 172.19.181.253; # ClusterCTRL Px
		  option subnet-mask 255.255.255.0;
		  option routers 172.19.181.254;
		  option domain-name-servers 8.8.8.8;
		  renew never;
		  rebind never;
		  expire never;
		}
		lease {
		  interface "br0";
		  fixed-address 172.19.181.254;
		  option subnet-mask 255.255.255.0;
		  option domain-name-servers 8.8.8.8;
		  renew never;
		  rebind never;
		  expire never;
		}
		# END ClusterCTRL config
	END
}

add_config_tail() { # FILE
	printf '%s\n' enable_uart=1 dtparam=i2c_arm=on >> "$1"
	if from bookworm; then
		printf '%s\n' dtoverlay=dwc2,dr_mode=host >> "$1"
	else
		printf '%s\n' '#dtoverlay=dwc2,dr_mode=peripheral' >> "$1"
	fi
	! from bullseye || printf '%s\n' '[pi4]' 'otg_mode=1 # Controller only' >> "$1"
	! from bookworm || printf '%s\n' '[cm4]' 'otg_mode=0 # Unless CM4' >> "$1"
	! from bullseye || printf '%s\n' '[all]' >> "$1"
}

add_exports() { # ROOT
	local slot
	mkdir -p "$1"/var/lib/clusterctrl/boot "$1"/var/lib/clusterctrl/nfs/p{1..252}
	for slot in {1..252}; do
		echo "/var/lib/clusterctrl/nfs/p$slot 172.19.180.$slot(rw,sync,no_subtree_check,no_root_squash)"
	done > "$1/etc/exports"
	ln -sfn "$FW/bootcode.bin" "$1/var/lib/clusterctrl/boot/bootcode.bin"
}

add_clusterctrl() { # ROOT BOOT TYPE_WORD
	local r=$1 b=$2 type=$3
	copy_tree "$FIXTURES/clusterctrl" "$r"
	# nfs-kernel-server brings it
	[ -n "$REAL" ] || elf_stub | put "$r" usr/sbin/mount.nfs 755
	chmod 640 "$r/etc/iptables/rules.v4"
	[ -e "$r/bin/busybox" ] || add_busybox "$r"
	install -m 755 "$FIXTURES/reconfig-oracle" "$r/usr/sbin/reconfig-clusterctrl"
	[ -e "$r/usr/share/clusterctrl/interfaces.bookworm.p" ]
	if ! from bookworm; then rm "$r"/usr/share/clusterctrl/interfaces.bookworm.*; fi
	echo cbridge > "$r/etc/hostname"
	sed -i $'s/^127\\.0\\.1\\.1.*/127.0.1.1\tcbridge/' "$r/etc/hosts"
	printf '%s\n' 'mountd: 172.19.180.' 'rpcbind: 172.19.180.' >> "$r/etc/hosts.allow"
	printf '%s\n' 'mountd: ALL' 'rpcbind: ALL' >> "$r/etc/hosts.deny"
	echo '#net.ipv4.ip_forward=1 # ClusterCTRL' >> "$r/etc/sysctl.conf"
	echo i2c-dev >> "$r/etc/modules"
	if [ -e "$r/etc/dhcpcd.conf" ]; then add_dhcpcd_fallback "$r/etc/dhcpcd.conf"; fi
	if [ -e "$r/etc/dhcp/dhclient.conf" ]; then add_dhclient_fallback "$r/etc/dhcp/dhclient.conf"; fi
	add_exports "$r"
	enable "$r" multi-user.target clusterctrl-init.service
	enable "$r" multi-user.target clusterctrl-rpiboot.service
	add_config_tail "$b/config.txt"
	sed -i -e 's# init=/usr/lib/[^ ]*##' -e "s#\$# init=/usr/sbin/reconfig-clusterctrl $type#" "$b/cmdline.txt"
}

# What is left on a card after the conversion and the first start.
age_system() { # ROOT BOOT TYPE
	local r=$1 b=$2 type=$3 name
	"$FIXTURES/reconfig-oracle" "$r" "$b" "$type"
	sed -i -e 's# init=[^ ]*##' -e 's# quiet##' "$b/cmdline.txt"
	rm -f "$r/etc/systemd/system/multi-user.target.wants/regenerate_ssh_host_keys.service" \
		"$r/etc/rc3.d/S01resize2fs_once" "$r/etc/init.d/resize2fs_once"
	for name in rsa ecdsa ed25519; do
		put "$r" "etc/ssh/ssh_host_${name}_key" 600 <<< "stand-in for the $name host key of $type"
		put "$r" "etc/ssh/ssh_host_${name}_key.pub" <<< "ssh-$name stand-in root@$type"
	done
	printf '%s' "$type" | sha256sum | cut -c1-32 > "$r/etc/machine-id"
	chmod 444 "$r/etc/machine-id"
	noise "$type" 512 | put "$r" var/lib/systemd/random-seed 600
	put "$r" "var/lib/dhcp/dhclient.usb0.leases" <<< 'default-duid "\000\001";'
	for name in lastlog wtmp auth.log "journal/$(cat "$r/etc/machine-id")/system.journal"; do
		put "$r" "var/log/$name" < /dev/null
	done
}
