# The link of a ClusterCTRL node to its controller.
auto usb0
iface usb0 inet dhcp
	metric 1000
