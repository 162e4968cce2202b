#' Attach a machine that runs scripts
#'
#' A compute target is a place where runs run, by the name that [script_run_config()] and
#' [estimator()] take as `compute_target`. Every workspace has `"local"`, this machine. One that is
#' attached is reached by SSH and needs a POSIX shell, and R or Python for the scripts. tandemlab
#' itself is sent there with the first run, the files of a script as far as they have changed, and
#' what a run logs comes back while it runs. Attaching a name again makes its next version, which is
#' used from then on. Passwords and keys go to the workspace's keyvault, and nowhere else.
#'
#' @param workspace A `tandemlab_workspace`.
#' @param cluster_name Letters, digits, `_`, `-` and `.`, at most 80 characters.
#' @param address Name or address of the machine.
#' @param ... Not used; makes sure that what follows is named.
#' @param username There; each user's own name if `NULL`.
#' @param ssh_port Of its SSH server.
#' @param password,private_key,passphrase A password, or a private key (its text, or the path of its
#'   file). Without any, the agent and keys of the user who submits are used.
#' @param host_key Type and key, such as `"ssh-ed25519 AAAA..."`; the one that this user's
#'   `~/.ssh/known_hosts` has if `NULL`. The machine must show it each time.
#' @param jump,jump_host_key `"USER@HOST:PORT"` of a machine through which this one is reached, and
#'   its host key. The credentials serve both.
#' @param directory Folder there for all that runs; `.tandemlab/WORKSPACE_ID` in the home folder if
#'   `NULL`.
#' @param slots How many processors' runs run at once; as many as the machine has if `NULL`.
#' @param python,rscript Programs there that run scripts; those on the search path if `NULL`.
#' @param description What it is for.
#' @param tags Labels: a named list of strings.
#' @return A `tandemlab_compute`: plain data without secrets.
#' @section Errors:
#' `tandemlab_error_not_allowed` (credentials, or another host key), `tandemlab_error_unavailable`
#' (it does not answer), `tandemlab_error_missing_dependency` (it lacks what every target needs, or
#' `tandemlab[ssh]` is not installed).
#' @examples
#' \dontrun{
#' attach_remote_compute(ws, "vm", "vm.example.org", username = "ana")
#' config <- script_run_config("study", "train.R", compute_target = "vm")
#' run <- submit_experiment(experiment(ws, "study"), config)
#' }
#' @export
attach_remote_compute <- function(workspace, cluster_name, address, ..., username = NULL,
                                  ssh_port = 22L, password = NULL, private_key = NULL,
                                  passphrase = NULL, host_key = NULL, jump = NULL,
                                  jump_host_key = NULL, directory = NULL, slots = NULL,
                                  python = NULL, rscript = NULL, description = NULL, tags = NULL) {
  check_no_dots(...)
  attach_compute(
    workspace, "ssh", cluster_name, description, tags,
    address = arg_string(address), username = arg_optional(username, arg_string),
    ssh_port = arg_count(ssh_port, least = 1L), password = arg_credential(password),
    private_key_file = arg_credential(private_key),
    private_key_passphrase = arg_credential(passphrase),
    host_key = arg_optional(host_key, arg_string), jump = arg_optional(jump, arg_string),
    jump_host_key = arg_optional(jump_host_key, arg_string),
    directory = arg_optional(directory, arg_string),
    slots = arg_optional(slots, arg_count, least = 1L),
    python = arg_optional(python, arg_string), rscript = arg_optional(rscript, arg_string)
  )
}

#' Attach a cluster of Slurm
#'
#' Runs go to Slurm's own queue by `sbatch`, from this machine or from a login node that is reached
#' by SSH; see [attach_remote_compute()] for what is sent there and comes back. A run that waits in
#' the queue is `Preparing`. The folder of the target must be seen by the cluster's machines.
#'
#' @inheritParams attach_remote_compute
#' @param address Name or address of the login node; `NULL` if `sbatch` is on this machine.
#' @param partition,account,qos Where jobs go and whom they are charged to; Slurm's defaults if
#'   `NULL`.
#' @param memory Of a run that does not say how much it needs, such as `"2GB"`.
#' @param options Further options of `sbatch`, such as `"--constraint=avx2"`.
#' @return A `tandemlab_compute`: plain data without secrets.
#' @section Errors:
#' As for [attach_remote_compute()].
#' @examples
#' \dontrun{
#' attach_slurm_compute(ws, "cluster", "login.example.org", username = "ana", partition = "short")
#' }
#' @export
attach_slurm_compute <- function(workspace, cluster_name, address = NULL, ..., username = NULL,
                                 ssh_port = 22L, password = NULL, private_key = NULL,
                                 passphrase = NULL, host_key = NULL, jump = NULL,
                                 jump_host_key = NULL, directory = NULL, python = NULL,
                                 rscript = NULL, partition = NULL, account = NULL, qos = NULL,
                                 memory = "2GB", options = NULL, description = NULL, tags = NULL) {
  check_no_dots(...)
  attach_compute(
    workspace, "slurm", cluster_name, description, tags,
    address = arg_optional(address, arg_string), username = arg_optional(username, arg_string),
    ssh_port = arg_count(ssh_port, least = 1L), password = arg_credential(password),
    private_key_file = arg_credential(private_key),
    private_key_passphrase = arg_credential(passphrase),
    host_key = arg_optional(host_key, arg_string), jump = arg_optional(jump, arg_string),
    jump_host_key = arg_optional(jump_host_key, arg_string),
    directory = arg_optional(directory, arg_string), python = arg_optional(python, arg_string),
    rscript = arg_optional(rscript, arg_string), partition = arg_optional(partition, arg_string),
    account = arg_optional(account, arg_string), qos = arg_optional(qos, arg_string),
    memory = arg_string(memory), options = as.list(arg_optional(options, arg_strings))
  )
}

#' Attach Spark
#'
#' A script that runs there is given to `spark-submit`, on this machine or on one that is reached by
#' SSH; see [attach_remote_compute()] for what is sent there and comes back. A script of Python gets
#' its session by `SparkSession.builder.getOrCreate()`. A script of R runs as the driver, by that
#' machine's `Rscript`; the packages SparkR or sparklyr, where they are installed, give it the
#' session. What a run asks of Spark is `spark` in [run_config()]. What Spark logs itself is the
#' run's file `system/spark.log`; on a cluster the properties `spark.application_id` and `spark.url`
#' name the application.
#'
#' @inheritParams attach_remote_compute
#' @param master `"spark://HOST:PORT"` (with several `HOST:PORT` and commas where one stands by),
#'   `"yarn"`, or `"local[*]"` for the submitting machine alone.
#' @param address Name or address of the machine that submits, where drivers run; `NULL` for this
#'   one.
#' @param ui Address of the master's web interface, `"http://HOST:8080"` if `NULL`; of YARN's
#'   resource manager, such as `"http://HOST:8088"`. It says what machines there are.
#' @param spark_home Folder of a Spark, or of an installed pyspark; if `NULL`, `SPARK_HOME` of that
#'   machine, the pyspark of its Python, or the `spark-submit` on its search path.
#' @param java_home,hadoop_conf Folders of Java and of `yarn-site.xml`; `JAVA_HOME` (or the Java on
#'   the search path) and `HADOOP_CONF_DIR` of that machine if `NULL`.
#' @param spark What runs ask of Spark that do not say otherwise: a list of `deploy_mode`
#'   (`"client"`, or `"cluster"` on YARN alone), `driver_memory`, `executor_memory`,
#'   `executor_cores`, `num_executors` and `configuration`, as in [run_config()].
#' @param slots How many drivers run at once; as many as that machine has processors if `NULL`.
#' @return A `tandemlab_compute`: plain data without secrets.
#' @section Errors:
#' As for [attach_remote_compute()]; `tandemlab_error_missing_dependency` where there is no
#' `spark-submit` or no Java, `tandemlab_error_unavailable` where the master does not answer.
#' @examples
#' \dontrun{
#' attach_spark_compute(
#'   ws, "spark", "spark://10.0.0.7:7077",
#'   spark = list(executor_memory = "4g", executor_cores = 2)
#' )
#' config <- script_run_config("study", "count.py", compute_target = "spark")
#' }
#' @export
attach_spark_compute <- function(workspace, cluster_name, master, ..., address = NULL, ui = NULL,
                                 spark_home = NULL, java_home = NULL, hadoop_conf = NULL,
                                 spark = NULL, username = NULL, ssh_port = 22L, password = NULL,
                                 private_key = NULL, passphrase = NULL, host_key = NULL,
                                 jump = NULL, jump_host_key = NULL, directory = NULL, slots = NULL,
                                 python = NULL, rscript = NULL, description = NULL, tags = NULL) {
  check_no_dots(...)
  attach_compute(
    workspace, "spark", cluster_name, description, tags,
    master = arg_string(master), address = arg_optional(address, arg_string),
    ui = arg_optional(ui, arg_string), spark_home = arg_optional(spark_home, arg_string),
    java_home = arg_optional(java_home, arg_string),
    hadoop_conf = arg_optional(hadoop_conf, arg_string),
    username = arg_optional(username, arg_string), ssh_port = arg_count(ssh_port, least = 1L),
    password = arg_credential(password), private_key_file = arg_credential(private_key),
    private_key_passphrase = arg_credential(passphrase),
    host_key = arg_optional(host_key, arg_string), jump = arg_optional(jump, arg_string),
    jump_host_key = arg_optional(jump_host_key, arg_string),
    directory = arg_optional(directory, arg_string),
    slots = arg_optional(slots, arg_count, least = 1L),
    python = arg_optional(python, arg_string), rscript = arg_optional(rscript, arg_string),
    more = if (is.null(spark)) list() else arg_section(spark, "spark", spark_usual)
  )
}

#' Attach a cluster of Ray
#'
#' Runs go to the Jobs API of the cluster's head, over HTTP; Ray decides when and on which machine
#' one begins, and starts machines for it where it may. A run asks Ray for its `cpus` (one, if it
#' does not say), `memory` and `gpus`, and sees no GPU without. One that waits is `Preparing`. The
#' files of a script are sent by content; what it logs and leaves comes back by Ray's log of its
#' job, so that the machines need no folder in common. Scripts of Python use the cluster by
#' `ray.init()`.
#'
#' @inheritParams attach_remote_compute
#' @param address Of the head's dashboard, such as `"http://head:8265"`: the scheme is `http` and
#'   the port 8265 if they are left out.
#' @param token Of a cluster with authentication; goes to the keyvault.
#' @param directory Folder for all that runs, on each machine of the cluster;
#'   `/tmp/tandemlab/WORKSPACE_ID` if `NULL`.
#' @return A `tandemlab_compute`: plain data without secrets.
#' @section Errors:
#' As for [attach_remote_compute()]; needs `tandemlab[ray]`, and not Ray itself.
#' @examples
#' \dontrun{
#' attach_ray_compute(ws, "cluster", "http://head.example.org:8265")
#' }
#' @export
attach_ray_compute <- function(workspace, cluster_name, address, ..., token = NULL,
                               directory = NULL, python = NULL, rscript = NULL,
                               description = NULL, tags = NULL) {
  check_no_dots(...)
  attach_compute(
    workspace, "ray", cluster_name, description, tags,
    address = arg_string(address), token = arg_credential(token),
    directory = arg_optional(directory, arg_string), python = arg_optional(python, arg_string),
    rscript = arg_optional(rscript, arg_string)
  )
}

#' Write the file by which a cluster of Ray is made
#'
#' The cluster has a head, and nodes that come and go with the work: Ray starts one when a run asks
#' for what the others have not left, and stops it when it was idle for long. Its machines are
#' either there, a head and workers that are reached by SSH, or made by a provider. The Ray that is
#' installed beside tandemlab checks the file before it is written; no machine is asked. Then
#' `ray up FILE` makes the cluster, `ray dashboard FILE` brings its dashboard to this machine,
#' where [attach_ray_compute()] takes `"http://127.0.0.1:8265"`, and `ray down FILE` ends it. After
#' the file has changed, `ray up FILE` has the cluster follow.
#'
#' @param path Of the file; one that is there is replaced.
#' @param cluster_name Letters, digits, `-` and `_`.
#' @param ... Not used; makes sure that what follows is named.
#' @param head,workers Addresses of a machine that is the head, which runs jobs too, and of those
#'   that become nodes.
#' @param provider Instead of head and workers: Ray's section of that name, such as
#'   `list(type = "aws", region = "eu-central-1")`.
#' @param min_nodes,max_nodes Nodes beside the head that are there always, and at most; all workers
#'   if `max_nodes` is `NULL`.
#' @param idle_seconds_before_scaledown After which a node goes.
#' @param cpus,memory,gpus Of a node, such as `4`, `"16GB"` and `1`, by which Ray knows that a run
#'   would find room on one more. `cpus` is needed where workers come and go; what a provider says
#'   if `NULL`.
#' @param node_config,head_node_config What the provider makes, in its words, such as
#'   `list(InstanceType = "m5.large")`; the head is as the nodes are if `NULL`.
#' @param username Of the machines; with head and workers this user's name if `NULL`, with a
#'   provider Ray's usual one.
#' @param private_key_file Path of the key by which they are reached.
#' @param sections Further sections of Ray's file, such as
#'   `list(setup_commands = list("pip install 'ray[default]'"))`. A vector of several values is an
#'   array there; an array of one is written as a list.
#' @return The path, invisibly.
#' @section Errors:
#' `tandemlab_error_invalid_input` for what does not go together, or what Ray does not take, with
#' its own words; `tandemlab_error_missing_dependency` where Ray is not installed.
#' @examples
#' \dontrun{
#' write_ray_cluster(
#'   "cluster.yaml", "lab",
#'   head = "10.0.0.1", workers = c("10.0.0.2", "10.0.0.3"), cpus = 8, username = "ana",
#'   idle_seconds_before_scaledown = 600
#' )
#' }
#' @export
write_ray_cluster <- function(path, cluster_name, ..., head = NULL, workers = NULL,
                              provider = NULL, min_nodes = 0L, max_nodes = NULL,
                              idle_seconds_before_scaledown = 1800, cpus = NULL, memory = NULL,
                              gpus = NULL, node_config = NULL, head_node_config = NULL,
                              username = NULL, private_key_file = NULL, sections = NULL) {
  check_no_dots(...)
  invisible(call_core(
    "compute.write_ray_cluster",
    path = arg_path(path), name = arg_string(cluster_name),
    settings = ray_cluster(
      head, workers, provider, min_nodes, max_nodes, idle_seconds_before_scaledown, cpus, memory,
      gpus, node_config, head_node_config, username, private_key_file, sections
    )
  ))
}

ray_cluster <- function(head, workers, provider, min_nodes, max_nodes,
                        idle_seconds_before_scaledown, cpus, memory, gpus, node_config,
                        head_node_config, username, private_key_file, sections) {
  list(
    head = arg_optional(head, arg_string), workers = as.list(arg_optional(workers, arg_strings)),
    provider = arg_optional(provider, arg_nested), min_nodes = arg_count(min_nodes),
    max_nodes = arg_optional(max_nodes, arg_count),
    idle_seconds_before_scaledown = arg_number(idle_seconds_before_scaledown),
    cpus = arg_optional(cpus, arg_count), memory = arg_optional(memory, arg_string),
    gpus = arg_optional(gpus, arg_count), node_config = arg_optional(node_config, arg_nested),
    head_node_config = arg_optional(head_node_config, arg_nested),
    username = arg_optional(username, arg_string),
    private_key_file = arg_optional(private_key_file, arg_path),
    sections = arg_optional(sections, arg_nested)
  )
}

#' Make a cluster that grows and shrinks with its work
#'
#' `create_ray_compute()` has a cluster of Ray be made and attached, and returns at once;
#' `wait_for_provisioning_completion()` waits until it takes runs. The cluster has a head, and nodes
#' that come and go with the work: Ray starts one when a run asks for what the others have not left,
#' and stops it when it was idle for long. Its machines are either there, a head and workers that
#' are reached by SSH, or made by a provider. Ray's launcher, which has to be installed beside
#' tandemlab (`pip install "ray[default]"`), makes it from this machine; all machines need the same
#' Ray and Python. The head is reached by SSH from then on, and needs no other open port.
#' `update_ray_compute()` changes its size while runs go on. [delete_compute()] ends it. One that
#' could not be made may be created again.
#'
#' @inheritParams write_ray_cluster
#' @inheritParams attach_remote_compute
#' @param cluster_name Letters, digits, `-` and `_`.
#' @param cluster A `tandemlab_compute`.
#' @param min_nodes,max_nodes Nodes beside the head that are there always, and at most; all workers
#'   if `max_nodes` is `NULL`. In `update_ray_compute()`, `NULL` leaves them as they are.
#' @param idle_seconds_before_scaledown After which a node goes; likewise.
#' @param username Of the machines; with head and workers this user's name if `NULL`. With a
#'   provider it is needed, as `private_key_file` is.
#' @param host_key Type and key of the head, such as `"ssh-ed25519 AAAA..."`; if `NULL`, the one
#'   that this user's `~/.ssh/known_hosts` has, or that a machine shows which a provider has made.
#' @param directory Folder for all that runs, on each machine of the cluster;
#'   `/tmp/tandemlab/WORKSPACE_ID` if `NULL`.
#' @param show_output Whether to print what Ray's launcher says, as it does.
#' @param min_node_count Wait for so many nodes beside the head as well.
#' @param timeout_seconds How long to wait.
#' @return A `tandemlab_compute`, with `provisioning_state` (`"Creating"`, `"Updating"`,
#'   `"Succeeded"` or `"Failed"`), `min_nodes`, `max_nodes` and `idle_seconds_before_scaledown`.
#' @section Errors:
#' `tandemlab_error_invalid_input` for what does not go together, or what Ray does not take, with
#' its own words; `tandemlab_error_already_exists` where there is a target of that name;
#' `tandemlab_error_invalid_state` from `wait_for_provisioning_completion()` if it could not be
#' made, and for a cluster that was attached, whose size is not changed;
#' `tandemlab_error_unavailable` if waiting takes too long;
#' `tandemlab_error_missing_dependency` where Ray is not installed.
#' @examples
#' \dontrun{
#' pool <- create_ray_compute(
#'   ws, "pool",
#'   head = "10.0.0.1", workers = c("10.0.0.2", "10.0.0.3"), cpus = 8, username = "ana",
#'   idle_seconds_before_scaledown = 600
#' )
#' pool <- wait_for_provisioning_completion(pool, show_output = TRUE)
#' config <- script_run_config("study", "train.R", compute_target = "pool")
#' pool <- update_ray_compute(pool, min_nodes = 1)
#' delete_compute(pool)
#' }
#' @export
create_ray_compute <- function(workspace, cluster_name, ..., head = NULL, workers = NULL,
                               provider = NULL, min_nodes = 0L, max_nodes = NULL,
                               idle_seconds_before_scaledown = 1800, cpus = NULL, memory = NULL,
                               gpus = NULL, node_config = NULL, head_node_config = NULL,
                               username = NULL, private_key_file = NULL, sections = NULL,
                               host_key = NULL, directory = NULL, python = NULL, rscript = NULL,
                               description = NULL, tags = NULL) {
  check_no_dots(...)
  new_compute(call_core(
    "compute.create",
    workspace = workspace_path(workspace), name = arg_string(cluster_name),
    settings = c(
      ray_cluster(
        head, workers, provider, min_nodes, max_nodes, idle_seconds_before_scaledown, cpus, memory,
        gpus, node_config, head_node_config, username, private_key_file, sections
      ),
      list(
        host_key = arg_optional(host_key, arg_string),
        directory = arg_optional(directory, arg_string),
        python = arg_optional(python, arg_string), rscript = arg_optional(rscript, arg_string)
      )
    ),
    description = arg_optional(description, arg_string), tags = arg_text_map(tags)
  ))
}

#' @rdname create_ray_compute
#' @export
update_ray_compute <- function(cluster, min_nodes = NULL, max_nodes = NULL,
                               idle_seconds_before_scaledown = NULL) {
  new_compute(call_compute(
    "compute.update", cluster,
    min_nodes = arg_optional(min_nodes, arg_count), max_nodes = arg_optional(max_nodes, arg_count),
    idle_seconds_before_scaledown = arg_optional(idle_seconds_before_scaledown, arg_number)
  ))
}

#' @rdname create_ray_compute
#' @export
wait_for_provisioning_completion <- function(cluster, show_output = FALSE, min_node_count = NULL,
                                             timeout_seconds = 1500) {
  arg_flag(show_output)
  least <- arg_optional(min_node_count, arg_count)
  limit <- proc.time()[["elapsed"]] + arg_number(timeout_seconds, least = 0)
  end <- 0L
  repeat {
    news <- call_compute("compute.progress", cluster, begin = end)
    end <- news$end
    if (show_output) cat(news$text)
    is_there <- !news$state %in% c("Creating", "Updating")
    if (is_there && news$state == "Succeeded" && !is.null(least)) {
      is_there <- nrow(list_nodes_in_compute(cluster)) > least
    }
    if (is_there || proc.time()[["elapsed"]] > limit) break
    Sys.sleep(0.5)
  }
  found <- new_compute(call_compute("compute.check_made", cluster))
  if (!is_there) {
    abort_tandemlab(
      "unavailable",
      sprintf("%s has fewer than %d nodes beside the head.", found$name, least),
      "They may still come."
    )
  }
  found
}

# A named list of values and lists, where a vector of several values is an array.
arg_nested <- function(x, arg) rapply(arg_named(x, arg), nested_value, how = "replace")

nested_value <- function(x) if (length(x) == 1) x else as.list(x)

attach_compute <- function(workspace, kind, name, description, tags, ..., more = list()) {
  new_compute(call_core(
    "compute.attach",
    workspace = workspace_path(workspace), kind = kind, name = arg_string(name, "cluster_name"),
    settings = c(list(...), more), description = arg_optional(description, arg_string),
    tags = arg_text_map(tags)
  ))
}

#' Remove what a compute target keeps
#'
#' A target keeps sources, environments and earlier versions of tandemlab for runs to come. This
#' removes what none has used for long; what is needed again is sent or built again. What runs need
#' that have not ended stays, and so does what was used within the last hour.
#'
#' @param cluster A `tandemlab_compute`.
#' @param unused_days Remove what was not used for so many days.
#' @return A data frame of what was removed: `kind` (`"snapshots"`, `"blobs"`, `"environments"`,
#'   `"core"`, `"r"`), `name` and `size` (bytes).
#' @section Errors:
#' `tandemlab_error_invalid_state` for `"local"`, for which there are [prune_environments()] and
#' [prune_cache()]; `tandemlab_error_unavailable` if the target does not answer.
#' @examples
#' \dontrun{
#' clean_compute(get_compute(ws, "vm"), unused_days = 7)
#' }
#' @export
clean_compute <- function(cluster, unused_days = 30) {
  call_compute("compute.clean", cluster, unused_days = arg_number(unused_days, least = 0))
}

#' Find, look at and forget compute targets
#'
#' @param workspace A `tandemlab_workspace`.
#' @param cluster_name Its name.
#' @param cluster A `tandemlab_compute`.
#' @return `get_compute()`: a `tandemlab_compute`, or `NULL` if there is none of that name.
#'   `list_computes()`: a data frame with `name`, `kind`, `location`, `slots` (processors whose runs
#'   run at once), `active_runs`, `version` and `description`. `list_nodes_in_compute()`: a data
#'   frame with `name`, `state`, `cpus`, `memory` (bytes) and `gpus` of each machine.
#'   `check_compute()`: a data frame with `step`, `ok`, `found` and `repair`, a row for each thing
#'   that was looked at. `detach_compute()` and `delete_compute()` forget the target with its
#'   credentials, leave what is there, and give `NULL`, invisibly.
#' @section Errors:
#' `tandemlab_error_invalid_state` where `"local"`, or a target with runs that have not ended, is to
#' be forgotten; `tandemlab_error_unavailable` if the target does not answer.
#' @examplesIf tandemlab_is_ready()
#' ws <- temp_workspace()
#' list_computes(ws)
#' list_nodes_in_compute(get_compute(ws, "local"))
#' @export
get_compute <- function(workspace, cluster_name) {
  found <- call_core(
    "compute.get",
    workspace = workspace_path(workspace), name = arg_string(cluster_name)
  )
  if (is.null(found)) NULL else new_compute(found)
}

#' @rdname get_compute
#' @export
list_computes <- function(workspace) {
  call_core("compute.list", workspace = workspace_path(workspace))
}

#' @rdname get_compute
#' @export
list_nodes_in_compute <- function(cluster) call_compute("compute.nodes", cluster)

#' @rdname get_compute
#' @export
check_compute <- function(cluster) call_compute("compute.check", cluster)

#' @rdname get_compute
#' @export
detach_compute <- function(cluster) {
  call_compute("compute.detach", cluster)
  invisible(NULL)
}

#' @rdname get_compute
#' @export
delete_compute <- function(cluster) {
  call_compute("compute.delete", cluster)
  invisible(NULL)
}

new_compute <- function(found) structure(found, class = "tandemlab_compute")

call_compute <- function(call, cluster, ...) {
  if (!inherits(cluster, "tandemlab_compute")) {
    abort_argument("cluster", "a compute target", cluster, "get_compute() gives one.")
  }
  call_core(
    call,
    workspace = .subset2(cluster, "workspace"), name = .subset2(cluster, "name"), ...
  )
}

#' @export
format.tandemlab_compute <- function(x, ...) {
  sprintf("<compute target %s: %s>", x$name, x$location)
}

#' @export
print.tandemlab_compute <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  invisible(x)
}
