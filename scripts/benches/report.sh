# shellcheck shell=bash
# report.sh - makes a page of what scripts/bench measured.

# The median of an awk expression: $2 seconds, $3 user, $4 system, $5 KiB.
median() { # CONTESTANT EXPRESSION
	awk -v name="$1" "\$1 == name { print $2 }" "$WORK/measured" | sort -n |
		awk '{ value[NR] = $1 } END { if (NR) print (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2 }'
}

# An awk expression of numbers, "-" when one of them is missing.
calculate() { # EXPRESSION NUMBER...
	local expression=$1 number
	shift
	for number in "$@"; do [[ $number =~ ^[0-9.]+$ ]] || { echo -; return; }; done
	awk -v a="${1:-}" -v b="${2:-}" -v c="${3:-}" -v d="${4:-}" "BEGIN { $expression }"
}

ratio() { calculate 'printf "%.2f", a / b' "$1" "$2"; }

# A number of the last "work" event, in MiB.
cost() { # CONTESTANT decoded|encoded|copied|written
	awk -v name="$1" '$1 == name' "$WORK/costs" | tail -n 1 |
		sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p" | awk '{ printf "%.0f", $1 / 1048576 }'
}

row() { # NAME WORDS COMPARED...
	local name=$1 words=$2 other
	[ -n "$(median "$name" '$2')" ] || { echo "| $words | not measured | | | | |"; return; }
	shift 2
	printf '| %s | %.1f |' "$words" "$(median "$name" '$2')"
	for other in "$@"; do printf ' %s |' "$(ratio "$(median "$name" '$2')" "$other")"; done
	printf ' %.1f | %.0f |\n' "$(median "$name" '$3 + $4')" "$(median "$name" '$5 / 1024')"
}

cost_row() { # NAME WORDS
	[ -n "$(cost "$1" decoded)" ] || return 0
	printf '| %s | %s | %s | %s | %s |\n' "$2" "$(cost "$1" decoded)" "$(cost "$1" encoded)" "$(cost "$1" copied)" \
		"$(cost "$1" written)"
}

# CPU time in milliseconds, without that of the shell that runs each contestant.
milliseconds() { # CONTESTANT EXPRESSION
	calculate 'printf "%.0f", (a - b) * 1000' "$(median "$1" "$2")" "$(median nothing "$2")"
}

# The parts of one slot's CPU time, in milliseconds.
split_slot() {
	BUILD=$(milliseconds slot '$3 + $4') START=$(milliseconds start '$3 + $4')
	HASH=$(milliseconds hash '$3') COPY=$(milliseconds copy '$3 + $4')
	EDITING=$(calculate 'print a - b - c - d' "$BUILD" "$START" "$HASH" "$COPY")
}

# What a person would do for four packed images, in seconds: unpack and pack each; the editing is left out.
packed_by_hand() {
	calculate 'printf "%.0f", 4 * (a + b * c / d)' "$(median decode '$2')" "$(median pack '$2')" "$IMAGE_BYTES" \
		"$(stat -c %s "$SAMPLE")"
}

# One of the slots beyond the first, in seconds.
further_slot() {
	calculate 'printf "%.2f", (a - b) / c' "$(median raw_packed_many '$2')" "$(median raw_packed_one '$2')" "$MANY"
}

# promise WORDS NUMBER LIMIT [least]: kept when the number is the limit at most, or at least
promise() {
	local verdict side='at most'
	[ -z "${4:-}" ] || side='at least'
	verdict=$(calculate "print (${4:+-}a <= ${4:+-}b) ? \"kept\" : \"broken\"" "$2" "$3")
	[ "$verdict" != - ] || verdict='not measured'
	printf '| %s | %s %s | %s | %s |\n' "$1" "$side" "$3" "$2" "$verdict"
}

promises() {
	local by_hand peak
	by_hand=$(packed_by_hand)
	peak=$(awk '$1 ~ /^(first|again|plan|packed_|raw_packed_|all_nodes|clones$|slot)/ { if ($5 > most) most = $5 }
		END { if (most) printf "%.0f", most / 1024 }' "$WORK/measured")
	split_slot
	promise 'four raw images, first time, of the floor' "$(ratio "$(median first '$2')" "$(median floor '$2')")" 1.2
	promise 'four raw images, from the cache, of the shell way' \
		"$(ratio "$(median again '$2')" "$(median shell '$2')")" 0.5
	promise 'four raw images where files can be cloned, of one unpacking and writing' \
		"$(ratio "$(median clones '$2')" "$(median clones_floor '$2')")" 1.1
	promise 'four .img.xz, first time: times faster than by hand' \
		"$(calculate 'printf "%.0f", a / b' "$by_hand" "$(median packed_first '$2')")" 100 least
	promise 'a further .img.xz from a raw base, % of the first' \
		"$(calculate 'printf "%.2f", 100 * a / b' "$(further_slot)" "$(median raw_packed_first '$2')")" 2
	promise 'plan, % of the base decoded' \
		"$(calculate 'printf "%.1f", 100 * a * 1048576 / b' "$(cost plan decoded)" "$IMAGE_BYTES")" 8
	promise 'editing one slot, ms of CPU' "$EDITING" 50
	promise 'peak memory, MiB' "$peak" 256
}

# The floor writes four times what is not zero, or copies the packed base four times.
costs() {
	local written=$(($(stat -c '%b' "$RAW_BASE") >> 9)) packed=$(($(stat -c %s "$BASE") >> 18))
	echo "| floor of four raw images | $((IMAGE_BYTES >> 20)) | 0 | 0 | $written |"
	cost_row first 'four raw images, first time'
	cost_row again 'four raw images again'
	cost_row clones 'four raw images on btrfs'
	echo "| floor of four .img.xz | 0 | 0 | $packed | $packed |"
	cost_row packed_first 'four .img.xz, first time'
	cost_row packed_again 'four .img.xz again'
	cost_row packed_mapped 'four .img.xz, first time, `--bmap always`'
	cost_row raw_packed_first 'one .img.xz out of a raw base, first time'
	cost_row raw_packed_one 'one .img.xz out of a raw base, later'
	cost_row plan 'plan'
}

machine() {
	printf '%s, %s cores, %s GiB of memory, Linux %s, %s below .build, %s, liblzma %s' \
		"$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1 | tr -s ' ')" "$(nproc)" \
		"$(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)" "$(uname -r)" \
		"$(stat -f -c %T "$WORK")" "$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release)" \
		"$(xz --version | sed -n 's/^liblzma //p')"
}

report() {
	local floor shell by_hand
	floor=$(median floor '$2') shell=$(median shell '$2') by_hand=$(packed_by_hand)
	split_slot
	cat <<-END
		$(date -u +%Y-%m-%d), $("$PIFORGE" --version): $(machine).

		The base: an .img.xz of $(($(stat -c %s "$BASE") >> 20)) MiB in blocks of 24 MiB, $((IMAGE_BYTES >> 20)) MiB unpacked,
		$(($(stat -c '%b' "$RAW_BASE") >> 11)) MiB of them not zero. Slots p1 to p4 of \`profiles/sg1.yaml\`, $([ "$RUNS" = 1 ] && echo "one run" || echo "medians of $RUNS runs in turns").

		| promise | limit | measured | |
		|---|---|---|---|
		$(promises)

		| four raw images | seconds | of the floor | of the shell way | CPU seconds | peak MiB |
		|---|---|---|---|---|---|
		$(row floor 'floor: `xz -dc` teed into four sparse files' "$floor" "$shell")
		$(row shell 'shell: `xz -dc`, four copies, loop mount, sed, mtools' "$floor" "$shell")
		$(row first 'piforge, first time' "$floor" "$shell")
		$(row again 'piforge again' "$floor" "$shell")

		| four raw images on btrfs | seconds | of the floor | CPU seconds | peak MiB |
		|---|---|---|---|---|
		$(row clones_floor 'floor: one `xz -dc` into one sparse file' "$(median clones_floor '$2')")
		$(row clones 'piforge, first time' "$(median clones_floor '$2')")

		| four .img.xz | seconds | of the way by hand | CPU seconds | peak MiB |
		|---|---|---|---|---|
		| by hand: \`xz -dc\` and \`xz -T0 -6\` for each, reckoned | ${by_hand} | 1.00 | | |
		$(row packed_first 'piforge, first time' "$by_hand")
		$(row packed_again 'piforge again' "$by_hand")
		$(row packed_mapped 'piforge, first time, `--bmap always`' "$by_hand")

		By hand: \`xz -dc\` took $(calculate 'printf "%.1f", a' "$(median decode '$2')") s and \`xz -T0 -6\` $(calculate 'printf "%.1f", a' "$(median pack '$2')") s for $(($(stat -c %s "$SAMPLE") >> 20)) MiB, every ${EVERY}th piece of 24 MiB;
		four times the one and the other for the whole image are reckoned, and no editing.

		| .img.xz out of a base that is raw | seconds | of the first | CPU seconds | peak MiB |
		|---|---|---|---|---|
		$(row raw_packed_first 'the first slot, which packs the base' "$(median raw_packed_first '$2')")
		$(row raw_packed_one 'one slot later' "$(median raw_packed_first '$2')")
		$(row raw_packed_many "$((MANY + 1)) slots later" "$(median raw_packed_first '$2')")
		$(row all_nodes 'all 252 nodes of a small base' "$(median raw_packed_first '$2')")

		| MiB | decoded | encoded | copied packed | written |
		|---|---|---|---|---|
		$(costs)

		Editing: building one slot of a small base from the cache takes $BUILD ms of CPU; of these $START are starting,
		$HASH hashing, $COPY copying. Medians of $SMALL_RUNS runs in turns.
	END
}

# Puts the report between the marks of docs/performance.md.
write_report() {
	local file=$REPOSITORY/docs/performance.md
	if [ ! -e "$file" ]; then
		cat > "$file" <<-'END'
			# Performance

			Written by `scripts/bench --write`; run it to see your own machine. Seconds differ between machines and
			between runs, the ratios are what is promised. `scripts/bench build --help` lists the contestants.

			<!-- bench -->
			<!-- /bench -->
		END
	fi
	awk -v report="$WORK/report.md" '
		/^<!-- \/bench -->/ { inside = 0 }
		!inside { print }
		/^<!-- bench -->/ { inside = 1; while ((getline line < report) > 0) print line }' "$file" > "$file.new"
	mv "$file.new" "$file"
}
