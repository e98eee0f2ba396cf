# shellcheck shell=bash
# vm.sh - a virtual machine with Debian's kernel, for what the kernel of this machine may lack (vfat).
#
# Its root is this machine's own, read-only over 9p, under a tmpfs: every program is there, and nothing that is
# written stays but what goes into the one shared folder. It has no network. QEMU emulates the processor, so neither
# KVM nor root is needed.

readonly VM_MODULES="virtio_pci 9pnet_virtio 9p overlay loop ext4 vfat nls_cp437 nls_ascii nls_utf8 nls_iso8859_1"

# Sets VM_KERNEL and VM_MODULES_ROOT; the package is fetched once and unpacked, not installed.
vm_prepare_kernel() { # CACHE_FOLDER
	local cache=$1 package unpacked version
	unpacked=$(find "$cache" -maxdepth 1 -name 'linux-image-*' -type d 2> /dev/null | sort -V | tail -n 1)
	if [ -z "$unpacked" ]; then
		package=$(apt-cache depends linux-image-amd64 2> /dev/null | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
		[ -n "$package" ] || die "$EXIT_TOOL" "apt knows no linux-image-amd64: apt-get update, or a Debian for amd64"
		say "fetching $package"
		mkdir -p "$cache/new"
		(cd "$cache/new" && apt-get -qq download "$package") || die "$EXIT_TOOL" "could not fetch $package"
		dpkg-deb -x "$cache"/new/"${package}"_*.deb "$cache/new/unpacked"
		version=${package#linux-image-}
		depmod -b "$cache/new/unpacked" "$version"
		unpacked=$cache/$package
		mv "$cache/new/unpacked" "$unpacked"
		rm -rf "$cache/new"
	fi
	VM_VERSION=${unpacked##*/linux-image-}
	VM_MODULES_ROOT=$unpacked
	VM_KERNEL=$unpacked/boot/vmlinuz-$VM_VERSION
	[ -e "$VM_KERNEL" ] || die "$EXIT_TOOL" "no kernel in $unpacked: remove that folder and try again"
}

# Writes an initramfs that mounts the root described above and runs /run/vm/command in it.
vm_make_initramfs() { # FILE
	local tree module number=0 file
	tree=$(mktemp -d)
	mkdir -p "$tree"/{bin,proc,sys,dev,low,up,new,modules,control}
	cp "$(command -v busybox)" "$tree/bin/busybox"
	for module in $VM_MODULES; do
		modprobe -d "$VM_MODULES_ROOT" -S "$VM_VERSION" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
		number=$((number + 1))
		cp "$file" "$tree/modules/$(printf %03d $number)-${file##*/}"
	done
	vm_init > "$tree/init"
	chmod +x "$tree/init"
	(cd "$tree" && find . | cpio --quiet -o -H newc --owner=0:0 | gzip -1) > "$1"
	rm -rf "$tree"
}

vm_init() {
	cat << 'INIT'
#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
ip link set lo up
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for module in /modules/*; do insmod "$module" || echo "cannot load $module"; done
set -e
options=trans=virtio,version=9p2000.L,msize=512000
mount -t 9p -o "ro,cache=loose,$options" root /low
mount -t 9p -o "cache=none,$options" control /control
mount -t tmpfs -o mode=755,size=75% tmpfs /up
mkdir /up/upper /up/work
mount -t overlay -o lowerdir=/low,upperdir=/up/upper,workdir=/up/work,xino=off overlay /new
for folder in proc sys dev; do mount --move /$folder /new/$folder; done
mount -t tmpfs -o mode=1777 tmpfs /new/run
mount -t tmpfs -o mode=1777 tmpfs /new/tmp
mkdir -p /new/dev/shm /new/dev/pts
mount -t tmpfs tmpfs /new/dev/shm; mount -t devpts devpts /new/dev/pts
[ -e /new/dev/fd ] || ln -s /proc/self/fd /new/dev/fd
shared=$(cat /control/shared)
mkdir -p "/new$shared"; mount -t 9p -o "cache=none,$options" shared "/new$shared"
mkdir -p /new/run/vm; mount --move /control /new/run/vm
set +e
chroot /new /bin/bash /run/vm/command > /new/run/vm/output 2>&1 < /new/dev/null
echo $? > /new/run/vm/status
sync; poweroff -f
INIT
}

# Runs a command in the machine as root and prints what it prints; returns its status, 124 after too long a time.
vm_run() { # SHARED_FOLDER SECONDS MIB COMMAND...
	local shared=$1 seconds=$2 memory=$3 control code=0
	shift 3
	control=$(mktemp -d)
	printf '%s' "$shared" > "$control/shared"
	{
		echo "export PATH=$PATH HOME=/root LC_ALL=C.UTF-8 TZ=UTC"
		printf 'cd %q\n' "$shared"
		printf '%q ' "$@"
		echo
	} > "$control/command"
	: > "$control/output"
	tail -f "$control/output" & local follower=$!
	timeout "$seconds" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp "$(nproc)" -M q35,hpet=off \
		-m "$memory" -nodefaults -display none -monitor none -no-reboot -serial "file:$control/console" \
		-kernel "$VM_KERNEL" -initrd "$VM_INITRAMFS" \
		-append "console=ttyS0 quiet panic=-1 mitigations=off nokaslr audit=0" \
		-virtfs local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap \
		-virtfs "local,path=$control,mount_tag=control,security_model=none" \
		-virtfs "local,path=$shared,mount_tag=shared,security_model=none,multidevs=remap" \
		< /dev/null > "$control/qemu" 2>&1 &
	VM_PID=$! VM_CONTROL=$control
	wait "$VM_PID" || code=$?
	VM_PID=
	sleep 1
	kill "$follower" 2> /dev/null || true
	wait "$follower" 2> /dev/null || true
	if [ "$code" != 124 ]; then
		if [ -s "$control/status" ]; then
			code=$(cat "$control/status")
		else
			say "the machine did not report"
			cat "$control/qemu" "$control/console" >&2
			code=125
		fi
	fi
	rm -rf "$control"
	return "$code"
}

# Ends the machine of a vm_run that was interrupted; for an EXIT trap.
vm_end() {
	[ -z "${VM_PID:-}" ] || kill "$VM_PID" 2> /dev/null || true
	[ -z "${VM_CONTROL:-}" ] || rm -rf "$VM_CONTROL"
}
