# shellcheck shell=bash
# programs.sh - packages and commands in a real system for ARM, as a part of test-loop.
#
# Uses REAL (a base that make-base --real makes), WORK, PIFORGE and what test-loop checks.

# A package that makes its program as it is installed, and the files of an archive that has it.
make_archive() { # FOLDER
	local folder=$1
	mkdir -p "$folder/package/DEBIAN"
	cat > "$folder/package/DEBIAN/control" <<- END
		Package: piforge-probe
		Version: 1.5
		Architecture: all
		Maintainer: piforge <piforge@example.org>
		Description: says which version it is
	END
	cat > "$folder/package/DEBIAN/postinst" <<- 'END'
		#!/bin/sh
		set -e
		printf '#!/bin/sh\necho probe of 1.5\n' > /usr/bin/piforge-probe
		chmod 755 /usr/bin/piforge-probe
	END
	chmod 755 "$folder/package/DEBIAN/postinst"
	dpkg-deb --root-owner-group -b "$folder/package" "$folder/probe.deb" > /dev/null
	{
		cat "$folder/package/DEBIAN/control"
		echo "Filename: ./probe.deb"
		echo "Size: $(stat -c %s "$folder/probe.deb")"
		echo "SHA256: $(sha256sum < "$folder/probe.deb" | cut -d' ' -f1)"
	} > "$folder/Packages"
}

real_build() { # COMMANDS
	local code=0
	cat > "$WORK/programs.yaml" <<- END
		version: 1
		cluster: programs
		slots: {p3: {}}
		defaults:
		  ssh: true
		  packages: [piforge-probe]
		  network: true
		  run: [$1]
		  files:
		    - {source: archive/probe.deb, target: /opt/archive/probe.deb}
		    - {source: archive/Packages, target: /opt/archive/Packages}
		    - {target: /etc/apt/sources.list, content: "deb [trusted=yes] file:/opt/archive ./\n"}
	END
	SOURCE_DATE_EPOCH=1700000000 XDG_CACHE_HOME=$WORK/cache "$PIFORGE" build --slot p3 --engine loop --force \
		--profile "$WORK/programs.yaml" --base "$REAL" --output "$WORK/programs" > "$WORK/list" 2> "$WORK/errors" ||
		code=$?
	check_traces
	return "$code"
}

programs() {
	local image=$WORK/programs/programs-p3.img log=$WORK/programs/programs-p3.img.log code=0 kinds line
	start_case 'packages and commands'
	step "packages and commands in a real system"
	make_archive "$WORK/archive"
	kinds=$(ls /proc/sys/fs/binfmt_misc 2> /dev/null || true)
	real_build '"uname -m; dpkg --print-architecture", "piforge-probe > /root/said", "cat /root/said"' ||
		{ fail "exit code $?: $(tail -n 40 "$WORK/errors" "$log" 2>&1)"; return; }
	for line in armv6l armel 'probe of 1.5'; do
		grep -qx "$line" "$log" || fail "the log has no $line: $(cat "$log")"
	done
	[ "$(stat -c %a "$log")" = 600 ] || fail "others may read the log"
	grep -q '"reproducible" : false' "${image%.img}.manifest.json" || fail "the manifest calls it reproducible"
	[ "$(grep -c '"piforge-probe:all=1.5"' "${image%.img}.manifest.json")" = 1 ] ||
		fail "the manifest does not list the package once"
	[ "$(ls /proc/sys/fs/binfmt_misc 2> /dev/null || true)" = "$kinds" ] || fail "binfmt_misc of the machine changed"
	check_real "$image"

	start_case 'a command that fails'
	rm "$image"
	real_build '"echo before", "echo all is lost; exit 3", "echo after"' || code=$?
	[ "$code" = 65 ] || fail "exit code $code, not 65: $(cat "$WORK/errors")"
	grep -q 'all is lost' "$WORK/errors" || fail "its last words are missing: $(cat "$WORK/errors")"
	[ "$(grep -xE 'before|after' "$log")" = before ] || fail "the log is not that of the two first: $(cat "$log")"
	[ -z "$(find "$WORK/programs" -name '*.img' -o -name '*.partial')" ] || fail "an image is left"
	rm -rf "$WORK/programs"
}

# What the commands did has stayed, and nothing of what they were run with.
check_real() { # IMAGE
	local before
	check_file_systems "$1"
	mount_root "$REAL" "$WORK/real"
	before=$(cd "$WORK/real" && find dev proc run sys tmp)
	umount "$WORK/real"
	mount_root "$1" "$WORK/real"
	[ "$(cat "$WORK/real/root/said")" = 'probe of 1.5' ] || fail "what a command wrote is gone"
	[ ! -e "$WORK/real/usr/sbin/policy-rc.d" ] || fail "policy-rc.d is left"
	[ "$(stat -c %s "$WORK/real/etc/resolv.conf")" = 0 ] || fail "resolv.conf is not the image's empty one"
	[ "$(cd "$WORK/real" && find dev proc run sys tmp)" = "$before" ] || fail "files are left in /dev, /run or /tmp"
	umount "$WORK/real"
}
