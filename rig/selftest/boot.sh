# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154
#
# Tests of what is made of machines and tests that go wrong. See check-rig.

# Pack what misbehaves in the place of the selftests.
misbehave()
{
	names=$(rows rig/selftest/selftests.table | cut -f 1 | xargs)
	mkdir -p "$work/kselftest/arm64"
	for name in $names; do
		$target_cc -o "$work/kselftest/arm64/$name" rig/selftest/misbehave.c || return 1
	done
	pack "$names"
}

pack()
{
	make -s -f rig/build/build.mk initramfs TREE=out/$base/linux TO="$work/kselftest" \
		OUT="$work" NAMES="$1"
}

boot_misbehaving()
{
	rig/boot/boot-machines --base misbehave --tables rig/selftest \
		--report "$work/report" --image "$built/arch/arm64/boot/Image" \
		--initrd "$work/initrd" --out "$work/run" \
		--kunit "out/$base/linux/tools/testing/kunit" "$@"
}

# cell ROW COLUMN STATUS: what the matrix in the output says there.
cell()
{
	found=$(awk -v row="$1" -v col="$2" '
		/^base misbehave/ { for (i = 3; i <= NF; i++) if ($i == col) n = i - 2 }
		n && index($0, row "  ") == 1 {
			line = substr($0, length(row) + 1)
			gsub(/NO REPORT/, "NO_REPORT", line)
			split(line, c, " ")
			sub(/_/, " ", c[n]); print c[n]; exit
		}' "$work/output")
	[ "$found" = "$3" ] || {
		echo "matrix, row $1, column $2: expected $3, got $found"
		return 1
	}
}

# test: tests that fail, crash, hang or say nothing
tests_go_wrong()
{
	misbehave || return 1
	expect 1 '^6 passed, 5 failed, 2 skipped$' boot_misbehaving --machines healthy \
		--tests 'good fail few broken silent crash hang' || return 1
	cell 'good gicv3/0' healthy pass && cell 'good gicv3/1' healthy pass &&
	cell 'fail gicv3/0' healthy pass && cell 'fail gicv3/1' healthy FAIL &&
	cell 'fail gicv3/2' healthy skip &&
	cell few healthy FAIL && cell broken healthy FAIL &&
	cell silent healthy FAIL && cell crash healthy known &&
	cell hang healthy FAIL || return 1
	for text in 'expected 0x4b00143b, read 0x4b00343b' 'TIMEOUT 3 seconds, after: about to hang' \
		'about to hang' 'printed no KTAP' 'killed by Segmentation fault' \
		'not every planned subtest reported' \
		'known: crash on healthy: the test is named for it'; do
		said "$text" || return 1
	done
	python3 - "$work/report/misbehave.xml" <<-'PYTHON'
	import sys, xml.etree.ElementTree as xml
	cases = xml.parse(sys.argv[1]).getroot().iter('testcase')
	bad = sorted(c.get('classname') for c in cases if c.find('failure') is not None)
	print(bad)
	sys.exit(bad != ['broken', 'fail', 'few', 'hang', 'silent'])
	PYTHON
	grep -q '<td class="fail".*expected 0x4b00143b' "$work/report/misbehave.html" || return 1
	expect 1 'FAIL: healthy: nothing passed' boot_misbehaving --machines healthy --tests skips &&
		cell 'skips gicv3/0' healthy skip
}

# test: machines that panic, hang, lose PID 1 or have no EL2
machines_go_wrong()
{
	misbehave || return 1
	expect 1 'no end after 15 s: stopped' boot_misbehaving --tests good --timeout 15 || return 1
	cell 'good gicv3/0' healthy pass || return 1
	cell 'good gicv3/0' too-new skip && said '^skip too-new: takes QEMU 1000.0' || return 1
	for machine in panics pid1-dies hangs no-el2; do
		cell 'good gicv3/0' $machine 'NO REPORT' || return 1
	done
	for text in 'Kernel panic - not syncing: VFS: Unable to mount root fs' \
		'Kernel panic - not syncing: Attempted to kill init' \
		'init: /dev/kvm: No such file or directory'; do
		said "$text" || return 1
	done
	expect 2 'QEMU=/path/to/qemu-system-aarch64 names another' boot_misbehaving --tests good \
		--machines too-new
}

# fake_qemu VERSION: the one on PATH that it prints; it says so if a machine is to start with it
fake_qemu()
{
	cat >"$work/bin-old-qemu/qemu-system-aarch64" <<-SH
	#!/bin/sh
	[ "\$1" != --version ] || { echo "QEMU emulator version $1"; exit; }
	echo "this is $1"
	exit 3
	SH
	chmod +x "$work/bin-old-qemu/qemu-system-aarch64"
}

# test: a QEMU on PATH that is too old, and one that is not; what the user has named; no archive
old_qemu_on_path()
{
	misbehave || return 1
	tools_without "$work/bin-old-qemu" 'apt*' qemu-system-aarch64
	fake_qemu 7.2.1
	with="$work/bin-old-qemu:$PATH" without=$work/bin-old-qemu empty=$work/no-cache
	set -- boot_misbehaving --machines healthy --tests good
	(PATH=$with; expect 0 '^3 passed, 0 failed' "$@") || return 1
	(PATH=$with; expect 1 'this is 7.2.1' "$@" --qemu qemu-system-aarch64) || return 1
	(PATH=$without XDG_CACHE_HOME=$empty; export XDG_CACHE_HOME
	 expect 2 'machines need QEMU 8.1, and the one on PATH is 7.2.1' "$@") || return 1
	fake_qemu 8.2.2
	(PATH=$with; expect 1 'this is 8.2.2' "$@") || return 1
	# Two machines need more, and are skipped.
	(PATH=$without XDG_CACHE_HOME=$empty; export XDG_CACHE_HOME
	 expect 0 'note: QEMU [0-9.]* is not to be had, 8.2.2 on PATH has to do' \
		rig/source/newer-qemu && ! said '^/') || return 1
	rm "$work/bin-old-qemu/qemu-system-aarch64"
	(PATH=$without XDG_CACHE_HOME=$empty; export XDG_CACHE_HOME
	 expect 2 'machines need QEMU 8.1, and the one on PATH is not there' rig/source/newer-qemu)
}

# test: a machine that goes away in the middle of a test
powers_off_early()
{
	misbehave || return 1
	expect 1 'the machine went away before the test ended' boot_misbehaving \
		--machines healthy --tests 'good power-off' || return 1
	cell 'good gicv3/0' healthy pass && cell power-off healthy 'NO REPORT' &&
		grep -q 'reboot: Power down' "$work/output"
}

# test: interrupted, and even killed
ctrl_c_leaves_no_qemu()
{
	misbehave || return 1
	set -- rig/boot/boot-machines --base misbehave --tables rig/selftest \
		--report "$work/report" --image "$built/arch/arm64/boot/Image" \
		--initrd "$work/initrd" --out "$work/run-int" --machines hangs --tests good \
		--kunit "out/$base/linux/tools/testing/kunit"
	expect 124 'rig: interrupted' timeout -s INT 4 "$@" || return 1
	! pgrep -f "$work/run-int" || return 1
	# Not even a rig that has no time to clean up.
	timeout -s KILL 4 "$@"
	ended "$work/run-int"
}

# test: a failure that is known, and is gone
known_failure_that_passes()
{
	misbehave || return 1
	mkdir -p "$work/tables"
	cp rig/selftest/*.table "$work/tables/"
	echo 'misbehave | * | quiet | some text | it is made up' \
		>>"$work/tables/known-failures.table"
	expect 1 'says that it fails with "some text": remove that entry' boot_misbehaving \
		--tables "$work/tables" --machines healthy --tests 'quiet crash' || return 1
	cell quiet healthy FAIL && cell crash healthy known || return 1
	sed -i 's/^misbehave | \* | quiet .*/misbehave | * | good | some text | it is made up/' \
		"$work/tables/known-failures.table"
	expect 1 'says that it fails with "some text": remove that entry' boot_misbehaving \
		--tables "$work/tables" --machines healthy --tests good || return 1
	echo 'misbehave | * | hang | TIMEOUT 3 seconds, after: | it is made up' \
		>>"$work/tables/known-failures.table"
	expect 2 'would hide any time-out of hang' boot_misbehaving \
		--tables "$work/tables" --machines healthy --tests hang
}

# test: a kernel that is to have kmemleak and has not is not one without leaks
kmemleak_is_not_there()
{
	misbehave || return 1
	expect 0 '^3 passed, 0 failed, 0 skipped$' boot_misbehaving --machines healthy \
		--tests good || return 1
	expect 1 'init: kmemleak does not work: No such file' boot_misbehaving \
		--machines healthy --tests good --append KMEMLEAK=1 &&
		cell 'kernel log' healthy FAIL
}

# long test: the same boots again and again
soak_keeps_what_fails()
{
	misbehave || return 1
	set -- rig/boot/repeat-boot --times 2 --out "$work/soak" -- \
		rig/boot/boot-machines --base misbehave --tables rig/selftest \
		--image "$built/arch/arm64/boot/Image" --initrd "$work/initrd" \
		--kunit "out/$base/linux/tools/testing/kunit" --machines healthy
	expect 0 '^all 2 runs passed$' "$@" --tests good || return 1
	expect 1 '^2 of 2 runs failed, console and KTAP:' "$@" --tests 'good few' || return 1
	[ -s "$work/soak/1/healthy.ktap" ] && [ -s "$work/soak/2/healthy.console" ]
}

