# Jobs of Spark: processes of this machine, as in process.sh, that run spark-submit. `spark_python`
# runs `spark_code`, which asks the master `spark_master` and its web interface `spark_ui`.

# The id of the job's application on a cluster, once the log of spark-submit has it.
application() {
  [ -f files/system/spark.log ] && sed -n \
    -e 's/.*\(app-[0-9]\{14\}-[0-9]\{4,\}\).*/\1/p' \
    -e 's/.*\(application_[0-9]\{10,\}_[0-9]\{4,\}\).*/\1/p' \
    files/system/spark.log | head -n 1
}

# Where the job's application is seen in a browser.
application_url() {
  case $1 in
    app-*) [ -z "$spark_ui" ] || echo "${spark_ui%%,*}/app/?appId=$1" ;;
    application_*) sed -n 's/.*tracking URL: \([^[:space:]]*\).*/\1/p' files/system/spark.log | head -n 1 ;;
  esac
}

# Has the run keep its application, as properties: in a spool file of a writer of its own, which
# appears whole. No process has that pid.
note_application() {
  writer=spool/spark-999999999-00000000
  [ ! -f "$writer.jsonl" ] || return 0
  id=$(application)
  [ -n "$id" ] || return 0
  url=$(application_url "$id")
  head="\"time\":$(date +%s)000000,\"kind\":\"property\""
  {
    printf '{"seq":1,%s,"name":"spark.application_id","value":"%s"}\n' "$head" "$id"
    [ -z "$url" ] || printf '{"seq":2,%s,"name":"spark.url","value":"%s"}\n' "$head" "$url"
  } > "$writer.new" && mv "$writer.new" "$writer.jsonl"
}

state() {
  note_application
  process_state
}

# What a job asks of the cluster for each executor stands at the head of its script. A master that
# is away is asked again later.
start() {
  sizes=$(sed -n 's/^# executor: //p' job/job.sh | head -n 1)
  if [ -n "$sizes" ] && [ ! -d job/claim ]; then
    # shellcheck disable=SC2086  # two words
    "$spark_python" -c "$spark_code" admits "$spark_master" "$spark_ui" $sizes || exit
  fi
  process_start
}

# end RUN HANDLE SIGNAL; the driver of YARN's cluster mode is no process of this machine.
end() {
  process_end "$@"
  case $(application) in
    application_*) yarn application -kill "$(application)" > /dev/null 2>&1 ;;
  esac
  true
}

nodes() {
  case $spark_master in
    local*) process_nodes ;;
    *) "$spark_python" -c "$spark_code" nodes "$spark_master" "$spark_ui" || exit ;;
  esac
}
