# shellcheck shell=bash
# vm.sh - a virtual machine with a kernel of Debian's, for what the kernel of this machine may lack (vfat).
#
# Its root is this machine's own, read-only, under a tmpfs: every program is there, and nothing that is written stays
# except for what goes into the one shared folder. /tmp and /run are empty, except for the repository if it lies there.
# It has no network. Neither root nor KVM is needed. VM_MACHINE is one of
#   uml   user-mode Linux: the kernel is a program of this machine, and others run at nearly its speed; one processor.
#         A newer one than this machine's Debian has, with its C library, where that can be fetched
#   qemu  this Debian's kernel for PCs on emulated processors, some ten times slower

readonly VM_MODULES=(overlay loop ext4 vfat nls_cp437 nls_ascii nls_utf8 nls_iso8859-1 binfmt_misc tun)
readonly VM_QEMU_MODULES=(virtio_pci 9pnet_virtio 9p) VM_UML_SUITE=trixie

# Sets VM_KERNEL, VM_VERSION and VM_MODULES_ROOT; what is fetched is kept, unpacked and not installed.
vm_prepare_kernel() { # CACHE_FOLDER
	local cache=$1
	mkdir -p "$cache"
	rm -rf "$cache/new"
	"vm_prepare_$VM_MACHINE" "$cache"
	VM_VERSION=$(basename "$VM_MODULES_ROOT"/lib/modules/*)
	[ -e "$VM_KERNEL" ] || die "$EXIT_TOOL" "no kernel in $VM_MODULES_ROOT: remove that folder and try again"
}

vm_prepare_qemu() { # CACHE_FOLDER
	local package
	VM_MODULES_ROOT=$1/qemu
	if [ ! -e "$VM_MODULES_ROOT" ]; then
		package=$(apt-cache depends linux-image-amd64 2> /dev/null | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
		[ -n "$package" ] || die "$EXIT_TOOL" "apt knows no linux-image-amd64: apt-get update, or a Debian for amd64"
		vm_fetch "$1/new" "$package" || die "$EXIT_TOOL" "without it there is no machine"
		depmod -b "$1/new/unpacked" "${package#linux-image-}"
		mv "$1/new/unpacked" "$VM_MODULES_ROOT"
		rm -rf "$1/new"
	fi
	VM_KERNEL=$(echo "$VM_MODULES_ROOT"/boot/vmlinuz-*)
}

vm_prepare_uml() { # CACHE_FOLDER
	local new=$1/new library
	VM_MODULES_ROOT=$1/uml
	if [ ! -e "$VM_MODULES_ROOT" ]; then
		# Where the libraries will be.
		library=$VM_MODULES_ROOT/usr/lib/x86_64-linux-gnu
		if vm_use_suite "$new/apt" "$VM_UML_SUITE" &&
			APT_CONFIG=$new/apt/apt.conf vm_fetch "$new" user-mode-linux libc6; then
			patchelf --set-interpreter "$library/ld-linux-x86-64.so.2" --set-rpath "$library" \
				"$new/unpacked/usr/bin/linux.uml"
		else
			say "Debian's $VM_UML_SUITE cannot be had: an older kernel, which runs no programs inside images"
			vm_fetch "$new" user-mode-linux || die "$EXIT_TOOL" "without it there is no machine"
		fi
		mkdir -p "$new/unpacked/lib"
		mv "$new/unpacked/usr/lib/uml/modules" "$new/unpacked/lib/"
		depmod -b "$new/unpacked" "$(basename "$new"/unpacked/lib/modules/*)"
		mv "$new/unpacked" "$VM_MODULES_ROOT"
		rm -rf "$new"
	fi
	VM_KERNEL=$VM_MODULES_ROOT/usr/bin/linux.uml
}

# Lets apt know another release of Debian, apart from all that it knows of this machine; fails where it cannot be read.
vm_use_suite() { # FOLDER SUITE
	local folder=$1 mirror
	mirror=$(debian_mirror)
	[ -n "$mirror" ] || return 1
	mkdir -p "$folder/lists/partial" "$folder/cache"
	echo "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $2 main" > "$folder/sources.list"
	cat > "$folder/apt.conf" <<- END
		Dir::Etc::SourceList "$folder/sources.list";
		Dir::Etc::SourceParts "-";
		Dir::State::Lists "$folder/lists";
		Dir::Cache "$folder/cache";
		Acquire::Languages "none";
		APT::Sandbox::User "root";
	END
	APT_CONFIG=$folder/apt.conf apt-get -qq update
}

# Unpacks packages into FOLDER/unpacked, or says why not and fails.
vm_fetch() { # FOLDER PACKAGE...
	local folder=$1 file
	shift
	say "fetching $*"
	mkdir -p "$folder/packages"
	if ! (cd "$folder/packages" && apt-get -qq download "$@" 2> "$folder/errors"); then
		say "could not fetch $*: $(cat "$folder/errors")"
		return 1
	fi
	for file in "$folder"/packages/*.deb; do dpkg-deb -x "$file" "$folder/unpacked"; done
}

# Writes an initramfs that mounts the root described above and runs /run/vm/command in it.
vm_make_initramfs() { # FILE
	local tree module number=0 file modules=("${VM_MODULES[@]}")
	tree=$(mktemp -d)
	mkdir -p "$tree"/{bin,proc,sys,dev,low,up,new,modules,control}
	[ "$VM_MACHINE" != qemu ] || modules=("${VM_QEMU_MODULES[@]}" "${modules[@]}")
	# What a test needs besides.
	modules+=(${VM_MORE_MODULES[@]+"${VM_MORE_MODULES[@]}"})
	cp "$(command -v busybox)" "$tree/bin/busybox"
	for module in "${modules[@]}"; do
		modprobe -d "$VM_MODULES_ROOT" -S "$VM_VERSION" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
		number=$((number + 1))
		cp "$file" "$tree/modules/$(printf %03d $number)-${file##*/}"
	done
	{ vm_init_mounts "$VM_MACHINE"; vm_init; } > "$tree/init"
	chmod +x "$tree/init"
	(cd "$tree" && find . | cpio --quiet -o -H newc --owner=0:0 | gzip -1) > "$1"
	rm -rf "$tree"
}

# How the machine sees folders of this one.
vm_init_mounts() { # MACHINE
	echo '#!/bin/busybox sh'
	case $1 in
	qemu) cat <<- 'INIT' ;;
		share() { # TAG PLACE OPTIONS
			mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000,$3" "$1" "$2"
		}
		mount_root() { share root /low ro,cache=loose; }
		mount_control() { share control /control cache=none; }
		mount_shared() { share shared "$1" cache=none; }
	INIT
	uml) cat <<- 'INIT' ;;
		mount_root() { mount -t hostfs -o ro,/ root /low; }
		mount_control() { mount -t hostfs -o "$folder" control /control; }
		mount_shared() { mount -t hostfs -o "$shared" shared "$1"; }
	INIT
	esac
}

vm_init() {
	cat << 'INIT'
export PATH=/bin
/bin/busybox --install -s /bin
ip link set lo up
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for module in /modules/*; do insmod "$module" || echo "cannot load $module"; done
set -e
# As systemd has them.
mount -t cgroup2 groups /sys/fs/cgroup
echo "+memory +pids" > /sys/fs/cgroup/cgroup.subtree_control
mount_root
mount_control
mount -t tmpfs -o mode=755,size=75% tmpfs /up
mkdir /up/upper /up/work /up/repository /up/repository-work
mount -t overlay -o lowerdir=/low,upperdir=/up/upper,workdir=/up/work,xino=off overlay /new
for name in proc sys dev; do mount --move /$name /new/$name; done
mount -t tmpfs -o mode=1777 tmpfs /new/run
mount -t tmpfs -o mode=1777 tmpfs /new/tmp
mkdir -p /new/dev/shm /new/dev/pts
mount -t tmpfs tmpfs /new/dev/shm; mount -t devpts devpts /new/dev/pts
[ -e /new/dev/fd ] || ln -s /proc/self/fd /new/dev/fd
repository=$(cat /control/repository)
case $repository in
/tmp/* | /run/*)
	mkdir -p "/new$repository"
	mount -t overlay -o "lowerdir=/low$repository,upperdir=/up/repository,workdir=/up/repository-work,xino=off" \
		overlay "/new$repository"
	;;
esac
shared=$(cat /control/shared)
mkdir -p "/new$shared"; mount_shared "/new$shared"
mkdir -p /new/run/vm; mount --move /control /new/run/vm
# Not chroot(8): nobody in one can make user namespaces.
exec switch_root /new /bin/bash -c '
	/bin/bash /run/vm/command > /run/vm/output 2>&1 < /dev/null
	echo $? > /run/vm/status
	sync
	exec busybox poweroff -f'
INIT
}

# Runs a command in the machine as root and prints what it prints; returns its status, 124 after too long a time.
vm_run() { # SHARED_FOLDER SECONDS MIB COMMAND...
	local shared=$1 seconds=$2 memory=$3 control code=0
	shift 3
	control=$(mktemp -d)
	printf '%s' "$shared" > "$control/shared"
	printf '%s\n' "$REPOSITORY" > "$control/repository"
	{
		echo "export PATH=$PATH HOME=/root LC_ALL=C.UTF-8 TZ=UTC"
		printf 'cd %q\n' "$shared"
		printf '%q ' "$@"
		echo
	} > "$control/command"
	: > "$control/output"
	tail -f "$control/output" & local follower=$!
	case $VM_MACHINE in
	qemu)
		set -- qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp "$(nproc)" -M q35,hpet=off \
			-m "$memory" -nodefaults -display none -monitor none -no-reboot -serial "file:$control/console" \
			-kernel "$VM_KERNEL" -initrd "$VM_INITRAMFS" \
			-append "console=ttyS0 quiet panic=-1 mitigations=off nokaslr audit=0" \
			-virtfs local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap \
			-virtfs "local,path=$control,mount_tag=control,security_model=none" \
			-virtfs "local,path=$shared,mount_tag=shared,security_model=none,multidevs=remap"
		;;
	uml)
		set -- "$VM_KERNEL" "mem=${memory}M" "initrd=$VM_INITRAMFS" "folder=$control" \
			con=null con0=null,fd:1 quiet panic=-1
		;;
	esac
	timeout "$seconds" "$@" < /dev/null > "$control/machine" 2>&1 &
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
			cat "$control/machine" >&2
			cat "$control/console" >&2 2> /dev/null || true
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
