# What a machine has of Spark, as lines of "NAME VALUE"; `python` was found before:
# probe_spark HOME JAVA_HOME HADOOP_CONF MASTER UI
probe_spark() {
  home=${1:-$SPARK_HOME}
  [ -n "$home" ] || home=$("$python" -c 'import importlib.util as u; print(*u.find_spec("pyspark").submodule_search_locations)' 2>/dev/null)
  if [ ! -x "$home/bin/spark-submit" ] && [ -z "$1" ]; then
    home=$(command -v spark-submit) && home=$(readlink -f "$home") && home=${home%/bin/spark-submit}
  fi
  for jar in "$home"/jars/spark-core_*.jar; do
    if [ -f "$jar" ] && [ -x "$home/bin/spark-submit" ]; then
      echo "spark_home $home"
      version=${jar##*-}
      echo "spark_version ${version%.jar}"
    fi
  done
  java=${2:-$JAVA_HOME}
  java=${java:+$java/bin/java}
  [ -n "$java" ] || java=$(command -v java)
  version=$("$java" -version 2>&1 | sed -n 's/.* version "\([^"]*\)".*/\1/p') && [ -n "$version" ] &&
    echo "java $java" && echo "java_version $version"
  hadoop=${3:-${HADOOP_CONF_DIR:-$YARN_CONF_DIR}}
  [ -z "$hadoop" ] || [ ! -d "$hadoop" ] || echo "hadoop_conf $hadoop"
  case $4 in local*) ;; *) "$python" -c "$spark_code" probe "$4" "$5" ;; esac
  true
}
