# What is done on the machine of a target. Needs a POSIX shell, tar and head; `root` is the target's
# folder there, and `another file` of the target says how jobs are started, seen and ended.
LC_ALL=C
export LC_ALL
limit=8388608

# Whether the process that leads the job in the working directory is that very one: a pid alone may
# come to mean another process.
leads() {
  pid=
  { read -r pid && read -r was; } 2>/dev/null < job/pid || [ -n "$pid" ] || return 1
  kill -0 "$pid" 2>/dev/null || return 1
  { [ -n "$was" ] && read -r is < "/proc/$pid/stat"; } 2>/dev/null || return 0
  set -- ${was##*)}
  was=${20}
  set -- ${is##*)}
  [ "$1" != Z ] && [ "${20}" = "$was" ]
}

# Whether a job was claimed so lately that it may not have said its pid yet.
begins() {
  [ ! -s job/pid ] && [ -n "$(find job/claim -prune -mmin -2 2>/dev/null)" ]
}

# How the job in the working directory ended, if it says so itself.
ended() {
  [ -f job/exit ] && read -r status < job/exit && echo "state $run ended $status"
}

# Bytes of memory of all processes of the job's group.
memory() {
  ps -A -o pgid= -o rss= 2>/dev/null | {
    sum=0
    while read -r group size; do [ "$group" = "$pid" ] && sum=$((sum + size)); done
    echo "$((sum * 1024))"
  }
}

# What a file has from a place on, as "part RUN PATH FROM LENGTH" and the bytes.
part() {
  [ -f "$1" ] || return 0
  size=$(($(wc -c < "$1")))
  [ "$size" -gt "$2" ] || return 0
  length=$((size - $2))
  [ "$length" -le "$limit" ] || length=$limit
  echo "part $run $1 $2 $length"
  tail -c "+$(($2 + 1))" "$1" | head -c "$length"
}

# follow RUN LIMITED LOG_FROM [SPOOL_FILE FROM]...: state and news of a job. The state comes first:
# what an ended job has left is all there.
follow() {
  run=$1
  limited=$2
  cd "$root/runs/$run" 2>/dev/null || { echo "state $run absent"; return; }
  state
  part files/user_logs/std_log.txt "$3"
  shift 3
  for spool in spool/*.jsonl; do
    from=0
    is_next=
    for word do
      [ -n "$is_next" ] && from=$word && break
      [ "$word" = "${spool#spool/}" ] && is_next=yes
    done
    part "$spool" "$from"
  done
}

# ask RUN SNAPSHOT FOLDER...: what is there already; names of contents come by standard input.
ask() {
  mkdir -p "$root" && chmod 700 "$root" && cd "$root" && mkdir -p runs live blobs snapshots tmp || exit 1
  [ -d "runs/$1" ] && echo staged
  snapshot=$2
  shift 2
  for folder do [ -d "$folder" ] && echo "there $folder"; done
  [ -d "snapshots/$snapshot" ] && echo "there snapshots/$snapshot"
  (cd blobs && xargs ls -d 2>/dev/null) | sed 's/^/has /'
}

# stage RUN SNAPSHOT TOKEN PATH...: takes an archive from standard input and puts each of its parts
# where it belongs by a rename: contents, snapshot, shared folders, and last the run's directory. Fails
# with "absent" if something that the job reads was not sent and is not there.
stage() {
  run=$1 snapshot=$2 new=tmp/$3
  shift 3
  cd "$root" && mkdir -p "$new" && tar -xof - || exit 1
  # The script comes last: without it the archive was cut, which not every tar calls an error.
  [ -f "$new/run/job/job.sh" ] || { echo "the archive was cut on its way" >&2; exit 1; }
  # Links appear whole, as renames do, and one program makes all of them where cp can.
  [ ! -d "$new/blobs" ] || cp -Rlf "$new/blobs" . 2>/dev/null || for folder in "$new"/blobs/*; do
    mkdir -p "blobs/${folder##*/}" && mv -f "$folder"/* "blobs/${folder##*/}/" || exit 1
  done
  [ -d "$new/snapshot" ] && [ ! -d "snapshots/$snapshot" ] && mv "$new/snapshot" "snapshots/$snapshot"
  for folder in "$new"/shared/*/*; do
    [ -d "$folder" ] || continue
    place=${folder#"$new/shared/"}
    mkdir -p "${place%/*}"
    [ -d "$place" ] || mv "$folder" "$place" || exit 1
  done
  if [ ! -d "runs/$run" ]; then
    [ $# = 0 ] || touch -c "$@"  # so that `clean` knows of the use, and this of a removal
    for folder do
      [ -e "$folder" ] || { rm -rf "$new"; echo absent; return 1; }
    done
    mkdir -p "$new/run/work/outputs" "$new/run/work/logs" "$new/run/spool" "$new/run/files/user_logs" &&
      mv "$new/run" "runs/$run" || exit 1
  fi
  rm -rf "$new" < /dev/null > /dev/null 2>&1 &  # the job need not wait for it
}

# Starts the job of a run, once; its handle.
begin() {
  run=$1
  cd "$root/runs/$run" && start
}

# The files that a job has left, as lines of "left RUN PATH".
left() {
  cd "$root/runs/$1" 2>/dev/null || return 0
  find -L files work/outputs work/logs staged -type f 2>/dev/null | sed "s/^/left $1 /"
}

# unused PATH: whether it has not been used for as many minutes as are asked for, and no job that is
# here names it.
unused() {
  [ -n "$(find "$1" -prune -mmin "+$minutes")" ] && ! grep -qsF "$root/${1%/built}" runs/*/job/job.sh
}

# clean MINUTES: removes what no job has used for so long, as lines of "removed KIND NAME KILOBYTES".
clean() {
  minutes=$1
  cd "$root" 2>/dev/null || return 0
  for folder in snapshots/* environments/* core/* r/*; do
    [ -d "$folder" ] || continue
    mark=$folder
    [ ! -f "$folder/built" ] || mark=$folder/built
    unused "$mark" || continue
    gone=tmp/gone-$$
    rm -rf "$gone"
    mv "$folder" "$gone" 2>/dev/null || continue
    if [ -n "$(find "$gone${mark#"$folder"}" -prune -mmin "-$minutes")" ]; then
      mv "$gone" "$folder"  # a job has come for it meanwhile
      continue
    fi
    size=$(du -sk "$gone")
    rm -rf "$gone" && echo "removed ${folder%%/*} ${folder#*/} ${size%%[!0-9]*}"
  done
  for folder in arrays/*; do
    [ -f "$folder/runs" ] || continue
    while read -r run && [ ! -d "runs/$run" ]; do run=; done < "$folder/runs"
    [ -n "$run" ] || rm -rf "$folder"
  done
  find tmp -mindepth 1 -maxdepth 1 -mmin +60 -exec rm -rf {} +
  contents
}

# Removes contents that no source has had for so long.
contents() {
  list=tmp/contents-$$
  find blobs -type f -links 1 -cmin "+$minutes" > "$list"
  count=$(($(wc -l < "$list")))
  if [ "$count" != 0 ]; then
    before=$(du -sk blobs)
    while read -r file; do rm -f "$file"; done < "$list"
    after=$(du -sk blobs)
    echo "removed blobs $count $((${before%%[!0-9]*} - ${after%%[!0-9]*}))"
  fi
  rm -f "$list"
}

# build KEY: builds an environment by ./build.sh in its own folder, which comes as an archive; what
# it prints is the output of the build. The mark of a built environment comes last.
build() {
  folder=$root/environments/$1
  rm -rf "$folder" && mkdir -p "$folder" && cd "$folder" && tar -xof - || exit 1
  echo $$ > pid
  if /bin/sh ./build.sh 2>&1 < /dev/null; then : > built; echo "built"; else rm -rf "$folder"; fi
}
