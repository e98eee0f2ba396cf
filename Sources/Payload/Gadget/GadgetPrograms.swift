/// What makes a node of a Pi whose system knows nothing of a ClusterHAT: its USB port becomes a network card and a serial
/// console for the controller, with the identity by which 8086's controllers know a node.
package enum GadgetPrograms {
    package static let script = PiProgram.script("usb-gadget", scriptText)
    package static let unit = PiProgram.unit("piforge-gadget.service", unitText)

    private static let unitText = """
        [Unit]
        Description=USB device that links this node with its controller
        ConditionPathExists=/etc/default/clusterctrl
        Wants=network-pre.target
        Before=network-pre.target

        [Service]
        Type=oneshot
        RemainAfterExit=yes
        ExecStart=/usr/local/lib/piforge/usb-gadget

        [Install]
        WantedBy=multi-user.target

        """

    private static let scriptText = #"""
        #!/bin/sh
        # usb-gadget - makes this Pi's USB port a network card and a serial console for the
        # controller that it is plugged into.
        #
        # /etc/default/clusterctrl says which: ID is the slot, 1 to 252, and GADGET the kind of
        # network card, ncm (since 2026-03) or rndis (for controllers from before).
        # Exit codes: 0 done, or there is no port that can be a device; 1 something failed.
        set -eu

        say() { echo "usb-gadget: $*"; }
        # systemd takes the number for how grave it is (sd-daemon(3)).
        complain() { echo "<3>usb-gadget: $*"; }

        value() { # KEY
        	sed -n "s/^$1=//p" /etc/default/clusterctrl | tail -n 1 | tr -d "\"' "
        }

        # The first port that can be a device. dwc2 may have been found a moment ago.
        find_port() {
        	tries=0
        	while [ "$tries" -lt 50 ]; do
        		for port in /sys/class/udc/*; do
        			[ -e "$port" ] || continue
        			echo "${port##*/}"
        			return
        		done
        		tries=$((tries + 1))
        		sleep 0.2
        	done
        }

        make_gadget() { # SLOT KIND PORT
        	hex=$(printf %02x "$1")
        	case $2 in
        	ncm) product=0x0021 ;;
        	rndis) product=0x0020 ;;
        	*) complain "GADGET=$2 in /etc/default/clusterctrl is neither ncm nor rndis"; return 1 ;;
        	esac
        	gadget=/sys/kernel/config/usb_gadget/ClusterCTRL
        	network=$gadget/functions/$2.usb0
        	mkdir "$gadget" "$gadget/strings/0x409" "$gadget/configs/c.1"
        	echo 0x3171 > $gadget/idVendor
        	echo $product > $gadget/idProduct
        	# miscellaneous device with interface associations: several functions in one
        	echo 0xEF > $gadget/bDeviceClass
        	echo 0x02 > $gadget/bDeviceSubClass
        	echo 0x01 > $gadget/bDeviceProtocol
        	echo "$1" > $gadget/strings/0x409/serialnumber
        	echo '8086 Consultancy' > $gadget/strings/0x409/manufacturer
        	echo ClusterCTRL > $gadget/strings/0x409/product
        	echo 250 > $gadget/configs/c.1/MaxPower
        	mkdir "$network" $gadget/functions/acm.usb0
        	echo "00:22:82:ff:fe:$hex" > "$network/host_addr"
        	echo "00:22:82:ff:ff:$hex" > "$network/dev_addr"
        	ln -s "$network" $gadget/configs/c.1/
        	ln -s $gadget/functions/acm.usb0 $gadget/configs/c.1/
        	echo "$3" > $gadget/UDC
        	say "USB device 3171:${product#0x}, $2, slot $1"
        }

        slot=$(value ID)
        case $slot in
        '' | *[!0-9]* | ????*) slot=0 ;;
        esac
        if [ "$slot" -lt 1 ] || [ "$slot" -gt 252 ]; then
        	complain "ID in /etc/default/clusterctrl is no slot from 1 to 252"
        	exit 1
        fi
        kind=$(value GADGET)
        modprobe -q dwc2 || :
        modprobe libcomposite
        if [ ! -d /sys/kernel/config/usb_gadget ]; then mount -t configfs configfs /sys/kernel/config; fi
        if [ -e /sys/kernel/config/usb_gadget/ClusterCTRL ]; then exit 0; fi
        port=$(find_port)
        if [ -z "$port" ]; then
        	complain "no USB port of this board is a device: config.txt needs dtoverlay=dwc2,dr_mode=peripheral"
        	exit 0
        fi
        make_gadget "$slot" "${kind:-ncm}" "$port"

        """#
}
