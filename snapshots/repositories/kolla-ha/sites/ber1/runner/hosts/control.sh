#!/bin/sh
# What a control host needs before Kolla-Ansible comes (ubuntu 24.04): ctl1.ber1.cloud.example, ctl2.ber1.cloud.example, ctl3.ber1.cloud.example
# As root, once on each, with the public key of the runs: sh control.sh "ssh-ed25519 …"
set -eu
key=${1:?the public key of the runs}
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes lvm2 python3 sudo
id deploy >/dev/null 2>&1 || useradd --create-home --shell /bin/bash deploy
install -d -m 0700 -o deploy -g deploy "$(getent passwd deploy | cut -d: -f6)/.ssh"
authorized="$(getent passwd deploy | cut -d: -f6)/.ssh/authorized_keys"
touch "$authorized"
grep -qxF "$key" "$authorized" || printf '%s\n' "$key" >> "$authorized"
chown deploy:deploy "$authorized"
chmod 0600 "$authorized"
printf '%s ALL=(ALL) NOPASSWD: ALL\n' deploy > /etc/sudoers.d/deploy
chmod 0440 /etc/sudoers.d/deploy
ip -brief address show dev bond0.21
