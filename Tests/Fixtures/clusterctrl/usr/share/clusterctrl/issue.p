\S{PRETTY_NAME} \n \l
ClusterCTRL node, usb0 \4{usb0} \6{usb0}

