#!/bin/sh
# What a network host needs before Kolla-Ansible comes (rocky 10): aio1.aio.cloud.example
# As root, once on each, with the public key of the runs: sh network.sh "ssh-ed25519 …"
set -eu
key=${1:?the public key of the runs}
dnf install --assumeyes lvm2 python3 sudo
# The netfilter modules that Open vSwitch and containers load are not in the kernel's own package.
dnf install --assumeyes "kernel-modules-extra-$(uname -r)"
id deploy >/dev/null 2>&1 || useradd --create-home --shell /bin/bash deploy
install -d -m 0700 -o deploy -g deploy "$(getent passwd deploy | cut -d: -f6)/.ssh"
authorized="$(getent passwd deploy | cut -d: -f6)/.ssh/authorized_keys"
touch "$authorized"
grep -qxF "$key" "$authorized" || printf '%s\n' "$key" >> "$authorized"
chown deploy:deploy "$authorized"
chmod 0600 "$authorized"
printf '%s ALL=(ALL) NOPASSWD: ALL\n' deploy > /etc/sudoers.d/deploy
chmod 0440 /etc/sudoers.d/deploy
ip -brief address show dev eth0
# eth1 carries physnet1: it is up and has no address, Open vSwitch takes it.
test -z "$(ip -brief -4 address show dev eth1 | awk '{print $3}')"
ip link set dev eth1 mtu 1500 up
