# shellcheck shell=bash
# filler.sh - fills the root file system of a test image with this machine's own files,
# so that packing, unpacking and writing it cost what a real image costs. No root needed.

# The byte at which a partition begins, in an image whose sectors have 512 bytes.
partition_offset() { # IMAGE NUMBER
	local sector
	sector=$(sfdisk -d "$1" | sed -n 's/.*start= *\([0-9]*\),.*/\1/p' | sed -n "$2p")
	echo $((sector * 512))
}

# Paths of files below FOLDERs, in the order of their names, until they make MIB.
filler_files() { # MIB FOLDER...
	local mib=$1
	shift
	find "$@" -xdev -type f -size +3k -readable -printf '%p\t%s\n' 2> /dev/null | sort |
		awk -F '\t' -v limit=$((mib << 20)) '
			$1 ~ /[ "\\]/ { next }
			total + $2 > limit { next }
			{ total += $2; print $1 }'
}

# debugfs commands that copy the files listed on standard input to /opt/filler.
filler_commands() {
	awk '
		BEGIN { print "mkdir /opt/filler" }
		NR % 500 == 1 { folder = "/opt/filler/" int(NR / 500); print "mkdir " folder }
		{ print "write " $0 " " folder "/" NR }'
}

add_filler() { # IMAGE MIB FOLDER...
	local image=$1 mib=$2 offset commands
	shift 2
	commands=$image.commands
	offset=$(partition_offset "$image" 2)
	{
		debugfs -R 'stat /opt' "$image?offset=$offset" 2> /dev/null | grep -q 'Inode:' || echo 'mkdir /opt'
		filler_files "$mib" "$@" | filler_commands
	} > "$commands"
	debugfs -w -f "$commands" "$image?offset=$offset" > /dev/null 2> "$commands.errors"
	if grep -v '^debugfs [0-9]' "$commands.errors" | grep -q .; then
		head -n 5 "$commands.errors" >&2
		return 1
	fi
	rm -f "$commands" "$commands.errors"
}

# Several blocks, so that more than one thread can unpack it, as Raspberry Pi's own images have them.
pack_image() { # IMAGE
	xz -T2 -3 --block-size=24MiB --keep --force --stdout "$1" > "$1.xz.partial"
	mv -f "$1.xz.partial" "$1.xz"
}
