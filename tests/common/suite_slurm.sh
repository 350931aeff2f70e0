#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A suite as an array of jobs of a real Slurm, which this test starts on this machine alone: what dearth-suite(7) says,
# as it stands there. A task is killed in the midst of an attempt; the merge names its part; it is run again, and all
# together say what one machine says.
# tags: unsanitized waits
# shellcheck source=tests/lib.sh
source "${SOURCE:-$(dirname "$0")/../..}/tests/lib.sh"
# shellcheck source=tests/common/suite-lib.sh
source "$SOURCE/tests/common/suite-lib.sh"
# shellcheck source=tests/replayer/sweep-lib.sh
source "$SOURCE/tests/replayer/sweep-lib.sh"
PATH=$PATH:/usr/sbin:/sbin
need sbatch slurmctld slurmd munged make
unset MAKEFLAGS MAKELEVEL MFLAGS # of who runs us

# --- Slurm, ended with all that it has started: each process has this in its environment ---

export DEARTH_TEST_SLURM=$work
lost() { # pids, but for this shell and what it waits for
    grep -lzsx "DEARTH_TEST_SLURM=$work" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 | xargs -r ps -o pgid=,pid= -p |
        while read -r group pid; do
            [ "$group" = "$own" ] || echo "$pid"
        done || :
}
own=$(ps -o pgid= -p $$ | tr -d ' ')
end_all() {
    local tries pids
    trap - ERR
    set +e
    for tries in $(seq 200); do
        pids=$(lost)
        [ -n "$pids" ] || break
        # shellcheck disable=SC2086 # words are meant to be split
        kill "-$([ "$tries" -gt 20 ] && echo KILL || echo TERM)" $pids 2>/dev/null
        sleep 0.1
    done
    rm -rf "$work" "$socket"
}
socket=$(mktemp -d /tmp/dearth-munge.XXXXXXXX) # names of sockets are short
chmod 711 "$socket"
trap 'case $BASHPID in $$) end_all ;; esac' EXIT

cluster=$work/cluster
mkdir -p "$cluster"/{state,spool}
head -c 128 /dev/urandom >"$cluster/key"
chmod 600 "$cluster/key"
host=$(hostname -s)
control=$(free_port)
node=$((control + 1))
while (exec 3<>"/dev/tcp/127.0.0.1/$node") 2>/dev/null; do
    node=$((node + 1))
done
# No control groups, no accounts, nothing of this machine's own Slurm; loopback alone.
cat >"$cluster/slurm.conf" <<END
ClusterName=dearth
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
SlurmctldPort=$control
SlurmdPort=$node
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
AuthInfo=socket=$socket/munge
CredType=cred/munge
StateSaveLocation=$cluster/state
SlurmdSpoolDir=$cluster/spool
SlurmctldPidFile=$cluster/slurmctld.pid
SlurmdPidFile=$cluster/slurmd.pid
SlurmctldLogFile=$cluster/slurmctld.log
SlurmdLogFile=$cluster/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
MessageTimeout=60
KillWait=1
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
END
export SLURM_CONF=$cluster/slurm.conf
# In sessions of their own, so that lost() tells them from this shell.
setsid munged --force --foreground --key-file "$cluster/key" --socket "$socket/munge" --pid-file "$cluster/munge.pid" \
    --log-file "$cluster/munge.log" --seed-file "$cluster/seed" >"$cluster/munge.out" 2>&1 &
setsid slurmctld -D >"$cluster/slurmctld.out" 2>&1 &
setsid slurmd -D >"$cluster/slurmd.out" 2>&1 &
for tries in $(seq 300); do
    if sinfo -h -o %T 2>"$cluster/sinfo.err" | grep -qx idle; then
        break
    fi
    [ "$tries" -lt 300 ] || {
        tail -n 20 "$cluster"/*.out "$cluster"/*.log "$cluster/sinfo.err" >&2
        fail "Slurm does not start"
    }
    sleep 0.2
done
echo "ok: Slurm is there"

# --- a suite ---

make_project
mkdir bin
# The third task comes to its first failure, and stays there when it runs first: on a machine that will be lost.
cat >bin/dearth <<END
#!/bin/sh
if [ "\${SLURM_ARRAY_TASK_ID-}" = 3 ] && [ ! -e again ]; then
    shift 2
    exec "$DEARTH" suite replay --output-check 'sleep 1000.$$' "\$@"
fi
exec "$DEARTH" "\$@"
END
chmod +x bin/dearth
PATH=$PWD/bin:$PATH
block SLURM 1 >block.sh
sed -n '/^sbatch/,$d; p' block.sh >begin.sh
grep '^sbatch' block.sh >run.sh
sed -n '/^sbatch/,$p' block.sh | sed 1d >end.sh
status 0 bash -e begin.sh
cp suite.db whole.db
status 0 "$DEARTH" suite replay whole.db

# a task is killed
setsid bash -e run.sh >run.out 2>&1 &
waiting=$!
for tries in $(seq 600); do
    if pgrep -fx "sleep 1000.$$" >/dev/null; then
        break
    fi
    [ "$tries" -lt 600 ] || {
        tail -n 20 run.out shard*.log "$cluster"/*.log >&2
        fail "the task does not come to its first attempt"
    }
    sleep 0.1
done
job=$(squeue -h -o %F | head -n 1)
status 0 scancel "${job}_3"
wait "$waiting" || : # what it says of a task that was cancelled differs with its version
for tries in $(seq 300); do
    [ -n "$(squeue -h)$(pgrep -fx "sleep 1000.$$")" ] || break
    sleep 0.1
done
equal "" "$(squeue -h)" "tasks that are left after $tries tries"
equal "" "$(pgrep -fx "sleep 1000.$$" || :)" "what is left of the task's attempt"

# the merge names it; no gate passes
bash -e end.sh >out 2>err && fail "a gate passes what is not there"
contains err "these are missing, or have not done all: 3/4"
status 2 "$DEARTH" report --gate --fail-on none all.db
contains err "3/4"

# alone it would take itself for an array of one
touch again
status 2 sbatch --wait --array=3 suite.job
contains shard3.log "no whole array"
block SLURM 2 >again.sh
status 0 bash -e again.sh
status 1 bash -e end.sh
contains err "1 finding of severity bug"
lacks err "missing"
is_whole all.db

# once more, with numbers from 0 on, and all of them come back
rm -f shard*.db all.db
sed -i 's/--array=1-4/--array=0-3/' suite.job
status 0 bash -e run.sh
status 1 bash -e end.sh
lacks err "missing"
is_whole all.db
