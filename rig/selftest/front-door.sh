# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154
#
# Tests of the front door: knobs, help, status, locks. See check-rig.

# test: what a knob cannot be is said before anything is built
wrong_knobs()
{
	expect 2 'unknown BASE: 5.4' make run BASE=5.4 NESTED=1 && said '6.12 7.3' || return 1
	expect 2 'unknown name in MACHINES: gicv9' make run MACHINES=gicv9 NESTED=1 &&
		said 'MACHINES="..." takes: gicv3-vhe' || return 1
	expect 2 'unknown name in TESTS: vgic_what' make run TESTS=vgic_what NESTED=1 &&
		said 'TESTS="..." takes: ' || return 1
	expect 2 'unknown name in MUTANTS: what' make mutants MUTANTS=what NESTED=1 &&
		said 'MUTANTS="..." takes: .*busy-before-init' || return 1
	expect 2 'SAMPLE=some is not a number of mutants' \
		make mutants SAMPLE=some NESTED=1 || return 1
	expect 2 'SEED=x is not a number' make mutants SAMPLE=4 SEED=x NESTED=1 || return 1
	expect 2 'N=few is not a number of runs' make soak N=few NESTED=1 || return 1
	expect 2 'unknown DEBUG: kernel' make run DEBUG=kernel NESTED=1 || return 1
	expect 2 '1000 machines at a time take' in_copy make run J=1000
}

# test: a knob that a target would not honour is refused
knobs_that_do_not_go_together()
{
	for target in mutants bench bisect-check review debug fuzz qemu-live; do
		expect 2 "DEBUG= is not for make $target" in_copy make $target DEBUG=kcsan ||
			return 1
	done
	for target in check bisect-check planted; do
		expect 2 "KSRC= is not for make $target" in_copy make $target KSRC=/ || return 1
	done
	expect 2 'BASE= is not for make planted' in_copy make planted BASE=6.12 &&
		expect 2 'MACHINES= and TESTS= are not for make check' in_copy make check \
			MACHINES=gicv3-vhe &&
		expect 2 'PRISTINE= is not for make bench' in_copy make bench PRISTINE=1 &&
		expect 2 'DEBUG= and PRISTINE= are not for make carry' in_copy make carry \
			KSRC=/ DEBUG=kcsan &&
		expect 2 'IMAGE= and REVISION= are for make guest' in_copy make guests IMAGE=x ||
		return 1
	expect 0 'check-laws .*--ksrc ./tree.' make -n laws KSRC=/tree &&
		expect 0 'review-series .*--ksrc ./tree.' make -n review KSRC=/tree &&
		expect 0 'KSRC="/tree".*PRISTINE=' make -n bench KSRC=/tree
}

# test: what make survey does not take
knobs_of_survey()
{
	for knob in MACHINES=gicv3-vhe PRISTINE=1 REVISION=1; do
		expect 2 'make survey takes no PRISTINE' in_copy make survey $knob || return 1
	done
	for knob in IMAGE=README.md KSRC=/ NAME=v1 'IMAGE=README.md KSRC=/ NAME=v1'; do
		# shellcheck disable=SC2086
		expect 2 'takes IMAGE= or KSRC=, and NAME= with it' in_copy make survey $knob || return 1
	done
	expect 2 'takes HOSTS=, or IMAGE=' in_copy make survey HOSTS=debian-7.3 \
			IMAGE=README.md NAME=v1 &&
		expect 2 'IMAGE=none: there is no such file' in_copy make survey IMAGE=none NAME=v1 &&
		expect 2 'NAME=a/b: letters, digits' in_copy make survey IMAGE=README.md NAME=a/b &&
		expect 2 'NAME=v1: letters' in_copy make survey KSRC=/ NAME=v1 &&
		expect 2 'NAME=debian-7.3: letters' in_copy make survey IMAGE=README.md \
			NAME=debian-7.3 &&
		expect 2 'unknown name in HOSTS: debian-1' in_copy make survey HOSTS=debian-1 &&
		said '7.3-series' && expect 2 'NAME= is for make survey' in_copy make run NAME=v1
}

# test: only the command line has knobs, and 0 means no
knobs_from_the_environment()
{
	export PRISTINE=1 TESTS=vgic_what BASE=5.4 NESTED=1 DEBUG=debug APPEND=rdinit=/none
	expect 0 '--out out/7.3/run ' make -n run && ! grep -E 'out/7.3-pristine|vgic_what|rdinit' \
		"$work/output" || return 1
	unset PRISTINE TESTS BASE NESTED DEBUG APPEND
	expect 0 '--out out/7.3/run ' make -n run PRISTINE=0 || return 1
	expect 0 'sync-series mail' make -n series SIGNOFF=0 && ! grep signoff "$work/output"
}

# test: -n only says what would be run
dry_runs()
{
	rm -rf "$copy/out"
	for target in check run guests debug mutants bench fuzz faults planted soak series carry; do
		in_copy make -n $target || return 1
	done
	[ ! -e "$copy/out" ]
}

# test: a path with a space in it is refused in words
path_with_a_space()
{
	expect 2 'a path with a space in it' in_copy env XDG_CACHE_HOME="$work/a cache" \
		make tree || return 1
	expect 2 'a path with a space in it' in_copy make tree KSRC="$work/a tree"
}

# test: every program has --help, takes flags only, and gives 2 for what it does not know
one_calling_convention()
{
	for program in rig/*/*; do
		[ -x "$program" ] && [ -f "$program" ] || continue
		expect 0 '..' "$program" --help || return 1
		[ "$(wc -l <"$work/output")" -ge 2 ] || return 1
		expect 2 '..' "$program" --no-such-flag || return 1
		expect 2 '..' "$program" no-such-word || return 1
	done
}

# test: no verdict is left over from another run
status_of_a_run_that_did_not_end()
{
	mkdir -p "$copy/out"
	echo 0 >"$copy/out/status"
	echo 0 >"$copy/out/status.step"
	expect 2 'unknown name in TESTS' in_copy make run TESTS=vgic_what || return 1
	[ ! -e "$copy/out/status" ] || return 1
	echo 1 >"$copy/out/status"
	# make itself is killed, as the kernel does it when memory is short.
	cat >"$work/make" <<-'SH'
	#!/bin/sh
	echo 0 >out/status.step
	kill -9 $$
	SH
	mkdir -p "$work/killed"
	mv "$work/make" "$work/killed/"
	chmod +x "$work/killed/make"
	expect 2 '' in_copy env PATH="$work/killed:$PATH" .ci/run || return 1
	# A step that is killed fails the whole, whatever the one before it has left.
	expect 2 'not set up' in_copy env PATH="$work/killed:$PATH" \
		rig/judge/run-targets --targets 'run;docs'
}

# test: a traceback, a time-out and a signal are no failed test
exit_status_of_programs()
{
	cat >"$work/program" <<-'PY'
	import sys
	sys.path.insert(0, 'rig/lib')
	sys.dont_write_bytecode = True
	from rig import Trouble, run
	import os, signal
	def main():
	    if sys.argv[1] == 'trouble':
	        raise Trouble('say what')
	    if sys.argv[1] == 'killed':
	        os.kill(os.getpid(), signal.SIGTERM)
	    return {'failed': 1, 'passed': 0}[sys.argv[1]]
	run(main)
	PY
	expect 0 '' python3 "$work/program" passed && expect 1 '' python3 "$work/program" failed &&
	expect 2 'rig: say what' python3 "$work/program" trouble &&
	expect 2 'KeyError' python3 "$work/program" defect &&
	expect 130 'interrupted' python3 "$work/program" killed &&
	expect 2 '' rig/lib/record-status --file "$work/status" -- sh -c 'kill -9 $$' &&
	[ "$(cat "$work/status")" = 2 ] || return 1
	# What a tool fails with is 128 (git), 1 (grep), 123 (xargs)...
	expect 2 '^fatal: ' rig/source/second-tree --tree "$work/none" \
		--second "$work/none-second" --commit base
}

# test: a make that is terminated takes all that it has started with it
terminated_make()
{
	cat >"$work/nap.mk" <<-'MK'
	BASE := 7.3
	include rig/build/steps.mk
	nap: ; @$(JUDGE) rig/judge/run-targets --targets 'nap'; status=$$?; exit $$status
	naps: ; @$(SELF) nap && $(SELF) nap
	MK
	mkdir -p "$work/bin-nap"
	printf '#!/bin/sh\nexec rig/build/phase $SHOW --name nap --out %s -- sleep 987653\n' \
		out/test/phase >"$work/bin-nap/make"
	chmod +x "$work/bin-nap/make"
	for show in '' --verbose; do
		for goal in nap naps; do
			PATH=$work/bin-nap:$PATH SHOW=$show /usr/bin/make -s -f "$work/nap.mk" \
				$goal STATUS="$work/nap.status" &
			nap=$!
			within 20 pgrep -f '^sleep 98765[3]' || return 1
			kill $nap
			wait $nap
			ended '^sleep 98765[3]' || return 1
		done
	done
}

# test: two makes in one clone
second_make_in_a_clone()
{
	in_copy make tree || return 1
	cat >"$work/first.mk" <<-'MK'
	first: ; rig/source/check-knobs --goals tree --make $$PPID --base 7.3 --runs 1 --version 1 \
			--duration 1 --out out/7.3 --cache $(HOME) --status out/status; sleep 30
	MK
	(cd "$copy" && exec make -s -f "$work/first.mk") &
	first=$!
	within 20 grep -qsx $first "$copy/out/lock.pid" || return 1
	expect 2 "another make works in this clone: process $first" in_copy make tree
	status=$?
	kill $first
	wait $first
	[ $status -eq 0 ] || return 1
	# One that has ended has no lock.
	expect 0 'are in no commit\|^[a-z]* *[0-9]* s$' in_copy make tree
}

# test: Ctrl-C on a terminal reaches what is running
ctrl_c_on_a_terminal()
{
	mkdir -p "$work/phase"
	cat >"$work/terminal" <<-'PY'
	import os, pty, subprocess, sys, time
	pid, fd = pty.fork()
	if not pid:
	    os.execvp('rig/build/phase', ['phase', '--name', 'nap', '--out', sys.argv[1],
	                                  '--', 'sleep', '987654'])
	for _ in range(200):
	    if not subprocess.run(['pgrep', '-f', '^sleep 98765[4]'], capture_output=True).returncode:
	        break
	    time.sleep(0.1)
	os.write(fd, b'\x03')
	try:
	    while os.read(fd, 1000):
	        pass
	except OSError:
	    pass
	print('exit', os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	PY
	expect 0 '^exit 130$' python3 "$work/terminal" "$work/phase"
	status=$?
	ended '^sleep 98765[4]' && return $status
}
