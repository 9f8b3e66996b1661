# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What the shell programs of the rig share. They are started from the top of the
# repository and begin with:
#
#	. rig/lib/rig.sh
#	flags 'base tree [ksrc] verbose?' "$@"
#
# Exit status: 0 passed, 1 a test failed, 2 set-up failed, 130 interrupted.

set -u

trap 'exit 130' INT TERM HUP

# What a program has to take back when it ends, and 1 if what it ends with may be a
# verdict. What else a tool failed with is trouble.
at_exit=: judged=''
trap 'status=$?
	set +e
	eval "$at_exit"
	case $status:$judged in
	[02]:*|130:*|1:1) ;;
	*) status=2 ;;
	esac
	exit $status' EXIT

# The prefix of the compiler and the binutils for the machines
cross=aarch64-linux-gnu-
[ "$(uname -m)" != aarch64 ] || cross=''

# die LINE...: what is wrong, and what to do about it
die()
{
	printf 'rig: %s\n' "$@" >&2
	exit 2
}

usage()
{
	sed -n '3,/^[^#]/ s/^#[ \t]\{0,1\}//p' "$0"
}

# flags NAMES ARGUMENT...: set $name from each --name VALUE. A name in brackets may be
# left out and is empty then; one with "?" takes no value and is 1. What follows "--" is
# in $rest, quoted for eval.
flags()
{
	_all=" $(echo "$1" | tr -d '[]' | tr -s "\n\t" "  ") "
	_needed=$1
	rest=''
	shift
	for _name in $_all; do
		eval "$(echo "${_name%\?}" | tr - _)=''"
	done
	while [ $# -gt 0 ]; do
		_flag=${1#--}
		case $1 in
		--help) usage; exit 0 ;;
		--)
			shift
			for _value; do
				rest="$rest '$(printf %s "$_value" | sed "s/'/'\\\\''/g")'"
			done
			break ;;
		--?*) ;;
		*) die "${0##*/}: unexpected argument: $1" "${0##*/} --help says what it takes" ;;
		esac
		case $_all in
		*" $_flag? "*)
			_value=1 ;;
		*" $_flag "*)
			[ $# -gt 1 ] || die "${0##*/}: --$_flag needs a value"
			_value=$2
			shift ;;
		*) die "${0##*/}: unknown flag: $1" "${0##*/} --help says what it takes" ;;
		esac
		eval "$(echo "$_flag" | tr - _)=\$_value"
		shift
	done
	for _name in $_needed; do
		case $_name in
		\[*|*\?) continue ;;
		esac
		eval "[ -n \"\$$(echo "$_name" | tr - _)\" ]" ||
			die "${0##*/}: --$_name is missing" "${0##*/} --help says what it takes"
	done
}

# start COMMAND...: in the background, as $child. A signal that ends this program ends
# the command too: on a terminal both get Ctrl-C, which a shell would have what is in the
# background ignore; and whoever is killed takes it along.
start()
{
	env --default-signal=INT,QUIT setpriv --pdeathsig TERM "$@" &
	child=$!
	trap 'kill $child 2>/dev/null; wait $child; exit 130' INT TERM HUP
}

# rows TABLE: a row a line, a tab between two cells
rows()
{
	awk -F ' *[|] *' -v OFS='\t' '!/^#/ && NF { $1 = $1; sub(/^ +/, ""); sub(/ +$/, ""); print }' "$1"
}

# judge WHAT COMMAND...: run it in a shell of its own, so that it may cd and exit, and
# say what came out: exit 0 passed, 77 skipped, all else failed. What it writes to
# $judge_note stands behind the verdict. $judge_log is set by the program.
passed=0 failed=0 skipped=0
judge()
{
	what=$1
	shift
	start=$(date +%s)
	mkdir -p "${judge_log%/*}"
	judge_note=$judge_log.note
	: >"$judge_note"
	# Not as the condition of an if, where the shell ignores set -e.
	(set -e; "$@") >"$judge_log" 2>&1
	case $? in
	0) passed=$((passed + 1)) verdict=pass ;;
	77) skipped=$((skipped + 1)) verdict=skip ;;
	130) exit 130 ;;
	*) failed=$((failed + 1)) verdict=FAIL ;;
	esac
	printf '%-48s%-6s%4d s%s\n' "$what" $verdict $(($(date +%s) - start)) \
		"$(sed 's/^/  /' "$judge_note")"
	[ $verdict != FAIL ] || { tail -n 25 "$judge_log" | sed 's/^/    /'; } >&2
}

# The closing line, and the exit status: what was passed or skipped is not enough when
# nothing passed.
verdict()
{
	judged=1
	echo "$passed passed, $failed failed, $skipped skipped"
	[ $failed -eq 0 ] && [ $passed -gt 0 ]
}

# digest FILE...: one word that changes with any of them, files or folders
digest()
{
	find "$@" -type f | sort | xargs sha1sum | sha1sum | cut -c 1-40
}
