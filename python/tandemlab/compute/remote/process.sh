# Jobs as processes of this machine, each with its children in a session and group of its own.

grouped() {
  [ -d job/canceled ] && [ ! -d job/killed ] && [ -n "$pid" ] && kill -s 0 -- "-$pid" 2>/dev/null
}

process_state() {
  if leads || grouped; then
    used=
    [ "$limited" = 0 ] || used=$(memory)
    echo "state $run running $used"
  elif ended; then :
  elif [ ! -d job/claim ]; then echo "state $run waiting"
  elif begins; then echo "state $run running"
  elif ! ended; then echo "state $run gone"
  fi
}

handle() {
  [ -d job/claim ] && echo "handle $root/runs/$run"
}

process_start() {
  if [ ! -d job/claim ]; then
    if command -v setsid > /dev/null; then
      setsid /bin/sh job/job.sh < /dev/null > /dev/null 2>&1 &
    else
      set -m
      nohup /bin/sh job/job.sh < /dev/null > /dev/null 2>&1 &
    fi
  fi
  echo "handle $root/runs/$run"
}

# process_end RUN HANDLE SIGNAL
process_end() {
  run=$1
  cd "$root/runs/$run" 2>/dev/null || return 0
  mkdir -p job/canceled
  if leads || grouped; then kill -s "$3" -- "-$pid" 2>/dev/null; fi
  [ "$3" != KILL ] || mkdir -p job/killed
}

process_nodes() {
  memory=$(while read -r key size unit; do [ "$key" = MemTotal: ] && echo "$size"; done < /proc/meminfo 2>/dev/null)
  gpus=0
  command -v nvidia-smi > /dev/null && gpus=$(nvidia-smi -L | wc -l)
  echo "$(uname -n) up $(getconf _NPROCESSORS_ONLN) ${memory:-0} $((gpus))"
}

state() { process_state; }
start() { process_start; }
end() { process_end "$@"; }
nodes() { process_nodes; }
