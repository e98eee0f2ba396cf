#!/bin/sh
# update-rc.d NAME remove - stand-in: the links go.
[ "$2" = remove ] || exit 1
rm -f /etc/rc?.d/[SK][0-9][0-9]"$1"
