#!/usr/bin/env python3
"""Submits a study to a real Slurm, made for the purpose, and compares what comes of it.

usage: slurm_cluster.py BITSWEEP [--keep DIR]

A Slurm of one node is started in a temporary folder, on ports of its own: munged, slurmctld,
slurmd. `bitsweep submit` hands it a small study as an array of three tasks. While they run, one
task is requeued as preemption does it, and another gets the notice of its time limit, after
which it has to requeue itself. In the end each run must have been finished once, and the folder
must hold what an undisturbed `bitsweep run` gives: every dataset and attribute of every record
but those of /provenance, and every table but its columns of times and speeds.

Skipped (exit code 77) where Slurm or munge is missing, or by another user than root.
"""
import argparse
import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import kill_batches

STUDY = """\
name: submitted
dataset: {id: shapes, validation: 100, train_limit: 400, test_limit: 200}
network: {id: lenet-bn}
edges: {first: method, last: method, bias: float}
training: {epochs: 2, batch_size: 25, optimizer: {id: sgd, learning_rate: 0.02, momentum: 0.9}}
fine_tuning: {epochs: 12, batch_size: 25, optimizer: {id: sgd, learning_rate: 0.01, momentum: 0.9}}
calibration_batches: 4
seeds: [1]
rows:
  - method: {id: inq}
  - method: {id: lsq, weight_bits: 4, activation_bits: 4}
  - method: {id: dorefa, weight_bits: 2, activation_bits: 2}
  - method: {id: dynamic_fixed_point, weight_bits: 4, activation_bits: 8}
"""

# Three tasks at once, on however many cores there are. A requeued job waits for as long as
# credentials of jobs last (cred_expire; 120 s where nothing is said).
CONFIGURATION = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CryptoType=crypto/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
KillWait=10
MinJobAge=300
ReturnToService=2
JobRequeue=1
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=3 RealMemory=16000 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""

SECONDS = 1200  # a sanitizer on a busy machine takes its time
TASKS = 3


def skip(why):
    print(f"{why}; skipped")
    sys.exit(77)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def wait_until(what, holds, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = holds()
        if found:
            return found
        time.sleep(0.05)
    raise TimeoutError(f"waited {seconds} s in vain until {what}")


class Failed(Exception):
    pass


def check(holds, why):
    if not holds:
        raise Failed(why)


def descendants(pid):
    found = []
    for child in kill_batches.children_of(pid):
        found += [child, *descendants(child)]
    return found


class Cluster:
    """A Slurm of one node; all its processes are descendants of this one, and end with it."""

    PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36

    def __init__(self, folder):
        self.folder = folder
        self.daemons = []
        self.libc = ctypes.CDLL(None)
        # What slurmd starts goes on without it: whoever lost its parent becomes a child of ours.
        self.libc.prctl(self.PR_SET_CHILD_SUBREAPER, 1)
        self.environment = {key: value for key, value in os.environ.items()
                            if not key.startswith(("SLURM_", "SBATCH_", "SQUEUE_", "SCONTROL_"))}
        self.environment["SLURM_CONF"] = str(folder / "slurm.conf")
        self.environment["PATH"] += ":/usr/sbin:/sbin"

    def start(self):
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        (self.folder / "slurm.conf").write_text(CONFIGURATION.format(
            host=socket.gethostname().split(".")[0], folder=self.folder,
            controller_port=free_port(), node_port=free_port()))
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        # By force: it wants a folder that all may enter, and this one is root's alone.
        self.daemon("munged", "--foreground", "--force", f"--key-file={key}",
                    f"--socket={self.folder}/munge.socket", f"--pid-file={self.folder}/munge.pid",
                    f"--log-file={self.folder}/munge.log", f"--seed-file={self.folder}/munge.seed")
        self.wait_until("munged has its socket", (self.folder / "munge.socket").exists)
        self.daemon("slurmctld", "-D", "-c")
        self.daemon("slurmd", "-D")
        self.wait_until("the node is idle", lambda: self.tell(
            "sinfo", "--noheader", "--format=%T").stdout.strip() == "idle")

    def daemon(self, *command):
        with open(self.folder / f"{command[0]}.out", "w") as out:
            self.daemons.append(subprocess.Popen(
                command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=self.environment,
                preexec_fn=lambda: self.libc.prctl(self.PR_SET_PDEATHSIG, signal.SIGKILL)))

    def wait_until(self, what, holds):
        def holds_or_failed():
            for daemon in self.daemons:
                check(daemon.poll() is None, f"{daemon.args[0]} has ended")
            return holds()
        wait_until(what, holds_or_failed)

    def tell(self, *command):
        return subprocess.run(command, capture_output=True, text=True, env=self.environment,
                              timeout=600)

    def end(self):
        for daemon in reversed(self.daemons):
            kill_batches.send(daemon.pid, signal.SIGKILL)
        while left := descendants(os.getpid()):
            for pid in left:
                kill_batches.send(pid, signal.SIGKILL)
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                pass
            time.sleep(0.02)

    def logs(self):
        for file in sorted(self.folder.glob("*.log")) + sorted(self.folder.glob("*.out")):
            yield f"---- {file.name}\n{file.read_text(errors='replace')[-3000:]}"


def task_of(pid):
    """'12_3', of the process that a task has become."""
    try:
        words = pathlib.Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    except OSError:
        return None
    variables = dict(word.split("=", 1) for word in words if "=" in word)
    if "SLURM_ARRAY_JOB_ID" not in variables:
        return None
    return f"{variables['SLURM_ARRAY_JOB_ID']}_{variables['SLURM_ARRAY_TASK_ID']}"


def training_tasks(out):
    """Tasks that have made steps of the run that they are at, and what it is called."""
    found = {}
    for lease in (out / "runs").glob("*.lease"):
        try:
            lines = lease.read_text().splitlines()
        except FileNotFoundError:
            continue
        fields = dict(line.split(" ", 1) for line in lines if " " in line)
        if float(fields.get("images_per_second", 0)) == 0 or fields["what"].startswith("float"):
            continue
        task = task_of(fields["pid"])
        if task:
            found[task] = fields["what"]
    return found


def restarts(cluster, task):
    found = re.search(r"Restarts=(\d+)", cluster.tell("scontrol", "show", "job", task).stdout)
    return int(found[1]) if found else 0


def disturb(cluster, out):
    """Requeues a task as preemption does it, and gives another the notice of its time limit."""
    first, what = next(iter(wait_until("a task trains", lambda: training_tasks(out)).items()))
    check(cluster.tell("scontrol", "requeue", first).returncode == 0, "scontrol refused")
    print(f"requeued: {first} at {what}", flush=True)

    def noticed():
        for task, what in training_tasks(out).items():
            told = task != first and cluster.tell("scancel", "--batch", "--signal=USR1", task)
            if not told or told.returncode != 0:
                continue
            print(f"notice to {task} at {what}", flush=True)
            try:
                wait_until("it is requeued", lambda: restarts(cluster, task) == 1, 15)
            except TimeoutError:  # it had done its last run
                continue
            return task
        return None
    wait_until("another task requeues itself", noticed)
    wait_until(f"{first} starts again", lambda: restarts(cluster, first) == 1)


def work(cluster, program, folder):
    study = folder / "study.yaml"
    study.write_text(STUDY)
    whole, out = folder / "whole", folder / "a folder" / "submitted"
    began = time.monotonic()
    alone = cluster.tell(program, "run", study, "--out", whole, "--jobs", "2")
    check(alone.returncode == 0, f"the undisturbed batch failed:\n{alone.stderr}")
    print(f"undisturbed: {time.monotonic() - began:.1f} s", flush=True)

    submission = [program, "submit", study, "--out", out, "--array", str(TASKS),
                  "--checkpoint", "0.01", "--memory", "500M"]
    refused = cluster.tell(*submission, "--partition", "nowhere")
    check(refused.returncode == 2 and "invalid partition specified: nowhere" in refused.stderr,
          f"a partition that is not there: {refused}")
    check(not out.exists(), "a refused job left its folder")

    began = time.monotonic()
    submitted = cluster.tell(*submission)
    check(submitted.returncode == 0, f"not submitted:\n{submitted.stderr}")
    job = re.search(r"Slurm job (\d+), 3 tasks for 5 runs", submitted.stdout)[1]
    status = cluster.tell(program, "status", out).stdout
    check(f"Slurm job {job}: 3 tasks: " in status, f"status tells nothing of the job:\n{status}")
    disturb(cluster, out)
    status = cluster.tell(program, "status", out).stdout
    check(", 1 restart" in status, f"status tells of no restart:\n{status}")

    def ended():
        left = cluster.tell("squeue", "--noheader", f"--jobs={job}").stdout
        return not left.strip()
    wait_until("all tasks have ended", ended, 120)
    print(f"submitted: {time.monotonic() - began:.1f} s", flush=True)
    status = cluster.tell(program, "status", out).stdout
    check(f"Slurm job {job}: 3 tasks: 3 completed" in status, f"not all tasks succeeded:\n{status}")

    for log in (out / "runs").glob("*.log"):
        finished = log.read_text().count("test accuracy")
        check(finished == 1, f"{log.name}: finished {finished} times:\n{log.read_text()}")
    told = "".join(log.read_text() for log in (out / "slurm").glob("*.log"))
    check("runs are left: Slurm starts job" in told, "no task requeued itself")
    check("continues from" in told, "no run was taken up from its checkpoint")
    wrong = [name for name in kill_batches.differences(whole, out)
             if not name.startswith("slurm/")]
    check(not wrong, "differs: " + ", ".join(wrong))
    again = cluster.tell(*submission)
    check(again.returncode == 0 and "nothing was submitted" in again.stderr,
          f"a finished study: {again}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("program")
    arguments.add_argument("--keep", help="work here, and leave what is there")
    chosen = arguments.parse_args()
    if os.geteuid() != 0:
        skip("not root")
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    for name in ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel"):
        if not shutil.which(name, path=path):
            skip(f"no {name} here")

    folder = pathlib.Path(chosen.keep or tempfile.mkdtemp(prefix="slurm-"))
    folder.mkdir(parents=True, exist_ok=True)
    service = folder / "slurm"
    service.mkdir(mode=0o700)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, lambda number, _: sys.exit(f"ended by signal {number}"))
    signal.alarm(SECONDS)
    cluster = Cluster(service)
    try:
        cluster.start()
        work(cluster, os.path.abspath(chosen.program), folder)
        print("no differences")
    except (Failed, TimeoutError, subprocess.TimeoutExpired) as failure:
        for log in sorted(folder.glob("a folder/submitted/slurm/*")):
            print(f"---- {log.name}\n{log.read_text()}")
        print(*cluster.logs(), sep="\n")
        sys.exit(str(failure))
    finally:
        signal.alarm(0)
        cluster.end()
        if not chosen.keep:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
