# shellcheck shell=bash
# real.sh - a bootable Debian root tree, kept as a tar archive in the user's cache: bookworm
# for armel, which runs on the ARMv6 of a Pi Zero, and trixie for armhf, which runs on a Pi 2.
# Needs root.

readonly REAL_COMMON=systemd,systemd-sysv,systemd-timesyncd,udev,dbus,libpam-systemd,openssh-server,sudo,busybox,initramfs-tools,kmod,klibc-utils,iproute2,iputils-ping,netbase,ca-certificates,procps,less,nano,e2fsprogs,dosfstools,fdisk,parted,nfs-common,tzdata

# Sets what depends on RELEASE.
real_recipe() {
	REAL_SUITE=$RELEASE
	case $RELEASE in
	trixie)
		REAL_ARCH=armhf REAL_KERNEL_TREES=(bcm2836-rpi-2-b)
		REAL_PACKAGES=$REAL_COMMON,network-manager,nftables,cloud-init,linux-image-armmp
		;;
	*)
		REAL_ARCH=armel REAL_KERNEL_TREES=(bcm2835-rpi-zero bcm2835-rpi-zero-w bcm2835-rpi-b-plus)
		REAL_PACKAGES=${REAL_COMMON/openssh-server,/openssh-server,ifupdown,isc-dhcp-client,bridge-utils,},linux-image-rpi
		;;
	esac
}

# armel programs run here through qemu-user; without systemd nobody registers it.
real_enable_binfmt() {
	local dir=/proc/sys/fs/binfmt_misc
	[ "$(dpkg --print-architecture)" = "$REAL_ARCH" ] && return
	[ -e $dir/register ] || mount -t binfmt_misc binfmt_misc $dir
	[ -e $dir/qemu-arm ] || printf '%s' "$(cat /usr/lib/binfmt.d/qemu-arm.conf)" > $dir/register
	arch-test "$REAL_ARCH" > /dev/null || die "$EXIT_TOOL" "programs for $REAL_ARCH do not run here"
}

# Runs once all packages are in: mmdebstrap passes the tree as $1.
real_write_hook() {
	cat <<'HOOK'
#!/bin/bash
set -euo pipefail
tree=$1
in_tree() { chroot "$tree" "$@"; }
in_tree useradd --create-home --shell /bin/bash --uid 1000 --user-group pi
in_tree usermod --append --groups sudo,adm,dialout,plugdev,users,video,audio pi
in_tree usermod --password '!' pi
in_tree passwd --quiet --lock root
in_tree systemctl disable ssh.service ssh.socket e2scrub_reap.service \
	e2scrub_all.timer apt-daily.timer apt-daily-upgrade.timer
printf '%s\n' bcm2835_dma bcm2835 sdhci_iproc mmc_block ext4 crc32c_generic \
	vfat nls_cp437 nls_ascii nls_iso8859_1 > "$tree/etc/initramfs-tools/modules"
in_tree update-initramfs -c -k "$(basename "$tree"/lib/modules/*)"
: > "$tree/etc/machine-id"
: > "$tree/etc/resolv.conf"
ln -sfn /etc/machine-id "$tree/var/lib/dbus/machine-id"
# A board without a clock starts counting from this file's date.
touch -d "@$SOURCE_DATE_EPOCH" "$tree/usr/lib/clock-epoch"
rm -f "$tree"/etc/ssh/ssh_host_* "$tree/etc/apt/apt.conf.d/99mmdebstrap" \
	"$tree/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
rm -rf "$tree"/var/lib/apt/lists/* "$tree"/var/cache/apt/*.bin "$tree"/var/log/*.log \
	"$tree"/var/log/apt/* "$tree/var/cache/ldconfig/aux-cache" \
	"$tree/var/lib/systemd/catalog/database"
HOOK
}

real_run_mmdebstrap() { # OUT.tar WORKDIR MIRROR
	local out=$1 work=$2 mirror=$3 sources
	sources=("deb $mirror $REAL_SUITE main")
	[ "$REAL_SUITE" = trixie ] || sources+=("deb $mirror $REAL_SUITE-updates main")
	# Under qemu-user each initramfs takes long: INITRD=No leaves it to the hook.
	# shellcheck disable=SC2016 # for mmdebstrap to expand
	INITRD=No PIFORGE_INITRAMFS_CONF=$work/initramfs.conf \
		mmdebstrap --quiet --mode=root --arch="$REAL_ARCH" --variant=minbase --format=tar \
		--aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Languages "none"' \
		--aptopt='Apt::Install-Recommends "false"' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-include=/usr/share/doc/*/copyright' \
		--essential-hook='install -D -m 644 "$PIFORGE_INITRAMFS_CONF" "$1/etc/initramfs-tools/conf.d/pi"' \
		--essential-hook='cp -R "$PIFORGE_INITRAMFS_CONF.d/." "$1/etc/initramfs-tools/"' \
		--include="$REAL_PACKAGES" --customize-hook="$work/hook" \
		"$REAL_SUITE" "$out" "${sources[@]}"
}

# The word `resize` on the kernel's line: the initramfs makes the root partition fill the card. By sfdisk, which keeps the
# disk's id, by which the kernel's line names that partition; parted gives the disk another one.
real_write_growth() { # FOLDER
	mkdir -p "$1/hooks" "$1/scripts/local-premount"
	cat > "$1/hooks/growth" <<-'END'
		#!/bin/sh
		[ "${1:-}" != prereqs ] || exit 0
		. /usr/share/initramfs-tools/hook-functions
		copy_exec /sbin/sfdisk
	END
	cat > "$1/scripts/local-premount/growth" <<-'END'
		#!/bin/sh
		[ "${1:-}" != prereqs ] || exit 0
		case " $(cat /proc/cmdline) " in *' resize '*) ;; *) exit 0 ;; esac
		. /scripts/functions
		wait_for_udev 10
		echo ', +' | sfdisk --quiet -N 2 /dev/mmcblk0 || :
		wait_for_udev 10
	END
	chmod 755 "$1/hooks/growth" "$1/scripts/local-premount/growth"
}

# Makes the tree's archive unless the cache has one for this very recipe, and prints its
# name. Its time is the date of the Debian release that it came from.
real_rootfs() { # CACHEDIR WORKDIR
	local cache=$1 work=$2 key mirror tar
	real_write_hook > "$work/hook"; chmod 755 "$work/hook"
	printf '%s\n' MODULES=list COMPRESS=gzip FSTYPE=ext4 > "$work/initramfs.conf"
	mkdir -p "$work/initramfs.conf.d"
	[ "$RELEASE" != trixie ] || real_write_growth "$work/initramfs.conf.d"
	key=$({
		cat "$work/hook" "$work/initramfs.conf" - <<< "$REAL_PACKAGES"
		find "$work/initramfs.conf.d" -type f -exec cat {} +
	} | sha256sum | cut -c1-12)
	tar=$cache/rootfs-$REAL_SUITE-$REAL_ARCH-$key.tar
	if [ ! -s "$tar" ]; then
		real_enable_binfmt
		mkdir -p "$cache"
		mirror=$(debian_mirror)
		mirror=${mirror:-http://deb.debian.org/debian}
		SOURCE_DATE_EPOCH=$(date -u +%s -d "$(curl -fsS "$mirror/dists/$REAL_SUITE/InRelease" | awk '/^Date: / && !seen++ { sub("Date: ", ""); print }')")
		export SOURCE_DATE_EPOCH
		say "making $tar with mmdebstrap (minutes)"
		real_run_mmdebstrap "$tar.part" "$work" "$mirror" >&2
		touch -d "@$SOURCE_DATE_EPOCH" "$tar.part"
		mv "$tar.part" "$tar"
	fi
	echo "$tar"
}

# What Raspberry Pi OS brings and Debian does not, as far as a conversion meets it.
real_add_raspios() { # ROOT
	local r=$1 link
	put "$r" etc/hostname <<< raspberrypi
	put "$r" etc/hosts <<-'END'
		127.0.0.1	localhost
		::1		localhost ip6-localhost ip6-loopback
		ff02::1		ip6-allnodes
		ff02::2		ip6-allrouters

		127.0.1.1	raspberrypi
	END
	put "$r" etc/fstab <<-END
		proc            /proc           proc    defaults          0       0
		PARTUUID=$BOOT_PARTUUID  $FW  vfat    defaults          0       2
		PARTUUID=$ROOT_PARTUUID  /               ext4    defaults,noatime  0       1
	END
	put "$r" etc/rpi-issue <<< "Debian $REAL_SUITE $REAL_ARCH as a test card"
	if [ "$RELEASE" != trixie ]; then
		put "$r" etc/network/interfaces <<< $'# see interfaces.d\nsource /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback'
		put "$r" etc/sudoers.d/010_pi-nopasswd 440 <<< 'pi ALL=(ALL) NOPASSWD: ALL'
	fi
	put "$r" etc/default/keyboard <<< $'XKBMODEL="pc105"\nXKBLAYOUT="gb"\nXKBVARIANT=""\nXKBOPTIONS=""\nBACKSPACE="guess"'
	put "$r" etc/default/locale <<< LANG=C.UTF-8
	# no graphics in QEMU: its drivers would only slow the start down
	put "$r" etc/modprobe.d/headless.conf <<< $'blacklist vc4\nblacklist snd_soc_hdmi_codec\nblacklist bcm2835_v4l2'
	# eth0 and usb0 keep their names
	mkdir -p "$r/etc/systemd/network" "$r$FW"
	for link in 99-default.link 73-usb-net-by-mac.link; do ln -sfn /dev/null "$r/etc/systemd/network/$link"; done
	add_moved_notes "$r"
	if [ "$RELEASE" = trixie ]; then
		real_add_trixie "$r"
		return
	fi
	add_first_boot "$r"
	# Debian's initramfs does not have it: firstboot does its part
	rm "$r/usr/share/initramfs-tools/scripts/local-premount/firstboot"
	real_add_uplink "$r"
}

# As Raspberry Pi OS has it: cloud-init with a seed that says nothing, and first starts by systemd's idea of them.
real_add_trixie() { # ROOT
	copy_tree "$FIXTURES/raspios/all" "$1"
	rm -r "$1/etc/init.d/resize2fs_once" "$1/usr/lib/raspberrypi-sys-mods/regenerate_ssh_host_keys"
	# mmdebstrap leaves an empty one, whatever a hook wrote
	put "$1" etc/machine-id 444 <<< uninitialized
	put "$1" etc/cloud/cloud.cfg.d/99_raspberry-pi.cfg <<-'END'
		datasource_list: [ NoCloud, None ]
		datasource:
		  NoCloud:
		    seedfrom: file:///boot/firmware
		system_info:
		  default_user:
		    name: pi
		    lock_passwd: True
		    sudo: ["ALL=(ALL) NOPASSWD:ALL"]
	END
	add_resize_units "$1"
	add_ssh_switch "$1"
}

# Stands in for NetworkManager: it brings up what interfaces.d does not name.
real_add_uplink() { # ROOT
	put "$1" etc/udev/rules.d/95-uplink.rules <<-'END'
		# Network cards that ifupdown is not told about get an address as well.
		SUBSYSTEM=="net", ACTION=="add", KERNEL=="eth0|usb0", TAG+="systemd", ENV{SYSTEMD_WANTS}+="uplink@%k.service"
	END
	put "$1" usr/lib/systemd/system/uplink@.service <<-'END'
		[Unit]
		Description=Address for %i unless ifupdown looks after it
		After=networking.service

		[Service]
		Type=forking
		ExecCondition=/bin/sh -c '! grep -Eqrs "^(auto|allow-hotplug|iface) +%i( |$)" /etc/network/interfaces.d'
		ExecStart=/sbin/dhclient -4 -q -pf /run/uplink.%i.pid -lf /var/lib/dhcp/uplink.%i.leases %i
		PIDFile=/run/uplink.%i.pid
	END
}

real_make_boot() { # ROOT BOOT
	local r=$1 b=$2 version name
	version=$(basename "$r"/lib/modules/*)
	mkdir -p "$b/overlays"
	cp "$r/boot/vmlinuz-$version" "$b/kernel.img"
	cp "$r/boot/initrd.img-$version" "$b/initramfs"
	for name in "${REAL_KERNEL_TREES[@]}"; do
		cp "$r/usr/lib/linux-image-$version/$name.dtb" "$b/$(sed -e 's/bcm2835/bcm2708/' -e 's/bcm2836/bcm2709/' <<< "$name").dtb"
	done
	if [ "$RELEASE" = trixie ]; then
		for name in kernel initramfs; do
			[ ! -e "$b/$name.img" ] || mv "$b/$name.img" "$b/${name}7.img"
			[ ! -e "$b/$name" ] || mv "$b/$name" "$b/${name}7"
		done
		# no Zero takes this kernel, and the gate wants a node's files
		for name in bcm2710-rpi-zero-2-w bcm2708-rpi-zero; do noise "$name" 7168 > "$b/$name.dtb"; done
		noise kernel 7168 > "$b/kernel.img"
		add_seed "$b"
	fi
	for name in start.elf start_cd.elf fixup.dat fixup_cd.dat bootcode.bin; do noise "$name" 7168 > "$b/$name"; done
	for name in dwc2 disable-bt vc4-kms-v3d i2c-gpio; do noise "$name" 1200 > "$b/overlays/$name.dtbo"; done
	put "$b" overlays/README <<< 'One file per overlay.'
	put "$b" issue.txt <<< "Debian $REAL_SUITE $REAL_ARCH as a test card"
	# nothing chains a resize here: the rest of the line is Raspberry Pi OS's
	put "$b" cmdline.txt <<< "$(stock_command_line)"
	make_config | put "$b" config.txt
}

make_real() { # WORKDIR
	local work=$1 tar
	[ "$(id -u)" = 0 ] || die 1 "--real needs root"
	need_tools mmdebstrap arch-test curl tar
	real_recipe
	tar=$(real_rootfs "${XDG_CACHE_HOME:-$HOME/.cache}/piforge-test" "$work")
	SOURCE_DATE_EPOCH=$(stat -c %Y "$tar")
	export SOURCE_DATE_EPOCH
	mkdir "$work/root"
	tar --numeric-owner --xattrs --xattrs-include='*' -xpf "$tar" -C "$work/root"
	real_add_raspios "$work/root"
	real_make_boot "$work/root" "$work/boot"
	if [ "$KIND" != stock ]; then add_clusterctrl "$work/root" "$work/boot" "$KIND"; fi
	make_fat "$work/boot.fat" "$work/boot"
	OWNERS=tree make_ext4 "$work/root.ext4" "$work/root"
	assemble_image "$OUT" "$work/boot.fat" "$work/root.ext4"
}
