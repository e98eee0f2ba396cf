# shellcheck shell=bash
# image.sh - makes a card image from a root tree and a boot tree without root rights:
# owners and times are set in the finished file system. The same trees give the same
# bytes: all ids are fixed and all times are SOURCE_DATE_EPOCH.
#
# Uses: START_SECTOR, BOOT_MIB, ROOT_MIB, LABEL (dos, gpt), DISK_ID, FAT_BITS,
# CLUSTER_SECTORS, FAT_LABEL, BLOCK_SIZE, EXT4_FEATURES.

readonly EXT4_UUID=0b8f7c1e-3a52-4d7f-9c11-5d1f0a2c0002
readonly HASH_SEED=6f3a91d4-77c0-4b0e-8a55-21c9e0b4d3f7
readonly GPT_BOOT_UUID=5d1f0a2c-0001-4c00-8000-00000000b001
readonly GPT_ROOT_UUID=5d1f0a2c-0002-4c00-8000-00000000b002

boot_partition_sectors() { echo $((BOOT_MIB * 2048)); }
root_start_sector() { echo $((START_SECTOR + BOOT_MIB * 2048)); }

pin_times() { find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +; }

make_fat() { # IMAGE TREE
	local image=$1 tree=$2 clusters=() dir
	[ -z "$CLUSTER_SECTORS" ] || clusters=(-s "$CLUSTER_SECTORS")
	pin_times "$tree"
	truncate -s "${BOOT_MIB}M" "$image"
	# --invariant stands first: it resets the volume id
	mkfs.fat --invariant -F "$FAT_BITS" ${clusters[@]+"${clusters[@]}"} -S 512 -n "$FAT_LABEL" \
		-i 5D1F0A01 -h "$START_SECTOR" "$image" > "$image.log" 2>&1 ||
		{ cat "$image.log" >&2; return 1; }
	export MTOOLS_SKIP_CHECK=1
	(
		cd "$tree" || exit
		mcopy -m -i "$image" ./*.* ::
		for dir in */; do
			mkdir -p "$image.empty/$dir"
			touch -d "@$SOURCE_DATE_EPOCH" "$image.empty/$dir"
			mcopy -s -m -i "$image" "$image.empty/${dir%/}" ::
			mcopy -m -i "$image" "$dir"* "::$dir"
		done
		find . -maxdepth 1 -type f ! -name '*.*' | sort | while IFS= read -r file; do
			mcopy -m -i "$image" "$file" ::
		done
	)
	fsck.fat -n "$image" > "$image.log" 2>&1 || { cat "$image.log" >&2; return 1; }
}

# Prints debugfs commands that give all of TREE its owners.
owner_commands() { # TREE
	(cd "$1" && find . -mindepth 1 -printf '%P\n' | sort) | awk '
		function set(field, value) { printf "sif \"/%s\" %s %s\n", $0, field, value }
		{
			user = group = 0
			if ($0 ~ /^home\/pi(\/|$)/) user = group = 1000
			if ($0 ~ /^etc\/g?shadow$/) group = 42
			if ($0 == "var/mail") group = 8
			set("uid", user); set("gid", group)
		}'
}

# Prints debugfs commands for the times that the scratch tree cannot be given.
time_commands() { # TREE
	(cd "$1" && find . -mindepth 1 -printf '%P\n'; echo lost+found) | sort -u |
		awk -v time="@$SOURCE_DATE_EPOCH" '
		{
			gsub(/"/, "\"\"")
			split("ctime crtime atime mtime", fields)
			for (i = 1; i <= 4; i++) {
				if (fields[i] != "mtime" || $0 == "lost+found")
					printf "sif \"/%s\" %s %s\n", $0, fields[i], time
				printf "sif \"/%s\" %s_extra 0\n", $0, fields[i]
			}
		}'
}

run_debugfs() { # IMAGE COMMAND_FILE: stops at the first complaint
	debugfs -w -f "$2" "$1" > "$2.out" 2> "$2.err"
	if grep -v '^debugfs [0-9]' "$2.err" | grep -q .; then
		say "debugfs complained:"
		grep -v '^debugfs [0-9]' "$2.err" | head -n 5 >&2
		return 1
	fi
}

format_ext4() { # IMAGE TREE
	local image=$1 tree=$2
	# our own defaults, not those of the machine
	cat > "$image.conf" <<-'END'
		[defaults]
			base_features = none
			blocksize = 4096
			inode_size = 256
			inode_ratio = 16384
			reserved_ratio = 5.0
			enable_periodic_fsck = 0
		[fs_types]
			ext4 = {
				inode_size = 256
			}
			small = {
				inode_size = 256
			}
	END
	truncate -s "${ROOT_MIB}M" "$image"
	MKE2FS_CONFIG=$image.conf mke2fs -q -F -t ext4 -L rootfs -b "$BLOCK_SIZE" -I 256 \
		-O "$EXT4_FEATURES" -U "$EXT4_UUID" \
		-E "hash_seed=$HASH_SEED,lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0" \
		-d "$tree" "$image"
}

check_ext4() { # IMAGE
	e2fsck -fn "$1" > "$1.log" 2>&1 || { cat "$1.log" >&2; return 1; }
}

# make_ext4 IMAGE TREE [DEBUGFS_COMMAND_FILE]: directories get their index, as the kernel
# would have made it; then owners (OWNERS=tree keeps the tree's), times and the rest.
make_ext4() {
	local image=$1 tree=$2
	export E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH
	pin_times "$tree"
	format_ext4 "$image" "$tree"
	e2fsck -fyD "$image" > "$image.log" 2>&1 || [ $? = 1 ] || { cat "$image.log" >&2; return 1; }
	{
		[ -z "${3:-}" ] || cat "$3"
		[ "${OWNERS:-}" = tree ] || owner_commands "$tree"
		time_commands "$tree"
		echo "set_super_value lastcheck @$SOURCE_DATE_EPOCH" # e2fsck takes the clock's
	} > "$image.commands"
	run_debugfs "$image" "$image.commands"
	check_ext4 "$image"
}

write_table() { # IMAGE
	local boot_type=c root_type=83 id="label-id: 0x$DISK_ID" boot_uuid='' root_uuid=''
	if [ "$LABEL" = gpt ]; then
		boot_type=U root_type=L
		id="label-id: $EXT4_UUID"
		boot_uuid=", uuid=$GPT_BOOT_UUID" root_uuid=", uuid=$GPT_ROOT_UUID"
	fi
	sfdisk -q "$1" <<-END
		label: $LABEL
		$id
		unit: sectors
		start=$START_SECTOR, size=$(boot_partition_sectors), type=$boot_type$boot_uuid
		start=$(root_start_sector), size=$((ROOT_MIB * 2048)), type=$root_type$root_uuid
	END
}

assemble_image() { # OUT BOOT_IMAGE ROOT_IMAGE
	local out=$1 sectors
	sectors=$(($(root_start_sector) + ROOT_MIB * 2048))
	[ "$LABEL" = dos ] || sectors=$((sectors + 2048))
	rm -f "$out.partial"
	truncate -s $((sectors * 512)) "$out.partial"
	write_table "$out.partial"
	dd if="$2" of="$out.partial" bs=1M seek=$((START_SECTOR / 2048)) conv=notrunc,sparse status=none
	dd if="$3" of="$out.partial" bs=1M seek=$(($(root_start_sector) / 2048)) conv=notrunc,sparse status=none
	mv -f "$out.partial" "$out"
}
