# shellcheck shell=bash
# trixie.sh - what Raspberry Pi OS has since trixie: cloud-init, host keys and growth by systemd's idea of a first boot.

# The initramfs grows the partition, this the file system, if systemd takes the start for the first.
add_resize_units() { # ROOT
	put "$1" usr/lib/systemd/system/rpi-resize.service <<-'END'
		[Unit]
		Description=Make the root file system fill its partition
		ConditionFirstBoot=yes
		Wants=systemd-growfs-root.service

		[Service]
		Type=oneshot
		ExecStart=/bin/systemctl disable rpi-resize.service

		[Install]
		WantedBy=multi-user.target
	END
	enable "$1" multi-user.target rpi-resize.service
}

# As the image's own configuration of it has it: a user pi without password, from a seed that says nothing.
add_cloud_init() { # ROOT
	local r=$1 name
	elf_stub | put "$r" usr/bin/cloud-init 755
	put "$r" etc/cloud/cloud.cfg <<-'END'
		# What holds unless the seed says otherwise.
		users:
		  - default
		disable_root: true
		preserve_hostname: false
		system_info:
		  distro: raspberry-pi-os
		  default_user:
		    name: pi
		    lock_passwd: True
		    sudo: ["ALL=(ALL) NOPASSWD:ALL"]
	END
	put "$r" etc/cloud/cloud.cfg.d/99_raspberry-pi.cfg <<-'END'
		datasource_list: [ NoCloud, None ]
		datasource:
		  NoCloud:
		    seedfrom: file:///boot/firmware
	END
	for name in main local network; do
		put "$r" "usr/lib/systemd/system/cloud-init-$name.service" <<-'END'
			[Unit]
			Description=Stand-in for a stage of cloud-init
			ConditionPathExists=!/etc/cloud/cloud-init.disabled

			[Service]
			Type=oneshot
			ExecStart=/bin/true

			[Install]
			WantedBy=cloud-init.target
		END
		enable "$r" cloud-init.target "cloud-init-$name.service"
	done
}

# Off as long as nobody turns it on.
add_usb_gadget_tool() { # ROOT
	put "$1" usr/bin/rpi-usb-gadget 755 <<< $'#!/bin/sh\nexit 0'
	put "$1" usr/lib/systemd/system/rpi-usb-gadget-ics.service <<-'END'
		[Unit]
		Description=Stand-in for what watches usb0

		[Service]
		ExecStart=/bin/true

		[Install]
		WantedBy=multi-user.target
	END
}

# Makes the host keys that are missing, at the first start alone.
add_key_unit_of_debian() { # ROOT
	put "$1" usr/lib/systemd/system/sshd-keygen.service <<-'END'
		[Unit]
		Description=Make the SSH host keys that are missing
		ConditionFirstBoot=yes
		Before=ssh.service

		[Service]
		Type=oneshot
		ExecStart=/usr/bin/ssh-keygen -A

		[Install]
		WantedBy=ssh.service
	END
	mkdir -p "$1/etc/systemd/system/ssh.service.wants"
	ln -sfn /usr/lib/systemd/system/sshd-keygen.service "$1/etc/systemd/system/ssh.service.wants/sshd-keygen.service"
}

# What cloud-init reads: comments, and the name of an instance.
add_seed() { # BOOT
	put "$1" user-data <<< $'#cloud-config\n# hostname: raspberrypi'
	put "$1" network-config <<< '# network:'
	put "$1" meta-data <<< $'dsmode: local\ninstance_id: rpios-image'
}
