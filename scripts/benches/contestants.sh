# shellcheck shell=bash
# contestants.sh - what scripts/bench build measures. Each leaves its files in $OUTPUT, on disk.
#
# Uses what scripts/benches/build exports: BASE, ZIP_BASE, GZIP_BASE, RAW_BASE, SMALL_BASE, SMALL_IMAGE, SAMPLE, DEBS, IMAGE_BYTES, BOOT_OFFSET,
# ROOT_OFFSET, CLONES, EVENTS and PIFORGE.

contestant_floor() {
	local writer=(dd bs=1M iflag=fullblock 'conv=sparse,fsync' status=none)
	# The writers in process substitutions outlive tee: the pipe at the end waits for them.
	xz -T0 -dc "$BASE" | tee \
		>("${writer[@]}" of="$OUTPUT/1.img") \
		>("${writer[@]}" of="$OUTPUT/2.img") \
		>("${writer[@]}" of="$OUTPUT/3.img") |
		"${writer[@]}" of="$OUTPUT/4.img"
	while pgrep -P $$ -x dd > /dev/null; do sleep 0.02; done
	local image
	for image in "$OUTPUT"/[1-4].img; do truncate -s "$IMAGE_BYTES" "$image"; done
	sync "$OUTPUT"/[1-4].img
}

contestant_shell() {
	local slot names=(oneil carter tealc danieljackson)
	xz -T0 -dc "$BASE" > "$OUTPUT/base.img"
	for slot in 1 2 3 4; do
		cp --sparse=always "$OUTPUT/base.img" "$OUTPUT/$slot.img"
		edit_boot "$OUTPUT/$slot.img" "$slot"
		edit_root "$OUTPUT/$slot.img" "${names[slot - 1]}"
	done
	rm "$OUTPUT/base.img"
	sync "$OUTPUT"/[1-4].img
}

# What needs no root: the same edits by debugfs, and each image's digest, which piforge makes as well.
contestant_cheap() { unpack_and_copy xz -T0 -dc "$BASE"; }

# guestfish starts a small machine of its own for each image.
contestant_guestfish() {
	local slot names=(oneil carter tealc danieljackson)
	xz -T0 -dc "$BASE" | dd bs=1M iflag=fullblock conv=sparse status=none of="$OUTPUT/base.img"
	truncate -s "$IMAGE_BYTES" "$OUTPUT/base.img"
	for slot in 1 2 3 4; do
		cp --sparse=always "$OUTPUT/base.img" "$OUTPUT/$slot.img"
		edit_boot "$OUTPUT/$slot.img" "$slot"
		LIBGUESTFS_BACKEND=direct guestfish --rw --format=raw --add "$OUTPUT/$slot.img" --mount /dev/sda2 <<-END
			write /etc/hostname "${names[slot - 1]}\n"
			write-append /etc/hosts "127.0.1.1 ${names[slot - 1]}\n"
			ln-sf /lib/systemd/system/ssh.service /etc/systemd/system/multi-user.target.wants/ssh.service
			mkdir-p /home/pi/.ssh
			write /home/pi/.ssh/authorized_keys "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAA a@b\n"
		END
	done
	rm "$OUTPUT/base.img"
	sync "$OUTPUT"/[1-4].img
	sha256sum "$OUTPUT"/[1-4].img > "$OUTPUT/list"
}

# Older images of 8086's come in these; by hand they are unpacked once, and then as the cheap way goes.
contestant_unzip() { unpack_and_copy unzip -p "$ZIP_BASE"; }
contestant_gunzip() { unpack_and_copy gzip -dc "$GZIP_BASE"; }
contestant_zip_first() { build p1-p4 "$ZIP_BASE"; }
contestant_gzip_first() { build p1-p4 "$GZIP_BASE"; }

unpack_and_copy() { # COMMAND...
	local slot names=(oneil carter tealc danieljackson)
	"$@" | dd bs=1M iflag=fullblock conv=sparse status=none of="$OUTPUT/base.img"
	truncate -s "$IMAGE_BYTES" "$OUTPUT/base.img"
	for slot in 1 2 3 4; do
		cp --sparse=always "$OUTPUT/base.img" "$OUTPUT/$slot.img"
		edit_boot "$OUTPUT/$slot.img" "$slot"
		edit_root_unmounted "$OUTPUT/$slot.img" "${names[slot - 1]}"
	done
	rm "$OUTPUT/base.img"
	sync "$OUTPUT"/[1-4].img
	sha256sum "$OUTPUT"/[1-4].img > "$OUTPUT/list"
}

edit_root_unmounted() { # IMAGE HOSTNAME
	local root="$1?offset=$ROOT_OFFSET"
	echo "$2" > "$OUTPUT/hostname"
	debugfs -R "dump /etc/hosts $OUTPUT/hosts" "$root" 2> "$OUTPUT/debugfs"
	sed -i "s/^127\.0\.1\.1.*/127.0.1.1 $2.chappa.ai $2/" "$OUTPUT/hosts"
	printf '172.19.181.%s\tnode%s\n' 1 1 2 2 3 3 4 4 254 254 >> "$OUTPUT/hosts"
	echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAA a@b' > "$OUTPUT/keys"
	debugfs -w -f - "$root" > "$OUTPUT/debugfs" 2>&1 <<-END
		rm /etc/hostname
		write $OUTPUT/hostname /etc/hostname
		rm /etc/hosts
		write $OUTPUT/hosts /etc/hosts
		symlink /etc/systemd/system/multi-user.target.wants/ssh.service /lib/systemd/system/ssh.service
		mkdir /home/pi/.ssh
		write $OUTPUT/keys /home/pi/.ssh/authorized_keys
	END
	rm "$OUTPUT/hostname" "$OUTPUT/hosts" "$OUTPUT/keys" "$OUTPUT/debugfs"
}

edit_boot() { # IMAGE SLOT
	local boot="$1@@$BOOT_OFFSET"
	export MTOOLS_SKIP_CHECK=1
	mcopy -i "$boot" ::cmdline.txt - |
		sed -e "s/ init=[^ ]*//; s/\$/ cgroup_enable=memory cgroup_memory=1/; s/cnat/p$2/" > "$OUTPUT/cmdline"
	mcopy -o -i "$boot" "$OUTPUT/cmdline" ::cmdline.txt
	mcopy -i "$boot" ::config.txt - | { cat; echo gpu_mem=16; } > "$OUTPUT/config"
	mcopy -o -i "$boot" "$OUTPUT/config" ::config.txt
	: | mcopy -o -i "$boot" - ::ssh
	rm "$OUTPUT/cmdline" "$OUTPUT/config"
}

edit_root() { # IMAGE HOSTNAME
	local device root=$OUTPUT/root
	mkdir -p "$root"
	device=$(losetup --find --show --offset "$ROOT_OFFSET" "$1")
	mount "$device" "$root"
	echo "$2" > "$root/etc/hostname"
	sed -i "s/^127\.0\.1\.1.*/127.0.1.1 $2.chappa.ai $2/" "$root/etc/hosts"
	printf '172.19.181.%s\tnode%s\n' 1 1 2 2 3 3 4 4 254 254 >> "$root/etc/hosts"
	ln -sfn /lib/systemd/system/ssh.service "$root/etc/systemd/system/multi-user.target.wants/ssh.service"
	mkdir -p "$root/home/pi/.ssh"
	chmod 700 "$root/home/pi/.ssh"
	echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAA a@b' > "$root/home/pi/.ssh/authorized_keys"
	chown -R 1000:1000 "$root/home/pi/.ssh"
	umount "$root"
	losetup --detach "$device"
	rmdir "$root"
}

# Its last event says how many bytes it decoded, encoded, copied and wrote.
run_piforge() { # COMMAND SLOTS IMAGE [OPTION]...
	local command=$1 slots=$2 image=$3
	shift 3
	"$PIFORGE" "$command" --slot "$slots" --profile "$PROFILE" --base "$image" "$@" --progress json \
		> "$OUTPUT/list" 2> "$EVENTS" || { cat "$EVENTS" >&2; return 1; }
}

build() { run_piforge build "$@" --output "$OUTPUT"; }

contestant_first() { build p1-p4 "$BASE"; }
contestant_again() { build p1-p4 "$BASE"; }
contestant_slot() { build p1 "$SMALL_BASE"; }
contestant_plan() { run_piforge plan p3 "$BASE"; }

# Packed outputs: out of a base in blocks, and out of a raw one, which is packed once.
contestant_packed_first() { build p1-p4 "$BASE" --format img.xz; }
contestant_packed_again() { build p1-p4 "$BASE" --format img.xz; }
contestant_packed_mapped() { build p1-p4 "$BASE" --format img.xz --bmap always; }
contestant_raw_packed_first() { build p1 "$RAW_BASE" --format img.xz; }
contestant_raw_packed_one() { build p1 "$RAW_BASE" --format img.xz; }
contestant_raw_packed_many() { build "p1-p$((MANY + 1))" "$RAW_BASE" --format img.xz; }
contestant_all_nodes() { build p1-p252 "$SMALL_BASE" --format img.xz; }

# Four slots of a small base, with packages and without.
contestant_packages() { build p1-p4 "$SMALL_BASE" --set "debs=[$DEBS]"; }
contestant_without_packages() { build p1-p4 "$SMALL_BASE"; }

contestant_packages_floor() {
	local slot
	for slot in 1 2 3 4; do cat "$DEBS"/*.deb > "$OUTPUT/$slot.debs"; done
	sync "$OUTPUT"/[1-4].debs
}

contestant_decode() {
	xz -T0 -dc "$BASE" > "$OUTPUT/base.img"
	sync "$OUTPUT/base.img"
}

contestant_pack() { xz -T0 -6 -c "$SAMPLE" > "$OUTPUT/sample.xz"; }

# On a file system that clones.
contestant_clones() {
	run_piforge build p1-p4 "$BASE" --output "$CLONES"
	rm -f "$CLONES"/*
}

contestant_clones_floor() {
	xz -T0 -dc "$BASE" | dd bs=1M iflag=fullblock conv=sparse,fsync status=none of="$CLONES/1.img"
	rm -f "$CLONES"/*
}

contestant_start() { "$PIFORGE" --version > "$OUTPUT/list"; }
contestant_nothing() { :; }
contestant_hash() { openssl dgst -sha256 "$SMALL_IMAGE" > "$OUTPUT/list"; }

contestant_copy() {
	cp --sparse=always "$SMALL_IMAGE" "$OUTPUT/1.img"
	sync "$OUTPUT/1.img"
}

