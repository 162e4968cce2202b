# What a machine has, as lines of "NAME VALUE": probe DIRECTORY PYTHON RSCRIPT R_QUESTION
probe() {
  directory=${1:-}
  case $directory in
    /*) ;;
    '~/'*) directory=$HOME/${directory#'~/'} ;;
    *) directory=$HOME/$directory ;;
  esac
  echo "directory $directory"
  mkdir -p "$directory" 2>/dev/null && chmod 700 "$directory" && [ -w "$directory" ] && echo "writable yes"
  echo "free $(df -Pk "$directory" 2>/dev/null | { read -r _ && read -r _ _ _ left _ && echo "$left"; })"
  echo "platform $(uname -s) $(uname -m)"
  echo "cpus $(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)"
  echo "clock $(date +%s)"
  for program in tar head tail find setsid uv sbatch; do
    found=$(command -v "$program") && echo "$program $found"
  done
  python=$2
  for program in python3 python; do
    [ -n "$python" ] || python=$(command -v "$program")
  done
  [ -z "$python" ] || echo "python $python"
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) &&
    echo "python_version $version"
  rscript=${3:-$(command -v Rscript)}
  if [ -n "$rscript" ]; then
    echo "rscript $rscript"
    "$rscript" --vanilla -e "$4" 2>/dev/null | {
      read -r line && echo "r_platform $line"
      read -r line && echo "r_tandemlab $line"
    }
  fi
  true
}
