{%- set role = cookiecutter.facts.kolla.prepare.get("network") -%}
{%- set user = cookiecutter.site.openstack.runner.sshUser -%}
{%- if role -%}
#!/bin/sh
# What a network host needs before Kolla-Ansible comes ({{ role.host }}): {{ role.nodes | join(", ") }}
# As root, once on each, with the public key of the runs: sh network.sh "ssh-ed25519 …"
set -eu
key=${1:?the public key of the runs}
{% if role.family == "deb" -%}
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes {{ role.packages | join(" ") }}
{%- else -%}
dnf install --assumeyes {{ role.packages | join(" ") }}
{%- if role.kernel_modules %}
# The netfilter modules that Open vSwitch and containers load are not in the kernel's own package.
dnf install --assumeyes "kernel-modules-extra-$(uname -r)"
{%- endif %}
{%- endif %}
id {{ user }} >/dev/null 2>&1 || useradd --create-home --shell /bin/bash {{ user }}
install -d -m 0700 -o {{ user }} -g {{ user }} "$(getent passwd {{ user }} | cut -d: -f6)/.ssh"
authorized="$(getent passwd {{ user }} | cut -d: -f6)/.ssh/authorized_keys"
touch "$authorized"
grep -qxF "$key" "$authorized" || printf '%s\n' "$key" >> "$authorized"
chown {{ user }}:{{ user }} "$authorized"
chmod 0600 "$authorized"
printf '%s ALL=(ALL) NOPASSWD: ALL\n' {{ user }} > /etc/sudoers.d/{{ user }}
chmod 0440 /etc/sudoers.d/{{ user }}
ip -brief address show dev {{ cookiecutter.site.networks.management.interface }}
{%- for net in cookiecutter.site.networks.provider %}
# {{ net.interface }} carries {{ net.name }}: it is up and has no address, Open vSwitch takes it.
test -z "$(ip -brief -4 address show dev {{ net.interface }} | awk '{print $3}')"
ip link set dev {{ net.interface }} mtu {{ net.mtu }} up
{%- endfor %}
{%- endif %}
