#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Run /bundle.tar.xz as somebody would who has been sent it, on a host that has a shell and
# nothing else, and then the tool where things are missing. KTAP; the matrix of the host is
# above the first result. LIES=1: this kernel ignores revisions, which tests fail for.

busybox --install -s /bin
mkdir /home /out /empty
mount -t tmpfs tmpfs /home
chmod 777 /out
cd /home || exit
tar -xJf /bundle.tar.xz || exit
report=report-$(uname -r).txt
tool=vgic-revisions/vgic-revision
number=0

# said STATUS TEXT COMMAND...
said()
{
	want=$1 text=$2
	shift 2
	echo "\$ $*" >>/tmp/said
	"$@" >/tmp/output 2>&1
	status=$?
	cat /tmp/output >>/tmp/said
	echo "exit $status" >>/tmp/said
	[ $status -eq "$want" ] && grep -q "$text" /tmp/output
}

# ok NAME: was it, what stands before this?
ok()
{
	status=$?
	number=$((number + 1))
	sed 's/^/# /' /tmp/said
	: >/tmp/said
	[ $status -eq 0 ] || printf 'not '
	echo "ok $number $1"
}

user()
{
	/tests/stranger "$@"
}

one_file()
{
	{
		find / -xdev -newer /tmp/before -type f ! -path '/tmp/*'
		find /home -newer /tmp/before -type f
	} >/tmp/said
	[ "$(cat /tmp/said)" = "/home/vgic-revisions/$report" ] &&
		grep -q '^GICD_CTLR ' "vgic-revisions/$report" &&
		grep -q '"after_init"' "vgic-revisions/$report"
}

# The same in sentences, and as an exit status
can()
{
	for rev in 0 1 2 3; do
		if grep -q "(revision $rev) can be" /tmp/answer; then
			said 0 "revision $rev is selected" $tool can $rev || return 1
		else
			said 1 "revision $rev is \(refused\|ignored\)" $tool can $rev || return 1
		fi
	done
	said 2 'not a number from 0 to 15' $tool can 16
}

faces()
{
	$tool face >/tmp/face
	said 0 '^0 registers differ' $tool face --compare /tmp/face || return 1
	sed -i '/^GICD_IIDR/s/resets to \w*/resets to 0badcafe/' /tmp/face
	said 1 '^GICD_IIDR.*0badcafe in /tmp/face' $tool face --compare /tmp/face
}

out_of_files()
{
	said 2 'out of resources: KVM_CREATE_.*: Too many open files' sh -c "
		exec 3>&- 4>&- 5>&- 6>&-
		ulimit -n 4
		exec $tool"
}

sanitized()
{
	for arguments in '' --json 'can 3' list 'face --from guest' 'face --from user' \
		'face --compare /tmp/face'; do
		# shellcheck disable=SC2086
		ASAN_OPTIONS=detect_leaks=0 /sanitized $arguments >/tmp/output 2>/tmp/said
		[ $? -le 1 ] && ! grep -q . /tmp/said || return 1
	done
}

echo "KTAP version 1"
echo "1..13"
touch /tmp/before
sleep 1
said "${LIES:-0}" "^The report: .*/$report" vgic-revisions/run
ok root
one_file
ok one_file
chmod 600 /dev/kvm
said 2 '^vgic-revision: cannot open /dev/kvm: Permission denied' user vgic-revisions/run &&
	said 2 'cannot open /dev/kvm: Permission denied' user $tool can 3
ok no_permission
chmod 666 /dev/kvm
said 2 'name a directory for the report' user vgic-revisions/run
ok no_directory
said "${LIES:-0}" "^The report: /out/$report" user vgic-revisions/run /out
ok user

$tool >/tmp/answer
case ${LIES-} in
1) said 1 'This kernel lies' $tool && said 1 '"lies": true' $tool --json ;;
*) said 0 'returns can be trusted here' $tool ;;
esac
ok answer
can
ok can
cp $tool /empty/
said 2 'this host has no KVM: there is no /dev/kvm' chroot /empty /vgic-revision
ok no_kvm
said 2 'this host has no GICv. for guests' $tool --gic $((5 - GIC)) &&
	said 2 'this host has no GICv. for guests' $tool face --gic $((5 - GIC))
ok no_gic
said 0 ' init$' $tool list && said 2 'only root can read' user $tool list
ok list
faces
ok faces
out_of_files
ok out_of_files
sanitized
ok sanitized
