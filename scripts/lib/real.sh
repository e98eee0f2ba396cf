# shellcheck shell=bash
# real.sh - a bootable Debian root tree (bookworm, armel: runs on the ARMv6 of a
# Pi Zero), kept as a tar archive in the user's cache. Needs root.

readonly REAL_SUITE=bookworm REAL_ARCH=armel
readonly REAL_PACKAGES=systemd,systemd-sysv,systemd-timesyncd,udev,dbus,libpam-systemd,openssh-server,ifupdown,isc-dhcp-client,bridge-utils,sudo,busybox,initramfs-tools,kmod,klibc-utils,iproute2,iputils-ping,netbase,ca-certificates,procps,less,nano,e2fsprogs,dosfstools,fdisk,parted,tzdata,linux-image-rpi

# The archive that apt on this machine uses for Debian itself.
real_mirror() {
	apt-get indextargets --format '$(REPO_URI) $(RELEASE)' |
		awk '$2 !~ /security|updates|backports/ && $1 ~ /debian\/?$/ { sub("/$", "", $1); print $1; exit }'
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
	local out=$1 work=$2 mirror=$3
	# Under qemu-user each initramfs takes long: INITRD=No leaves it to the hook.
	INITRD=No PIFORGE_INITRAMFS_CONF=$work/initramfs.conf \
		mmdebstrap --quiet --mode=root --arch="$REAL_ARCH" --variant=minbase --format=tar \
		--aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Languages "none"' \
		--aptopt='Apt::Install-Recommends "false"' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-include=/usr/share/doc/*/copyright' \
		--essential-hook='install -D -m 644 "$PIFORGE_INITRAMFS_CONF" "$1/etc/initramfs-tools/conf.d/pi"' \
		--include="$REAL_PACKAGES" --customize-hook="$work/hook" \
		"$REAL_SUITE" "$out" \
		"deb $mirror $REAL_SUITE main" "deb $mirror $REAL_SUITE-updates main"
}

# Makes the tree's archive unless the cache has one for this very recipe, and sets
# REAL_TAR and SOURCE_DATE_EPOCH (the date of the Debian release it came from).
real_prepare_rootfs() { # CACHEDIR WORKDIR
	local cache=$1 work=$2 key mirror
	real_write_hook > "$work/hook"; chmod 755 "$work/hook"
	printf '%s\n' MODULES=list COMPRESS=gzip FSTYPE=ext4 > "$work/initramfs.conf"
	key=$(cat "$work/hook" "$work/initramfs.conf" - <<< "$REAL_PACKAGES" | sha256sum | cut -c1-12)
	REAL_TAR=$cache/rootfs-$REAL_SUITE-$REAL_ARCH-$key.tar
	if [ ! -s "$REAL_TAR" ]; then
		real_enable_binfmt
		mkdir -p "$cache"
		mirror=$(real_mirror)
		[ -n "$mirror" ] || die "$EXIT_TOOL" "apt knows no Debian archive (run apt-get update)"
		SOURCE_DATE_EPOCH=$(date -u +%s -d "$(curl -fsS "$mirror/dists/$REAL_SUITE/InRelease" | awk '/^Date: / && !seen++ { sub("Date: ", ""); print }')")
		export SOURCE_DATE_EPOCH
		say "making $REAL_TAR with mmdebstrap (minutes)"
		real_run_mmdebstrap "$REAL_TAR.part" "$work" "$mirror"
		touch -d "@$SOURCE_DATE_EPOCH" "$REAL_TAR.part"
		mv "$REAL_TAR.part" "$REAL_TAR"
	fi
	SOURCE_DATE_EPOCH=$(stat -c %Y "$REAL_TAR")
	export SOURCE_DATE_EPOCH
}
