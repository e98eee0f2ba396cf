# shellcheck shell=bash
# report.sh - makes a page of what scripts/bench build measured.

# A number of a contestant's last "work" event, in MiB.
cost() { # CONTESTANT decoded|encoded|copied|written
	awk -v name="$1" '$1 == name' "$COSTS" | tail -n 1 |
		sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p" | awk '{ printf "%.0f", $1 / 1048576 }'
}

# For each line "CONTESTANT WORDS" of standard input a row with its bytes, in MiB.
cost_rows() {
	local name words kind
	while read -r name words; do
		[ -n "$(cost "$name" decoded)" ] || continue
		printf '| %s |' "$words"
		for kind in decoded encoded copied written; do printf ' %s |' "$(cost "$name" $kind)"; done
		echo
	done
}

# CPU time in milliseconds, without that of the shell that runs each contestant.
milliseconds() { # CONTESTANT user|cpu
	calculate 'printf "%.0f", (a - b) * 1000' "$(measured "$1" "$2")" "$(measured nothing "$2")"
}

# What is left of one slot's CPU time without starting piforge, hashing and copying the image, in milliseconds.
editing_cpu() {
	calculate 'print a - b - c - d' "$(milliseconds slot cpu)" "$(milliseconds start cpu)" "$(milliseconds hash user)" \
		"$(milliseconds copy cpu)"
}

# What a person would do for four packed images, in seconds: unpack and pack each; the editing is left out.
packed_by_hand() {
	calculate 'printf "%.0f", 4 * (a + b * c / d)' "$(measured decode seconds)" "$(measured pack seconds)" \
		"$IMAGE_BYTES" "$(stat -c %s "$SAMPLE")"
}

# One of the slots beyond the first, in seconds.
further_slot() {
	calculate 'printf "%.2f", (a - b) / c' "$(measured raw_packed_many seconds)" "$(measured raw_packed_one seconds)" \
		"$MANY"
}

promises() {
	promise 'four raw images, first time, of the floor' \
		"$(ratio "$(measured first seconds)" "$(measured floor seconds)")" 1.2
	promise 'four raw images, from the cache, of the shell way' \
		"$(ratio "$(measured again seconds)" "$(measured shell seconds)")" 0.5
	promise 'four raw images, first time, of the cheap way' \
		"$(ratio "$(measured first seconds)" "$(measured cheap seconds)")" 0.9
	promise 'four raw images from a .zip, of the cheap way' \
		"$(ratio "$(measured zip_first seconds)" "$(measured unzip seconds)")" 0.9
	promise 'four raw images from an .img.gz, of the cheap way' \
		"$(ratio "$(measured gzip_first seconds)" "$(measured gunzip seconds)")" 0.9
	promise 'four raw images where files can be cloned, of one unpacking and writing' \
		"$(ratio "$(measured clones seconds)" "$(measured clones_floor seconds)")" 1.1
	promise 'the same in CPU time' "$(ratio "$(measured clones cpu)" "$(measured clones_floor cpu)")" 1.2
	promise 'four .img.xz, first time: times faster than by hand' \
		"$(calculate 'printf "%.0f", a / b' "$(packed_by_hand)" "$(measured packed_first seconds)")" 100 least
	promise 'a further .img.xz from a raw base, % of the first' \
		"$(calculate 'printf "%.2f", 100 * a / b' "$(further_slot)" "$(measured raw_packed_first seconds)")" 2
	promise 'plan, % of the base decoded' \
		"$(calculate 'printf "%.1f", 100 * a * 1048576 / b' "$(cost plan decoded)" "$IMAGE_BYTES")" 8
	promise 'editing one slot, ms of CPU' "$(editing_cpu)" 50
	promise 'peak memory, MiB' \
		"$(peak '^(first|again|plan|zip_first|gzip_first|packed_.*|raw_packed_.*|all_nodes|clones|slot|packages)$')" 192
}

report_raw() {
	local floor shell
	floor=$(measured floor seconds) shell=$(measured shell seconds)
	table_head 'four raw images' seconds 'of the floor' 'of the shell way' 'CPU seconds' 'peak MiB'
	table_rows "$floor" "$shell" <<-'END'
		floor floor: `xz -dc` teed into four sparse files
		shell shell: `xz -dc`, four copies, loop mount, sed, mtools
		cheap without root: `xz -dc`, four copies, mtools, `debugfs -w`, `sha256sum`
		guestfish `xz -dc`, four copies, mtools, guestfish, `sha256sum`
		first piforge, first time
		again piforge again
	END
	table_head 'four raw images from older containers' seconds 'of the same by hand' 'CPU seconds' 'peak MiB'
	table_rows "$(measured unzip seconds)" <<-'END'
		unzip by hand: `unzip -p`, then as without root
		zip_first piforge, first time
	END
	table_rows "$(measured gunzip seconds)" <<-'END'
		gunzip by hand: `gzip -dc`, then as without root
		gzip_first piforge, first time
	END
	table_head 'four raw images on btrfs' seconds 'of the floor' 'CPU seconds' 'peak MiB'
	table_rows "$(measured clones_floor seconds)" <<-'END'
		clones_floor floor: one `xz -dc` into one sparse file
		clones piforge, first time
	END
}

report_packed() {
	local by_hand
	by_hand=$(packed_by_hand)
	table_head 'four .img.xz' seconds 'of the way by hand' 'CPU seconds' 'peak MiB'
	echo "| by hand: \`xz -dc\` and \`xz -T0 -6\` for each, estimated | $by_hand | 1.00 | | |"
	table_rows "$by_hand" <<-'END'
		packed_first piforge, first time
		packed_again piforge again
		packed_mapped piforge, first time, `--bmap always`
	END
	cat <<-END

		By hand: \`xz -dc\` took $(calculate 'printf "%.1f", a' "$(measured decode seconds)") s and \`xz -T0 -6\` $(calculate 'printf "%.1f", a' "$(measured pack seconds)") s for
		$(($(stat -c %s "$SAMPLE") >> 20)) MiB, every ${EVERY}th piece of $((PIECE >> 20)) MiB; four times the one and the other
		for the whole image are estimated, and no editing.
	END
	table_head '.img.xz out of a base that is raw' seconds 'of the first' 'CPU seconds' 'peak MiB'
	table_rows "$(measured raw_packed_first seconds)" <<-END
		raw_packed_first the first slot, which packs the base
		raw_packed_one one slot later
		raw_packed_many $((MANY + 1)) slots later
		all_nodes all 252 nodes of a small base
	END
}

report_packages() {
	table_head 'four raw images of a small base' seconds 'of those without' 'CPU seconds' 'peak MiB'
	table_rows "$(measured without_packages seconds)" <<-'END'
		without_packages piforge, without packages
		packages piforge, with 48 MiB of packages in each
		packages_floor `cat` of the packages into four files
	END
}

# The floor writes four times what is not zero, or copies the packed base four times.
report_costs() {
	local packed=$(($(stat -c %s "$BASE") >> 18))
	table_head MiB decoded encoded 'copied packed' written
	echo "| floor of four raw images | $((IMAGE_BYTES >> 20)) | 0 | 0 | $(($(stat -c '%b' "$RAW_BASE") >> 9)) |"
	cost_rows <<-'END'
		first four raw images, first time
		again four raw images again
		clones four raw images on btrfs
	END
	echo "| floor of four .img.xz | 0 | 0 | $packed | $packed |"
	cost_rows <<-'END'
		packed_first four .img.xz, first time
		packed_again four .img.xz again
		packed_mapped four .img.xz, first time, `--bmap always`
		raw_packed_first one .img.xz out of a raw base, first time
		raw_packed_one one .img.xz out of a raw base, later
		plan plan
	END
}

machine() {
	printf '%s, %s cores, %s GiB of memory, Linux %s, %s below .build, %s, liblzma %s' \
		"$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1 | tr -s ' ')" "$(nproc)" \
		"$(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)" "$(uname -r)" \
		"$(stat -f -c %T "$WORK")" "$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release)" \
		"$(xz --version | sed -n 's/^liblzma //p')"
}

report() {
	cat <<-END
		$(date -u +%Y-%m-%d), $("$PIFORGE" --version): $(machine).

		The base: an .img.xz of $(($(stat -c %s "$BASE") >> 20)) MiB in blocks of 24 MiB, $((IMAGE_BYTES >> 20)) MiB unpacked,
		$(($(stat -c '%b' "$RAW_BASE") >> 11)) MiB of them not zero. Slots p1 to p4 of \`profiles/cnat.yaml\`; medians, turns
		taken: $RUNS.
	END
	table_head promise limit measured ''
	promises
	report_raw
	report_packed
	report_packages
	report_costs
	cat <<-END

		Editing: building one slot of a small base from the cache takes $(milliseconds slot cpu) ms of CPU; of these
		$(milliseconds start cpu) are starting, $(milliseconds hash user) hashing, $(milliseconds copy cpu) copying. Medians of
		$SMALL_RUNS runs in turns.
	END
}

# Puts the report between the marks of docs/performance.md.
write_report() {
	local file=$REPOSITORY/docs/performance.md
	awk -v report="$WORK/report.md" '
		/^<!-- \/bench -->/ { inside = 0 }
		!inside { print }
		/^<!-- bench -->/ { inside = 1; while ((getline line < report) > 0) print line }' "$file" > "$file.new"
	mv "$file.new" "$file"
}
