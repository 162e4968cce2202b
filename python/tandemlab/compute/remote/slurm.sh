# Jobs of Slurm. The folder of the target is seen by the machines of the cluster, too. Nothing here
# needs Slurm's accounting; where it works, it says what became of a job that the queue has forgotten.
newline='
'

# What the queue has of this user's jobs; 75 says that Slurm does not answer.
asked() {
  squeue -h -t all -u "$(id -un)" "$@" || exit 75
}

look() {
  queue=$(asked -r -o '%i|%T|%r') || exit 75
}

state() {
  id= status= why=
  [ -f job/slurm ] && read -r id < job/slurm
  rest=$newline$queue$newline
  case $rest in
    *"$newline$id|"*)
      rest=${rest#*"$newline$id|"}
      rest=${rest%%"$newline"*}
      status=${rest%%|*} why=${rest#*|}
      ;;
  esac
  case $status in
    PENDING | CONFIGURING | REQUEUED | REQUEUE_HOLD) echo "state $run waiting $why" ;;
    RUNNING | COMPLETING | SUSPENDED | STOPPED | SIGNALING | STAGE_OUT | RESIZING)
      echo "state $run running"
      ;;
    CANCELLED | TIMEOUT | OUT_OF_MEMORY | NODE_FAIL | PREEMPTED | DEADLINE | BOOT_FAIL)
      echo "state $run gone $status"
      ;;
    *)
      ended && return
      [ -n "$id" ] || { echo "state $run waiting"; return; }
      [ -n "$status" ] || status=$(sacct -n -X -P -j "$id" -o State 2>/dev/null)
      echo "state $run gone $status"
      ;;
  esac
}

handle() {
  [ -f job/slurm ] && read -r id < job/slurm && echo "handle $id"
}

start() {
  if [ ! -f job/slurm ]; then
    id=$(asked -n "tandemlab-$run" -o %A) || exit 75
    [ -n "$id" ] || id=$(sbatch --parsable job/job.sh) || exit 1
    printf '%s\n' "${id%%[;$newline]*}" > job/slurm.new && mv job/slurm.new job/slurm
  fi
  handle
}

# begin_array NAME RUN...: gives the queue staged runs as one array, by the script that comes by
# standard input; lines of "array RUN HANDLE". Doing it again finds the same array.
begin_array() {
  name=$1
  shift
  mkdir -p "$root/arrays/$name" && cd "$root/arrays/$name" || exit 1
  if [ ! -f runs ]; then
    cat > array.sh && printf '%s\n' "$@" > runs.new && mv runs.new runs || exit 1
  fi
  if [ ! -f slurm ]; then
    id=$(asked -n "tandemlab-$name" -o %F) || exit 75
    [ -n "$id" ] || id=$(sbatch --parsable array.sh) || exit 1
    printf '%s\n' "${id%%[;$newline]*}" > slurm.new && mv slurm.new slurm
  fi
  read -r id < slurm
  index=0
  while read -r run; do
    if [ -d "$root/runs/$run" ]; then
      printf '%s\n' "${id}_$index" > "$root/runs/$run/job/slurm.new" &&
        mv "$root/runs/$run/job/slurm.new" "$root/runs/$run/job/slurm"
      echo "array $run ${id}_$index"
    fi
    index=$((index + 1))
  done < runs
}

# end RUN HANDLE SIGNAL
end() {
  [ "$3" != KILL ] || scancel --signal=KILL --full "$2" 2>/dev/null
  scancel "$2" 2>&1 | grep -v "Invalid job id" >&2
  true
}

nodes() {
  sinfo -h -N -o '%N %T %c %m %G' | sort -u | while read -r name status cpus memory devices; do
    gpus=0
    case $devices in
      gpu:*)
        gpus=${devices%%(*}
        gpus=${gpus##*:}
        ;;
    esac
    echo "$name $status $cpus $((memory * 1024)) $gpus"
  done
}
