/// What the first boot does: packages that came with the card, then commands; both can be cut off at any moment, and the
/// next start takes up again.
package enum FirstBoot {
    /// Folders of packages in rounds, `0`, `1` and so on; each is installed before the next.
    package static let packages = "var/lib/piforge/packages"
    /// One file for each command, `001` and so on.
    package static let commands = "var/lib/piforge/first-boot"
    package static let packagesUnit = "piforge-packages.service"
    package static let commandsUnit = "piforge-first-boot.service"
    /// The logs on the boot partition; a line that begins with `piforge: ` says how far it has come.
    package static let packagesLog = "piforge-packages.log"
    package static let commandsLog = "piforge-first-boot.log"

    /// `bootMount`: where the system has its boot partition. `isUserPending`: whether the first boot sets up a user, which
    /// locks /etc/passwd.
    package static func packageInstaller(bootMount: String, isUserPending: Bool) -> [PiProgram] {
        [
            .script("install-packages", shared(log: "\(bootMount)/\(packagesLog)") + installer),
            .unit(
                packagesUnit,
                unit(
                    "Install the packages that came with the card", condition: packages, script: "install-packages",
                    after: isUserPending ? " userconfig.service" : "", before: commandsUnit)),
        ]
    }

    package static func commandRunner(bootMount: String, isUserPending: Bool) -> [PiProgram] {
        [
            .script("first-boot", shared(log: "\(bootMount)/\(commandsLog)") + runner),
            .unit(
                commandsUnit,
                unit(
                    "Run the commands of the first boot", condition: commands, script: "first-boot",
                    after: " \(packagesUnit)" + (isUserPending ? " userconfig.service" : ""), before: nil,
                    needsNetwork: true)),
        ]
    }

    /// Type=oneshot without Restart=, which systemd 241 refuses. The growth of the root, host keys and the role's own
    /// network come first; whoever else runs dpkg waits.
    private static func unit(
        _ description: String, condition: String, script: String, after: String, before: String?,
        needsNetwork: Bool = false
    ) -> String {
        """
        [Unit]
        Description=\(description)
        ConditionPathIsDirectory=/\(condition)
        After=local-fs.target remote-fs.target resize2fs_once.service systemd-growfs-root.service rpi-resize.service
        After=regenerate_ssh_host_keys.service sshswitch.service clusterctrl-init.service\(after)
        \(needsNetwork ? "Wants=network-online.target\nAfter=network-online.target" : "# No network is needed.")
        Before=apt-daily.service apt-daily-upgrade.service\(before.map { " " + $0 } ?? "")

        [Service]
        Type=oneshot
        RemainAfterExit=yes
        ExecStart=/usr/local/lib/piforge/\(script)
        StandardOutput=journal+console
        StandardError=journal+console
        TimeoutStartSec=infinity

        [Install]
        WantedBy=multi-user.target

        """
    }

    /// What both scripts begin with.
    private static func shared(log: String) -> String {
        #"""
        #!/bin/sh
        # Part of piforge. Can be cut off at any moment: the next start takes up again.
        set -u
        LOG=\#(log)
        BOX=/var/lib/piforge
        WORK=/run/piforge-${0##*/}
        rm -rf "$WORK"
        mkdir -m 700 "$WORK" || exit 1
        export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root

        # A boot partition that is full or read-only keeps nothing from being done.
        say() {
        	echo "piforge: $*"
        	{ echo "piforge: $*" >>"$LOG"; } 2>/dev/null || :
        }

        # Runs a command; what it prints goes to the console and into the log.
        logged() {
        	{
        		code=0
        		"$@" </dev/null 2>&1 || code=$?
        		echo "$code" >"$WORK/code"
        	} | tee -a "$LOG" 2>/dev/null
        	return "$(cat "$WORK/code")"
        }

        # Takes away what brought us here. What is left of it when the power goes does nothing.
        leave() { # FOLDER SCRIPT UNIT
        	rm -rf "${BOX:?}/$1"
        	rm -f "/usr/local/lib/piforge/$2" "/etc/systemd/system/multi-user.target.wants/$3" "/etc/systemd/system/$3"
        	rmdir /usr/local/lib/piforge "$BOX" 2>/dev/null || :
        	sync
        }

        """#
    }

    private static let installer = #"""
        POLICY=/usr/sbin/policy-rc.d
        MARK='# by piforge, while packages are installed'
        KEPT=$BOX/policy-rc.d
        export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true

        is_there() { [ -e "$1" ] || [ -L "$1" ]; }
        is_ours() { grep -qxF "$MARK" "$POLICY" 2>/dev/null; }

        # No service starts before all packages are there. A policy of somebody else's is put aside; once the power has
        # gone it may be aside already.
        forbid_starts() {
        	if is_there "$POLICY" && ! is_ours; then mv -f "$POLICY" "$KEPT"; fi
        	printf '#!/bin/sh\n%s\nexit 101\n' "$MARK" >"$POLICY.new"
        	chmod 755 "$POLICY.new"
        	sync
        	mv -f "$POLICY.new" "$POLICY"
        }

        allow_starts() {
        	rm -f "$POLICY.new"
        	if is_there "$KEPT"; then mv -f "$KEPT" "$POLICY"; elif is_ours; then rm -f "$POLICY"; fi
        }

        end() {
        	allow_starts
        	rm -rf "$WORK"
        }

        # What the system starts at boot, one unit a line.
        units() {
        	systemctl list-dependencies --plain --no-pager default.target 2>/dev/null |
        		sed 's/^[^A-Za-z0-9]*//; s/[[:blank:]]*$//' | sort -u
        }

        # Whether dpkg has each package of this folder installed, in this version.
        is_installed() { # ROUND
        	dpkg-query --show --showformat='${Package} ${Architecture} ${Version} ${db:Status-Status}\n' >"$WORK/have"
        	for deb in "$1"/*.deb; do
        		# shellcheck disable=SC2016 # for dpkg-deb to fill in
        		dpkg-deb --show --showformat='${Package} ${Architecture} ${Version} installed\n' "$deb" >"$WORK/want" || return 1
        		grep -qxFf "$WORK/want" "$WORK/have" || return 1
        	done
        }

        # What was unpacked before the power went is skipped, and configured with the rest.
        install_round() { # ROUND
        	logged dpkg --force-confdef --force-confold --auto-deconfigure --skip-same-version --install "$1"/*.deb
        	is_installed "$1" || logged dpkg --force-confdef --force-confold --configure -a
        	is_installed "$1"
        }

        install_all() {
        	for round in "$BOX"/packages/*/; do
        		ls "$round"*.deb >/dev/null 2>&1 || continue
        		if ! install_round "${round%/}"; then
        			say "could not install the packages; the next start tries again"
        			return 1
        		fi
        		sync
        	done
        }

        trap end EXIT
        # dash runs no EXIT trap when a signal ends it
        trap 'exit 143' HUP INT TERM

        count=$(find "$BOX/packages" -name '*.deb' | wc -l)
        say "installing packages, $count in all"
        units >"$WORK/before"
        forbid_starts
        install_all || exit 1
        allow_starts
        say "installed packages, $count in all"
        leave packages install-packages piforge-packages.service

        # What came to be wanted at boot is started now, and nothing else is started twice.
        systemctl daemon-reload
        units | comm -13 "$WORK/before" - >"$WORK/new"
        while read -r unit; do systemctl --no-block start "$unit" </dev/null || :; done <"$WORK/new"

        """#

    private static let runner = #"""
        COMMANDS=$BOX/first-boot
        export DEBIAN_FRONTEND=noninteractive

        trap 'rm -rf "$WORK"' EXIT
        trap 'exit 143' HUP INT TERM

        # A command's file goes when it is done; its name tells its place among all.
        total=$(cat "$COMMANDS/count")
        for file in "$COMMANDS"/[0-9]*; do
        	[ -f "$file" ] || continue
        	name=$(basename "$file")
        	number=${name#"${name%%[!0]*}"}
        	say "running command $number of $total"
        	code=0
        	(cd / && logged sh "$file") || code=$?
        	if [ "$code" != 0 ]; then
        		say "command $number of $total failed with status $code; the next start begins with it"
        		exit 1
        	fi
        	rm -f "$file"
        	sync
        done
        say "ran commands, $total in all"
        leave first-boot first-boot piforge-first-boot.service

        """#
}
