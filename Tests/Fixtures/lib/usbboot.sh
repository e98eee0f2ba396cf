# shellcheck shell=bash
# usbboot.sh - a root tree as 8086 publishes it for nodes that boot over USB: a tar of
# the whole system, the boot files in their folder, no slot's yet.
#
# Uses: RELEASE, ARCH, FW, SOURCE_DATE_EPOCH.

add_initramfs_tools() { # ROOT
	put "$1" etc/initramfs-tools/initramfs.conf <<-'END'
		# which modules go in
		MODULES=most
		BUSYBOX=auto
		COMPRESS=zstd
	END
	put "$1" etc/initramfs-tools/modules <<< '# List of modules that you want to include in your initramfs.'
}

# The initramfs that a node finds under the names of its release's config.txt.
add_initramfs() { # BOOT
	local name ending=.img
	! from bookworm || ending=
	for name in initramfs initramfs7 initramfs7l initramfs8; do
		noise "usbboot $name" 65536 > "$1/$name$ending"
	done
}

# What tar cannot be told by name: pi's files, and the groups of two others.
pack_tree() { # ROOT OUT
	local root=$1 tar=(tar --format=gnu --numeric-owner --no-recursion --mtime="@$SOURCE_DATE_EPOCH" -C "$1" -f "$2")
	(cd "$root" && find . | sort) > "$root.names"
	grep -vE '^\./(home/pi|etc/g?shadow$|var/mail$)' "$root.names" |
		"${tar[@]}" -c --owner=0 --group=0 --verbatim-files-from -T -
	grep -E '^\./home/pi' "$root.names" | "${tar[@]}" -r --owner=1000 --group=1000 --verbatim-files-from -T -
	"${tar[@]}" -r --owner=0 --group=42 ./etc/shadow ./etc/gshadow
	"${tar[@]}" -r --owner=0 --group=8 ./var/mail
}

make_usbboot() { # WORKDIR
	local work=$1 tree=$1/root
	add_initramfs_tools "$tree"
	add_initramfs "$work/boot"
	cp -R "$work/boot/." "$tree$FW/"
	sed -i 's# init=.*##' "$tree$FW/cmdline.txt"
	"$FIXTURES/usbboot-oracle" "$tree" "$RELEASE" "$ARCH"
	pack_tree "$tree" "$work/usbboot.tar"
	case $OUT in
	*.xz) xz -T0 -1 -c "$work/usbboot.tar" > "$work/packed" ;;
	*.zst) zstd -q -c "$work/usbboot.tar" > "$work/packed" ;;
	*.gz) gzip -n -c "$work/usbboot.tar" > "$work/packed" ;;
	*) mv "$work/usbboot.tar" "$work/packed" ;;
	esac
	mv "$work/packed" "$OUT"
}
