#!/bin/sh
# init_resize.sh - the first start of a Raspberry Pi, in place of systemd: a larger root partition, a new disk id, and
# a restart. In our own words, after raspi-config of buster.

restart() {
	umount /boot
	mount / -o remount,ro
	sync
	echo b > /proc/sysrq-trigger
	sleep 5
	exit 0
}

get_variables() {
	root_part=$(findmnt / -no source)
	root_disk=/dev/$(lsblk -no pkname "$root_part")
	root_number=$(cat "/sys/block/${root_disk##*/}/${root_part##*/}/partition")
	old_id=$(fdisk -l "$root_disk" | sed -n 's/^Disk identifier: 0x\([^ ]*\)/\1/p')
	last_number=$(parted -sm "$root_disk" unit s print | tail -n 1 | cut -d : -f 1)
}

random_id() { dd if="$1" bs=4 count=1 status=none 2> /dev/null | od -An -tx4 | tr -d ' '; }

# An emulated Pi has a hwrng that gives nothing.
change_id() {
	new_id=$(random_id /dev/hwrng)
	[ -n "$new_id" ] || new_id=$(random_id /dev/urandom)
	printf 'x\ni\n0x%s\nr\nw\n' "$new_id" | fdisk "$root_disk" > /dev/null
	sed -i "s/$old_id/$new_id/g" /etc/fstab
	sed -i "s/$old_id/$new_id/" /boot/cmdline.txt
}

mount -t proc proc /proc 2> /dev/null
mount -t sysfs sys /sys 2> /dev/null
mount -t tmpfs tmp /run 2> /dev/null
mkdir -p /run/systemd
mount /boot
mount / -o remount,rw
sed -i 's| quiet init=/usr/lib/raspi-config/init_resize\.sh||; s| init=/usr/lib/raspi-config/init_resize\.sh||' \
	/boot/cmdline.txt
sync

get_variables
if [ "$root_number" = "$last_number" ]; then
	parted -sm "$root_disk" unit s resizepart "$root_number" 100% || echo "The root partition cannot grow."
	change_id
	partprobe "$root_disk"
else
	echo "The root partition is not the last one."
fi
restart
