\S{PRETTY_NAME} \n \l
ClusterCTRL controller, br0 \4{br0} \6{br0}

